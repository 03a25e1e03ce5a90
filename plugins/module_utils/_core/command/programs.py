# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The programs of a manifest, read from the object files that the host has kept, and their maps."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence

from ..errors import TROUBLE, explained
from ..host import this_host
from ..kinds.entries.declaration import WantedEntries
from ..kinds.maps.declaration import WantedPin

# To load them is for later, when an upgrade may have removed the files of this program.
from ..kinds.programs import change, reading, variables
from ..kinds.programs.declaration import WantedProgram, read_programs
from ..kinds.programs.together import with_maps_of
from ..loader import process
from ..users import Users
from ..values import NamedTuple
from ..whole.later_entries import set_apart
from .manifest import Manifest, WantedLoads

LOADED = (change, process, reading, variables)


class Declared(NamedTuple):
    """What a manifest declares of programs, and of the maps that are theirs, too."""

    maps: Sequence[WantedPin]
    loads: Sequence[Sequence[WantedProgram]]  # those of one object file
    entries: Sequence[WantedEntries]  # that name programs, and follow them
    failed: Mapping[str, str]  # by path: why a program cannot be loaded


def declared_by(manifest: Manifest) -> Declared:
    """Read the object files; one that cannot be used stops no other."""
    if not manifest.programs:
        return Declared(manifest.pins, (), (), {})
    loads: List[Sequence[WantedProgram]] = []
    failed: Dict[str, str] = {}
    maps: Sequence[WantedPin] = manifest.pins
    for each in manifest.programs:
        try:
            programs = _read(each)
            maps = with_maps_of(maps, programs)
            loads.append(programs)
        except TROUBLE as error:
            failed.update(dict.fromkeys((called.path for called in each.pins), explained(error)))
    called = [called for each in manifest.programs for called in each.pins]
    maps, entries = set_apart(maps, called)
    return Declared(maps, loads, entries, failed)


def _read(wanted: WantedLoads) -> Sequence[WantedProgram]:
    return read_programs([wanted.item], wanted.defaults, this_host(), Users())
