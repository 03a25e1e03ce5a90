# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about a map that is not as declared, or is somebody else's. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Sequence

from ...engine.steps import Action, Change, Step
from ...map_words import map_fields, spell_shape
from ...people import People
from ...shape import MapBtf, MapShape
from ..pins.access import access_drift, of_a_stranger, strangers_drift
from ..pins.declaration import OnMismatch
from ..pins.exposure import Remedy
from ..pins.observed import MapDetails, PinnedMap
from .declaration import MapSpec, ValueGrowth, WantedPin
from .migration import obstacles
from .steps import Changes, MapStep, does_not_fit, fill_drift, freeze_drift, is_btf_known, refuse


def map_drift(wanted: WantedPin, found: PinnedMap) -> Changes:
    spec, details = wanted.map, found.details
    drift = [] if spec.shape == found.shape else _shape_drift(spec.shape, found.shape)
    if spec.inner is not None and details.inner_fits is False:
        drift.append(_inner_drift(spec.inner, details))
    if spec.btf is not None and is_btf_known(details) and not _serves(wanted, spec.btf, details):
        want, have = _spell_btf(spec.btf), _spell_btf(details.btf)
        drift.append(Change("btf", want, "another layout" if have == want else have))
    if wanted.frozen is False and details.frozen:
        drift.append(Change("frozen", False, True))
    if details.frozen and wanted.swap is None:  # and so nobody can write what is declared
        drift += [Change(*vars(each).values()) for each in fill_drift(wanted, found)]
    return tuple(drift)


def _shape_drift(want: MapShape, have: MapShape) -> List[Change]:
    wanted, found = map_fields(want), map_fields(have)
    return [
        Change(field, wanted[field], found[field])
        for field in wanted
        if wanted[field] != found[field]
    ]


def _serves(wanted: WantedPin, want: MapBtf, details: MapDetails) -> bool:
    """Return whether the BTF that is there is that which is wanted, or need not be there."""
    if details.btf is None:
        return not (wanted.needs_btf or want.fields)
    return want.is_like(details.btf)


def _inner_drift(want: MapSpec, details: MapDetails) -> Change:
    wanted = spell_shape(want.shape) + _spell_fields(want.btf.fields if want.btf else ())
    if details.inner is not None:
        held = spell_shape(details.inner) + _spell_fields(details.inner_fields or ())
        return Change("inner_map", wanted, f"{held}, of another BTF" if held == wanted else held)
    if details.inner_fields == ():
        return Change("inner_map", wanted, "the same, but values without such fields")
    return Change("inner_map", wanted, "another shape, or values with other locks, timers or kptrs")


def _spell_fields(fields: Sequence[str]) -> str:
    return f", values with {', '.join(fields)}" if fields else ""


def _spell_btf(btf: Optional[MapBtf]) -> str:
    return "none" if btf is None else " -> ".join(map(btf.types.describe, btf.type_ids))


def step_for(wanted: WantedPin, found: PinnedMap, drift: Changes, people: People) -> MapStep:
    """Return what to do about a map of another shape."""
    if wanted.on_mismatch is OnMismatch.FAIL:
        return refuse(wanted, found, drift, _mismatch(wanted, found, drift))
    all_drift = drift + access_drift(wanted.access, found.entry, people)
    if wanted.on_mismatch is OnMismatch.REPLACE or wanted.swap is not None:
        # With a slot all entries are declared, so there are none to migrate.
        return Step(wanted, found, Action.REPLACE, all_drift)
    if any(obstacles(wanted, found)):
        return refuse(wanted, found, drift, _mismatch(wanted, found, drift))
    reason = does_not_fit(wanted, found)
    if reason:
        return refuse(wanted, found, drift, reason)
    return Step(wanted, found, Action.MIGRATE, all_drift)


