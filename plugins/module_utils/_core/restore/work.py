# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at what manifests declare, and put back what is missing. Replaces and removes nothing."""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import Callable, Iterator, List, Mapping, NamedTuple, Optional

from .. import boot, fstab_file
from ..apply.maps import MapCraft
from ..apply.mounts import apply_mount
from ..apply.names import apply
from ..errors import TROUBLE, explained
from ..found.mounts import MountSeen
from ..found.pins import PinnedMap
from ..map_types import map_type_name
from ..observe.maps import observe
from ..observe.mounts import observe as observe_mount
from ..plan.exposure import cautions
from ..plan.maps import HELD_OPEN, Keep, MapPlan, Refuse, plan, spell_drift, ways_out
from ..plan.mounts import MountPlan, plan_mount
from ..spec.maps import WantedPin
from ..spec.mounts import WantedMount
from .manifest import Loaded, Manifest

IN_PLACE, RESTORED = "in place", "restored"
MISSING, DIFFERENT, FAILED = "missing", "different", "failed"


Roots = Mapping[str, Optional[int]]  # by path, who is declared to own the root of a mount


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
    roots = _declared_roots(loaded)
    for manifest in loaded.manifests:
        yield from _pins(manifest, roots, _pin_line)


def restore(loaded: Loaded, part: Part = Part.ALL) -> Iterator[Line]:
    """Put back what is missing, and set owner, group and mode. Trouble with one stops no other."""
    for manifest in loaded.manifests:
        yield from _mounts(manifest, _mount_line if part is Part.MAPS else _restore_mount)
    if part is not Part.MOUNTS:
        roots = _declared_roots(loaded)
        for manifest in loaded.manifests:
            yield from _pins(manifest, roots, _restore_pin)


def _mounts(manifest: Manifest, look: Callable[[WantedMount], Line]) -> Iterator[Line]:
    for mount in manifest.mounts:
        obstacle = manifest.obstacles.get(mount.path)
        yield Line(mount.path, "bpffs", FAILED, obstacle) if obstacle else look(mount)


def _declared_roots(loaded: Loaded) -> Roots:
    return {
        mount.path: mount.access.owner for manifest in loaded.manifests for mount in manifest.mounts
    }


def _pins(
    manifest: Manifest, roots: Roots, look: Callable[[WantedPin, MapPlan], Line]
) -> Iterator[Line]:
    for pin in manifest.pins:
        obstacle = manifest.obstacles.get(pin.path)
        declared = map_type_name(pin.map.shape.number)
        if obstacle:
            yield Line(pin.path, declared, FAILED, obstacle)
            continue
        try:
            yield look(pin, _plan(pin, roots))
        except TROUBLE as error:
            yield Line(pin.path, declared, FAILED, explained(error))


def _mount_line(wanted: WantedMount, decided: Optional[MountPlan] = None) -> Line:
    try:
        # The part of the unit that only looks may not mount, and does not need to.
        seen = replace(observe_mount(wanted.path), may_mount=True)
        decided = decided or plan_mount(wanted, seen)
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
        apply_mount(wanted, seen, decided, done, _source(wanted, seen))
    except TROUBLE as error:
        return Line(wanted.path, "bpffs", FAILED, explained(error))
    return before._replace(state=RESTORED, detail=", ".join(done))


def _source(wanted: WantedMount, seen: MountSeen) -> str:
    """With another than that of its entry in fstab, `mount -a` would mount a second one over it."""
    start = boot.look(wanted.path)
    content = fstab_file.glance(start.fstab)
    return boot.source_of_new(wanted.path, seen.bpffs, content, start)


def _plan(pin: WantedPin, roots: Roots) -> MapPlan:
    picture = observe([pin])
    # Who is declared to own a mount owns its root with good reason.
    directories = {
        path: replace(
            seen,
            levels=tuple(each for each in seen.levels if roots.get(each.path) != each.owner),
        )
        for path, seen in picture.directories.items()
    }
    return plan([pin], replace(picture, directories=directories), parents=True)


def _pin_line(pin: WantedPin, decided: MapPlan) -> Line:
    line = Line(pin.path, map_type_name(pin.map.shape.number), IN_PLACE)
    (step,) = decided.steps
    problems = [*decided.problems, *decided.not_mounted]
    if step.drift:
        detail = spell_drift(step.drift)
        if isinstance(step, Refuse) and isinstance(step.found, PinnedMap):
            detail += f". A restore leaves it; in the playbook: {ways_out(pin, step.found)}"
        return line._replace(state=DIFFERENT, detail=detail)
    if problems:
        return line._replace(state=FAILED, detail="; ".join(problems))
    return line if isinstance(step, Keep) else line._replace(state=MISSING)


def _restore_pin(pin: WantedPin, decided: MapPlan) -> Line:
    before = _pin_line(pin, decided)
    if before.state not in (MISSING, DIFFERENT) or isinstance(decided.steps[0], Refuse):
        return before
    result = apply(decided, MapCraft())
    if result.error:
        return before._replace(state=FAILED, detail=result.error)
    done = ", ".join(outcome.action for outcome in result.outcomes)
    detail = "; ".join([done, *(caution.text for caution in cautions(decided, HELD_OPEN))])
    return before._replace(state=RESTORED, detail=detail)
