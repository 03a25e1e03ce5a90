# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for maps."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, cast

from ...engine.kind import Observed, failed
from ...engine.steps import Action, Outcome, Problem, State
from ..pins.apply import PinKind
from ..pins.observe import people_of
from ..pins.observed import Found, Nothing, PinContext, PinnedMap
from ..pins.plan import REPLACING, unless_barred
from .declaration import WantedPin
from .observe import observe, observe_pin, with_others
from .outcome import MapAfter, warnings_of
from .plan import decide
from .steps import MapPlan, MapStep

if TYPE_CHECKING:
    from ..pins.directory import PinDirectory
    from ..pins.forecast import Forecast


class MapKind(PinKind[WantedPin, Found]):
    """How maps are made, replaced, migrated and adjusted."""

    def observe(self, wanted: Sequence[WantedPin], *, predicting: bool = False) -> Observed:
        found, directories = observe(wanted, predicting=predicting)
        return Observed(list(zip(wanted, found)), self.context(wanted, found, directories))

    def decide(self, wanted: WantedPin, found: Found, context: PinContext) -> MapStep:
        return unless_barred(decide(wanted, found, context.people), context)

    def decide_again(self, step: MapStep, site: PinDirectory) -> MapStep:
        wanted = step.wanted
        found = with_others(wanted, observe_pin(site.place, wanted))
        return decide(wanted, found, people_of([wanted], [found]))

    def agree(self, steps: List[MapStep], context: PinContext) -> List[MapStep]:
        if not any(step.wanted.turn for step in steps):
            return steps
        from .swap_plan import beside_new_maps

        return beside_new_maps(steps)

    def turn_of(self, step: MapStep) -> int:
        return step.wanted.turn

    def problems(self, steps: Sequence[MapStep], context: PinContext) -> Sequence[Problem]:
        found = super().problems(steps, context)
        if not any(step.wanted.turn for step in steps):
            return found
        from .swap_plan import lacking

        return [*found, *lacking(steps)]

    def foretell(self, plan: MapPlan, forecast: Forecast) -> None:
        making = (Action.CREATE, *REPLACING)
        forecast.pins.update(step.wanted.path for step in plan.steps if step.action in making)

    def predict(self, step: MapStep) -> Outcome:
        found = step.found
        if step.action is Action.KEEP:  # most are, and are told of
            there = cast(PinnedMap, found)
            return Outcome(step, State.DONE, "", MapAfter(there.id, there.name, there.shape))
        if isinstance(found, Nothing):
            if found.refusal:
                return failed(step, found.refusal)
            return Outcome(step, warnings=warnings_of(step, found.without_btf))
        if not isinstance(found, PinnedMap):
            return Outcome(step)
        if step.action in REPLACING and found.details.refusal:
            return failed(step, found.details.refusal)
        contents = found.details.contents if step.action is Action.MIGRATE else None
        copied = contents.entries if contents else None
        after = MapAfter(found.id, found.name, found.shape, copied)
        replaces = step.action in REPLACING
        warnings = warnings_of(step, found.details.without_btf) if replaces else ()
        return Outcome(step, after=after, warnings=warnings)

    def apply(self, step: MapStep, site: PinDirectory) -> Optional[Outcome]:
        if step.action is Action.CREATE:
            return _creating()(site, step)
        from . import change

        found = cast(PinnedMap, step.found)
        if step.action is Action.MIGRATE:
            return change.migrate(site, step, found)
        if step.action is Action.REPLACE:
            return change.replace(site, step, found)
        pin = site.open(step.wanted.name, found.entry.identity)
        if pin is None:
            return None
        with pin:
            error = change.adjust_pin(pin, step)
        return self.predict(step)._replace(error=error)


@lru_cache(maxsize=None)
def _creating() -> Callable[[PinDirectory, MapStep], Optional[Outcome]]:
    # It takes 30 ms to load, and in most runs nothing is to be changed.
    from .change import create

    return create
