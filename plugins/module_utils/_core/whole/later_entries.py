# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Entries that name programs of the same declaration: they follow once those are loaded. Pure.

Programs need their maps, so maps come first, and these entries of them last.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Sequence, Tuple

from ..kinds.entries.declaration import WantedEntries, read_entries
from ..kinds.maps.declaration import WantedPin
from ..kinds.programs.declaration import WantedProgram


def set_apart(
    maps: Sequence[WantedPin], programs: Sequence[WantedProgram]
) -> Tuple[List[WantedPin], List[WantedEntries]]:
    """Return the maps without such entries, and these by themselves."""
    known = _paths(programs)
    staying: List[WantedPin] = []
    later: List[WantedEntries] = []
    for pin in maps:
        named = pin.content and pin.content.naming(known)
        if named:
            options, paths = named
            (entries,) = read_entries([{**options, "path": pin.path}])
            later.append(replace(entries, access=pin.access, programs=paths))
            pin = replace(pin, content=None)
        staying.append(pin)
    return staying, later


def _paths(programs: Sequence[WantedProgram]) -> Dict[str, str]:
    """The paths of all programs, by what they may be called: a name that is one's alone, too."""
    paths = {each.path: each.path for each in programs}
    names = [each.path.rpartition("/")[2] for each in programs]
    return {**paths, **{name: path for name, path in zip(names, paths) if names.count(name) == 1}}
