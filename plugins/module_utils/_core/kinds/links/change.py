# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All that changes links: attaches programs, changes them in place, and detaches them."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Optional, cast

from ... import kernel
from ...attaching import detach_link, update_link
from ...engine.steps import Action, Outcome
from ...shape import Access
from ...syscall import Fd, KernelError
from ..pins.access import inherited
from ..pins.directory import PinDirectory, adjust
from ..pins.objects import identify, object_by_id
from ..pins.observed import Nothing, Pin, PinnedLink
from .apply import LinkAfter
from .attach import TAKEN, attach, bridged
from .declaration import Attach
from .mismatch import ProgramChange, held_id
from .observe import look_at, seen_of
from .observed import ProgramSeen, Seen, TargetSeen
from .plan import LinkStep
from .targets import OpenTarget, opened, program_at


def carry_out(step: LinkStep, site: PinDirectory) -> Optional[Outcome]:
    """Do what a step says; None where another process was faster."""
    if step.action is Action.REMOVE:
        return _remove(step, site)
    if step.action is Action.ADJUST:
        return _adjust(step, site)
    wanted = step.wanted
    declared, seen = cast(Attach, wanted.attach), cast(Seen, wanted.seen)
    # From here on no other run attaches anything for this name.
    site.staging()
    with program_at(wanted.program, declared.type, wanted.access.owner) as (program, pin):
        if pin.id != cast(ProgramSeen, seen.program).id:
            return None
        if step.action is Action.UPDATE:
            return _update(step, site, program)
        with opened(declared) as target:
            if dict(target.expected) != dict(cast(TargetSeen, seen.target).expected):
                return None
            if step.action is Action.CREATE:
                return _create(step, site, program, target)
            return _replace(step, site, program, target)


def _create(
    step: LinkStep, site: PinDirectory, program: Fd, target: OpenTarget
) -> Optional[Outcome]:
    wanted = step.wanted
    if not isinstance(look_at(site.place, wanted), Nothing):
        return None
    link = _attached(step, site, program, target)
    if link is None:
        return None
    with link:
        is_named = site.create(link, wanted.name, wanted.access)
        return _outcome(step, link) if is_named else None


def _attached(step: LinkStep, site: PinDirectory, program: Fd, target: OpenTarget) -> Optional[Fd]:
    """Attach the program; None where somebody else is by now, which deciding again will tell."""
    wanted = step.wanted
    try:
        return attach(cast(Attach, wanted.attach), program, target)
    except KernelError as error:
        if error.errno in TAKEN:
            seen = seen_of(wanted, look_at(site.place, wanted))
            if seen and isinstance(seen.target, TargetSeen) and seen.target.occupants:
                return None
        raise


def _replace(
    step: LinkStep, site: PinDirectory, program: Fd, target: OpenTarget
) -> Optional[Outcome]:
    wanted, found = step.wanted, cast(Pin, step.found)
    access = inherited(wanted.access, found.entry, os.geteuid())
    with ExitStack() as stack:
        pin = site.open(wanted.name, found.entry.identity)
        if pin is None:
            return None
        stack.enter_context(pin)
        old = None
        if isinstance(found, PinnedLink):
            old = stack.enter_context(kernel.get(pin.proc_path))
        if old is not None and cast(PinnedLink, found).type == "netfilter":
            try:
                link: Optional[Fd] = attach(
                    cast(Attach, wanted.attach), program, target, patiently=False
                )
            except KernelError as error:
                if error.errno not in TAKEN:
                    raise
                return _bridge(step, site, program, target, old, access)
        else:
            link = _attached(step, site, program, target)
        if link is None:
            return None
        stack.enter_context(link)
        if not site.replace(link, wanted.name, access, found.entry.identity):
            return None
        return _outcome(step, link, _let_go(old, found))


def _bridge(
    step: LinkStep,
    site: PinDirectory,
    program: Fd,
    target: OpenTarget,
    old: Fd,
    access: Access,
) -> Optional[Outcome]:
    """Attach beside the old link, which is in the way, and then in its place.

    The name always leads to a link that is attached.
    """
    wanted, found = step.wanted, cast(Pin, step.found)
    declared = cast(Attach, wanted.attach)
    beside = bridged(declared, program, target)
    if beside is None:
        return None
    with beside:
        if not site.replace(beside, wanted.name, access, found.entry.identity):
            return None
        detach_link(old)
        with attach(declared, program, target) as link:
            site.staging().pin(link, wanted.name, access)
            site.staging().replace(wanted.name)
            detach_link(beside)
            return _outcome(step, link)


def _let_go(old: Optional[Fd], found: Pin) -> str:
    """Detach the old link, whoever else holds it; why that failed, or ""."""
    if old is None or not isinstance(found, PinnedLink) or found.attached is False:
        return ""
    try:
        detach_link(old)
    except KernelError as error:
        return f"the old link stays attached as long as others hold it: {error}"
    return ""


def _update(step: LinkStep, site: PinDirectory, program: Fd) -> Optional[Outcome]:
    wanted, found = step.wanted, cast(PinnedLink, step.found)
    pin = site.open(wanted.name, found.entry.identity)
    if pin is None:
        return None
    with pin, kernel.get(pin.proc_path) as link:
        is_done = _updated(link, program, found)
        if not is_done:
            return None
        error = ""
        if any(not isinstance(each, ProgramChange) for each in step.changes):
            error = adjust(pin, wanted.access, [lambda _pin: None])
        return _outcome(step, link)._replace(error=error)


def _updated(link: Fd, program: Fd, found: PinnedLink) -> bool:
    with ExitStack() as stack:
        old: Optional[Fd] = None
        with suppress(KernelError):  # without CAP_SYS_ADMIN, or it is gone
            kind = "map" if found.type == "struct_ops" else "prog"
            old = stack.enter_context(object_by_id(kind, held_id(found)))
        try:
            update_link(link, program, old)
        except KernelError as error:
            # Another run was faster: it holds another program by now, or is attached to nothing.
            if error.errno == errno.ENOLINK or (error.errno == errno.EPERM and old is not None):
                return False
            raise
    return True


def _adjust(step: LinkStep, site: PinDirectory) -> Optional[Outcome]:
    found = cast(PinnedLink, step.found)
    pin = site.open(step.wanted.name, found.entry.identity)
    if pin is None:
        return None
    with pin:
        error = adjust(pin, step.wanted.access)
    return Outcome(step, error=error, after=LinkAfter(found.id, found.prog_id))


def _remove(step: LinkStep, site: PinDirectory) -> Optional[Outcome]:
    wanted, found = step.wanted, cast(PinnedLink, step.found)
    pin = site.open(wanted.name, found.entry.identity)
    if pin is None:
        return None
    with pin, kernel.get(pin.proc_path) as link:
        detach_link(link)
        try:
            os.unlink(wanted.name, dir_fd=site.place.fd)
        except FileNotFoundError:
            return Outcome(replace(step, action=Action.MISS))
        except OSError as error:
            raise KernelError.of("unlink", error) from None
    return Outcome(step, after=LinkAfter(found.id, found.prog_id))


def _outcome(step: LinkStep, link: Fd, *warnings: str) -> Outcome:
    now = identify(link, "link")
    after = LinkAfter(now.id, now.prog_id) if isinstance(now, PinnedLink) else None
    told = tuple(f"{step.wanted.path}: {each}" for each in warnings if each)
    return Outcome(step, after=after, warnings=told)
