# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each wanted map. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from typing import List

from ...engine.steps import Action, Change, Step
from ...people import People
from ...shape import UNDECLARED, is_stranger
from ..pins.access import access_drift
from ..pins.observed import NO_DETAILS, Found, MountedPin, NotAPin, Nothing, PinnedMap
from ..pins.plan import taken_by_mount
from .declaration import WantedPin
from .steps import Changes, MapStep, does_not_fit, fill_drift, freeze_drift, is_btf_known, refuse


def decide(wanted: WantedPin, found: Found, people: People) -> MapStep:
    """Return what makes `found` into `wanted`."""
    step = _decide(wanted, found, people)
    if wanted.swap is None:
        return step
    # Few maps have a slot, and each start would compile it.
    from .swap_plan import in_slot

    return in_slot(step)


def _decide(wanted: WantedPin, found: Found, people: People) -> MapStep:
    if isinstance(found, Nothing):
        return Step(wanted, found, Action.CREATE)
    if isinstance(found, MountedPin):
        return _decide_mounted(wanted, found, people)
    if not isinstance(found, PinnedMap):
        what = found.what if isinstance(found, NotAPin) else found.label
        return refuse(
            wanted,
            found,
            (Change("object", "map", what),),
            f"the name is taken by {what}, and only maps are replaced: "
            "move it away, or declare another name",
        )
    drift: Changes = ()
    owner = found.entry.owner
    is_strangers = bool(owner) and is_stranger(owner, wanted.access.owner, people.task)
    if wanted.map.shape != found.shape or found.details is not NO_DETAILS or is_strangers:
        # It takes 3 ms to load, and mostly a map is as declared.
        from . import mismatch

        drift = mismatch.map_drift(wanted, found)
        if is_strangers:
            return mismatch.step_for_a_strangers(wanted, found, drift, people)
        if drift:
            return mismatch.step_for(wanted, found, drift, people)
    if wanted.access is not UNDECLARED or wanted.frozen:
        drift = access_drift(wanted.access, found.entry, people) + freeze_drift(wanted, found)
    if wanted.content is not None:
        drift = fill_drift(wanted, found) + drift
        reason = "" if wanted.swap else does_not_fit(wanted, found)
        if reason:
            return refuse(wanted, found, drift, reason)
    return Step(wanted, found, Action.ADJUST if drift else Action.KEEP, drift)


def _decide_mounted(wanted: WantedPin, found: MountedPin, people: People) -> MapStep:
    """Programs find it by this name, too, but the name is that of the file below."""
    step = decide(wanted, found.pin, people)
    if found.fits_there and step.action in (Action.KEEP, Action.ADJUST):
        return step
    drift = step.changes if found.fits_there else (Change("object", "map", found.what),)
    return refuse(wanted, found, drift, taken_by_mount(found))


def unverified(step: MapStep) -> List[str]:
    """Declared fields that the kernel does not report, so that nobody can tell if they fit."""
    if step.action not in (Action.KEEP, Action.ADJUST) or not isinstance(step.found, PinnedMap):
        return []
    fields = [] if step.wanted.map.numa_node is None else ["numa_node"]
    if step.wanted.map.inner is not None and step.found.details.inner_fits is None:
        fields.append("inner_map")
    details = step.found.details
    if step.wanted.map.btf is not None and not is_btf_known(details):
        fields.append("btf")
    if step.wanted.content is not None and step.wanted.content.is_unreadable:
        fields.append("entries")
    return fields
