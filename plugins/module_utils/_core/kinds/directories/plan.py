# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about a directory. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from typing import Collection, Iterator, List, Sequence, Tuple, Union

from ...engine.steps import Action, Cure, Plan, Problem, Step
from ...shape import Entry, is_stranger
from ...values import NamedTuple
from ..pins.access import access_drift, in_a_strangers_directory, strangers_directory
from ..pins.observed import DirectorySeen, Nothing, PinContext
from ..pins.plan import not_there, off_bpffs, read_only
from .declaration import WantedDirectory


class Directory(NamedTuple):
    """It is there."""

    entry: Entry
    is_root: bool = False  # of its bpffs


Found = Union[Nothing, Directory]
DirectoryStep = Step[WantedDirectory, Found]
DirectoryPlan = Plan[WantedDirectory, Found]


def decide(wanted: WantedDirectory, found: Found, context: PinContext) -> DirectoryStep:
    """Return what makes it be there, as declared."""
    people, seen = context.people, context.directories[wanted.path]
    level = strangers_directory(seen, wanted.access.owner, people.task)
    if level is not None and level.path != wanted.path:
        return _refuse(wanted, found, in_a_strangers_directory(level, people))
    if isinstance(found, Nothing):
        return Step(wanted, found, Action.CREATE)
    if found.is_root:
        return _refuse(
            wanted,
            found,
            "a bpffs is mounted there: declare owner, group and mode of its root in `mounts`",
        )
    if is_stranger(found.entry.owner, wanted.access.owner, people.task):
        return _refuse(wanted, found, _of_a_stranger(people.user(found.entry.owner)))
    drift = access_drift(wanted.access, found.entry, people)
    return Step(wanted, found, Action.ADJUST if drift else Action.KEEP, drift)


def problems(steps: Sequence[DirectoryStep], context: PinContext) -> List[Problem]:
    """Return what is in the way of steps, other than what is there already."""
    declared = {step.wanted.path for step in steps}
    return [
        Problem(text, (index,), cure)
        for index, step in enumerate(steps)
        for text, cure in _in_the_way(step, context, declared)
    ]


def _in_the_way(
    step: DirectoryStep, context: PinContext, declared: Collection[str]
) -> Iterator[Tuple[str, Cure]]:
    path, parent = step.wanted.path, step.wanted.parent
    seen = context.directories[path]
    dotted = [part for part in seen.missing if "." in part]
    if not seen.on_bpffs:
        yield off_bpffs(seen), Cure.MOUNT
    elif dotted:
        yield (
            f"{path}: {dotted[0]!r} contains a dot, which bpffs refuses: use `_`, as libbpf does",
            Cure.NONE,
        )
    elif not step.is_idle and step.action is not Action.REFUSE:
        if seen.read_only:
            yield read_only(path), Cure.EARLIER_TASK
        if len(seen.missing) > 1 and parent not in declared and not context.parents:
            yield not_there(parent), Cure.EARLIER_TASK


def missing_above(seen: DirectorySeen) -> List[str]:
    """Return the directories that are made on the way, undeclared, from the top."""
    parts = seen.path.split("/")
    depth = len(parts) - len(seen.missing)
    return ["/".join(parts[: end + 1]) for end in range(depth, len(parts) - 1)]


def _of_a_stranger(owner: str) -> str:
    return (
        f"the directory belongs to {owner}, who may put other pins in the place of those in it, "
        "and directories are taken only of root, of the user of the task and of a declared owner. "
        f"If it is meant, declare owner: {owner}; else look at what is in it, then chown it"
    )


def _refuse(wanted: WantedDirectory, found: Found, reason: str) -> DirectoryStep:
    return Step(wanted, found, Action.REFUSE, (), reason)
