# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who has what is pinned: one look at the whole machine for all pins that are asked about."""

from __future__ import annotations

import errno
import struct
from collections import defaultdict
from typing import Collection, DefaultDict, Dict, List, Sequence, Set, Tuple

from ... import descriptors, kernel
from ...attachments import hooks_of, looked_at
from ...descriptors import Object, Process
from ...entries import Layout, content_kin, read
from ...errors import TROUBLE, explained
from ...host import this_host
from ...map_types import Kin, Means
from ...shape import Identity, MapShape
from ...syscall import Fd, KernelError
from ...uapi import Command
from .attached import all_links
from .everywhere import all_pins
from .observed import Pin, PinnedProg, Sight
from .programs import programs_using
from .usage import Users, is_mappable

_Place = Tuple[Identity, str]  # a name in a directory


class Uses:
    """What one look found."""

    def __init__(self) -> None:
        self.processes: Dict[Object, List[Process]] = {}
        self.mapping: List[Process] = []
        self.programs: Dict[int, Tuple[str, ...]] = {}  # by the map that they use
        self.links: DefaultDict[Object, List[int]] = defaultdict(list)
        self.hooks: Dict[int, List[str]] = {}  # by program
        self.maps: DefaultDict[Object, List[int]] = defaultdict(list)  # by what is in them
        self.pins: DefaultDict[Object, Dict[_Place, str]] = defaultdict(dict)
        self.unseen: List[str] = []  # what could not be looked at, and why
        self.looked_at: List[str] = []  # where programs might have been attached, in words

    def of(self, sight: Sight, pin: Pin) -> Users:
        """Return who has the object of a pin beside it."""
        held, place = (pin.kind, pin.id), _place(sight)
        others = [path for each, path in self.pins.get(held, {}).items() if each != place]
        return Users(
            processes=tuple(self.processes.get(held, ())),
            mapping=tuple(self.mapping) if is_mappable(pin) else (),
            programs=self.programs.get(pin.id, ()) if pin.kind == "map" else (),
            links=tuple(self.links.get(held, ())),
            hooks=tuple(self.hooks.get(pin.id, ())) if pin.kind == "prog" else (),
            maps=tuple(self.maps.get(held, ())),
            pins=tuple(others),
        )


def look_for_users(pins: Sequence[Pin], *, only_processes: bool = False) -> Uses:
    """Look for all who have these objects, last of all for processes that have descriptors.

    PinningError where not all processes can be looked at.
    """
    descriptors.check_sight()
    uses = Uses()
    kinds = {pin.kind for pin in pins}
    if not only_processes:
        if "map" in kinds:
            using = programs_using(pin.id for pin in pins if pin.kind == "map")
            uses.programs = {
                map_id: tuple(each.label for each in programs) for map_id, programs in using.items()
            }
        _add_links(uses)
        _add_maps(uses, kinds)
        _add_pins(uses, {(pin.kind, pin.id) for pin in pins})
    found = descriptors.look(mapped=any(map(is_mappable, pins)))
    uses.processes, uses.mapping = found.holders, found.mapping
    if not only_processes and "prog" in kinds:
        types = {pin.type for pin in pins if isinstance(pin, PinnedProg)}
        uses.hooks, unseen = hooks_of(types, found.events)
        uses.unseen += unseen
        uses.looked_at = [*_FOR_PROGRAMS, *looked_at(types)]
    return uses


def _add_links(uses: Uses) -> None:
    for link in all_links():
        if link.prog_id:
            uses.links["prog", link.prog_id].append(link.id)
        replaced = link.target.get("target_obj_id")  # of a freplace: a program
        if isinstance(replaced, int) and replaced != link.prog_id:
            uses.links["prog", replaced].append(link.id)
        map_id = link.target.get("map_id")
        if isinstance(map_id, int):
            uses.links["map", map_id].append(link.id)


def _add_maps(uses: Uses, kinds: Collection[str]) -> None:
    """Note what is in maps that hold maps and programs."""
    host = this_host()
    for map_id in kernel.all_ids(Command.MAP_GET_NEXT_ID):
        try:
            with kernel.fd_by_id(Command.MAP_GET_FD_BY_ID, map_id) as fd:
                shape = MapShape.of(kernel.map_info(fd))
                kind = _held_kind(shape)
                if kind in kinds:
                    layout = Layout.of(shape, content_kin(shape) or Kin(), host)
                    _add_held(uses, kind, map_id, fd, layout)
        except TROUBLE as error:
            if isinstance(error, KernelError) and error.errno == errno.ENOENT:
                continue  # gone meanwhile
            uses.unseen.append(f"what is in map {map_id}: {explained(error)}")


def _held_kind(shape: MapShape) -> str:
    """Return what the values of a map hold, map or prog; empty where that is nothing of BPF."""
    kin = content_kin(shape)
    if kin is None:
        return ""
    if kin.holds:
        return "prog" if kin.means is Means.PROGRAMS else "map"
    has_prog = kin.means in (Means.DEVICES, Means.CPUS) and shape.value_size == _WITH_PROG
    return "prog" if has_prog else ""


def _add_held(uses: Uses, kind: str, map_id: int, fd: Fd, layout: Layout) -> None:
    held: Set[int] = set()
    for batch in read(fd, layout):
        numbers = struct.unpack(f"={len(batch.values) // 4}I", batch.values)
        held.update(numbers[1::2] if layout.value_size == _WITH_PROG else numbers)
    for object_id in held - {0}:
        uses.maps[kind, object_id].append(map_id)


def _add_pins(uses: Uses, wanted: Set[Object]) -> None:
    sights, unseen = all_pins()
    uses.unseen += unseen
    for sight in sights:
        held = (sight.found.kind, sight.found.id)  # type: ignore[union-attr]
        if held in wanted:
            uses.pins[held][_place(sight)] = sight.path


def _place(sight: Sight) -> _Place:
    return sight.directory, sight.path.rpartition("/")[2]


_WITH_PROG = 8  # bytes of a value of a devmap or cpumap that has a program
_FOR_PROGRAMS = ("links", "prog_arrays, devmaps and cpumaps")
