# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about a map that is to be in a slot of a map of maps. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Mapping, Optional, Sequence

from ...engine.steps import Action, Cure, Problem
from ..pins.observed import Nothing, PinnedMap, Slot
from .steps import Changes, Fill, MapStep, PutInSlot, refuse


def in_slot(step: MapStep) -> MapStep:
    """Return the step, with what the slot adds to it.

    Other entries are in a new map, which takes the slot and then the name.
    """
    slot = slot_of(step)
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


def slot_of(step: MapStep) -> Optional[Slot]:
    """Return what was seen of the slot."""
    if isinstance(step.found, Nothing):
        return step.found.slot
    return step.found.details.slot if isinstance(step.found, PinnedMap) else None


def in_new_maps_of_maps(steps: Sequence[MapStep], made: Mapping[str, Action]) -> List[MapStep]:
    """Return the steps, where a map of maps is made anew, by path, its slots filled again."""
    return [
        _in_new(step) if step.wanted.swap and step.wanted.swap.outer in made else step
        for step in steps
    ]


def without_map_of_maps(steps: Sequence[MapStep]) -> Iterator[Problem]:
    """Yield a problem for each map whose map of maps is not there, and is not declared either."""
    for index, step in enumerate(steps):
        slot, swap = slot_of(step), step.wanted.swap
        if slot is not None and swap is not None and slot.is_missing and not swap.is_declared:
            text = f"{step.wanted.path}: entries_swap: {swap.outer}: {NO_OUTER}"
            yield Problem(text, (index,), Cure.EARLIER_TASK)


def _in_new(step: MapStep) -> MapStep:
    slot = Slot()
    if step.action is not Action.KEEP and step.action is not Action.ADJUST:
        return step
    if any(isinstance(each, PutInSlot) for each in step.changes):
        return step
    return replace(step, action=Action.ADJUST, changes=step.changes + _put(step, slot))


def _put(step: MapStep, slot: Slot) -> Changes:
    outer = step.wanted.swap.outer if step.wanted.swap else ""
    have = "no map" if slot.map_id is None else f"another map (id {slot.map_id})"
    return (PutInSlot("entries_swap", f"this map, in its slot of {outer}", have),)


NO_OUTER = (
    "no map is pinned there: whoever makes the map of maps comes first; or declare it, too, in the "
    "same list of maps"
)
