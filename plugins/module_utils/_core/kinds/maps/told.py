# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is told of declared entries: counts, and the first of them where that is asked for."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ...difference import Difference
from ...engine.steps import Action, Outcome, State
from ..pins.observed import PinnedMap
from .content import WantedContent
from .steps import MapStep


def told_of(outcome: Outcome) -> Dict[str, Any]:
    """Return how many entries are declared, and how many were or would be written or removed."""
    step: MapStep = outcome.step
    content = step.wanted.content
    if content is None:
        return {}
    is_done = outcome.state is State.DONE and not outcome.error
    difference = _difference(step, content) if is_done else None
    told: Dict[str, Any] = {"declared": content.count}
    if difference is None:
        return {**told, **dict.fromkeys(_WORDS)}
    found = list(zip(_WORDS, (difference.missing, difference.different, difference.extra)))
    told.update((word, len(keys)) for word, keys in found)
    if content.is_shown:
        told["shown"] = {
            word: content.shown(keys[:_MOST], with_values=keys is not difference.extra)
            for word, keys in found
        }
    return told


def _difference(step: MapStep, content: WantedContent) -> Optional[Difference]:
    """What differs; None where that is not known: entries that a migration takes along count."""
    there = step.found.details.entries if isinstance(step.found, PinnedMap) else None
    if step.wanted.swap is not None and there is not None:
        return there  # beside what was in the map before
    if step.action in (Action.CREATE, Action.REPLACE):
        return Difference(missing=content.keys)
    if step.action in (Action.KEEP, Action.ADJUST) and isinstance(step.found, PinnedMap):
        return step.found.details.entries
    return None


_WORDS = ("added", "updated", Action.REMOVE.value)
_MOST = 20  # entries of each kind
