# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at what manifests declare, and put back what is missing. Replaces and removes nothing."""

from __future__ import annotations

import enum
from typing import Callable, Iterator, List, NamedTuple, Optional

from ..apply.maps import MapCraft
from ..apply.mounts import apply_mount
from ..apply.names import apply
from ..errors import TROUBLE
from ..map_types import map_type_name
from ..observe.maps import observe
from ..observe.mounts import observe as observe_mount
from ..plan.exposure import cautions
from ..plan.maps import HELD_OPEN, Keep, MapPlan, Refuse, plan, spell_drift
from ..plan.mounts import MountPlan, plan_mount
from ..spec.maps import WantedPin
from ..spec.mounts import WantedMount
from ..syscall import explained
from .manifest import Loaded, Manifest

IN_PLACE, RESTORED = "in place", "restored"
MISSING, DIFFERENT, FAILED = "missing", "different", "failed"


class Line(NamedTuple):
    """One declaration, and how it stands. `state` is short, `detail` says the rest."""

    path: str
    declared: str  # what it is: bpffs, or the type of the map
    state: str
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.state in (IN_PLACE, RESTORED)


class Part(enum.Enum):
    """What to put back."""

    ALL = "all"
    MOUNTS = "mounts"
    MAPS = "maps"  # the mounts are looked at


def survey(loaded: Loaded) -> Iterator[Line]:
    """How everything stands; changes nothing."""
    for manifest in loaded.manifests:
        yield from _mounts(manifest, _mount_line)
    for manifest in loaded.manifests:
        yield from _pins(manifest, _pin_line)


def restore(loaded: Loaded, part: Part = Part.ALL) -> Iterator[Line]:
    """Put back what is missing, and set owner, group and mode. Trouble with one stops no other."""
    for manifest in loaded.manifests:
        yield from _mounts(manifest, _mount_line if part is Part.MAPS else _restore_mount)
    if part is not Part.MOUNTS:
        for manifest in loaded.manifests:
            yield from _pins(manifest, _restore_pin)


def _mounts(manifest: Manifest, look: Callable[[WantedMount], Line]) -> Iterator[Line]:
    for mount in manifest.mounts:
        obstacle = manifest.obstacles.get(mount.path)
        yield Line(mount.path, "bpffs", FAILED, obstacle) if obstacle else look(mount)


def _pins(manifest: Manifest, look: Callable[[WantedPin], Line]) -> Iterator[Line]:
    for pin in manifest.pins:
        obstacle = manifest.obstacles.get(pin.path)
        declared = map_type_name(pin.map.shape.number)
        yield Line(pin.path, declared, FAILED, obstacle) if obstacle else look(pin)


def _mount_line(wanted: WantedMount, decided: Optional[MountPlan] = None) -> Line:
    try:
        decided = decided or plan_mount(wanted, observe_mount(wanted.path))
    except TROUBLE as error:
        return Line(wanted.path, "bpffs", FAILED, explained(error))
    if decided.problems:
        return Line(wanted.path, "bpffs", FAILED, "; ".join(decided.problems))
    if decided.mount:
        return Line(wanted.path, "bpffs", MISSING)
    if decided.drift:
        return Line(wanted.path, "bpffs", DIFFERENT, spell_drift(decided.drift))
    return Line(wanted.path, "bpffs", IN_PLACE)


def _restore_mount(wanted: WantedMount) -> Line:
    done: List[str] = []
    try:
        seen = observe_mount(wanted.path)
        decided = plan_mount(wanted, seen)
        before = _mount_line(wanted, decided)
        if before.state not in (MISSING, DIFFERENT):
            return before
        apply_mount(wanted, seen, decided, done)
    except TROUBLE as error:
        return Line(wanted.path, "bpffs", FAILED, explained(error))
    return before._replace(state=RESTORED, detail=", ".join(done))


def _plan(pin: WantedPin) -> MapPlan:
    return plan([pin], observe([pin]), parents=True)


def _pin_line(pin: WantedPin, decided: Optional[MapPlan] = None) -> Line:
    line = Line(pin.path, map_type_name(pin.map.shape.number), IN_PLACE)
    try:
        decided = decided or _plan(pin)
    except TROUBLE as error:
        return line._replace(state=FAILED, detail=explained(error))
    (step,) = decided.steps
    problems = [*decided.problems, *decided.not_mounted]
    if step.drift:
        return line._replace(state=DIFFERENT, detail=spell_drift(step.drift))
    if problems:
        return line._replace(state=FAILED, detail="; ".join(problems))
    return line if isinstance(step, Keep) else line._replace(state=MISSING)


def _restore_pin(pin: WantedPin) -> Line:
    try:
        decided = _plan(pin)
        before = _pin_line(pin, decided)
        if before.state not in (MISSING, DIFFERENT) or isinstance(decided.steps[0], Refuse):
            return before
        result = apply(decided, MapCraft())
    except TROUBLE as error:
        failed = Line(pin.path, map_type_name(pin.map.shape.number), FAILED)
        return failed._replace(detail=explained(error))
    if result.error:
        return before._replace(state=FAILED, detail=result.error)
    done = ", ".join(outcome.action for outcome in result.outcomes)
    detail = "; ".join([done, *(caution.text for caution in cautions(decided, HELD_OPEN))])
    return before._replace(state=RESTORED, detail=detail)
