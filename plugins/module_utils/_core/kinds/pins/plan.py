# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What all steps have in common that give a name to something: directories, owners. Pure."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ...engine.steps import Action, Cure, Problem, Site, Step
from ...shape import UNDECLARED, Access, Identity
from .access import (
    directory_change,
    in_a_strangers_directory,
    inherited,
    merged,
    strangers_directory,
)
from .observed import DirectorySeen, MountedPin, PinContext

PinStep = Step[Any, Any]

REPLACING = (Action.REPLACE, Action.MIGRATE)


def unless_barred(step: PinStep, context: PinContext) -> PinStep:
    """Refuse to pin where somebody whom nobody has declared may put another pin."""
    wanted, people = step.wanted, context.people
    if wanted.directory not in context.with_strangers:
        return step
    level = strangers_directory(
        context.directories[wanted.directory], wanted.access.owner, people.task
    )
    if level is None:
        return step
    return replace(
        step,
        action=Action.REFUSE,
        changes=(directory_change(level, people), *step.changes),
        reason=in_a_strangers_directory(level, people),
    )


def problems(steps: Sequence[PinStep], context: PinContext) -> List[Problem]:
    """Return what is in the way of steps, other than what has the name already."""
    busy = {step.wanted.directory for step in steps if not _is_left(step)}
    staging = {step.wanted.directory for step in steps if _is_staged(step)}
    found: List[Tuple[DirectorySeen, str, Cure]] = []
    directories = list(context.directories.values())
    for each in directories:
        found += [(each, text, Cure.NONE) for text in _path_problems(each)]
    found += [(each, text, Cure.NONE) for each, text in _same_directories(directories)]
    found += [
        (
            each,
            not_there(each.path),
            Cure.EARLIER_TASK,
        )
        for each in directories
        if each.on_bpffs and each.missing and not (context.parents or _dotted(each))
    ]
    found += [
        (
            each,
            read_only(each.path),
            Cure.EARLIER_TASK,
        )
        for each in directories
        if each.on_bpffs and each.read_only and each.path in busy
    ]
    found += [
        (each, each.obstacle, Cure.NONE)
        for each in directories
        if each.obstacle and not each.read_only and (each.abandoned or each.path in staging)
    ]
    found += [
        (
            each,
            off_bpffs(each),
            Cure.MOUNT,
        )
        for each in directories
        if not each.on_bpffs
    ]
    return [Problem(text, _steps_in(seen, steps), cure) for seen, text, cure in found]


def access_after(step: PinStep, context: PinContext) -> Access:
    """Return what the pin will have; None is as of any new pin."""
    declared: Access = step.wanted.access
    if step.action is Action.CREATE:
        access = declared
    elif step.action in REPLACING:
        access = inherited(declared, step.found.entry, context.people.task)
    else:
        access = merged(declared, step.found.entry)
    if access.group is None:
        group = _group_in(context.directories[step.wanted.directory])
        access = Access(access.owner, group, access.mode)
    return access


def _group_in(seen: DirectorySeen) -> Optional[int]:
    """Which group the directory gives a new pin; None: that of the task."""
    last = seen.levels[-1] if seen.levels else None
    return last.group if last and last.mode & stat.S_ISGID else None


def not_there(path: str) -> str:
    """Return what is said of a directory that is not to be made."""
    return f"{path} does not exist: create it, or set parents: true"


def read_only(path: str) -> str:
    """Return what is said of a place in which nothing can be changed."""
    return (
        f"{path} is on a bpffs that is mounted read-only: remount it writable first, with opts: "
        "[rw] of ebpf.pinning.bpffs_mount"
    )


def off_bpffs(seen: DirectorySeen) -> str:
    """Return what is said of a directory in which nothing can be pinned."""
    return (
        f"{seen.path} is not on bpffs but on {seen.fstype}: mount a bpffs there first, with "
        "ebpf.pinning.bpffs_mount or the role ebpf.pinning.bpffs"
    )


def sites(context: PinContext) -> List[Site]:
    """Return the directories to work in."""
    return [
        Site(path, seen, _missing_paths(seen) if context.parents else (), seen.leftovers)
        for path, seen in context.directories.items()
    ]


def taken_by_mount(found: MountedPin) -> str:
    """Why nothing is done about a name."""
    return (
        f"the name is taken by {found.what}: declare the path where that is pinned, or unmount it "
        "from here first"
    )


def _is_left(step: PinStep) -> bool:
    return step.is_idle or step.action is Action.REFUSE


def _is_staged(step: PinStep) -> bool:
    """Return whether a pin is made ready before it takes its name."""
    if step.action is Action.CREATE:
        return step.wanted.access is not UNDECLARED
    return step.action in REPLACING


def _steps_in(seen: DirectorySeen, steps: Sequence[PinStep]) -> List[int]:
    return [index for index, step in enumerate(steps) if step.wanted.directory == seen.path]


def _path_problems(seen: DirectorySeen) -> List[str]:
    if not seen.on_bpffs or not seen.missing:
        return []
    return [
        f"{seen.path}: {part!r} contains a dot, which bpffs refuses: use `_`, as libbpf does"
        for part in _dotted(seen)[:1]
    ]


def _dotted(seen: DirectorySeen) -> List[str]:
    return [part for part in seen.missing if "." in part]


def _same_directories(
    directories: Sequence[DirectorySeen],
) -> Iterator[Tuple[DirectorySeen, str]]:
    first: Dict[Tuple[Identity, Tuple[str, ...]], str] = {}
    for seen in directories:
        path = first.setdefault((seen.identity, seen.missing), seen.path)
        if path != seen.path:
            yield seen, f"{seen.path} and {path} are the same directory: declare one of them"


def _missing_paths(seen: DirectorySeen) -> List[str]:
    parts = seen.path.split("/")
    depth = len(parts) - len(seen.missing)
    return ["/".join(parts[: end + 1]) for end in range(depth, len(parts))]
