# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How a declared thing stands, in the words of the command. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, Sequence

from ..engine import steps
from ..engine.run import AnyPlan, Verdict
from ..engine.standing import FOUND, Standing
from ..engine.steps import Action, AnyStep, Change, Outcome
from ..kinds.directories.declaration import WantedDirectory
from ..kinds.entries.declaration import Filling
from ..kinds.links.declaration import WantedLink
from ..kinds.links.plan import held_open as links_held_open
from ..kinds.links.plan import is_waiting
from ..kinds.maps.declaration import WantedPin
from ..kinds.maps.mismatch import held_open, spell_drift, ways_out
from ..kinds.mounts.apply import MountDone
from ..kinds.objects.declaration import WantedObject
from ..kinds.objects.plan import held_open as objects_held_open
from ..kinds.pins.exposure import Remedy, cautions
from ..kinds.pins.observed import Nothing, PinnedMap
from ..kinds.programs.declaration import WantedProgram
from ..kinds.programs.plan import held_open as programs_held_open
from ..values import NamedTuple


class State(NamedTuple):
    """How an item stands, what is to be said of it, and what of it is not as declared."""

    standing: Standing
    detail: str = ""
    changes: Sequence[Change] = ()


def state_of(verdict: Verdict, index: int, *, restores: bool) -> State:
    """Return how the item of this index stands."""
    decided, result = verdict.plan, verdict.result
    if decided is None:
        return State(Standing.FAILED, verdict.error)
    step = decided.steps[index]
    if restores and result:
        outcome = result.outcomes[index]
        if outcome.error or outcome.state is not steps.State.DONE:
            return State(Standing.FAILED, result.error, step.changes)
        if step.is_idle:
            return State(Standing.IN_PLACE)
        return State(Standing.RESTORED, _done(decided, outcome))
    if _is_to_come(step):
        return State(Standing.MISSING, step.reason)
    is_refused = step.action is Action.REFUSE
    if step.changes and (is_refused or not (restores and decided.problems)):
        detail = spell_drift(step.changes) + (_left(step) if is_refused else "")
        return State(Standing.DIFFERENT, detail, step.changes)
    problems = [each.text for each in decided.problems if not each.items or index in each.items]
    if problems or (restores and decided.problems):
        return State(Standing.FAILED, "; ".join(problems or decided.texts()))
    return State(FOUND[step.action])


def _is_to_come(step: AnyStep) -> bool:
    return (
        isinstance(step.wanted, WantedLink) and isinstance(step.found, Nothing) and is_waiting(step)
    )


def _left(step: AnyStep) -> str:
    """Why a restore leaves it as it is."""
    if isinstance(step.wanted, WantedPin) and isinstance(step.found, PinnedMap):
        return f". A restore leaves it; in the playbook: {ways_out(step.wanted, step.found)}"
    if isinstance(step.wanted, (WantedProgram, WantedLink)):
        return f". {step.reason[:1].upper()}{step.reason[1:]}"
    return ""


def _done(decided: AnyPlan, outcome: Outcome) -> str:
    wanted = outcome.step.wanted
    if isinstance(outcome.after, MountDone):
        return ", ".join(outcome.after.done)
    if isinstance(wanted, WantedDirectory):
        return outcome.word
    others = {each.wanted.path for each in decided.steps if each.wanted is not wanted}
    told = [each for each in cautions(decided, _REMEDIES[type(wanted)]) if each.path not in others]
    return "; ".join([outcome.word, *(each.text for each in told)])


_REMEDIES: Dict[type, Callable[[Any], Remedy]] = {
    WantedPin: held_open,
    Filling: held_open,
    WantedProgram: programs_held_open,
    WantedLink: links_held_open,
    WantedObject: objects_held_open,
}
