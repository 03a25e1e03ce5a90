# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What steps of maps are made of, whichever way they are decided. Pure."""

from __future__ import annotations

from typing import Tuple

from ...engine.steps import Action, Change, Plan, Step
from ..pins.observed import Found, MapDetails, PinnedMap
from .declaration import WantedPin

MapStep = Step[WantedPin, Found]
MapPlan = Plan[WantedPin, Found]
Changes = Tuple[Change, ...]


class Freeze(Change):
    """The map is to be closed to writes from user space, for good."""


class Fill(Change):
    """Entries are to be written or removed."""


class PutInSlot(Change):
    """The map is to be put into its slot of a map of maps."""


def refuse(wanted: WantedPin, found: Found, drift: Changes, reason: str) -> MapStep:
    return Step(wanted, found, Action.REFUSE, drift, reason)


def is_btf_known(details: MapDetails) -> bool:
    """Return whether it can be compared. A map has none if the kernel refuses the declared one."""
    return not details.btf_hidden and not (details.btf is None and details.without_btf)


def fill_drift(wanted: WantedPin, found: PinnedMap) -> Changes:
    difference = found.details.entries
    if wanted.content is None or difference is None or difference.is_none:
        return ()
    if found.details.frozen and not difference.is_known:
        return ()  # nobody can say that it is not as declared
    return (Fill("entries", f"as declared ({wanted.content.mode.value})", difference.words),)


def does_not_fit(wanted: WantedPin, found: PinnedMap) -> str:
    """Return why the declared entries have no room beside those that are there; "" if they do."""
    excess = overflow(wanted, found)
    way = _KEEPING if wanted.map.kind.kin else _ANEW  # entries of some types cannot be copied
    return excess and f"{excess}: {way}"


def overflow(wanted: WantedPin, found: PinnedMap) -> str:
    """Return how many entries are too many; "" if none are."""
    difference = found.details.entries
    if difference is None or difference.total is None or wanted.map.kind.evicts:
        return ""
    total, new, most = difference.total, len(difference.missing), wanted.map.shape.max_entries
    if total + new <= most or (wanted.map.kind.kin and wanted.map.kind.kin.indexed):
        return ""
    going = len(difference.extra)
    leaving = f", {going} go only after that" if going else ""
    return f"{total} entries are there, {new} are to be added{leaving}, and max_entries is {most}"


def freeze_drift(wanted: WantedPin, found: PinnedMap) -> Changes:
    if wanted.frozen and not found.details.frozen:
        return (Freeze("frozen", True, False),)
    return ()


_KEEPING = "raise max_entries (on_mismatch: migrate keeps the entries), or declare fewer"
_ANEW = "raise max_entries (on_mismatch: replace makes a new map with these), or declare fewer"
