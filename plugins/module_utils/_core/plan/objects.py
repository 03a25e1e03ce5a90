# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each object that is to be pinned. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Mapping, Sequence, Tuple, Union

from ..found.objects import KernelObject, ObjectPicture, Resolution, Unresolved
from ..found.pins import NOTHING, DirectorySeen, Found, MountedPin, NotAPin, Nothing, Pin
from ..shape import ROOT, UNDECLARED, Drift, is_stranger
from ..spec.fields import Awaited, user_name
from ..spec.names import OnMismatch
from ..spec.objects import WantedObject
from .access import (
    access_drift,
    directory_drift,
    in_a_strangers_directory,
    of_a_stranger,
    strangers_directory,
    strangers_drift,
    with_strangers,
)
from .exposure import Caution, Remedy
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

HELD_OPEN = Remedy(*["only another object, loaded anew, is out of their reach"] * 2)


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
    user = picture.user
    steps = [
        decide(each, resolution, found, user)
        for each, resolution, found in zip(wanted, picture.resolutions, picture.found)
    ]
    barred = with_strangers(picture.directories, user)
    if barred:
        steps = [_barred(step, barred, user) for step in steps]
    refusals = [
        f"{step.wanted.path}: {step.reason}" for step in steps if isinstance(step, RefuseObject)
    ]
    idle = (KeepObject, RefuseObject)
    busy = {step.wanted.directory for step in steps if not isinstance(step, idle)}
    staging = {step.wanted.directory for step in steps if _is_staged(step)}
    return plan_for(steps, picture.directories, refusals, busy, staging, user, parents=parents)


def _barred(step: ObjectStep, barred: Mapping[str, DirectorySeen], user: int) -> ObjectStep:
    """Nothing is pinned where somebody whom nobody has declared may put another pin."""
    wanted = step.wanted
    if wanted.directory not in barred:
        return step
    level = strangers_directory(barred[wanted.directory], wanted.access.owner, user)
    if level is None:
        return step
    found = NOTHING if isinstance(step, PinObject) else step.found
    drift = (*directory_drift(level, user), *step.drift)
    return RefuseObject(wanted, found, drift, in_a_strangers_directory(level, user))


def _is_staged(step: ObjectStep) -> bool:
    """Whether a pin is made ready before it takes its name."""
    if isinstance(step, PinObject):
        return step.wanted.access is not UNDECLARED
    return isinstance(step, ReplaceObject)


def sources(decided: ObjectPlan) -> Iterator[Caution]:
    """Of objects that are found by a pin whose owner may let it lead to another one."""
    for step in decided.steps:
        pin = None if isinstance(step, RefuseObject) else step.object.pin
        if pin is not None and is_stranger(pin.owner, step.wanted.access.owner, decided.user):
            text = (
                f"{step.wanted.reference} belongs to {user_name(pin.owner)}, who decides what it "
                "leads to: give the id, if it has to be this object"
            )
            yield Caution(step.wanted.path, text)


def decide(
    wanted: WantedObject, resolution: Resolution, found: Found, user: int = ROOT
) -> ObjectStep:
    """What makes the name lead to the object. `user` is the uid of the task."""
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
    is_strangers = is_stranger(found.entry.owner, wanted.access.owner, user)
    if is_strangers:
        access = strangers_drift(wanted.access, found.entry, user)
    else:
        access = access_drift(wanted.access, found.entry)
    if (found.kind, found.id) == (resolution.kind, resolution.id):
        if is_strangers and wanted.access.owner is None:
            reason = of_a_stranger(found.entry, user)
            return RefuseObject(wanted, found, access, reason + _A_PIN_OF_YOUR_OWN)
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


_A_PIN_OF_YOUR_OWN = (
    "; if not, remove it with ebpf.pinning.bpf_pin_absent, or declare the owner that it is to have"
)
