# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Decide, predict, apply: for every kind in the same way."""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

from ..advice import ActsOn
from ..errors import TROUBLE, Problems, explained
from ..values import NamedTuple
from .kind import Kind, Observed, Session, failed
from .steps import Action, AnyStep, Outcome, Plan, Problem, Result, Site, State

AnyKind = Kind[Any, Any, Any]
AnyPlan = Plan[Any, Any]
Act = Callable[[AnyKind, AnyPlan], Result]  # predict, apply


class Verdict(NamedTuple):
    """How items stand that are decided together, or what became of them."""

    wanted: Sequence[Any]
    plan: Optional[AnyPlan] = None
    result: Optional[Result] = None  # None where nothing was to be done, or nothing can be
    error: str = ""  # why it could not be looked at


def plan(kind: AnyKind, observed: Observed) -> AnyPlan:
    """Decide about all items. Pure."""
    context = observed.context
    steps = [kind.decide(wanted, found, context) for wanted, found in observed.items]
    steps = kind.agree(steps, context)
    problems = [
        Problem(kind.refusal(step), (index,))
        for index, step in enumerate(steps)
        if step.action is Action.REFUSE
    ]
    problems += kind.problems(steps, context)
    return Plan(steps, problems, kind.sites(steps, context), context)


def predict(kind: AnyKind, plan: AnyPlan) -> Result:
    """Return the result that `apply` will have, as far as it can be known: check mode."""
    result = Result(list(map(kind.predict, plan.steps)), plan.makes, plan.clears)
    in_turn = [index for _site, indexes in _in_turn(kind, plan) for index in indexes]
    for done, index in enumerate(in_turn):
        outcome = result.outcomes[index]
        if outcome.error:
            result.error = kind.failure(outcome.step, outcome.error)
            for later in in_turn[done + 1 :]:
                result.outcomes[later] = Outcome(plan.steps[later], State.NOT_DONE)
            worked_at = {kind.site_of(plan.steps[each]) for each in in_turn[:done]}
            sites = [site for site in plan.sites if site.key in worked_at]
            result.made = [path for path in plan.makes if any(path in each.makes for each in sites)]
            break
    return result


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
            result.fail(error)
        if result.error:
            session.take_back()
        result.made, result.cleared = session.made, session.cleared
    kind.finish(result.outcomes)
    return result


def each(
    kind: AnyKind, batches: Iterable[Sequence[Any]], act: Act, forecast: Any = None
) -> Iterator[Verdict]:
    """Observe, decide and `act` (predict, apply) batch by batch: one failure stops no other.

    With a `forecast`, decide about what is observed as it will be then.
    """
    for wanted in batches:
        try:
            observed = kind.observe(wanted)
            decided = plan(kind, kind.expect(observed, forecast) if forecast else observed)
            acts = not (decided.problems or all(step.is_idle for step in decided.steps))
            result = act(kind, decided) if acts else None
        except TROUBLE as error:
            yield Verdict(wanted, error=explained(error))
        else:
            yield Verdict(wanted, decided, result)


def _carry_out(kind: AnyKind, plan: AnyPlan, session: Session, result: Result) -> str:
    """Do it, site by site; return the first error, empty when there was none."""
    for site, indexes in _in_turn(kind, plan):
        if not indexes and not site.clears:
            continue
        with session.open(site) as opened:
            for index in indexes:
                outcome = result.outcomes[index] = _attempt(kind, plan.steps[index], opened)
                if outcome.error:
                    return kind.failure(outcome.step, outcome.error)
    return ""


def _in_turn(kind: AnyKind, plan: AnyPlan) -> List[Tuple[Site, List[int]]]:
    """Return the sites in order, each with the indexes of the steps to carry out there.

    A site comes again for each later turn in which there is something to do.
    """
    turns: Dict[int, Dict[Hashable, List[int]]] = {0: {}}
    for index, step in enumerate(plan.steps):
        if not step.is_idle:
            busy = turns.setdefault(kind.turn_of(step), {})
            busy.setdefault(kind.site_of(step), []).append(index)
    return [
        (site, turns[turn].get(site.key, []))
        for turn in sorted(turns)
        for site in plan.sites
        if not turn or site.key in turns[turn]
    ]


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
