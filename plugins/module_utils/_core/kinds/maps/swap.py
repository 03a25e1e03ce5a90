# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A new map takes a slot of a map of maps, and then its name.

Whoever is killed in between leaves two whole maps, both as declared once: the slot has the new one,
the name the old one. The next run finds that they differ, and puts a new map into both.
"""

from __future__ import annotations

from typing import Optional

from ...advice import ActsOn
from ...engine.steps import Outcome
from ...errors import TROUBLE, explained
from ...shape import Access
from ..pins.directory import PinDirectory
from ..pins.observed import PinnedMap
from .make import NewMap
from .slot import put
from .steps import MapStep


def create_in_slot(site: PinDirectory, outcome: Outcome, new: NewMap) -> Optional[Outcome]:
    """Put a new map into its slot, and name it; None when another run took the name."""
    step: MapStep = outcome.step
    put(step.wanted, new)
    try:
        is_named = site.create(new, step.wanted.name, step.wanted.access)
    except TROUBLE as error:
        return _half_done(outcome, error, _NO_NAME)
    return outcome if is_named else None


def replace_in_slot(
    site: PinDirectory, outcome: Outcome, new: NewMap, access: Access
) -> Optional[Outcome]:
    """Do the same in the place of another map; None when the name has yet another one by now."""
    step: MapStep = outcome.step
    name = step.wanted.name
    if not isinstance(step.found, PinnedMap):
        return None
    site.staging().pin(new, name, access)
    pin = site.open(name, step.found.entry.identity)
    if pin is None:
        return None
    with pin:
        put(step.wanted, new)
        try:
            site.staging().replace(name)
        except TROUBLE as error:
            return _half_done(outcome, error, _OLD_NAME)
    return outcome


def _half_done(outcome: Outcome, error: Exception, lack: str) -> Outcome:
    reason = explained(error, ActsOn.PIN)
    return outcome._replace(
        error=f"{reason}; the new map is in its slot, {lack}: run again, which makes that good"
    )


_NO_NAME = "but has no name yet"
_OLD_NAME = "while the name still has the old one"
