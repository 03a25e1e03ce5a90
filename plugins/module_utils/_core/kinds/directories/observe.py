# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where directories are wanted. Opens read-only, changes nothing."""

from __future__ import annotations

from functools import partial
from typing import Dict, Sequence

from ...bpffs import walk
from ...errors import ProblemCollector, at
from ...shape import Entry
from ..pins.observe import see
from ..pins.observed import NOTHING, DirectorySeen
from .declaration import WantedDirectory
from .plan import Directory, Found


def look_at_all(wanted: Sequence[WantedDirectory]) -> Dict[str, DirectorySeen]:
    """Look at each path; raise Problems with all that cannot be looked at."""
    seen: Dict[str, DirectorySeen] = {}
    problems = ProblemCollector()

    def look_at(path: str) -> None:
        with at(path), walk(path) as place:
            seen[path] = see(place)

    for each in wanted:
        problems.of(partial(look_at, each.path))
    problems.raise_any()
    return seen


def found_in(seen: DirectorySeen) -> Found:
    """Return what was found, as far as it is a directory of a bpffs."""
    if seen.missing or not seen.on_bpffs:
        return NOTHING
    last = seen.levels[-1]
    entry = Entry(seen.identity, last.owner, last.group, last.mode)
    return Directory(entry, is_root=len(seen.levels) == 1)
