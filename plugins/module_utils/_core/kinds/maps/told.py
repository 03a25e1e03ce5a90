# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is told of declared entries: counts, and the first of them where that is asked for."""

from __future__ import annotations

from itertools import islice
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
    if not content.is_known:
        return {"declared": None, **dict.fromkeys(_WORDS)}
    is_done = outcome.state is State.DONE and not outcome.error
    difference = _difference(step, content) if is_done else None
    told: Dict[str, Any] = {"declared": content.count}
    if difference is None:
        return {**told, **dict.fromkeys(_WORDS)}
    told.update(zip(_WORDS, difference.counts))
    if content.is_shown:
        shown = (
            content.shown(islice(difference.missing, _MOST)),
            content.shown(islice(difference.different, _MOST)),
            content.shown_keys(difference.extra[:_MOST]),
        )
        told["shown"] = dict(zip(_WORDS, shown))
    return told


def _difference(step: MapStep, content: WantedContent) -> Optional[Difference]:
    """What differs; None where that is not known: entries that a migration takes along count."""
    there = step.found.details.entries if isinstance(step.found, PinnedMap) else None
    if step.wanted.swap is not None and there is not None:
        return there  # beside what was in the map before
    if step.action in (Action.CREATE, Action.REPLACE):
        return Difference(missing=content.pairs)
    if step.action in (Action.KEEP, Action.ADJUST) and isinstance(step.found, PinnedMap):
        return step.found.details.entries
    return None


_WORDS = ("added", "updated", Action.REMOVE.value)
_MOST = 20  # entries of each kind
