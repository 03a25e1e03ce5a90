# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for programs."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, cast

from ...engine.kind import Observed, Session
from ...engine.steps import Outcome
from ..pins.apply import PinKind
from ..pins.observe import people_of
from ..pins.observed import Found, PinContext, PinnedProg
from ..pins.plan import unless_barred
from .declaration import WantedProgram
from .observe import look_at, map_ids, observe
from .observed import ProgramAfter
from .plan import (
    LOADING,
    ProgramPlan,
    ProgramStep,
    decide,
    loaded_together,
    sparing,
    with_coming_maps,
)

if TYPE_CHECKING:
    from ..pins.directory import PinDirectory
    from ..pins.forecast import Forecast
    from .change import Loading


class ProgramKind(PinKind[WantedProgram, Found]):
    """How programs are loaded, and take their names."""

    _loading: Optional[Loading] = None

    def observe(self, wanted: Sequence[WantedProgram], *, predicting: bool = False) -> Observed:
        known, found, directories = observe(wanted)
        return Observed(list(zip(known, found)), self.context(known, found, directories))

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        return with_coming_maps(super().expect(observed, forecast), forecast)

    def foretell(self, plan: ProgramPlan, forecast: Forecast) -> None:
        forecast.programs.update(step.wanted.path for step in plan.steps if step.action in LOADING)

    def decide(self, wanted: WantedProgram, found: Found, context: PinContext) -> ProgramStep:
        return unless_barred(decide(wanted, found, context.people), context)

    def agree(self, steps: List[ProgramStep], context: PinContext) -> List[ProgramStep]:
        agreed = loaded_together(steps)
        return sparing(agreed) if self.spares else agreed

    def decide_again(self, step: ProgramStep, site: PinDirectory) -> ProgramStep:
        wanted = replace(step.wanted, map_ids=map_ids(step.wanted.load, {}))
        found = look_at(site.place, wanted)
        decided = decide(wanted, found, people_of([wanted], [found]))
        return sparing([decided])[0] if self.spares else decided

    def predict(self, step: ProgramStep) -> Outcome:
        found = step.found
        if isinstance(found, PinnedProg) and step.action not in LOADING:
            return Outcome(step, after=ProgramAfter(found.id, found.tag, found.type))
        return Outcome(step)

    @contextmanager
    def rehearsed(self, plan: ProgramPlan) -> Iterator[None]:
        if self._loading is not None or not any(step.action in LOADING for step in plan.steps):
            yield
            return
        # With the loader it takes 20 ms to load, and mostly there is nothing to load.
        from .change import Loading

        with Loading.begun(plan.steps) as self._loading:
            try:
                yield
            finally:
                self._loading = None

    @contextmanager
    def session(self, plan: ProgramPlan) -> Iterator[Session]:
        with self.rehearsed(plan):
            if self._loading is not None:
                self._loading.load_all(plan.steps)
            with super().session(plan) as session:
                yield session

    def apply(self, step: ProgramStep, site: PinDirectory) -> Optional[Outcome]:
        if step.action in LOADING:
            if self._loading is None:
                with self.rehearsed(ProgramPlan([step])):
                    return cast("Loading", self._loading).pin(step, site)
            return self._loading.pin(step, site)
        from ..pins.directory import adjust

        pin = site.open(step.wanted.name, cast(PinnedProg, step.found).entry.identity)
        if pin is None:
            return None
        with pin:
            error = adjust(pin, step.wanted.access)
        return self.predict(step)._replace(error=error)
