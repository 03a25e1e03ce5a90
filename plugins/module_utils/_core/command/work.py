# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at what manifests declare, and put back what is missing. Replaces and removes nothing."""

from __future__ import annotations

import enum
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from .. import link_targets, list_file, ownership
from ..content import btf_format, of_map, record
from ..content import references as content_references
from ..engine.run import AnyKind, AnyPlan, Verdict, apply, each, predict
from ..engine.standing import FOUND, Standing
from ..engine.steps import Action, Result
from ..kinds.directories.apply import DirectoryKind
from ..kinds.directories.declaration import WantedDirectory
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
from ..kinds.maps.mismatch import held_open, spell_drift, ways_out
from ..kinds.mounts import boot, fstab_file
from ..kinds.mounts import change as mount_change
from ..kinds.mounts.apply import MountDone, MountKind
from ..kinds.objects.apply import ObjectKind
from ..kinds.objects.plan import held_open as objects_held_open
from ..kinds.pins import directory
from ..kinds.pins.exposure import cautions
from ..kinds.pins.observed import PinnedMap
from ..lists import json_list, lines, read, table
from ..map_types import map_type_name
from ..values import NamedTuple
from .manifest import Loaded

# Modules load these when they need them. Here an upgrade may have removed the files by then.
LOADED = (
    *(change, content, declared_btf, details, directory, entries, link_targets, list_file),
    *(btf_format, content_references, inner, json_list, lines, mount_change, of_map, ownership),
    *(read, record, references, table, trial),
    *(held, holding, slot, swap, swap_plan, together),
)
Act = Callable[[AnyKind, AnyPlan], Result]  # predict, apply


class Line(NamedTuple):
    """One declaration, and how it stands. `detail` says what `state` does not."""

    path: str
    declared: str  # what it is: bpffs, directory, the type of the map, pin
    state: Standing
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.state in (Standing.IN_PLACE, Standing.RESTORED)


class Part(enum.Enum):
    """What to put back."""

    ALL = "all"
    MOUNTS = "mounts"
    MAPS = "maps"  # and all else that is pinned; the mounts are looked at


def survey(loaded: Loaded) -> Iterator[Line]:
    """Yield how everything stands; changes nothing."""
    yield from _mounts(loaded, predict)
    yield from _pins(loaded, predict)


def restore(loaded: Loaded, part: Part = Part.ALL) -> Iterator[Line]:
    """Put back what is missing, and set owner, group and mode. Trouble with one stops no other."""
    if part is Part.MAPS:
        yield from _mounts(loaded, predict)
    else:
        yield from _mounts(loaded, apply)
    if part is not Part.MOUNTS:
        yield from _pins(loaded, apply)


def _mounts(loaded: Loaded, act: Act) -> Iterator[Line]:
    for manifest in loaded.manifests:
        for mount in manifest.mounts:
            kind = MountKind(looks_only=True) if act is predict else MountKind(_source)
            yield _line(kind, mount, "bpffs", manifest.obstacles, act)


def _source(path: str) -> str:
    """With another than that of its entry in fstab, `mount -a` would mount a second one over it."""
    start = boot.look(path)
    return boot.source_of_new(path, None, fstab_file.glance(start.fstab), start)


def _pins(loaded: Loaded, act: Act) -> Iterator[Line]:
    """Directories, maps and second pins: each list of all manifests before the next."""
    owners: Dict[str, Optional[int]] = {}  # who are to own a directory do so with good reason
    for manifest in loaded.manifests:
        owners.update({each.path: each.access.owner for each in manifest.mounts})
        owners.update({each.path: each.access.owner for each in manifest.directories})
    directories, maps = DirectoryKind(owners=owners), MapKind(owners=owners)
    objects = ObjectKind(owners=owners)
    for manifest in loaded.manifests:
        for wanted in manifest.directories:
            yield _line(directories, wanted, "directory", manifest.obstacles, act)
    for manifest in loaded.manifests:
        for pin in sorted(manifest.pins, key=_turn):
            declared = map_type_name(pin.map.shape.number)
            yield _line(maps, pin, declared, manifest.obstacles, act)
    for manifest in loaded.manifests:
        for second in manifest.objects:
            yield _line(objects, second, "pin", manifest.obstacles, act)


def _turn(pin: WantedPin) -> int:
    """What holds other maps comes before those that are to be in it."""
    return pin.turn


def _line(
    kind: AnyKind, wanted: Any, declared: str, obstacles: Mapping[str, str], act: Act
) -> Line:
    if wanted.path in obstacles:
        return Line(wanted.path, declared, Standing.FAILED, obstacles[wanted.path])
    (verdict,) = each(kind, [wanted], act)
    line = Line(wanted.path, declared, *_state(verdict, restores=act is apply))
    if isinstance(wanted, WantedPin) and wanted.content is not None:
        wanted.content.forget()  # lists may be long, and there may be many
    return line


def _state(verdict: Verdict, *, restores: bool) -> Tuple[Standing, str]:
    """The state of an item, and what is to be said of it."""
    decided, result = verdict.plan, verdict.result
    if decided is None:
        return Standing.FAILED, verdict.error
    (step,) = decided.steps
    if restores and result:
        if result.error:
            return Standing.FAILED, result.error
        return Standing.RESTORED, _done(decided, result)
    is_refused = step.action is Action.REFUSE
    if step.changes and (is_refused or not (restores and decided.problems)):
        detail = spell_drift(step.changes)
        if is_refused and isinstance(step.wanted, WantedPin) and isinstance(step.found, PinnedMap):
            ways = ways_out(step.wanted, step.found)
            detail += f". A restore leaves it; in the playbook: {ways}"
        return Standing.DIFFERENT, detail
    if decided.problems:
        return Standing.FAILED, "; ".join(decided.texts())
    return FOUND[step.action], ""


def _done(decided: AnyPlan, result: Result) -> str:
    (outcome,) = result.outcomes
    if isinstance(outcome.after, MountDone):
        return ", ".join(outcome.after.done)
    if isinstance(outcome.step.wanted, WantedDirectory):
        return outcome.word
    remedy = held_open if isinstance(outcome.step.wanted, WantedPin) else objects_held_open
    warned = (caution.text for caution in cautions(decided, remedy))
    return "; ".join([outcome.word, *warned])
