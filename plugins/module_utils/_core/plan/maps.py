# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about each wanted map. Pure: reads nothing, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..found.pins import (
    NO_DETAILS,
    NOTHING,
    DirectorySeen,
    Found,
    MapDetails,
    MountedPin,
    NotAPin,
    Nothing,
    Picture,
    PinnedMap,
)
from ..map_types import map_type_name, settable_flags
from ..shape import ROOT, UNDECLARED, Drift, MapBtf, MapShape, is_stranger
from ..spec.maps import MapSpec, ValueGrowth, WantedPin
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
from .names import NamePlan, plan_for, taken_by_mount


class Create(NamedTuple):
    """Make the map and give it its name."""

    wanted: WantedPin
    without_btf: str = ""  # why this kernel does not take the BTF; only foreseen
    refusal: str = ""  # why it does not make the map; only foreseen
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
        return Create(wanted, found.without_btf, found.refusal)
    if isinstance(found, MountedPin):
        return _decide_mounted(wanted, found, user)
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


def _decide_mounted(wanted: WantedPin, found: MountedPin, user: int) -> Step:
    """Programs find it by this name, too, but the name is that of the file below."""
    step = decide(wanted, found.pin, user)
    if found.fits_there and isinstance(step, (Keep, Adjust)):
        return step
    drift = step.drift if found.fits_there else (Drift("object", "map", found.what),)
    return Refuse(wanted, found, drift, taken_by_mount(found))


def _step_for(wanted: WantedPin, found: PinnedMap, drift: Tuple[Drift, ...]) -> Step:
    """What to do about a map of another shape."""
    if wanted.on_mismatch is OnMismatch.FAIL:
        return Refuse(wanted, found, drift, _mismatch(wanted, found, drift))
    all_drift = drift + access_drift(wanted.access, found.entry)
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return Replace(wanted, found, all_drift)
    if any(obstacles(wanted, found)):
        return Refuse(wanted, found, drift, _mismatch(wanted, found, drift))
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
        reasons = [_mismatch(wanted, found, drift)] if drift else []
        if is_undeclared:
            reasons.append(of_a_stranger(found.entry, user) + _A_MAP_OF_YOUR_OWN)
        return Refuse(wanted, found, drift + access, ". Besides, ".join(reasons))
    if wanted.on_mismatch is OnMismatch.REPLACE:
        return Replace(wanted, found, drift + access)
    if any(obstacles(wanted, found)):
        reason = _mismatch(wanted, found, drift + access)
        return Refuse(wanted, found, drift + access, reason)
    return Migrate(wanted, found, drift + access)


def unverified(step: Step) -> List[str]:
    """Declared fields that the kernel does not report, so that nobody can tell if they fit."""
    if not isinstance(step, (Keep, Adjust)):
        return []
    fields = [] if step.wanted.map.numa_node is None else ["numa_node"]
    if step.wanted.map.inner is not None and step.found.details.inner_fits is None:
        fields.append("inner_map")
    details = step.found.details
    if step.wanted.map.btf is not None and not _is_btf_known(details):
        fields.append("btf")
    return fields


def _map_drift(wanted: WantedPin, found: PinnedMap) -> Tuple[Drift, ...]:
    spec, details = wanted.map, found.details
    drift = [] if spec.shape == found.shape else _shape_drift(spec, found.shape)
    if spec.inner is not None and details.inner_fits is False:
        drift.append(_inner_drift(spec.inner, details))
    if spec.btf is not None and _is_btf_known(details) and not _same_btf(spec.btf, details.btf):
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
    flags = settable_flags(have.number, have.flags)
    if want.flags != flags:
        drift.append(Drift("flags", flag_names(want.flags), flag_names(flags)))
    if want.map_extra != have.map_extra:
        drift.append(Drift("map_extra", want.map_extra, have.map_extra))
    return drift


def _same_btf(want: MapBtf, have: Optional[MapBtf]) -> bool:
    return have is not None and want.is_like(have)


def _is_btf_known(details: MapDetails) -> bool:
    """Whether it can be compared. A map has none where the kernel refuses what is declared."""
    return not details.btf_hidden and not (details.btf is None and details.without_btf)


def _inner_drift(want: MapSpec, details: MapDetails) -> Drift:
    wanted = spell_shape(want.shape) + _spell_fields(want.btf.fields if want.btf else ())
    if details.inner is not None:
        held = spell_shape(details.inner) + _spell_fields(details.inner_fields or ())
        return Drift("inner_map", wanted, f"{held}, of another BTF" if held == wanted else held)
    if details.inner_fields == ():
        return Drift("inner_map", wanted, "the same, but values without such fields")
    return Drift("inner_map", wanted, "another shape, or values with other locks, timers or kptrs")


def _spell_fields(fields: Sequence[str]) -> str:
    return f", values with {', '.join(fields)}" if fields else ""


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
    flags = settable_flags(shape.number, shape.flags)
    if flags:
        text += f" flags={','.join(flag_names(flags))}"
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


def _mismatch(wanted: WantedPin, found: PinnedMap, drift: Sequence[Drift]) -> str:
    return (
        f"the pinned map (id {found.id}) is not as declared: {spell_drift(drift)}. "
        f"{ways_out(wanted, found)}"
    )


def ways_out(wanted: WantedPin, found: PinnedMap) -> str:
    """What a person can do about a map of another shape: first what keeps its entries."""
    padded = replace(wanted, value_growth=ValueGrowth.ZERO_PAD)
    for migrating in (wanted, padded) if wanted.on_mismatch is OnMismatch.FAIL else (wanted,):
        reasons = "; ".join(obstacles(migrating, found))
        if not reasons:
            return _KEEP_PADDED if migrating is padded else _KEEP
    return f"It cannot be migrated: {reasons}. {_START_EMPTY}"


# Until it is to be migrated nobody counts entries, or reads the BTF of their values.
_KEEP = (
    "Keep its entries: on_mismatch: migrate (role bpf_maps: bpf_maps_on_mismatch: migrate), which "
    "is refused unless all of them fit. Start empty: on_mismatch: replace. Or declare what is there"
)
_KEEP_PADDED = (
    "Keep its entries: on_mismatch: migrate and value_growth: zero_pad, which fills longer values "
    "up with zeros (role bpf_maps: bpf_maps_on_mismatch: migrate, bpf_maps_value_growth: zero_pad);"
    " it is refused unless all of them fit. Start empty: on_mismatch: replace. Or declare what is "
    "there"
)
_START_EMPTY = (
    "Declare what is there, or a shape that its entries go into. Start empty: on_mismatch: replace "
    "(role bpf_maps: bpf_maps_on_mismatch: replace)"
)
_A_MAP_OF_YOUR_OWN = (
    "; if not, remove it with ebpf.pinning.bpf_pin_absent, or declare owner and on_mismatch: "
    "migrate, or replace, to pin a map of your own in its place"
)
