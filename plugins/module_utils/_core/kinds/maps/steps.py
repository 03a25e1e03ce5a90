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


def refuse(wanted: WantedPin, found: Found, drift: Changes, reason: str) -> MapStep:
    return Step(wanted, found, Action.REFUSE, drift, reason)


def is_btf_known(details: MapDetails) -> bool:
    """Return whether it can be compared. A map has none if the kernel refuses the declared one."""
    return not details.btf_hidden and not (details.btf is None and details.without_btf)


def freeze_drift(wanted: WantedPin, found: PinnedMap) -> Changes:
    if wanted.frozen and not found.details.frozen:
        return (Freeze("frozen", True, False),)
    return ()
