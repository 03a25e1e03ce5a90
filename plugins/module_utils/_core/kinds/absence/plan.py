# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which names to remove. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, List, Sequence, Tuple, Union, cast

from ...engine.steps import Action, Plan, Problem, Step
from ...values import NamedTuple
from ..pins.observed import A_DIRECTORY, MountedPin, NotAPin, Nothing, Sight, Tree, Unreadable
from ..pins.plan import read_only
from .declaration import AbsentPaths, Prune

if TYPE_CHECKING:
    from ..pins.observed import Pin

STAYING = "a pin in it stays"


class Emptied(NamedTuple):
    """A directory that goes when all that is in it has gone."""

    sight: Sight


AbsenceStep = Step[Union[AbsentPaths, Prune], Union[Sight, Emptied]]
AbsencePlan = Plan[Union[AbsentPaths, Prune], Union[Sight, Emptied]]
Items = List[Tuple[Any, Any]]


def items_at(wanted: AbsentPaths, seen: Sequence[Tuple[Sight, Tree]]) -> Items:
    """Return all that is at and below the paths: first the pins, then the directories."""
    sights: List[Sight] = []
    directories: List[Sight] = []
    for sight, tree in seen:
        if sight.found == A_DIRECTORY and wanted.recurse:
            sights.extend(tree.sights)
            directories.extend([*tree.directories, sight])
        else:
            sights.append(sight)
    return [
        *((wanted, sight) for sight in _once(sights)),
        *((wanted, Emptied(sight)) for sight in _once(directories)),
    ]


def items_in(wanted: Prune, tree: Tree) -> Items:
    """Return all that is in the directory and not declared to stay."""
    return [
        (wanted, sight)
        for sight in tree.sights
        if not wanted.spares(sight.path[len(wanted.directory) + 1 :])
    ]


def decide(wanted: Union[AbsentPaths, Prune], found: Union[Sight, Emptied]) -> AbsenceStep:
    """Decide what goes."""
    if isinstance(found, Emptied):
        return Step(wanted, found, Action.REMOVE)
    if isinstance(wanted, Prune):
        return _decide_undeclared(wanted, found)
    return _decide_path(wanted, found)


def _decide_path(wanted: AbsentPaths, sight: Sight) -> AbsenceStep:
    """Everything at and below the paths goes, or nothing does."""
    found = sight.found
    if isinstance(found, Nothing):
        return Step(wanted, sight, Action.MISS)
    if isinstance(found, Unreadable):
        return Step(wanted, sight, Action.REFUSE, reason=f"{sight.path}: {found.reason}")
    if isinstance(found, NotAPin):
        return Step(wanted, sight, Action.REFUSE, reason=f"{sight.path} {_why_not(found)}")
    if wanted.kind and found.kind != wanted.kind:
        reason = (
            f"{sight.path} holds {found.label}, and type: {wanted.kind} allows no other: "
            f"nothing was removed; set type: {found.kind} if it is to go"
        )
        return Step(wanted, sight, Action.REFUSE, reason=reason)
    return _decide_by_conditions(wanted, sight)


def _decide_undeclared(wanted: Prune, sight: Sight) -> AbsenceStep:
    """Pins that nobody declared go; everything else in the directory stays."""
    found = sight.found
    if isinstance(found, Unreadable):
        return Step(wanted, sight, Action.REFUSE, reason=f"{sight.path}: {found.reason}")
    if isinstance(found, MountedPin):
        return Step(wanted, sight, Action.SPARE, reason=found.what)
    if isinstance(found, (Nothing, NotAPin)):
        what = found.what if isinstance(found, NotAPin) else "gone already"
        return Step(wanted, sight, Action.SPARE, reason=f"{what}, not a pin")
    if not wanted.takes(found.kind):
        return Step(wanted, sight, Action.SPARE, reason=_why_spared(wanted, found.label))
    return _decide_by_conditions(wanted, sight)


def _decide_by_conditions(wanted: Union[AbsentPaths, Prune], sight: Sight) -> AbsenceStep:
    """Remove a pin that may go by name and type, if the conditions are true of it, too."""
    reason = ""
    if wanted.conditions.any and sight.usage is not None:
        reason = wanted.conditions.why_not(cast("Pin", sight.found), sight.usage)
    return Step(wanted, sight, Action.SPARE if reason else Action.REMOVE, reason=reason)


def with_spared(steps: List[AbsenceStep]) -> List[AbsenceStep]:
    """Return the steps, in which directories stay where a pin in them does."""
    staying = [
        step.found.path
        for step in steps
        if step.action is Action.SPARE
        and step.wanted.conditions.any
        and isinstance(step.found, Sight)
    ]
    return [
        replace(step, action=Action.SPARE, reason=STAYING)
        if isinstance(step.found, Emptied)
        and any(path.startswith(f"{step.found.sight.path}/") for path in staying)
        else step
        for step in steps
    ]


def problems(steps: Sequence[AbsenceStep]) -> List[Problem]:
    """Return what keeps pins, and then directories, from being removed."""
    going = [step.found for step in steps if step.action is Action.REMOVE]
    found = [text for each in going if isinstance(each, Sight) for text in _read_only(each)]
    if not found and all(step.action is not Action.REFUSE for step in steps):
        emptied = [each.sight for each in going if isinstance(each, Emptied)]
        found = [text for each in emptied for text in _read_only(each)]
    return [Problem(text) for text in found]


def _read_only(sight: Sight) -> List[str]:
    if not sight.read_only:
        return []
    return [read_only(sight.path)]


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
