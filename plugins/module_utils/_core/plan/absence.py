# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which names to remove. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

from ..found.pins import (
    A_DIRECTORY,
    MountedPin,
    NotAPin,
    Nothing,
    Pin,
    Sight,
    Tree,
    Unreadable,
)
from ..shape import Identity
from ..spec.absence import AbsentPaths, Prune


@dataclass(frozen=True)
class Unlink:
    """A pin that goes, and the directory that it was seen in."""

    path: str
    directory: Identity
    pin: Pin


@dataclass(frozen=True)
class Spared:
    """A name that stays, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class AbsencePlan:
    """What goes: first the pins, then the directories, each list in the order of doing."""

    pins: Sequence[Unlink]
    directories: Sequence[Sight]
    missing: Sequence[str]
    spared: Sequence[Spared]
    problems: Sequence[str]  # nothing is done while there are any


def plan_paths(wanted: AbsentPaths, seen: Sequence[Tuple[Sight, Tree]]) -> AbsencePlan:
    """Everything at and below the paths goes, or nothing does."""
    sights: List[Sight] = []
    directories: List[Sight] = []
    for sight, tree in seen:
        if sight.found == A_DIRECTORY and wanted.recurse:
            sights.extend(tree.sights)
            directories.extend([*tree.directories, sight])
        else:
            sights.append(sight)
    pins: List[Unlink] = []
    missing: List[str] = []
    problems: List[str] = []
    for sight in _once(sights):
        found = sight.found
        if isinstance(found, Nothing):
            missing.append(sight.path)
        elif isinstance(found, Unreadable):
            problems.append(f"{sight.path}: {found.reason}")
        elif isinstance(found, NotAPin):
            problems.append(f"{sight.path} {_why_not(found)}")
        elif wanted.kind and found.kind != wanted.kind:
            problems.append(
                f"{sight.path} holds {found.label}, and type: {wanted.kind} allows no other: "
                f"nothing was removed; set type: {found.kind} if it is to go"
            )
        else:
            pins.append(Unlink(sight.path, sight.directory, found))
            problems.extend(_read_only(sight))
    if not problems:
        problems.extend(text for sight in directories for text in _read_only(sight))
    return AbsencePlan(pins, _once(directories), missing, (), problems)


def plan_prune(wanted: Prune, tree: Tree) -> AbsencePlan:
    """Pins that nobody declared go; everything else in the directory stays."""
    pins: List[Unlink] = []
    spared: List[Spared] = []
    problems: List[str] = []
    for sight in tree.sights:
        if wanted.spares(sight.path[len(wanted.directory) + 1 :]):
            continue
        found = sight.found
        if isinstance(found, Unreadable):
            problems.append(f"{sight.path}: {found.reason}")
        elif isinstance(found, MountedPin):
            spared.append(Spared(sight.path, found.what))
        elif isinstance(found, (Nothing, NotAPin)):
            what = found.what if isinstance(found, NotAPin) else "gone already"
            spared.append(Spared(sight.path, f"{what}, not a pin"))
        elif not wanted.takes(found.kind):
            spared.append(Spared(sight.path, _why_spared(wanted, found.label)))
        else:
            pins.append(Unlink(sight.path, sight.directory, found))
            problems.extend(_read_only(sight))
    return AbsencePlan(pins, (), (), spared, problems)


def _read_only(sight: Sight) -> List[str]:
    if not sight.read_only:
        return []
    return [
        f"{sight.path} is on a bpffs that is mounted read-only: remount it writable first, with "
        "opts: [rw] of ebpf.pinning.bpffs_mount"
    ]


def _why_not(found: NotAPin) -> str:
    if isinstance(found, MountedPin):
        return (
            f"is {found.what}: nothing was removed; give the path where that is pinned, and "
            "unmount it from here with `umount`"
        )
    if found == A_DIRECTORY:
        return "is a directory: set recurse: true to remove the pins in it and the directory"
    return f"is {found.what}, not a pin: nothing was removed; look at who made it"


def _why_spared(wanted: Prune, label: str) -> str:
    if wanted.kind:
        return f"{label}, and only type: {wanted.kind} is pruned"
    return f"{label}: links are pruned only with type: link, since that may detach a program"


def _once(sights: Sequence[Sight]) -> List[Sight]:
    return list({sight.path: sight for sight in sights}.values())
