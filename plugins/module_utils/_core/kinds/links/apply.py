# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for links."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, List, Optional, Sequence

from ...engine.kind import Observed
from ...engine.steps import Action, Outcome, Problem, Site
from ...values import NamedTuple
from ..pins.apply import PinKind
from ..pins.observe import observe_names, people_of
from ..pins.observed import Found, PinContext, PinnedLink
from ..pins.plan import unless_barred
from .declaration import WantedLink
from .observe import left_links, look_at, seen_of
from .plan import LinkPlan, LinkStep, decide, made_meanwhile, sparing
from .together import agreed

if TYPE_CHECKING:
    from ..pins.directory import PinDirectory
    from ..pins.forecast import Forecast


class LinkAfter(NamedTuple):
    """The link that is there, or was, and what it holds."""

    id: int
    prog_id: int


class LinkKind(PinKind[WantedLink, Found]):
    """How programs are attached, changed and detached."""

    def observe(self, wanted: Sequence[WantedLink], *, predicting: bool = False) -> Observed:
        found, directories = observe_names(wanted, look_at)
        left = left_links(directories)
        paths = {each.path for each in wanted if not each.is_absent}
        meant = [
            replace(each, seen=seen_of(each, pin, left, paths)) for each, pin in zip(wanted, found)
        ]
        return Observed(list(zip(meant, found)), self.context(meant, found, directories))

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        return made_meanwhile(super().expect(observed, forecast), forecast)

    def decide(self, wanted: WantedLink, found: Found, context: PinContext) -> LinkStep:
        decided = unless_barred(decide(wanted, found, context.people), context)
        return sparing(decided) if self.spares else decided

    def decide_again(self, step: LinkStep, site: PinDirectory) -> LinkStep:
        found = look_at(site.place, step.wanted)
        wanted = replace(step.wanted, seen=seen_of(step.wanted, found))
        decided = decide(wanted, found, people_of([wanted], [found]))
        return sparing(decided) if self.spares else decided

    def agree(self, steps: List[LinkStep], context: PinContext) -> List[LinkStep]:
        return agreed(steps)

    def problems(self, steps: Sequence[LinkStep], context: PinContext) -> Sequence[Problem]:
        return super().problems(steps, _of_use(steps, context))

    def sites(self, steps: Sequence[LinkStep], context: PinContext) -> Sequence[Site]:
        return super().sites(steps, _of_use(steps, context))

    def foretell(self, plan: LinkPlan, forecast: Forecast) -> None:
        making = (Action.CREATE, Action.REPLACE)
        forecast.links.update(step.wanted.path for step in plan.steps if step.action in making)

    def predict(self, step: LinkStep) -> Outcome:
        found = step.found
        if not isinstance(found, PinnedLink) or step.action is Action.REPLACE:
            return Outcome(step)
        return Outcome(step, after=LinkAfter(found.id, found.prog_id))

    def apply(self, step: LinkStep, site: PinDirectory) -> Optional[Outcome]:
        from . import change  # it takes long to load, and in most runs nothing is to be changed

        return change.carry_out(step, site)


def _of_use(steps: Sequence[LinkStep], context: PinContext) -> PinContext:
    """Return the same without directories in which links are to be gone, and are."""
    used = {step.wanted.directory for step in steps if step.action is not Action.MISS}
    return replace(
        context,
        directories={path: seen for path, seen in context.directories.items() if path in used},
    )
