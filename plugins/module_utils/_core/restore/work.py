# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at what manifests declare, and put back what is missing. Replaces and removes nothing."""

from __future__ import annotations

import enum
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence

from ..apply.maps import MapCraft, Outcome
from ..apply.mounts import apply_mount
from ..apply.names import apply
from ..errors import TROUBLE
from ..kernel import explained
from ..map_types import map_type_name
from ..observe.maps import observe
from ..observe.mounts import observe as observe_mount
from ..plan.maps import Keep, MapPlan, Refuse, plan, spell_drift
from ..plan.mounts import plan_mount
from ..spec.maps import WantedPin
from ..spec.mounts import WantedMount
from .manifest import Loaded

IN_PLACE = "in place"


class Line(NamedTuple):
    """One declaration, and how it stands. `state` is short, `detail` says the rest."""

    path: str
    declared: str  # what it is: bpffs, or the type of the map
    state: str  # "in place", "missing", "different", "restored", "failed"
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.state in (IN_PLACE, "restored")


class Part(enum.Enum):
    """What to look at, or to put back."""

    ALL = "all"
    MOUNTS = "mounts"
    MAPS = "maps"


def survey(loaded: Loaded, part: Part = Part.ALL) -> Iterator[Line]:
    """How everything stands; changes nothing."""
    return _each(loaded, part, _mount_line, _pin_line)


def restore(loaded: Loaded, part: Part = Part.ALL) -> Iterator[Line]:
    """Put back what is missing, and set owner, group and mode. Trouble with one stops no other."""
    return _each(loaded, part, _restore_mount, _restore_pin)


def _each(
    loaded: Loaded,
    part: Part,
    mount_line: Callable[[WantedMount], Line],
    pin_line: Callable[[WantedPin], Line],
) -> Iterator[Line]:
    if part is not Part.MAPS:
        for manifest in loaded.manifests:
            yield from map(mount_line, manifest.mounts)
    if part is not Part.MOUNTS:
        for manifest in loaded.manifests:
            yield from map(pin_line, manifest.pins)


def _mount_line(wanted: WantedMount) -> Line:
    try:
        decided = plan_mount(wanted, observe_mount(wanted.path))
    except TROUBLE as error:
        return Line(wanted.path, "bpffs", "failed", explained(error))
    if decided.problems:
        return Line(wanted.path, "bpffs", "different", "; ".join(decided.problems))
    if decided.mount:
        return Line(wanted.path, "bpffs", "missing")
    if decided.drift:
        return Line(wanted.path, "bpffs", "different", spell_drift(decided.drift))
    return Line(wanted.path, "bpffs", IN_PLACE)


def _restore_mount(wanted: WantedMount) -> Line:
    before = _mount_line(wanted)
    if before.state not in ("missing", "different"):
        return before
    done: List[str] = []
    try:
        seen = observe_mount(wanted.path)
        decided = plan_mount(wanted, seen)
        if decided.problems:
            return before
        apply_mount(wanted, seen, decided, done)
    except TROUBLE as error:
        return before._replace(state="failed", detail=explained(error))
    return before._replace(state="restored", detail=", ".join(done))


def _plan(pin: WantedPin) -> MapPlan:
    return plan([pin], observe([pin]), parents=True)


def _pin_line(pin: WantedPin, decided: Optional[MapPlan] = None) -> Line:
    declared = map_type_name(pin.map.shape.number)
    try:
        decided = decided or _plan(pin)
    except TROUBLE as error:
        return Line(pin.path, declared, "failed", explained(error))
    (step,) = decided.steps
    problems = [*decided.problems, *decided.not_mounted]
    if isinstance(step, Keep) and not problems:
        return Line(pin.path, declared, IN_PLACE)
    if step.drift:
        return Line(pin.path, declared, "different", spell_drift(step.drift))
    return Line(pin.path, declared, "failed" if problems else "missing", "; ".join(problems))


def _restore_pin(pin: WantedPin) -> Line:
    try:
        decided = _plan(pin)
        before = _pin_line(pin, decided)
        if before.is_good or isinstance(decided.steps[0], Refuse) or before.state == "failed":
            return before
        result = apply(decided, MapCraft())
    except TROUBLE as error:
        return Line(pin.path, map_type_name(pin.map.shape.number), "failed", explained(error))
    if result.error:
        return before._replace(state="failed", detail=result.error)
    return before._replace(state="restored", detail=_done(result.outcomes))


def _done(outcomes: Sequence[Outcome]) -> str:
    return ", ".join(outcome.action for outcome in outcomes)
