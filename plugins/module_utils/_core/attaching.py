# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What attaches programs, and tells what is attached: bpf(2), perf_event_open(2), setns(2).

Sources: man 2 bpf, man 2 perf_event_open, man 2 setns, include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
from typing import Optional, Sequence, Tuple

from . import uapi
from .errors import PinningError
from .syscall import Call, Fd, KernelError, ioctl_number, libc
from .uapi import (
    Command,
    LinkCreate,
    LinkFd,
    LinkUpdate,
    NetfilterLinkCreate,
    OrderedLinkCreate,
    ProgQuery,
    RawTracepointOpen,
    TaskFdQuery,
)
from .values import NamedTuple


class OnHook(NamedTuple):
    """The programs on a hook in their order, and the links of those that have one (or 0)."""

    prog_ids: Sequence[int]
    link_ids: Sequence[int]  # as many, or none where the kernel does not tell
    attach_flags: int


def create_link(request: LinkCreate) -> Fd:
    """LINK_CREATE: attach a program until nobody holds the link any more."""
    return Fd(_link_create(request))


def is_loaded_for(program: int, attach_type: int) -> Optional[bool]:
    """Return whether a program was loaded for an attach type; None if the kernel does not tell.

    For types whose target is a descriptor, of which this gives none: the kernel looks at the
    program first (bpf_prog_attach_check_attach_type), so it attaches nothing. LINK_UPDATE does not
    look at it.
    """
    try:
        os.close(_link_create(LinkCreate(program, _NO_FD, attach_type)))
    except KernelError as error:
        return {errno.EINVAL: False, errno.EBADF: True}.get(error.errno)
    return None


def create_ordered_link(request: OrderedLinkCreate) -> Fd:
    """LINK_CREATE before or after another program. ERANGE where that one is not there."""
    return Fd(_ordered_link_create(request))


def create_netfilter_link(request: NetfilterLinkCreate) -> Fd:
    """LINK_CREATE of netfilter. EBUSY where a program has the priority already."""
    return Fd(_netfilter_link_create(request))


def open_raw_tracepoint(program: int, name: bytes = b"") -> Fd:
    """RAW_TRACEPOINT_OPEN: a link, also of programs that say themselves where they belong."""
    buffer = ctypes.create_string_buffer(name)
    address = ctypes.addressof(buffer) if name else 0
    return Fd(_raw_tracepoint_open(RawTracepointOpen(address, program)))


def update_link(link: int, program: int, old: Optional[int] = None) -> None:
    """LINK_UPDATE: change the program in place. EPERM if it is not `old` any more; ENOLINK."""
    flags = 0 if old is None else uapi.BPF_F_REPLACE
    _link_update(LinkUpdate(link, program, flags, old or 0))


def detach_link(link: int) -> bool:
    """LINK_DETACH, whoever else holds the link; False for types that only end with their link."""
    try:
        _link_detach(LinkFd(link))
    except KernelError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return False
    return True


def on_hook(target: int, attach_type: int, *, with_links: bool = False) -> OnHook:
    """PROG_QUERY: what is attached to a target, a descriptor or the number of an interface."""
    room = _ROOM
    while True:
        programs = (ctypes.c_uint32 * room)()
        links = (ctypes.c_uint32 * room)()
        asked = ProgQuery(target, attach_type, 0, 0, ctypes.addressof(programs), room)
        if with_links:
            asked = asked._replace(link_ids=ctypes.addressof(links))
        try:
            _prog_query(asked)
        except KernelError as error:
            if error.errno != errno.ENOSPC:
                raise
            room *= 2
            continue
        told = ProgQuery._make(_prog_query.answer())
        count = min(told.prog_cnt, room)
        shown = list(links[:count]) if with_links else []
        return OnHook(list(programs[:count]), shown, told.attach_flags)


def event_program(pid: int, fd: int) -> int:
    """TASK_FD_QUERY: the program on a perf event that a process has open; 0 if none is told."""
    try:
        _task_fd_query(TaskFdQuery(pid, fd))
    except KernelError:
        return 0
    return TaskFdQuery._make(_task_fd_query.answer()).prog_id


