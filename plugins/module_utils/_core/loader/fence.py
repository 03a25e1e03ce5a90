# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the process that loads may do: use the descriptors that it is given, and little else."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from contextlib import suppress
from typing import Iterable, Tuple

from ..syscall import libc

_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET = 0x40000000
MOST_SECONDS = 100  # of CPU
MOST_MEMORY = 1 << 30  # bytes of address space, beside what the process began with
_MOST_FILES = 65536


def close_in(parent: int, output: int, kept: Iterable[int], mapped: int) -> None:
    """Fence this process in, which was just forked; `output` takes what it writes anywhere.

    `kept` are the descriptors that stay open, `mapped` more bytes of address space that it needs.
    """
    os.setsid()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it ended before
    for standard in range(3):
        os.dup2(output, standard, inheritable=False)
    _close_all_but(sorted({0, 1, 2, *kept}))
    _limit(mapped)
    libc.unshare(_CLONE_NEWNET)


def _close_all_but(kept: Iterable[int]) -> None:
    last = -1
    for fd in kept:
        if fd > last + 1:  # of an empty range Python closes all
            os.closerange(last + 1, fd)
        last = fd
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(last + 1, most if 0 < most < _MOST_FILES else _MOST_FILES)


def _limit(mapped: int) -> None:
    unlimited = resource.RLIM_INFINITY
    with open("/proc/self/statm", "rb") as sizes:
        now = int(sizes.read().split()[0]) * resource.getpagesize()
    limits: Tuple[Tuple[int, int], ...] = (
        (resource.RLIMIT_AS, now + mapped + MOST_MEMORY),
        (resource.RLIMIT_CPU, MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, unlimited),  # before Linux 5.11 maps and programs count
    )
    for which, most in limits:
        with suppress(OSError, ValueError):  # beyond what is allowed: it stays
            resource.setrlimit(which, (most, most))


libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
libc.unshare.argtypes = [ctypes.c_int]
