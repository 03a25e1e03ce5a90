# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for maps."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Sequence, Tuple, cast

from ... import kernel
from ...advice import ActsOn
from ...engine.kind import Observed, failed
from ...engine.steps import Action, Outcome
from ...errors import TROUBLE, explained
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import BPF_F_RDONLY
from ..pins.access import inherited
from ..pins.apply import PinDirectory, PinKind, adjust
from ..pins.objects import name_of, shape_of
from ..pins.observe import people_of
from ..pins.observed import Found, Nothing, PinContext, PinnedMap
from ..pins.plan import REPLACING, unless_barred
from .copy import copy, ends
from .declaration import WantedPin
from .make import NewMap, make_map
from .merge import CaughtUp, catch_up
from .migration import with_btf_of
from .observe import observe, observe_pin
from .plan import Freeze, MapStep, decide


class MapAfter(NamedTuple):
    """The map that has the name afterwards."""

    id: int
    kernel_name: str
    shape: MapShape
    copied: Optional[int] = None  # entries
    caught_up: Optional[int] = None  # entries that changed while they were copied


class MapKind(PinKind[WantedPin, Found]):
    """How maps are made, replaced, migrated and adjusted."""

    def observe(self, wanted: Sequence[WantedPin], *, predicting: bool = False) -> Observed:
        found, directories = observe(wanted, predicting=predicting)
        return Observed(list(zip(wanted, found)), self.context(wanted, found, directories))

    def decide(self, wanted: WantedPin, found: Found, context: PinContext) -> MapStep:
        return unless_barred(decide(wanted, found, context.people), context)

    def decide_again(self, step: MapStep, site: PinDirectory) -> MapStep:
        wanted = step.wanted
        found = observe_pin(site.place, wanted)
        return decide(wanted, found, people_of([wanted], [found]))

    def predict(self, step: MapStep) -> Outcome:
        found = step.found
        if isinstance(found, Nothing):
            if found.refusal:
                return failed(step, found.refusal)
            return Outcome(step, warnings=_warnings(step, found.without_btf))
        if not isinstance(found, PinnedMap):
            return Outcome(step)
        if step.action in REPLACING and found.details.refusal:
            return failed(step, found.details.refusal)
        contents = found.details.contents if step.action is Action.MIGRATE else None
        copied = contents.entries if contents else None
        after = MapAfter(found.id, found.name, found.shape, copied)
        replaces = step.action in REPLACING
        warnings = _warnings(step, found.details.without_btf) if replaces else ()
        return Outcome(step, after=after, warnings=warnings)

    def apply(self, step: MapStep, site: PinDirectory) -> Optional[Outcome]:
        if step.action is Action.CREATE:
            return _create(site, step)
        found = cast(PinnedMap, step.found)
        if step.action is Action.MIGRATE:
            return _migrate(site, step, found)
        if step.action is Action.REPLACE:
            return _replace(site, step, found)
        return self._adjust(site, step, found)

    def _adjust(self, site: PinDirectory, step: MapStep, found: PinnedMap) -> Optional[Outcome]:
        pin = site.open(step.wanted.name, found.entry.identity)
        if pin is None:
            return None
        freezes = any(isinstance(change, Freeze) for change in step.changes)
        with pin:
            error = adjust(pin, step.wanted.access, [_freeze] if freezes else [])
        return self.predict(step)._replace(error=error)


def _create(site: PinDirectory, step: MapStep) -> Optional[Outcome]:
    wanted = step.wanted
    with _make(wanted) as new:
        outcome = _outcome(step, new)
        return outcome if site.create(new, wanted.name, wanted.access) else None


def _replace(site: PinDirectory, step: MapStep, found: PinnedMap) -> Optional[Outcome]:
    wanted, identity = step.wanted, found.entry.identity
    site.staging()  # from here on no other run replaces it
    access = inherited(wanted.access, found.entry, os.geteuid())
    with _make(wanted) as new:
        outcome = _outcome(step, new)
        return outcome if site.replace(new, wanted.name, access, identity) else None


def _migrate(site: PinDirectory, step: MapStep, found: PinnedMap) -> Optional[Outcome]:
    wanted, identity = step.wanted, found.entry.identity
    spec = with_btf_of(wanted.map, found)
    site.staging()
    pin = site.open(wanted.name, identity)
    if pin is None:
        return None
    with pin, kernel.get(pin.proc_path, BPF_F_RDONLY) as old, make_map(
        spec, wanted.kernel_name
    ) as new:
        source, target = ends(old, found.shape, new, spec.shape)
        copied = copy(source, target)
        outcome = _outcome(step, new, copied.total)
        access = inherited(wanted.access, found.entry, os.geteuid())
        if not site.replace(new, wanted.name, access, identity):
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
                error=f"{reason}; the new map has the name and what was copied, but {lack}",
            )
        return outcome


def _with_news(outcome: Outcome, news: CaughtUp) -> Outcome:
    outcome = outcome._replace(after=outcome.after._replace(caught_up=news.taken_over))
    if not news.left:
        return outcome
    warning = (
        f"{outcome.step.wanted.path}: {news.left} entries of the old map changed while it was "
        f"copied and are not so in the new one: {news.reason}"
    )
    return outcome._replace(warnings=(*outcome.warnings, warning))


def _freeze(pin: Fd) -> None:
    with kernel.get(pin.proc_path) as fd:
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


def _outcome(step: MapStep, new: NewMap, copied: Optional[int] = None) -> Outcome:
    info = kernel.map_info(new)
    after = MapAfter(info.id, name_of(info.name), shape_of(info), copied)
    return Outcome(step, after=after, warnings=_warnings(step, new.without_btf))


def _warnings(step: MapStep, without_btf: str) -> Tuple[str, ...]:
    if not without_btf:
        return ()
    return (
        f"{step.wanted.path}: this kernel does not take the BTF ({without_btf}), so the map is "
        "made without, as libbpf does: bpftool shows bytes, not fields",
    )