def open_event(kind: int, config: int, name: bytes = b"", offset: int = 0) -> Fd:
    """perf_event_open: what a program is attached to. `name` is of a probe: a function, a file."""
    number = _perf_event_open()
    buffer = ctypes.create_string_buffer(name)
    address = ctypes.addressof(buffer) if name else 0
    request = _EVENT.pack(kind, _EVENT_SIZE, config, 1, 0, 0, 0, 1, 0, address, offset)
    event = ctypes.create_string_buffer(request, _EVENT_SIZE)
    everybody, cpu = -1, 0
    result = libc.syscall(
        number, ctypes.byref(event), everybody, cpu, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC)
    )
    if result < 0:
        raise KernelError("perf_event_open", ctypes.get_errno())
    return Fd(result)


def enable_event(event: int) -> None:
    """Let a program on a perf event run."""
    try:
        fcntl.ioctl(event, ioctl_number(*_PERF_EVENT_IOC_ENABLE), 0)
    except OSError as error:
        raise KernelError.of("ioctl", error) from None


def enter_network(namespace: int) -> None:
    """setns: have the calling thread, and no other, work in another network namespace."""
    if libc.setns(namespace, CLONE_NEWNET) < 0:
        raise KernelError("setns", ctypes.get_errno())


def is_network(fd: int) -> bool:
    """Return whether what is open is a network namespace."""
    try:
        return fcntl.ioctl(fd, ioctl_number(*_NS_GET_NSTYPE)) == CLONE_NEWNET
    except OSError:
        return False


def _perf_event_open() -> int:
    machine = os.uname().machine
    numbers = _NUMBERS_64 if sys.maxsize > 2**32 else _NUMBERS_32
    for prefix, number in numbers:
        if machine.startswith(prefix):
            return number
    raise PinningError(
        f"the number of perf_event_open(2) on {machine} is not known to this collection: attach "
        "by a type that needs none, such as raw_tracepoint or fentry"
    )


CLONE_NEWNET = 0x40000000
PERF_TYPE_TRACEPOINT = 2
_NO_FD = 2**32 - 1
_ROOM = 64  # programs on one hook
_NS_GET_NSTYPE = (0xB7, 3)
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_EVENT_IOC_ENABLE = (ord("$"), 0)
# struct perf_event_attr up to config2: type, size, config, sample_period, sample_type,
# read_format, flags, wakeup_events, bp_type, config1, config2.
_EVENT = struct.Struct("=IIQQQQQIIQQ")
_EVENT_SIZE = 72  # PERF_ATTR_SIZE_VER1
_NUMBERS_64: Tuple[Tuple[str, int], ...] = (
    ("x86_64", 298),
    ("i", 298),
    ("aarch64", 241),
    ("arm", 241),
    ("riscv", 241),
    ("loongarch", 241),
    ("ppc", 319),
    ("s390", 331),
    ("mips", 5292),
    ("sparc", 327),
)
_NUMBERS_32: Tuple[Tuple[str, int], ...] = (
    ("x86_64", 336),
    ("i", 336),
    ("arm", 364),
    ("aarch64", 364),
    ("ppc", 319),
)

_link_create = Call(Command.LINK_CREATE, uapi.LINK_CREATE)
_ordered_link_create = Call(Command.LINK_CREATE, uapi.ORDERED_LINK_CREATE)
_netfilter_link_create = Call(Command.LINK_CREATE, uapi.NETFILTER_LINK_CREATE)
_raw_tracepoint_open = Call(Command.RAW_TRACEPOINT_OPEN, uapi.RAW_TRACEPOINT_OPEN)
_link_update = Call(Command.LINK_UPDATE, uapi.LINK_UPDATE)
_link_detach = Call(Command.LINK_DETACH, uapi.LINK_FD)
_prog_query = Call(Command.PROG_QUERY, uapi.PROG_QUERY)
_task_fd_query = Call(Command.TASK_FD_QUERY, uapi.TASK_FD_QUERY)
