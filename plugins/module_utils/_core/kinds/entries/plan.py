# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about the entries of each map. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Union

from ...difference import NOT_KNOWN
from ...engine.kind import Observed
from ...engine.steps import Action, Change, Plan, Step
from ...people import Awaited, People
from ...shape import is_stranger
from ..maps.steps import Changes, Fill, fill_drift, overflow
from ..pins.access import strangers_directory
from ..pins.observed import NOTHING, Found, MountedPin, NotAPin, Nothing, PinContext, PinnedMap
from ..pins.plan import taken_by_mount
from .declaration import Filling, WantedEntries

EntriesStep = Step[Union[WantedEntries, Filling], Found]
EntriesPlan = Plan[Union[WantedEntries, Filling], Found]


def expecting(observed: Observed, awaited: Awaited) -> Observed:
    """Return `observed` with the pins that a task before may make; they are `awaited`."""
    items = []
    for wanted, found in observed.items:
        if isinstance(found, Nothing):
            awaited[f"{wanted.path}: {_NO_PIN}"] = None
            wanted = replace(wanted, is_awaited=True)
        items.append((wanted, found))
    return observed._replace(items=items)


def to_follow(wanted: WantedEntries) -> EntriesStep:
    """Return the step for entries of which nothing can be told before programs are loaded."""
    lack = (Fill("entries", f"as declared ({wanted.mode})", NOT_KNOWN),)
    return Step(replace(wanted, is_awaited=True), NOTHING, Action.ADJUST, lack)


def decide(wanted: WantedEntries, found: Found, context: PinContext) -> EntriesStep:
    """Return what brings the entries of the map to what is declared."""
    seen, people = context.directories[wanted.directory], context.people
    level = strangers_directory(seen, wanted.access.owner, people.task)
    if level is not None:
        what = f"the directory {level.path}"
        return _refuse(wanted, found, (), _of_a_stranger(what, level.owner, people))
    if isinstance(found, Nothing):
        lack = (Fill("entries", f"as declared ({wanted.mode})", "no map"),)
        if wanted.is_awaited or not seen.on_bpffs:  # there is a problem of its own for that
            return Step(wanted, found, Action.ADJUST, lack)
        return _refuse(wanted, found, lack, _NO_PIN)
    if not isinstance(found, PinnedMap):
        return _refuse(wanted, found, (Change("object", "map", found.label),), _no_map(found))
    return _decide_map(wanted, found, people)


def _decide_map(wanted: WantedEntries, found: PinnedMap, people: People) -> EntriesStep:
    filling = wanted.of(found.shape)
    drift = fill_drift(filling, found)
    if is_stranger(found.entry.owner, wanted.access.owner, people.task):
        reason = _of_a_stranger("the pin", found.entry.owner, people)
        return _refuse(filling, found, drift, reason)
    if not drift:
        return Step(filling, found, Action.KEEP)
    excess = overflow(filling, found)
    if found.details.frozen:
        return _refuse(filling, found, drift, f"{_FROZEN} ({drift[0].have})")
    if found.details.refusal:
        return _refuse(filling, found, drift, f"{_READ_ONLY}: {found.details.refusal}")
    if excess:
        return _refuse(filling, found, drift, f"{excess}: {_TOO_SMALL}")
    return Step(filling, found, Action.ADJUST, drift)


def _no_map(found: Found) -> str:
    if isinstance(found, MountedPin):
        return taken_by_mount(found)
    if isinstance(found, NotAPin):
        return f"there is {found.what}, not a pin: declare the path of the pin of a map"
    return f"the pin holds {found.label}, not a map: declare the path of the pin of a map"


def _of_a_stranger(what: str, owner: int, people: People) -> str:
    name = people.user(owner)
    return (
        f"{what} belongs to {name}, who may have another map get the entries, or read them: run "
        f"the task as that user (become_user: {name}); or, if it is meant, declare the map, too, "
        f"with ebpf.pinning.bpf_map_pinned and owner: {name}"
    )


def _refuse(
    wanted: Union[WantedEntries, Filling], found: Found, drift: Changes, reason: str
) -> EntriesStep:
    # Nothing of it can be set in place.
    changes = tuple(Change(*vars(each).values()) for each in drift)
    return Step(wanted, found, Action.REFUSE, changes, reason)


_NO_PIN = (
    "no map is pinned there: whoever makes it comes first, so start its loader before this task; "
    "or declare the map, too, with ebpf.pinning.bpf_map_pinned"
)
_FROZEN = (
    "the map is frozen, so its entries stay as they are for good: have its maker make a new one "
    "with these, or declare what is in it"
)
_READ_ONLY = "the entries are not as declared, and the pin may be read, but not written"
_TOO_SMALL = "have whoever makes the map make it larger (max_entries), or declare fewer"
