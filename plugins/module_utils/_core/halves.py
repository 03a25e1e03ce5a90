# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Looking at thousands of names by two processes: a child begins at the end, until they meet.

There is one only where a CPU has nothing else to do, for in all, two take a little more. It changes
nothing and prints nothing, and nobody waits for it: whatever becomes of it, or if there cannot be
one, what it has not told is looked at all the same.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import signal
import struct
import threading
from contextlib import suppress
from typing import Callable, Iterable, List, Optional, Sequence, TypeVar

T = TypeVar("T")

Told = object  # what `marshal` takes; None: what was found cannot be told so

MANY = 2_000  # names; with fewer, a child takes longer than it saves
PART = 200  # names that are told at once: 4 ms of work, which both may do


def look_at_all(
    names: Sequence[str],
    look: Callable[[str], T],
    tell: Callable[[T], Told],
    hear: Callable[[Told], T],
) -> List[T]:
    """Return `look(name)` of all `names`, in their order.

    The child sends `tell` of what it found, and `hear` makes the same of it in here.
    """
    parts = [names[start : start + PART] for start in range(0, len(names), PART)]
    child = None
    if len(names) >= MANY and _may_share():
        child = _child([tell(look(name)) for name in part] for part in reversed(parts))
    if child is None:
        return list(map(look, names))
    found: List[T] = []
    told: List[List[Told]] = []
    with child:
        for done, part in enumerate(parts):
            told += child.told()
            if done + len(told) >= len(parts):
                break
            found += map(look, part)
    rest = names[len(found) :]
    heard = [each for part in reversed(told[: -(-len(rest) // PART)]) for each in part]
    for name, each in zip(rest, heard):
        found.append(look(name) if each is None else hear(each))
    return found


def _may_share() -> bool:
    """Return whether two processes are quicker than one, and a child is as in any other program."""
    return (
        _running() < len(os.sched_getaffinity(0))
        and threading.active_count() == 1  # there would be no other in the child
        and signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN  # its pid stays its own
    )


def _running() -> float:
    """How many threads of the machine run or wait for a CPU, this one among them."""
    try:
        with open("/proc/loadavg", "rb") as load:
            return int(load.read().split()[3].partition(b"/")[0])
    except (OSError, ValueError, IndexError):
        return float("inf")


class _Child:
    """To be used in `with`, after which it has ended."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe
        self._read = b""
        os.set_blocking(pipe, False)

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._pipe)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def told(self) -> List[List[Told]]:
        """Return what it has told by now, without waiting for more."""
        try:
            while True:
                read = os.read(self._pipe, _READ)
                if not read:
                    break
                self._read += read
        except BlockingIOError:
            pass
        parts = []
        while len(self._read) >= _SIZE.size:
            end = _SIZE.size + _SIZE.unpack_from(self._read)[0]
            if len(self._read) < end:
                break
            parts.append(marshal.loads(self._read[_SIZE.size : end]))
            self._read = self._read[end:]
        return parts


def _child(parts: Iterable[List[Told]]) -> Optional[_Child]:
    """Start one that tells `parts`, which it makes; None if there cannot be one."""
    try:
        reads, writes = os.pipe()
    except OSError:
        return None
    try:
        pid = os.fork()
    except OSError:
        os.close(reads)
        os.close(writes)
        return None
    if not pid:
        try:
            os.close(reads)
            _tell(parts, writes)
        finally:
            os._exit(0)  # it has nothing else to do in here
    os.close(writes)
    return _Child(pid, reads)


def _tell(parts: Iterable[List[Told]], pipe: int) -> None:
    with open(pipe, "wb", buffering=0) as told:
        with suppress(OSError):  # whoever may have no larger ones waits more often
            fcntl.fcntl(told, _F_SETPIPE_SZ, _PIPE)
        for part in parts:
            data = marshal.dumps(part)
            left = memoryview(_SIZE.pack(len(data)) + data)
            while left:
                left = left[told.write(left) :]


_SIZE = struct.Struct("=I")  # of what follows it
_PIPE = 1 << 20  # bytes
_READ = 1 << 16
_F_SETPIPE_SZ = 1031  # Python has it since 3.10
