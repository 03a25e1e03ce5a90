# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What must happen around steps that give objects their names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Dict, Generic, List, Mapping, Sequence, Tuple, TypeVar

from ..found.pins import DirectorySeen, MountedPin
from ..shape import Identity

Step = TypeVar("Step")


@dataclass(frozen=True)
class NamePlan(Generic[Step]):
    """Steps in the order of the declarations, and what must happen around them."""

    steps: Sequence[Step]
    directories: Sequence[DirectorySeen]
    problems: Sequence[str]  # nothing is done while there are any
    not_mounted: Sequence[str]  # the same, but a mount that is still to come cures them
    not_yet: Sequence[str] = ()  # those of the problems that a task before may cure
    parents: bool = True  # missing directories are made
    user: int = 0  # uid of the task

    @property
    def new_directories(self) -> List[str]:
        paths = (path for seen in self.directories for path in _missing_paths(seen))
        return list(dict.fromkeys(paths))

    @property
    def leftovers(self) -> List[str]:
        return [path for seen in self.directories for path in seen.leftovers]


def plan_for(
    steps: Sequence[Step],
    seen: Mapping[str, DirectorySeen],
    refusals: Sequence[str],
    busy: Collection[str],
    staging: Collection[str],
    user: int,
    *,
    parents: bool,
) -> NamePlan[Step]:
    """The plan of these steps. In the directories `busy` something is to change.

    In the directories `staging`, it is first made ready in a staging directory.
    """
    directories = list(seen.values())
    problems = [*refusals]
    problems += [text for each in directories for text in _path_problems(each)]
    problems += _same_directories(directories)
    not_yet = [
        f"{each.path} does not exist: create it, or set parents: true"
        for each in directories
        if each.on_bpffs and each.missing and not (parents or _dotted(each))
    ]
    not_yet += [
        f"{each.path} is on a bpffs that is mounted read-only: remount it writable first, with "
        "opts: [rw] of ebpf.pinning.bpffs_mount"
        for each in directories
        if each.on_bpffs and each.read_only and each.path in busy
    ]
    problems += not_yet
    problems += [
        each.obstacle
        for each in directories
        if each.obstacle and not each.read_only and (each.abandoned or each.path in staging)
    ]
    not_mounted = [
        f"{each.path} is not on bpffs but on {each.fstype}: mount a bpffs there first, with "
        "ebpf.pinning.bpffs_mount or the role ebpf.pinning.bpffs"
        for each in directories
        if not each.on_bpffs
    ]
    return NamePlan(steps, directories, problems, not_mounted, not_yet, parents, user)


def taken_by_mount(found: MountedPin) -> str:
    """Why nothing is done about a name."""
    return (
        f"the name is taken by {found.what}: declare the path where that is pinned, or unmount it "
        "from here first"
    )


def _path_problems(seen: DirectorySeen) -> List[str]:
    if not seen.on_bpffs or not seen.missing:
        return []
    return [
        f"{seen.path}: {part!r} contains a dot, which bpffs refuses: use `_`, as libbpf does"
        for part in _dotted(seen)[:1]
    ]


def _dotted(seen: DirectorySeen) -> List[str]:
    return [part for part in seen.missing if "." in part]


def _same_directories(directories: Sequence[DirectorySeen]) -> List[str]:
    first: Dict[Tuple[Identity, Tuple[str, ...]], str] = {}
    problems = []
    for seen in directories:
        path = first.setdefault((seen.identity, seen.missing), seen.path)
        if path != seen.path:
            problems.append(f"{seen.path} and {path} are the same directory: declare one of them")
    return problems


def _missing_paths(seen: DirectorySeen) -> List[str]:
    parts = seen.path.split("/")
    depth = len(parts) - len(seen.missing)
    return ["/".join(parts[: end + 1]) for end in range(depth, len(parts))]
