# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Entries that name programs of the same declaration: they follow once those are loaded. Pure.

Programs need their maps, so maps come first, and these entries of them last.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Sequence, Set, Tuple

from ..errors import ProblemCollector
from ..kinds.entries.declaration import WantedEntries, read_entries
from ..kinds.maps.declaration import WantedPin
from ..kinds.programs.declaration import Called


def set_apart(
    maps: Sequence[WantedPin], programs: Iterable[Called]
) -> Tuple[List[WantedPin], List[WantedEntries]]:
    """Return the maps without such entries, and these by themselves.

    Raises Problems where a map would be closed before they are there.
    """
    known = _paths(programs)
    problems = ProblemCollector()
    staying: List[WantedPin] = []
    later: List[WantedEntries] = []
    for pin in maps:
        named = pin.content and pin.content.naming(known)
        if named:
            if pin.frozen:
                problems.add(
                    f"{pin.path}: frozen does not go with entries that name programs of the same "
                    "declaration: these change with each of its versions, so drop frozen"
                )
            options, paths = named
            (entries,) = read_entries([{**options, "path": pin.path}])
            later.append(replace(entries, access=pin.access, programs=paths, spec=pin.map))
            pin = replace(pin, content=None)
        staying.append(pin)
    problems.raise_any()
    return staying, later


def _paths(programs: Iterable[Called]) -> Dict[str, str]:
    """The paths of all programs, by what they may be called.

    Names that several have mean none of them.
    """
    called: Dict[str, Set[str]] = {}
    for each in programs:
        for name in each:
            called.setdefault(name, set()).add(each.path)
    return {name: paths.pop() for name, paths in called.items() if len(paths) == 1}
