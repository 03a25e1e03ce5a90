# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Links of one declaration that are to be at one place: whether it takes both. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, List, Optional, Sequence, Set, Tuple

from ...attach_types import Room
from ...engine.steps import Action
from ..pins.observed import PinnedLink
from .observed import ProgramSeen, TargetSeen
from .plan import LinkStep, unless_taken

Place = Tuple[str, int, FrozenSet[Tuple[str, object]]]


def agreed(steps: Sequence[LinkStep]) -> List[LinkStep]:
    """Return the steps, refused where another one is to have the place or has the program there."""
    takers: Dict[Tuple[Place, object], LinkStep] = {}
    leaving: Set[int] = set()  # links that let go of their program before
    result = []
    for step in steps:
        step = _unless_there(step, leaving)
        if isinstance(step.found, PinnedLink) and step.action in _LETTING_GO:
            leaving.add(step.found.id)
        claim = None if step.action in _NOWHERE else _claim_of(step)
        if claim is not None:
            first = takers.setdefault(claim, step)
            if first is not step and not _is_one_link(first, step):
                reason = _why_not_both(step, first.wanted.path)
                step = replace(step, action=Action.REFUSE, reason=reason)
        result.append(step)
    return result


def _unless_there(step: LinkStep, leaving: Set[int]) -> LinkStep:
    """Refuse to have a link hold a program that another one has on the same hook."""
    target = step.wanted.seen.target if step.wanted.seen else None
    if step.action is not Action.UPDATE or not isinstance(target, TargetSeen):
        return step
    if step.wanted.attach is None or step.wanted.attach.type.room is not Room.EACH_ONCE:
        return step
    others = tuple(each for each in target.occupants if each.link_id not in leaving)
    return unless_taken(step, target._replace(occupants=others))


def _claim_of(step: LinkStep) -> Optional[Tuple[Place, object]]:
    """Return what no other link may have: a place, or one for a program."""
    wanted = step.wanted
    if wanted.attach is None or wanted.seen is None:
        return None
    program, target = wanted.seen
    row = wanted.attach.type
    if row.room is Room.MANY or not isinstance(target, TargetSeen):
        return None
    known = target.expected.items()
    beside_it = _NOT_THE_PLACE + (_RESOLVED if known else ())
    given = ((key, each) for key, each in wanted.attach.given.items() if key not in beside_it)
    found = ((key, each) for key, each in known if key != "flags")
    place = row.name, target.network, frozenset((*given, *found))
    if row.room is Room.ONE:
        return place, None
    known_id = program.id if isinstance(program, ProgramSeen) else 0
    return place, known_id or wanted.program


def _is_one_link(first: LinkStep, second: LinkStep) -> bool:
    """Return whether these are two pins of one link, and stay that."""
    ids = [
        step.found.id
        for step in (first, second)
        if isinstance(step.found, PinnedLink) and step.action is not Action.REPLACE
    ]
    return len(ids) == 2 and ids[0] == ids[1]


def _why_not_both(step: LinkStep, first: str) -> str:
    attach, seen = step.wanted.attach, step.wanted.seen
    label = seen.target.label if seen and isinstance(seen.target, TargetSeen) else ""
    if attach is not None and attach.type.room is Room.ONE:
        return f"{label} takes one program, and {first} is declared to be there, too: keep one"
    return (
        f"{label} takes each program once, and {first} is declared to have this one there, too: "
        "keep one"
    )


_LETTING_GO = (Action.UPDATE, Action.REPLACE, Action.REMOVE)
_NOWHERE = (Action.REFUSE, Action.REMOVE, Action.MISS)
_NOT_THE_PLACE = ("mode", "defragment", "before", "after")
_RESOLVED = ("interface", "namespace", "map")  # names of what `expected` has by its number
