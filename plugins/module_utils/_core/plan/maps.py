# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each wanted map. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..found.pins import (
    NO_DETAILS,
    NOTHING,
    DirectorySeen,
    Found,
    NotAPin,
    Nothing,
    Picture,
    PinnedMap,
)
from ..map_types import map_type_name
from ..shape import ROOT, UNDECLARED, Drift, MapBtf, MapShape, is_stranger
from ..spec.maps import MapSpec, WantedPin
from ..spec.names import OnMismatch
from ..uapi import flag_names
from .access import (
    access_drift,
    directory_drift,
    in_a_strangers_directory,
    of_a_stranger,
    strangers_directory,
    strangers_drift,
    with_strangers,
)
from .exposure import Remedy
from .migration import obstacles, with_btf_of
from .names import NamePlan, plan_for


class Create(NamedTuple):
    """Make the map and give it its name."""

    wanted: WantedPin
    drift: Tuple[Drift, ...] = ()

    @property
    def action(self) -> str:
        return "created"


class Keep(NamedTuple):
    """All is as declared."""

    wanted: WantedPin
    found: PinnedMap
    drift: Tuple[Drift, ...] = ()

    @property
    def action(self) -> str:
        return "unchanged"


@dataclass(frozen=True)
class Adjust:
    """The map fits; owner, group, mode or frozen do not, and can be set in place."""

    wanted: WantedPin
    found: PinnedMap
    drift: Tuple[Drift, ...]
    action = "adjusted"


@dataclass(frozen=True)
class Replace:
    """Another map takes the name."""

    wanted: WantedPin
    found: PinnedMap
    drift: Tuple[Drift, ...]
    action = "replaced"


@dataclass(frozen=True)
class Migrate(Replace):
    """Another map takes the name, with the entries of the one before."""

    action = "migrated"

    @property
    def map(self) -> MapSpec:
        """The new map: the old one's BTF stays if it still describes it."""
        return with_btf_of(self.wanted.map, self.found)


@dataclass(frozen=True)
class Refuse:
    """What is there does not fit, and nobody said that it may go."""

    wanted: WantedPin
    found: Found
    drift: Tuple[Drift, ...]
    reason: str
    action = "incompatible"


Step = Union[Create, Keep, Adjust, Replace, Migrate, Refuse]


MapPlan = NamePlan[Step]

HELD_OPEN = Remedy(
    "set on_mismatch: migrate to pin a copy in its place, or replace to pin an empty map",
    "to be sure, remove the pin with ebpf.pinning.bpf_pin_absent and run again, which makes a "
    "new, empty map",
)


def plan(pins: Sequence[WantedPin], picture: Picture, *, parents: bool) -> MapPlan:
    """Decide about all `pins`. `parents`: missing directories may be made."""
    user = picture.user
    steps = [decide(pin, found, user) for pin, found in zip(pins, picture.found)]
    barred = with_strangers(picture.directories, user)
    if barred:
        steps = [_barred(step, barred, user) for step in steps]
    refusals = [f"{step.wanted.path}: {step.reason}" for step in steps if isinstance(step, Refuse)]
    busy = {step.wanted.directory for step in steps if not isinstance(step, (Keep, Refuse))}
    staging = {step.wanted.directory for step in steps if _is_staged(step)}
    return plan_for(steps, picture.directories, refusals, busy, staging, user, parents=parents)


def _barred(step: Step, barred: Mapping[str, DirectorySeen], user: int) -> Step:
    """Nothing is pinned where somebody whom nobody has declared may put another pin."""
    wanted = step.wanted
    if wanted.directory not in barred:
        return step
    level = strangers_directory(barred[wanted.directory], wanted.access.owner, user)
    if level is None:
        return step
    found = NOTHING if isinstance(step, Create) else step.found
    drift = (*directory_drift(level, user), *step.drift)
    return Refuse(wanted, found, drift, in_a_strangers_directory(level, user))


def _is_staged(step: Step) -> bool:
    """Whether a pin is made ready before it takes its name."""
    if isinstance(step, Create):
        return step.wanted.access is not UNDECLARED
    return isinstance(step, Replace)


def decide(wanted: WantedPin, found: Found, user: int = ROOT) -> Step:
    """What makes `found` into `wanted`. `user` is the uid of the task."""
    if isinstance(found, Nothing):
        return Create(wanted)
    if not isinstance(found, PinnedMap):
        what = found.what if isinstance(found, NotAPin) else found.label
        return Refuse(
            wanted,
            found,
            (Drift("object", "map", what),),
            f"the name is taken by {what}, and only maps are replaced: "
            "move it away, or declare another name",
        )
    if wanted.map.shape == found.shape and found.details is NO_DETAILS:
        drift: Tuple[Drift, ...] = ()  # the usual case, and a thousand times
    else:
        drift = _map_drift(wanted, found)
    owner = found.entry.owner
    if owner and is_stranger(owner, wanted.access.owner, user):
        return _step_for_a_strangers(wanted, found, drift, user)
    if drift:
        return _step_for(wanted, found, drift)
    if wanted.access is not UNDECLARED or wanted.frozen:
        drift = access_drift(wanted.access, found.entry) + _freeze_drift(wanted, found)
    return Adjust(wanted, found, drift) if drift else Keep(wanted, found)


