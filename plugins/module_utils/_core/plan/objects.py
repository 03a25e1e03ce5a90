# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each object that is to be pinned. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple, Union

from ..found.objects import KernelObject, ObjectPicture, Resolution, Unresolved
from ..found.pins import Found, MountedPin, NotAPin, Nothing, Pin
from ..shape import Drift
from ..spec.fields import Awaited
from ..spec.names import OnMismatch
from ..spec.objects import WantedObject
from .access import access_drift
from .names import NamePlan, plan_for, taken_by_mount


@dataclass(frozen=True)
class PinObject:
    """Give the object its name."""

    wanted: WantedObject
    object: KernelObject
    drift: Tuple[Drift, ...] = ()
    action = "created"


@dataclass(frozen=True)
class KeepObject:
    """The name leads to the object already."""

    wanted: WantedObject
    object: KernelObject
    found: Pin
    drift: Tuple[Drift, ...] = ()
    action = "unchanged"


@dataclass(frozen=True)
class AdjustObject:
    """It does, but owner, group or mode are not as declared."""

    wanted: WantedObject
    object: KernelObject
    found: Pin
    drift: Tuple[Drift, ...]
    action = "adjusted"


@dataclass(frozen=True)
class ReplaceObject:
    """The name leads to another object, and is to lead to this one."""

    wanted: WantedObject
    object: KernelObject
    found: Pin
    drift: Tuple[Drift, ...]
    action = "replaced"


@dataclass(frozen=True)
class RefuseObject:
    """There is no such object, or the name is taken."""

    wanted: WantedObject
    found: Found
    drift: Tuple[Drift, ...]
    reason: str
    action = "incompatible"


ObjectStep = Union[PinObject, KeepObject, AdjustObject, ReplaceObject, RefuseObject]
ObjectPlan = NamePlan[ObjectStep]


def expecting(
    wanted: Sequence[WantedObject], picture: ObjectPicture, awaited: Awaited
) -> ObjectPicture:
    """As a task before may leave it: with the objects that may come, which are `awaited`."""
    resolutions: List[Resolution] = []
    for each, resolution in zip(wanted, picture.resolutions):
        if isinstance(resolution, Unresolved) and resolution.may_come:
            awaited[f"{each.path}: {resolution.reason}"] = None
            kind = each.reference.kind or ""
            resolution = KernelObject(kind, 0, "", f"{each.reference}, which is still to come")
        resolutions.append(resolution)
    return picture._replace(resolutions=resolutions)


def plan(wanted: Sequence[WantedObject], picture: ObjectPicture, *, parents: bool) -> ObjectPlan:
    """Decide about all objects. `parents`: missing directories may be made."""
    steps = [
        decide(each, resolution, found)
        for each, resolution, found in zip(wanted, picture.resolutions, picture.found)
    ]
    refusals = [
        f"{step.wanted.path}: {step.reason}" for step in steps if isinstance(step, RefuseObject)
    ]
    idle = (KeepObject, RefuseObject)
    busy = {step.wanted.directory for step in steps if not isinstance(step, idle)}
    return plan_for(steps, picture.directories, refusals, busy, parents=parents)


def decide(wanted: WantedObject, resolution: Resolution, found: Found) -> ObjectStep:
    """What makes the name lead to the object."""
    if isinstance(resolution, Unresolved):
        return RefuseObject(wanted, found, (), resolution.reason)
    if isinstance(found, Nothing):
        return PinObject(wanted, resolution)
    drift = (Drift("object", resolution.label, found.label),)
    if isinstance(found, MountedPin):
        pin = found.pin
        if not found.fits_there or (pin.kind, pin.id) != (resolution.kind, resolution.id):
            return RefuseObject(wanted, found, drift, taken_by_mount(found))
        found = pin
    if isinstance(found, NotAPin):
        return RefuseObject(
            wanted,
            found,
            drift,
            f"the name is taken by {found.what}, and only pins are replaced: move it away, or "
            "declare another name",
        )
    access = access_drift(wanted.access, found.entry)
    if (found.kind, found.id) == (resolution.kind, resolution.id):
        if access:
            return AdjustObject(wanted, resolution, found, access)
        return KeepObject(wanted, resolution, found)
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return ReplaceObject(wanted, resolution, found, drift + access)
    return RefuseObject(
        wanted,
        found,
        drift,
        f"the pin holds {found.label}, and is to hold {resolution.label}. Declare what is there; "
        "or set on_mismatch: replace to let the name lead to that one, and first pin what it holds "
        "now under another name if that is to stay",
    )
