# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for maps."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Tuple

from .. import kernel
from ..advice import ActsOn
from ..bpffs import Place
from ..errors import TROUBLE, explained
from ..found.pins import PinnedMap
from ..make_map import NewMap, make_map
from ..objects import name_of, shape_of
from ..observe.maps import observe_pin
from ..plan.access import inherited
from ..plan.maps import Adjust, Create, Keep, Migrate, Refuse, Replace, Step, decide
from ..shape import MapShape
from ..spec.maps import WantedPin
from ..syscall import Fd, KernelError
from ..uapi import BPF_F_RDONLY
from .catching_up import CaughtUp, catch_up
from .copying import copy, ends
from .names import Craft, Work, adjust


class Outcome(NamedTuple):
    """What became of one step. `action` may differ from the plan's when another run was first."""

    step: Step
    action: str
    id: Optional[int] = None
    kernel_name: str = ""
    shape: Optional[MapShape] = None
    error: str = ""
    copied: Optional[int] = None  # entries
    caught_up: Optional[int] = None  # entries that changed while they were copied
    warnings: Tuple[str, ...] = ()


class MapCraft(Craft[Step, Outcome]):
    """How maps are made, replaced, migrated and adjusted."""

    def wanted(self, step: Step) -> WantedPin:
        return step.wanted

    def is_idle(self, step: Step) -> bool:
        return isinstance(step, Keep)

    def foreseen(self, step: Step) -> Outcome:
        if isinstance(step, Create):
            if step.refusal:
                return self.failed(step, step.refusal)
            return Outcome(step, step.action, warnings=_warnings(step, step.without_btf))
        found = step.found
        if not isinstance(found, PinnedMap):
            return Outcome(step, step.action)
        if isinstance(step, Replace) and found.details.refusal:
            return self.failed(step, found.details.refusal)
        contents = found.details.contents if isinstance(step, Migrate) else None
        copied = contents.entries if contents else None
        warnings = _warnings(step, found.details.without_btf) if isinstance(step, Replace) else ()
        return Outcome(
            step, step.action, found.id, found.name, found.shape, copied=copied, warnings=warnings
        )

    def not_done(self, step: Step) -> Outcome:
        return Outcome(step, "not_done")

    def failed(self, step: Step, error: str) -> Outcome:
        return Outcome(step, "failed", error=error)

    def error_of(self, outcome: Outcome) -> str:
        return outcome.error

    def decide_again(self, place: Place, step: Step) -> Step:
        return decide(step.wanted, observe_pin(place, step.wanted), os.geteuid())

    def attempt(self, work: Work, step: Step) -> Optional[Outcome]:
        if isinstance(step, Keep):
            return self.foreseen(step)
        if isinstance(step, Create):
            return _create(work, step)
        if isinstance(step, Migrate):
            return _migrate(work, step)
        if isinstance(step, Replace):
            return _replace(work, step)
        if isinstance(step, Refuse):
            return self.failed(step, step.reason)
        return self._adjust(work, step)

    def _adjust(self, work: Work, step: Adjust) -> Optional[Outcome]:
        pin = work.open(step.wanted.name, step.found.entry.identity)
        if pin is None:
            return None
        freezes = any(drift.field == "frozen" for drift in step.drift)
        with pin:
            error = adjust(pin, step.wanted.access, [_freeze] if freezes else [])
        return self.foreseen(step)._replace(error=error)


def _create(work: Work, step: Create) -> Optional[Outcome]:
    wanted = step.wanted
    with _make(wanted) as new:
        outcome = _outcome(step, new)
        return outcome if work.create(new, wanted.name, wanted.access) else None


def _replace(work: Work, step: Replace) -> Optional[Outcome]:
    wanted, identity = step.wanted, step.found.entry.identity
    work.staging()  # from here on no other run replaces it
    access = inherited(wanted.access, step.found.entry, os.geteuid())
    with _make(wanted) as new:
        outcome = _outcome(step, new)
        return outcome if work.replace(new, wanted.name, access, identity) else None


def _migrate(work: Work, step: Migrate) -> Optional[Outcome]:
    wanted, identity = step.wanted, step.found.entry.identity
    work.staging()
    pin = work.open(wanted.name, identity)
    if pin is None:
        return None
    with pin, kernel.get(pin.magic, BPF_F_RDONLY) as old, make_map(
        step.map, wanted.kernel_name
    ) as new:
        source, target = ends(old, step.found.shape, new, step.map.shape)
        copied = copy(source, target)
        outcome = _outcome(step, new)._replace(copied=copied.total)
        access = inherited(wanted.access, step.found.entry, os.geteuid())
        if not work.replace(new, wanted.name, access, identity):
            return None
        # The name has changed hands: from here on a failure must not hide that.
        lack = "may lack what was written to the old one meanwhile"
        try:
            outcome = _with_news(outcome, catch_up(source, target, copied))
            lack = "is not frozen"
            if wanted.frozen:
                kernel.freeze(new)
        except TROUBLE as error:
            reason = explained(error, ActsOn.PIN)
            return outcome._replace(
                error=f"{reason}; the new map has the name and what was copied, but {lack}"
            )
        return outcome


def _with_news(outcome: Outcome, news: CaughtUp) -> Outcome:
    outcome = outcome._replace(caught_up=news.taken_over)
    if not news.left:
        return outcome
    warning = (
        f"{outcome.step.wanted.path}: {news.left} entries of the old map changed while it was "
        f"copied and are not so in the new one: {news.reason}"
    )
    return outcome._replace(warnings=(*outcome.warnings, warning))


def _freeze(pin: Fd) -> None:
    with kernel.get(pin.magic) as fd:
        kernel.freeze(fd)


def _make(wanted: WantedPin) -> NewMap:
    fd = make_map(wanted.map, wanted.kernel_name)
    if wanted.frozen:
        try:
            kernel.freeze(fd)
        except KernelError:
            os.close(fd)
            raise
    return fd


def _outcome(step: Step, new: NewMap) -> Outcome:
    info = kernel.map_info(new)
    name, shape, warnings = name_of(info.name), shape_of(info), _warnings(step, new.without_btf)
    return Outcome(step, step.action, info.id, name, shape, warnings=warnings)


def _warnings(step: Step, without_btf: str) -> Tuple[str, ...]:
    if not without_btf:
        return ()
    return (
        f"{step.wanted.path}: this kernel does not take the BTF ({without_btf}), so the map is "
        "made without, as libbpf does: bpftool shows bytes, not fields",
    )
