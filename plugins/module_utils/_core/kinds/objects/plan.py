# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each object that is to be pinned. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Iterator, Tuple, cast

from ...engine.kind import Observed
from ...engine.steps import Action, Change, Plan, Step
from ...people import Awaited, People
from ...shape import is_stranger
from ..pins.access import access_drift, of_a_stranger, strangers_drift
from ..pins.declaration import OnMismatch
from ..pins.exposure import Caution, Remedy
from ..pins.observed import Found, MountedPin, NotAPin, Nothing
from ..pins.plan import taken_by_mount
from .declaration import WantedObject
from .observed import KernelObject, Resolution, Unresolved

ObjectStep = Step[WantedObject, Found]
ObjectPlan = Plan[WantedObject, Found]

if TYPE_CHECKING:
    from ..pins.forecast import Forecast


def expecting(observed: Observed, awaited: Awaited) -> Observed:
    """Return `observed` with the objects that a task before may load; they are `awaited`."""
    expected = []
    for each, found in observed.items:
        if isinstance(each.object, Unresolved) and each.object.may_come:
            awaited[f"{each.path}: {each.object.reason}"] = None
            kind = each.reference.kind or ""
            coming = KernelObject(kind, 0, "", f"{each.reference}, which is still to come")
            each = replace(each, object=coming)
        expected.append((each, found))
    return observed._replace(items=expected)


def made_meanwhile(observed: Observed, forecast: Forecast) -> Observed:
    """Return `observed` with what the same declaration makes, for what it is."""
    made = {
        **dict.fromkeys(forecast.pins, "map"),
        **dict.fromkeys(forecast.programs, "prog"),
        **dict.fromkeys(forecast.links, "link"),
    }
    if not (made or forecast.mounts):
        return observed
    items = []
    for each, found in observed.items:
        reference = each.reference
        if reference.by == "path" and reference.value in made:
            kind = made[str(reference.value)]
            label = f"the {kind} that is to be at {reference.value}"
            each = replace(each, object=KernelObject(kind, 0, "", label))
        elif reference.by == "path" and forecast.mount_of(str(reference.value)):
            each = replace(each, object=Unresolved(no_source(str(reference.value))))
        items.append((each, found))
    return observed._replace(items=items)


def no_source(path: str) -> str:
    """Return what is said of a source that is not there."""
    return f"source {path} does not exist: pin it first, or name another object"


def known(step: ObjectStep) -> KernelObject:
    """Return the object of a step that is not refused."""
    return cast(KernelObject, step.wanted.object)


def sources(decided: ObjectPlan) -> Iterator[Caution]:
    """Yield a caution for each source whose owner may let it lead to another object."""
    people = decided.context.people
    for step in decided.steps:
        meant = step.wanted.object
        if step.action is Action.REFUSE or not isinstance(meant, KernelObject):
            continue
        pin = meant.pin
        if pin is not None and is_stranger(pin.owner, step.wanted.access.owner, people.task):
            text = (
                f"{step.wanted.reference} belongs to {people.user(pin.owner)}, who decides what it "
                "leads to: give the id, if it has to be this object"
            )
            yield Caution(step.wanted.path, text)


def decide(wanted: WantedObject, found: Found, people: People) -> ObjectStep:
    """Return what makes the name lead to the object."""
    meant = cast(Resolution, wanted.object)
    if isinstance(meant, Unresolved):
        return _refuse(wanted, found, (), meant.reason)
    if isinstance(found, Nothing):
        return Step(wanted, found, Action.CREATE)
    drift = (Change("object", meant.label, found.label),)
    if isinstance(found, MountedPin):
        pin = found.pin
        if not found.fits_there or (pin.kind, pin.id) != (meant.kind, meant.id):
            return _refuse(wanted, found, drift, taken_by_mount(found))
        found = pin
    if isinstance(found, NotAPin):
        return _refuse(
            wanted,
            found,
            drift,
            f"the name is taken by {found.what}, and only pins are replaced: move it away, or "
            "declare another name",
        )
    is_strangers = is_stranger(found.entry.owner, wanted.access.owner, people.task)
    if is_strangers:
        access = strangers_drift(wanted.access, found.entry, people)
    else:
        access = access_drift(wanted.access, found.entry, people)
    if (found.kind, found.id) == (meant.kind, meant.id):
        if is_strangers and wanted.access.owner is None:
            reason = of_a_stranger(found.entry, people)
            return _refuse(wanted, found, access, reason + _A_PIN_OF_YOUR_OWN)
        return Step(wanted, found, Action.ADJUST if access else Action.KEEP, access)
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return Step(wanted, found, Action.REPLACE, drift + access)
    return _refuse(
        wanted,
        found,
        drift,
        f"the pin holds {found.label}, not {meant.label}. To keep what it holds, first pin that "
        "under another name; then set on_mismatch: replace to pin the declared object here. Or "
        "declare what is there",
    )


def _refuse(
    wanted: WantedObject, found: Found, drift: Tuple[Change, ...], reason: str
) -> ObjectStep:
    return Step(wanted, found, Action.REFUSE, drift, reason)


def held_open(_step: ObjectStep) -> Remedy:
    """Return what helps when others may hold the object open."""
    return _HELD_OPEN


_HELD_OPEN = Remedy(*["only another object, loaded anew, is out of their reach"] * 2)
_A_PIN_OF_YOUR_OWN = (
    "; if not, remove it with ebpf.pinning.bpf_pin_absent, or declare the owner that it is to have"
)
