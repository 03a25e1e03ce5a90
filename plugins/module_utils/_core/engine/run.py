# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Decide, predict, apply: for every kind in the same way."""

from __future__ import annotations

from typing import Any, Callable, Dict, Hashable, Iterable, Iterator, List, NamedTuple, Optional

from ..advice import ActsOn
from ..errors import TROUBLE, Problems, explained
from .kind import Kind, Observed, Session, failed
from .steps import Action, AnyStep, Outcome, Plan, Problem, Result, State

AnyKind = Kind[Any, Any, Any]
AnyPlan = Plan[Any, Any]


class Verdict(NamedTuple):
    """How one item stands, or what became of it."""

    wanted: Any
    plan: Optional[AnyPlan] = None
    result: Optional[Result] = None  # None where nothing was to be done, or nothing can be
    error: str = ""  # why it could not be looked at


def plan(kind: AnyKind, observed: Observed) -> AnyPlan:
    """Decide about all items. Pure."""
    context = observed.context
    steps = [kind.decide(wanted, found, context) for wanted, found in observed.items]
    problems = [
        Problem(kind.refusal(step), (index,))
        for index, step in enumerate(steps)
        if step.action is Action.REFUSE
    ]
    problems += kind.problems(steps, context)
    return Plan(steps, problems, kind.sites(steps, context), context)


def predict(kind: AnyKind, plan: AnyPlan) -> Result:
    """Return the result that `apply` will have if nothing goes wrong: check mode."""
    return Result(list(map(kind.predict, plan.steps)), plan.makes, plan.clears)


def apply(kind: AnyKind, plan: AnyPlan) -> Result:
    """Do what the plan says, up to the first failure, and tell what became of each step.

    Raises Problems, with nothing done, if the plan has any.
    """
    if plan.problems:
        raise Problems(plan.texts())
    result = Result(
        [
            kind.predict(step) if step.is_idle else Outcome(step, State.NOT_DONE)
            for step in plan.steps
        ]
    )
    with kind.session(plan) as session:
        try:
            result.error = _carry_out(kind, plan, session, result)
        except TROUBLE as error:
            result.error = explained(error)
        if result.error:
            session.take_back()
        result.made, result.cleared = session.made, session.cleared
    kind.finish(result.outcomes)
    return result


def each(
    kind: AnyKind, wanted: Iterable[Any], act: Callable[[AnyKind, AnyPlan], Result]
) -> Iterator[Verdict]:
    """Observe, decide and `act` (predict, apply) item by item: one failure stops no other."""
    for item in wanted:
        try:
            decided = plan(kind, kind.observe([item]))
            result = None if decided.is_idle or decided.problems else act(kind, decided)
        except TROUBLE as error:
            yield Verdict(item, error=explained(error))
        else:
            yield Verdict(item, decided, result)


def _carry_out(kind: AnyKind, plan: AnyPlan, session: Session, result: Result) -> str:
    """Do it, site by site; return the first error, empty when there was none."""
    busy: Dict[Hashable, List[int]] = {}
    for index, step in enumerate(plan.steps):
        if not step.is_idle:
            busy.setdefault(kind.site_of(step), []).append(index)
    for site in plan.sites:
        indexes = busy.get(site.key, [])
        if not indexes and not site.clears:
            continue
        with session.open(site) as opened:
            for index in indexes:
                outcome = result.outcomes[index] = _attempt(kind, plan.steps[index], opened)
                if outcome.error:
                    return kind.failure(outcome.step, outcome.error)
    return ""


def _attempt(kind: AnyKind, step: AnyStep, site: Any) -> Outcome:
    """Carry out a step; where another process was faster, decide again about what it left."""
    try:
        for _attempt in range(_ATTEMPTS):
            outcome = kind.apply(step, site)
            if outcome is not None:
                return outcome
            step = kind.decide_again(step, site)
            if step.is_idle:
                return kind.predict(step)
            if step.action is Action.REFUSE:
                return failed(step, step.reason)
    except TROUBLE as error:
        return failed(step, explained(error, ActsOn.PIN))
    return failed(
        step, "other processes change this pin all the time: find out which, then run again"
    )


_ATTEMPTS = 16
