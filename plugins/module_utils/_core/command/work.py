# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at what manifests declare, and put back what is missing. Replaces and removes nothing."""

from __future__ import annotations

import enum
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from .. import files, link_targets, list_file, ownership
from ..content import btf_format, of_map, record
from ..content import references as content_references
from ..engine.run import Act, AnyKind, Verdict, apply, each, predict
from ..engine.standing import Standing
from ..engine.steps import Change
from ..fields import is_at_or_below
from ..kinds.directories.apply import DirectoryKind
from ..kinds.entries.apply import EntriesKind
from ..kinds.links.apply import LinkKind
from ..kinds.maps import (
    change,
    content,
    declared_btf,
    details,
    entries,
    held,
    holding,
    inner,
    references,
    slot,
    swap,
    swap_plan,
    together,
    trial,
)
from ..kinds.maps.apply import MapKind
from ..kinds.maps.declaration import WantedPin
from ..kinds.mounts import boot, stack
from ..kinds.mounts import change as mount_change
from ..kinds.mounts.apply import MountKind
from ..kinds.objects.apply import ObjectKind
from ..kinds.objects.declaration import WantedObject
from ..kinds.pins import directory
from ..kinds.pins.forecast import Forecast
from ..kinds.programs.apply import ProgramKind
from ..lists import json_list, lines, read, table
from ..map_types import map_type_name
from ..values import NamedTuple
from .links import in_time, interface_of
from .manifest import Loaded
from .programs import Declared, declared_by
from .told import state_of

# Modules load these when they need them. Here an upgrade may have removed the files by then.
LOADED = (
    *(change, content, declared_btf, details, directory, entries, link_targets, list_file),
    *(btf_format, content_references, inner, json_list, lines, mount_change, of_map, ownership),
    *(files, read, record, references, stack, table, trial),
    *(held, holding, slot, swap, swap_plan, together),
)


class Line(NamedTuple):
    """One declaration, and how it stands. `detail` says what `state` does not."""

    path: str
    declared: str  # what it is: bpffs, directory, program, entries, pin; the type of a map or link
    state: Standing
    detail: str = ""
    changes: Sequence[Change] = ()  # what is not as declared

    @property
    def is_good(self) -> bool:
        return self.state in (Standing.IN_PLACE, Standing.RESTORED)


class Part(enum.Enum):
    """What to put back."""

    ALL = "all"
    MOUNTS = "mounts"
    MAPS = "maps"  # and all else that is pinned but links; the mounts are looked at
    LINKS = "links"


class Asked(NamedTuple):
    """What of all that is declared is to be put back, and how long a link may wait."""

    part: Part = Part.ALL
    interface: Optional[str] = None  # links that are attached to it; "": those to none
    seconds: float = 0
    paths: Sequence[str] = ()  # only what is there or below; none: all


ALL = Asked()


def is_asked(path: str, paths: Sequence[str]) -> bool:
    """Return whether `path` is one of these, or below one; without any, all are."""
    return not paths or any(is_at_or_below(path, each) for each in paths)


def survey(loaded: Loaded, asked: Asked = ALL) -> Iterator[Line]:
    """Yield how everything stands; changes nothing."""
    yield from _Work(loaded, predict, asked).lines()


def restore(loaded: Loaded, asked: Asked = ALL) -> Iterator[Line]:
    """Put back what is missing, and set owner, group and mode. Trouble with one stops no other."""
    yield from _Work(loaded, apply, asked).lines()