def step_for_a_strangers(
    wanted: WantedPin, found: PinnedMap, drift: Changes, people: People
) -> MapStep:
    """Return what to do about the map of somebody whom the declaration does not name.

    Who made it may hold it open. So it is never taken as it is, and nothing is inherited from it.
    """
    access = strangers_drift(wanted.access, found.entry, people)
    is_undeclared = wanted.access.owner is None
    if wanted.on_mismatch is OnMismatch.FAIL or (is_undeclared and not drift):
        if not (is_undeclared or drift):
            changes = fill_drift(wanted, found) + access + freeze_drift(wanted, found)
            return Step(wanted, found, Action.ADJUST, changes)
        reasons = [_mismatch(wanted, found, drift)] if drift else []
        if is_undeclared:
            reasons.append(of_a_stranger(found.entry, people) + _map_of_your_own(wanted, found))
        return refuse(wanted, found, drift + access, ". Besides, ".join(reasons))
    if wanted.on_mismatch is OnMismatch.REPLACE or wanted.swap is not None:
        return Step(wanted, found, Action.REPLACE, drift + access)
    if any(obstacles(wanted, found)):
        reason = _mismatch(wanted, found, drift + access)
        return refuse(wanted, found, drift + access, reason)
    return Step(wanted, found, Action.MIGRATE, drift + access)


def spell_drift(drift: Sequence[Change]) -> str:
    """All differences in one line: "max_entries: want 2, have 1; ..."."""
    return "; ".join(
        f"{each.field}: want {_spell(each.want)}, have {_spell(each.have)}" for each in drift
    )


def _spell(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mismatch(wanted: WantedPin, found: PinnedMap, drift: Sequence[Change]) -> str:
    return (
        f"the pinned map (id {found.id}) is not as declared: {spell_drift(drift)}. "
        f"{ways_out(wanted, found)}"
    )


def ways_out(wanted: WantedPin, found: PinnedMap) -> str:
    """Return what a person can do about a map of another shape: first what keeps its entries."""
    padded = replace(wanted, value_growth=ValueGrowth.ZERO_PAD)
    for migrating in (wanted, padded) if wanted.on_mismatch is OnMismatch.FAIL else (wanted,):
        reasons = "; ".join(obstacles(migrating, found))
        if not reasons:
            return _KEEP_PADDED if migrating is padded else _KEEP
    return f"It cannot be migrated: {reasons}. {_START_EMPTY}"


def held_open(step: MapStep) -> Remedy:
    """Return what helps when others may hold the map open: first what keeps its entries."""
    is_copied = isinstance(step.found, PinnedMap) and not any(obstacles(step.wanted, step.found))
    return Remedy(_A_COPY if is_copied else _AN_EMPTY_MAP, _MADE_ANEW)


def _map_of_your_own(wanted: WantedPin, found: PinnedMap) -> str:
    return _OWN_EMPTY_MAP if any(obstacles(wanted, found)) else _OWN_COPY


# Until it is to be migrated nobody counts entries, or reads the BTF of their values.
_KEEP = (
    "Keep the entries: on_mismatch: migrate (role bpf_maps: bpf_maps_on_mismatch: migrate), which "
    "is refused unless all of them fit. Start empty: on_mismatch: replace. Or declare what is there"
)
_KEEP_PADDED = (
    "Keep the entries: on_mismatch: migrate and value_growth: zero_pad, which fills longer values "
    "up with zeros (role bpf_maps: bpf_maps_on_mismatch: migrate, bpf_maps_value_growth: zero_pad);"
    " it is refused unless all of them fit. Start empty: on_mismatch: replace. Or declare what is "
    "there"
)
_START_EMPTY = (
    "Declare what is there, or a shape that its entries go into. Start empty: on_mismatch: replace "
    "(role bpf_maps: bpf_maps_on_mismatch: replace)"
)
_OWN_COPY = (
    "; if not, declare owner and on_mismatch: migrate to pin a copy of your own in its place, or "
    "on_mismatch: replace to pin an empty map"
)
_OWN_EMPTY_MAP = (
    "; if not, declare owner and on_mismatch: replace to pin an empty map of your own in its place"
)
_A_COPY = "set on_mismatch: migrate to pin a copy in its place, or replace to pin an empty map"
_AN_EMPTY_MAP = "set on_mismatch: replace to pin an empty map in its place"
_MADE_ANEW = (
    "to be sure, remove the pin with ebpf.pinning.bpf_pin_absent and run again, which makes a "
    "new, empty map"
)
