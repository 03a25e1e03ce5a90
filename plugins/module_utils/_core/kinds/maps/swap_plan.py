# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about maps that are to be in maps of maps, and about those. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, Iterator, List, Optional, Sequence

from ...engine.steps import Action, Cure, Problem
from ..pins.observed import Nothing, PinnedMap, Slot
from ..pins.plan import REPLACING
from .steps import Changes, Fill, MapStep, PutInSlot, fill_drift, refuse


def in_slot(step: MapStep) -> MapStep:
    """Return the step, with what the slot adds to it that the map is to be in.

    Other entries are in a new map, which takes the slot and then the name.
    """
    slot = _slot_of(step)
    if slot is None or step.action is Action.REFUSE:
        return step
    action, changes = step.action, step.changes
    if action is Action.ADJUST and any(isinstance(each, Fill) for each in changes):
        action = Action.REPLACE
    if isinstance(step.found, PinnedMap) and slot.map_id != step.found.id:
        changes += _put(step, slot)
        action = Action.ADJUST if action is Action.KEEP else action
    if slot.refusal and not action.is_idle:
        return refuse(step.wanted, step.found, changes, slot.refusal)
    return replace(step, action=action, changes=changes)


def beside_new_maps(steps: Sequence[MapStep]) -> List[MapStep]:
    """Return the steps, each in view of the maps that the others make."""
    made = {step.wanted.path for step in steps if step.action in (Action.CREATE, *REPLACING)}
    emptied = {step.wanted.path for step in steps if step.action in (Action.CREATE, Action.REPLACE)}
    return [_beside(step, made, emptied) for step in steps]


def lacking(steps: Sequence[MapStep]) -> Iterator[Problem]:
    """Yield a problem for each map that is neither pinned nor declared, and that one needs."""
    for index, step in enumerate(steps):
        slot, swap = _slot_of(step), step.wanted.swap
        if slot is not None and swap is not None and slot.is_missing and not swap.is_declared:
            text = f"{step.wanted.path}: entries_swap: {swap.outer}: {NO_OUTER}"
            yield Problem(text, (index,), Cure.EARLIER_TASK)
        for each in _lacking(step):
            yield Problem(f"{step.wanted.path}: {each}", (index,), Cure.EARLIER_TASK)


def _slot_of(step: MapStep) -> Optional[Slot]:
    if isinstance(step.found, Nothing):
        return step.found.slot
    return step.found.details.slot if isinstance(step.found, PinnedMap) else None


def _lacking(step: MapStep) -> Sequence[str]:
    if isinstance(step.found, Nothing):
        return step.found.lacking
    return step.found.details.lacking if isinstance(step.found, PinnedMap) else ()


def _beside(step: MapStep, made: Collection[str], emptied: Collection[str]) -> MapStep:
    if step.action not in (Action.KEEP, Action.ADJUST) or not isinstance(step.found, PinnedMap):
        return step
    if step.wanted.swap is not None:
        is_there = any(isinstance(each, PutInSlot) for each in step.changes)
        if is_there or step.wanted.swap.outer not in emptied:
            return step
        changes = step.changes + _put(step, Slot())
        return replace(step, action=Action.ADJUST, changes=changes)
    return _holding(step, step.found, made)


def _holding(step: MapStep, found: PinnedMap, made: Collection[str]) -> MapStep:
    """Return the step, where maps that are made anew are to be in a map of maps that is there."""
    content, there = step.wanted.content, found.details.entries
    if content is None or there is None or not set(content.paths) & {*made}:
        return step
    known = {key for key, _value in (*there.missing, *there.different)}
    anew = content.pairs.among({*content.keys_of(made)} - known)
    if not anew:
        return step
    entries = there._replace(different=content.pairs.of([*there.different, *anew]))
    new = found._replace(details=found.details._replace(entries=entries))
    others = tuple(each for each in step.changes if not isinstance(each, Fill))
    changes = fill_drift(step.wanted, new) + others
    return replace(step, found=new, action=Action.ADJUST, changes=changes)


def _put(step: MapStep, slot: Slot) -> Changes:
    outer = step.wanted.swap.outer if step.wanted.swap else ""
    have = "no map" if slot.map_id is None else f"another map (id {slot.map_id})"
    return (PutInSlot("entries_swap", f"this map, in its slot of {outer}", have),)


NO_OUTER = (
    "no map is pinned there: whoever makes the map of maps comes first; or declare it, too, in the "
    "same list of maps"
)