class _Work:
    """All manifests at once: each list of all of them before the next."""

    def __init__(self, loaded: Loaded, act: Act, asked: Asked) -> None:
        self._act = act
        self._asked = asked
        self._manifests = loaded.manifests
        # Of mounts: where one is only missing, so is all that is declared in it.
        self._forecast = Forecast() if act is predict else None
        self._obstacles: Dict[str, str] = {}
        self._owners: Dict[str, Optional[int]] = {}  # of directories: these own them with reason
        for manifest in loaded.manifests:
            self._obstacles.update(manifest.obstacles)
            for declared in (manifest.mounts, manifest.directories):
                self._owners.update({item.path: item.access.owner for item in declared})

    def lines(self) -> Iterator[Line]:
        """Yield what became of what is asked for."""
        asked = self._asked
        if asked.part in (Part.ALL, Part.MOUNTS):
            yield from self._mounts(self._act)
        elif asked.part is Part.MAPS:
            yield from self._mounts(predict)
        if asked.part in (Part.ALL, Part.MAPS):
            yield from self._pins()
        if asked.part in (Part.ALL, Part.LINKS) and self._links:
            yield from self._attached(asked)

    @property
    def _links(self) -> List[Any]:
        return [link for manifest in self._manifests for link in manifest.links]

    def _mounts(self, act: Act) -> Iterator[Line]:
        kind = MountKind(looks_only=True) if act is predict else MountKind(_source)
        for manifest in self._manifests:
            for mount in manifest.mounts:
                yield from self._done(kind, [mount], "bpffs", act)

    def _pins(self) -> Iterator[Line]:
        directories = DirectoryKind(owners=self._owners)
        for manifest in self._manifests:
            for wanted in manifest.directories:
                yield from self._done(directories, [wanted], "directory")
        all_declared = [declared_by(manifest) for manifest in self._manifests]
        maps = MapKind(owners=self._owners)
        for declared in all_declared:
            for pin in sorted(declared.maps, key=_turn):
                yield from self._done(maps, [pin], map_type_name(pin.map.shape.number))
        yield from self._programs(all_declared)
        links = {each.path for each in self._links}
        yield from self._objects(lambda source: source not in links)

    def _programs(self, all_declared: Sequence[Declared]) -> Iterator[Line]:
        programs = ProgramKind(owners=self._owners, spares=True)
        for declared in all_declared:
            for path, trouble in declared.failed.items():
                if is_asked(path, self._asked.paths):
                    yield Line(path, "program", Standing.FAILED, trouble)
            for load in declared.loads:
                yield from self._done(programs, load, "program")
        following = EntriesKind(owners=self._owners)
        for declared in all_declared:
            for each_of in declared.entries:
                yield from self._done(following, [each_of], "entries")

    def _attached(self, asked: Asked) -> Iterator[Line]:
        chosen = [
            link
            for link in self._links
            if asked.interface in (None, interface_of(link.attach))
            and is_asked(link.path, asked.paths)
        ]
        clear = [link for link in chosen if link.path not in self._obstacles]
        for link in chosen:
            if link.path in self._obstacles:
                yield self._hindered(link, link.attach.type.name)
        kind = LinkKind(owners=self._owners, spares=True)
        for verdict in in_time(kind, clear, self._act, asked.seconds):
            yield from self._told(verdict, verdict.wanted[0].attach.type.name, self._act)
        paths = {link.path for link in chosen}
        yield from self._objects(lambda source: source in paths)

    def _objects(self, is_meant: Callable[[object], bool]) -> Iterator[Line]:
        objects = ObjectKind(owners=self._owners)
        for manifest in self._manifests:
            for second in manifest.objects:
                if is_meant(_source_of(second)):
                    yield from self._done(objects, [second], "pin")

    def _done(
        self, kind: AnyKind, wanted: Sequence[Any], declared: str, act: Optional[Act] = None
    ) -> Iterator[Line]:
        """Yield what became of items that are decided together."""
        is_meant = any(is_asked(item.path, self._asked.paths) for item in wanted)
        foretells = self._forecast is not None and isinstance(kind, MountKind)
        if not (is_meant or foretells):
            return
        if any(item.path in self._obstacles for item in wanted):
            for item in wanted if is_meant else ():
                yield self._hindered(item, declared)
            return
        act = act or self._act
        (verdict,) = each(kind, [wanted], act, self._forecast)
        if foretells and verdict.plan:
            kind.foretell(verdict.plan, self._forecast)
        if is_meant:
            yield from self._told(verdict, declared, act)

    def _hindered(self, item: Any, declared: str) -> Line:
        return Line(item.path, declared, Standing.FAILED, self._obstacles[item.path])

    def _told(self, verdict: Verdict, declared: str, act: Act) -> Iterator[Line]:
        for index, item in enumerate(verdict.wanted):
            yield Line(item.path, declared, *state_of(verdict, index, restores=act is apply))
            if isinstance(item, WantedPin) and item.content is not None:
                item.content.forget()  # lists may be long, and there may be many


def _source(path: str) -> str:
    """With another than that of its entry in fstab, `mount -a` would mount a second one over it."""
    start = boot.look(path)
    return boot.source_of_new(path, None, boot.glance(start.fstab), start)


def _source_of(second: WantedObject) -> object:
    """The pin that another one is made of, if it is."""
    return second.reference.value if second.reference.by == "path" else None


def _turn(pin: WantedPin) -> int:
    """What holds other maps comes before those that are to be in it."""
    return pin.turn
