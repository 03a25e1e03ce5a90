# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the process that loads may do: use the descriptors that it is given, and little else.

All that can be is made ready before the fork: whatever is new in the child costs it a page.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Collection, List, Tuple

from ..kernel import raise_memlock
from ..syscall import Fd, libc
from . import system_calls
from .request import MOST_SECONDS

MOST_MEMORY = 1 << 30  # bytes, beside what the process began with
_MOST_ADDRESSES = 16 << 30  # bytes, of which maps that are shared with the kernel may be 4 GiB each

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWNET = 0x40000000
_INSTRUCTION = 8  # bytes
_MOST_FILES = 65536
_MOST_OF_32_BITS = 2**31 - 1
_STANDARD = (0, 1, 2)


class Fence:
    """Made by the parent, and closed by its child."""

    def __init__(self, kept: Collection[int]) -> None:
        """`kept` are descriptors that stay open."""
        self._parent = os.getpid()
        self._closed = _gaps(sorted({*_STANDARD, *kept}))
        self._limits = _limits()
        machine = os.uname().machine if sys.maxsize > _MOST_OF_32_BITS else ""
        code = system_calls.program(machine) or b""
        self._code = ctypes.create_string_buffer(code, len(code))
        address = ctypes.addressof(self._code)
        self._filter = _Program(len(code) // _INSTRUCTION, address) if code else None

    def close(self, output: int) -> None:
        """Fence this process in; `output` takes what it writes to its standard descriptors."""
        os.setsid()
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)  # it ended before
        for standard in _STANDARD:
            os.dup2(output, standard, inheritable=False)
        for first, end in self._closed:
            os.closerange(first, end)
        raise_memlock()  # before Linux 5.11 maps and programs are charged to it
        for which, most in self._limits:
            with suppress(OSError, ValueError):  # beyond what is allowed: it stays
                resource.setrlimit(which, (most, most + (which == resource.RLIMIT_CPU)))
        if not self._is_filtered():
            libc.unshare(_CLONE_NEWNET)

    def _is_filtered(self) -> bool:
        """Have the kernel filter system calls; False where it cannot."""
        if self._filter is None or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0:
            return False
        address = ctypes.addressof(self._filter)
        return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address, 0, 0) == 0)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _gaps(kept: List[int]) -> List[Tuple[int, int]]:
    """The descriptors between and above those that are kept: from, and up to, not including."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = limit if 0 < limit < _MOST_FILES else _MOST_FILES
    pairs = zip([-1, *kept], [*kept, max(most, kept[-1] + 2)])
    return [(last + 1, following) for last, following in pairs if last + 1 < following]


def _limits() -> Tuple[Tuple[int, int], ...]:
    with Fd(os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)) as sizes:
        pages = list(map(int, os.read(sizes, 128).split()))
    addresses, _resident, _shared, _code, _zero, data, *_more = pages
    return (
        (resource.RLIMIT_DATA, data * resource.getpagesize() + MOST_MEMORY),
        (resource.RLIMIT_AS, addresses * resource.getpagesize() + _MOST_ADDRESSES),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    )


libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
libc.unshare.argtypes = [ctypes.c_int]
