# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Several kinds, one declaration: all is decided before the first change. Knows no kind."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Callable, Iterator, List, Optional, Sequence

from ..errors import TROUBLE, Problems, explained
from ..values import NamedTuple
from .run import AnyKind, AnyPlan, apply, plan, predict
from .steps import Outcome, Plan, Problem, Result, State


class Part:
    """What is declared of one kind. `forecast` is what kinds tell those that follow."""

    def __init__(self, name: str, kind: AnyKind, wanted: Sequence[Any]) -> None:
        self.name = name
        self.kind = kind
        self.wanted = wanted
        self.plan: AnyPlan = Plan(())

    def decide(self, forecast: Any, *, predicting: bool) -> None:
        """Observe and decide, given what earlier kinds will have done, and tell that later ones."""
        observed = self.kind.observe(self.wanted, predicting=predicting)
        self.plan = plan(self.kind, self.kind.expect(observed, forecast))
        self.kind.foretell(self.plan, forecast)

    @property
    def problems(self) -> Sequence[Problem]:
        """Return what keeps the plan from being carried out."""
        return self.plan.problems

    @property
    def is_idle(self) -> bool:
        """Return whether there is nothing to do."""
        return not self.plan.clears and all(step.is_idle for step in self.plan.steps)

    def act(self, *, predicting: bool) -> Result:
        """Carry the plan out, or tell what would become of it."""
        return (predict if predicting else apply)(self.kind, self.plan)


class Acted(NamedTuple):
    """A part, and what became of it."""

    part: Part
    result: Result


def decide_all(parts: Sequence[Part], forecast: Any, *, predicting: bool) -> List[str]:
    """Decide about all parts; return what could not be looked at. Their problems they keep."""
    errors: List[str] = []
    for part in parts:
        try:
            part.decide(forecast, predicting=predicting)
        except Problems as error:
            errors += error.problems
        except TROUBLE as error:
            errors.append(explained(error))
    return errors


def act_all(
    parts: Sequence[Part], new_forecast: Callable[[], Any], *, predicting: bool
) -> Iterator[Acted]:
    """Carry all plans out, up to the first failure.

    What only trying tells is tried before the first change. After a part that was not idle the
    next are decided again: what was foretold can be seen then.
    """
    with ExitStack() as rehearsed:
        refused = None if predicting else _rehearse(parts, rehearsed)
        acted, stopped = False, refused is not None
        for part in parts:
            if stopped:
                yield refused if refused and refused.part is part else Acted(part, _not_done(part))
                continue
            result = _act(part, new_forecast, anew=acted and not predicting, predicting=predicting)
            acted |= not part.is_idle
            stopped = bool(result.error)
            yield Acted(part, result)


def _rehearse(parts: Sequence[Part], rehearsed: ExitStack) -> Optional[Acted]:
    """Return the first part that something refuses, with the error; None if nothing does."""
    for part in parts:
        try:
            rehearsed.enter_context(part.kind.rehearsed(part.plan))
        except TROUBLE as error:
            result = _not_done(part)
            result.fail(error)
            return Acted(part, result)
    return None


def _act(part: Part, new_forecast: Callable[[], Any], *, anew: bool, predicting: bool) -> Result:
    try:
        if anew:
            part.decide(new_forecast(), predicting=False)
        return part.act(predicting=predicting)
    except TROUBLE as error:
        result = _not_done(part)
        result.fail(error)
        return result


def _not_done(part: Part) -> Result:
    return Result(
        [
            part.kind.predict(step) if step.is_idle else Outcome(step, State.NOT_DONE)
            for step in part.plan.steps
        ]
    )
