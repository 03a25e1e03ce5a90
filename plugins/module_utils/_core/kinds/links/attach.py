# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Attaches one program to one target, by a new link that nobody else holds yet."""

from __future__ import annotations

import errno
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import Callable, Dict, Optional

from ... import uapi
from ...attach_types import XDP_MODES, Target
from ...attaching import (
    create_link,
    create_netfilter_link,
    create_ordered_link,
    enable_event,
    open_event,
    open_raw_tracepoint,
)
from ...syscall import Fd, KernelError
from ...uapi import LinkCreate, NetfilterLinkCreate, OrderedLinkCreate
from ..pins.observed import PinnedLink
from .declaration import Attach
from .targets import OpenTarget, beside, pinned


def attach(declared: Attach, program: Fd, target: OpenTarget, *, patiently: bool = True) -> Fd:
    """Attach the program; KernelError with one of TAKEN where another one is in the way.

    The kernel detaches in its own time what nobody holds any more, so it is asked for a while.
    """
    deadline = time.monotonic() + _GRACE
    while True:
        try:
            return _attached(declared, program, target)
        except KernelError as error:
            is_over = time.monotonic() > deadline or not patiently
            if error.errno not in TAKEN or is_over:
                raise _explained(error, declared) from None
        time.sleep(0.01)


def bridged(declared: Attach, program: Fd, target: OpenTarget) -> Optional[Fd]:
    """Attach the program to a hook of netfilter next to the priority that is taken."""
    if declared.type.target is not Target.NETFILTER:
        return None
    priority = declared.number("priority")
    for step in _BESIDE:
        given = {**declared.given, "priority": priority + step}
        try:
            return _attached(replace(declared, given=given), program, target)
        except KernelError as error:
            if error.errno not in (*TAKEN, errno.EINVAL):
                raise
    return None


def _attached(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    create = _CREATE.get(declared.type.target, _plain)
    if target.network is None:
        return create(declared, program, target)
    return target.network.run(lambda: create(declared, program, target))


def _plain(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    return create_link(LinkCreate(program, target.number, declared.type.number))


def _on_interface(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    if declared.type.name == "xdp":
        flags = XDP_MODES.get(declared.text("mode"), 0)
        return create_link(LinkCreate(program, target.number, declared.type.number, flags))
    return _in_order(declared, program, target)


def _in_order(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    order, path = beside(declared)
    if not path:
        return _plain(declared, program, target)
    with ExitStack() as stack:
        other, found = stack.enter_context(pinned(path, order, declared.owner))
        flags = uapi.BPF_F_BEFORE if order == "before" else uapi.BPF_F_AFTER
        if isinstance(found, PinnedLink):
            flags |= uapi.BPF_F_LINK
        number = declared.type.number
        return create_ordered_link(OrderedLinkCreate(program, target.number, number, flags, other))


def _on_netfilter(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    expected: Dict[str, int] = {name: int(str(each)) for name, each in target.expected.items()}
    request = NetfilterLinkCreate(
        program,
        0,
        declared.type.number,
        0,
        expected["pf"],
        expected["hooknum"],
        declared.number("priority"),
        expected["flags"],
    )
    return create_netfilter_link(request)


def _on_event(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    with open_event(*target.event) as event:
        link = create_link(LinkCreate(program, event, declared.type.number))
        try:
            enable_event(event)
        except KernelError:
            with link:
                raise
        return link


def _on_raw_tracepoint(declared: Attach, program: Fd, _target: OpenTarget) -> Fd:
    return open_raw_tracepoint(program, declared.text("tracepoint").encode())


def _by_program(declared: Attach, program: Fd, target: OpenTarget) -> Fd:
    if declared.type.name in ("iter", "struct_ops"):
        return _plain(declared, program, target)
    return open_raw_tracepoint(program)


def _explained(error: KernelError, declared: Attach) -> KernelError:
    row = declared.type
    if error.errno in (errno.EINVAL, errno.E2BIG):
        error.add(f"links of type {row.name} are there since Linux {row.since}")
    return error


TAKEN = (errno.EBUSY, errno.EEXIST)
_GRACE = 2.0  # seconds
_BESIDE = (1, -1, 2, -2, 3, -3, 4, -4)
_CREATE: Dict[Target, Callable[[Attach, Fd, OpenTarget], Fd]] = {
    Target.INTERFACE: _on_interface,
    Target.CGROUP: _in_order,
    Target.NETFILTER: _on_netfilter,
    Target.TRACEPOINT: _on_event,
    Target.RAW_TRACEPOINT: _on_raw_tracepoint,
    Target.FUNCTION: _on_event,
    Target.BINARY: _on_event,
    Target.PROGRAM: _by_program,
}
