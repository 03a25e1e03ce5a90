# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Make, replace, migrate and adjust maps."""

from __future__ import annotations

import os
from functools import partial
from typing import Callable, List, Optional

from ... import kernel
from ...advice import ActsOn
from ...engine.steps import Outcome, State
from ...errors import TROUBLE, explained
from ...shape import MapBtf, MapShape
from ...syscall import Fd
from ...uapi import BPF_F_RDONLY
from ..pins.access import inherited
from ..pins.directory import PinDirectory, adjust
from ..pins.objects import name_of
from ..pins.observed import PinnedMap
from .copy import copy, ends
from .declaration import WantedPin
from .make import NewMap, make_map
from .merge import CaughtUp, catch_up
from .migration import with_btf_of
from .outcome import MapAfter, warnings_of
from .steps import Fill, Freeze, MapStep, PutInSlot


def create(site: PinDirectory, step: MapStep) -> Optional[Outcome]:
    """Make a map; None when another run took the name."""
    wanted = step.wanted
    new = _make(wanted)
    try:
        outcome = _outcome(step, new)
        if wanted.swap is not None:
            from .swap import create_in_slot

            return create_in_slot(site, outcome, new)
        return outcome if site.create(new, wanted.name, wanted.access) else None
    finally:
        os.close(new)


def replace(site: PinDirectory, step: MapStep, found: PinnedMap) -> Optional[Outcome]:
    """Make a new map in the place of `found`; None when that is another one by now."""
    wanted, identity = step.wanted, found.entry.identity
    site.staging()  # from here on no other run replaces it
    access = inherited(wanted.access, found.entry, os.geteuid())
    with _make(wanted) as new:
        outcome = _outcome(step, new)
        if wanted.swap is not None:
            from .swap import replace_in_slot

            return replace_in_slot(site, outcome, new, access)
        return outcome if site.replace(new, wanted.name, access, identity) else None


def migrate(site: PinDirectory, step: MapStep, found: PinnedMap) -> Optional[Outcome]:
    """Do the same, and take the entries along."""
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
        _fill_copy(new, wanted, spec.btf)
        outcome = _outcome(step, new, copied.total)
        access = inherited(wanted.access, found.entry, os.geteuid())
        if not site.replace(new, wanted.name, access, identity):
            return None
        # The name has changed hands: from here on a failure must not hide that.
        lack = "may lack what was written to the old one meanwhile"
        try:
            outcome = _with_news(outcome, catch_up(source, target, copied))
            _fill_copy(new, wanted, spec.btf)
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


def adjust_pin(pin: Fd, step: MapStep) -> str:
    """Set what can be set in place; the text says what failed after the first change."""
    first: List[Callable[[Fd], None]] = []
    if any(isinstance(change, PutInSlot) for change in step.changes):
        first.append(partial(_put_in_slot, step=step))
    if any(isinstance(change, Fill) for change in step.changes):
        first.append(partial(_fill_pinned, step=step))
    if any(isinstance(change, Freeze) for change in step.changes):
        first.append(_freeze)
    return adjust(pin, step.wanted.access, first)


def _fill_copy(new: NewMap, wanted: WantedPin, btf: Optional[MapBtf]) -> None:
    if wanted.content is not None:
        from .entries import fill_copy

        fill_copy(new, wanted, btf, locks=not new.without_btf)


def _fill_pinned(pin: Fd, step: MapStep) -> None:
    from .entries import fill_pinned

    difference = step.found.details.entries if isinstance(step.found, PinnedMap) else None
    if difference is not None:
        with kernel.get(pin.proc_path) as fd:
            fill_pinned(fd, step.wanted, difference)


def _put_in_slot(pin: Fd, step: MapStep) -> None:
    from .slot import put

    with kernel.get(pin.proc_path) as fd:
        put(step.wanted, fd)


def _freeze(pin: Fd) -> None:
    with kernel.get(pin.proc_path) as fd:
        kernel.freeze(fd)


def _make(wanted: WantedPin) -> NewMap:
    fd = make_map(wanted.map, wanted.kernel_name)
    try:
        if wanted.content is not None:
            from .entries import fill_new

            fill_new(fd, wanted, locks=not fd.without_btf)
        if wanted.frozen:
            kernel.freeze(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _outcome(step: MapStep, new: NewMap, copied: Optional[int] = None) -> Outcome:
    info = kernel.map_info(new)
    after = MapAfter._make((info.id, name_of(info.name), MapShape.of(info), copied, None))
    return Outcome(step, State.DONE, "", after, warnings_of(step, new.without_btf))
