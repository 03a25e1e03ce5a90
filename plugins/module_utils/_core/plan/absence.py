# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which names to remove. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from ..found.pins import A_DIRECTORY, NotAPin, Nothing, Sight, Tree
from ..spec.absence import AbsentPaths, Prune


@dataclass(frozen=True)
class Spared:
    """A name that stays, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class AbsencePlan:
    """What goes: first the pins, then the directories, each list in the order of doing."""

    pins: Sequence[Sight]
    directories: Sequence[Sight]
    missing: Sequence[str]
    spared: Sequence[Spared]
    problems: Sequence[str]  # nothing is done while there are any


def plan_paths(wanted: AbsentPaths, seen: Sequence[Tuple[Sight, Tree]]) -> AbsencePlan:
    """Everything at and below the paths goes, or nothing does."""
    pins: List[Sight] = []
    directories: List[Sight] = []
    missing: List[str] = []
    problems: List[str] = []
    for sight, tree in seen:
        if isinstance(sight.found, Nothing):
            missing.append(sight.path)
        elif sight.found == A_DIRECTORY and wanted.recurse:
            pins.extend(tree.sights)
            directories.extend([*tree.directories, sight])
        else:
            pins.append(sight)
    for sight in pins:
        problem = _problem(wanted, sight)
        if problem:
            problems.append(f"{sight.path} {problem}")
    return AbsencePlan(_once(pins), _once(directories), missing, (), problems)


def plan_prune(wanted: Prune, tree: Tree) -> AbsencePlan:
    """Pins that nobody declared go; everything else in the directory stays."""
    pins: List[Sight] = []
    spared: List[Spared] = []
    for sight in tree.sights:
        if wanted.spares(sight.path[len(wanted.directory) + 1 :]):
            continue
        found = sight.found
        if isinstance(found, (Nothing, NotAPin)):
            what = found.what if isinstance(found, NotAPin) else "gone already"
            spared.append(Spared(sight.path, f"{what}, not a pin"))
        elif not wanted.takes(found.kind):
            spared.append(Spared(sight.path, _why_spared(wanted, found.label)))
        else:
            pins.append(sight)
    return AbsencePlan(pins, (), (), spared, ())


def _problem(wanted: AbsentPaths, sight: Sight) -> str:
    found = sight.found
    if isinstance(found, Nothing):
        return ""
    if found == A_DIRECTORY:
        return "is a directory: set recurse: true to remove the pins in it and the directory"
    if isinstance(found, NotAPin):
        return f"is {found.what}, not a pin: nothing was removed; look at who made it"
    if wanted.kind and found.kind != wanted.kind:
        return (
            f"holds {found.label}, and type: {wanted.kind} allows no other: nothing was removed; "
            f"set type: {found.kind} if it is to go"
        )
    return ""


def _why_spared(wanted: Prune, label: str) -> str:
    if wanted.kind:
        return f"{label}, and only type: {wanted.kind} is pruned"
    return f"{label}: links are pruned only with type: link, since that may detach a program"


def _once(sights: Sequence[Sight]) -> List[Sight]:
    return list({sight.path: sight for sight in sights}.values())