def _step_for(wanted: WantedPin, found: PinnedMap, drift: Tuple[Drift, ...]) -> Step:
    """What to do about a map of another shape."""
    if wanted.on_mismatch is OnMismatch.FAIL:
        return Refuse(wanted, found, drift, _mismatch(found, drift))
    all_drift = drift + access_drift(wanted.access, found.entry)
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return Replace(wanted, found, all_drift)
    reasons = "; ".join(obstacles(wanted, found))
    if reasons:
        return Refuse(wanted, found, drift, _mismatch(found, drift, reasons))
    return Migrate(wanted, found, all_drift)


def _step_for_a_strangers(
    wanted: WantedPin, found: PinnedMap, drift: Tuple[Drift, ...], user: int
) -> Step:
    """What to do about the map of somebody whom the declaration does not name.

    Who made it may hold it open. So it is never taken as it is, and nothing is inherited from it.
    """
    access = strangers_drift(wanted.access, found.entry, user)
    is_undeclared = wanted.access.owner is None
    if wanted.on_mismatch is OnMismatch.FAIL or (is_undeclared and not drift):
        if not (is_undeclared or drift):
            return Adjust(wanted, found, access + _freeze_drift(wanted, found))
        reasons = [_mismatch(found, drift)] if drift else []
        if is_undeclared:
            reasons.append(of_a_stranger(found.entry, user) + _A_MAP_OF_YOUR_OWN)
        return Refuse(wanted, found, drift + access, ". Besides, ".join(reasons))
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return Replace(wanted, found, drift + access)
    reasons = list(obstacles(wanted, found))
    if reasons:
        return Refuse(
            wanted, found, drift + access, _mismatch(found, drift + access, "; ".join(reasons))
        )
    return Migrate(wanted, found, drift + access)


def unverified(step: Step) -> List[str]:
    """Declared fields that the kernel does not report, so that nobody can tell if they fit."""
    if not isinstance(step, (Keep, Adjust)):
        return []
    fields = [] if step.wanted.map.numa_node is None else ["numa_node"]
    if step.wanted.map.inner is not None and step.found.details.inner_fits is None:
        fields.append("inner_map")
    details = step.found.details
    if step.wanted.map.btf is not None and (details.btf_hidden or details.btf_refused):
        fields.append("btf")
    return fields


def _map_drift(wanted: WantedPin, found: PinnedMap) -> Tuple[Drift, ...]:
    spec, details = wanted.map, found.details
    drift = [] if spec.shape == found.shape else _shape_drift(spec, found.shape)
    if spec.inner is not None and details.inner_fits is False:
        held = "another shape" if details.inner is None else spell_shape(details.inner)
        drift.append(Drift("inner_map", spell_shape(spec.inner.shape), held))
    is_known = not (details.btf_hidden or details.btf_refused)
    if spec.btf is not None and is_known and not _same_btf(spec.btf, details.btf):
        want, have = _spell_btf(spec.btf), _spell_btf(details.btf)
        drift.append(Drift("btf", want, "another layout" if have == want else have))
    if wanted.frozen is False and details.frozen:
        drift.append(Drift("frozen", False, True))
    return tuple(drift)


def _shape_drift(spec: MapSpec, have: MapShape) -> List[Drift]:
    want = spec.shape
    drift = []
    if want.number != have.number:
        drift.append(Drift("type", map_type_name(want.number), map_type_name(have.number)))
    for field in ("key_size", "value_size", "max_entries"):
        if getattr(want, field) != getattr(have, field):
            drift.append(Drift(field, getattr(want, field), getattr(have, field)))
    # dev_map_init_map and the like set flags of their own, which nobody can ask for.
    flags = have.flags & ~spec.kind.kernel_flags
    if want.flags != flags:
        drift.append(Drift("flags", flag_names(want.flags), flag_names(flags)))
    if want.map_extra != have.map_extra:
        drift.append(Drift("map_extra", want.map_extra, have.map_extra))
    return drift


def _same_btf(want: MapBtf, have: Optional[MapBtf]) -> bool:
    return have is not None and all(
        want.types.same_type(one, have.types, other)
        for one, other in zip(want.type_ids, have.type_ids)
    )


def _spell_btf(btf: Optional[MapBtf]) -> str:
    return "none" if btf is None else " -> ".join(map(btf.types.describe, btf.type_ids))


def _freeze_drift(wanted: WantedPin, found: PinnedMap) -> Tuple[Drift, ...]:
    if wanted.frozen and not found.details.frozen:
        return (Drift("frozen", True, False),)
    return ()


def spell_shape(shape: MapShape) -> str:
    """A shape in one line, for messages."""
    text = (
        f"{map_type_name(shape.number)} key_size={shape.key_size} "
        f"value_size={shape.value_size} max_entries={shape.max_entries}"
    )
    if shape.flags:
        text += f" flags={','.join(flag_names(shape.flags))}"
    return text


def spell_drift(drift: Sequence[Drift]) -> str:
    """All differences in one line: "max_entries: want 2, have 1; ..."."""
    return "; ".join(
        f"{each.field}: want {_spell(each.want)}, have {_spell(each.have)}" for each in drift
    )


def _spell(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mismatch(found: PinnedMap, drift: Sequence[Drift], obstacle: str = "") -> str:
    migration = f"It cannot be migrated: {obstacle}. " if obstacle else ""
    return (
        f"the pinned map (id {found.id}) is not as declared: {spell_drift(drift)}. {migration}"
        "Declare what is there, or set on_mismatch: replace to pin a new, empty map instead"
    )


_A_MAP_OF_YOUR_OWN = (
    "; if not, remove it with ebpf.pinning.bpf_pin_absent, or declare owner and on_mismatch: "
    "migrate, or replace, to pin a map of your own in its place"
)
