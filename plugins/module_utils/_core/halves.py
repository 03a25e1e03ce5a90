# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Looking at thousands of names by two processes: a child looks at the second half.

It changes nothing and prints nothing. Whatever becomes of it, or if there cannot be one, its half
is looked at all the same.
"""

from __future__ import annotations

import marshal
import os
import threading
from contextlib import suppress
from typing import Callable, List, Optional, Sequence, TypeVar

T = TypeVar("T")

Told = object  # what `marshal` takes; None: what was found cannot be told so

MANY = 2_000  # names; with fewer, a child takes longer than it saves


def look_at_all(
    names: Sequence[str],
    look: Callable[[str], T],
    tell: Callable[[T], Told],
    hear: Callable[[Told], T],
) -> List[T]:
    """Return `look(name)` of all `names`, in their order.

    The child sends `tell` of what it found, and `hear` makes the same of it in here.
    """
    half = len(names) // 2
    child = None
    if len(names) >= MANY and _may_share():
        child = _child(lambda: [tell(look(name)) for name in names[half:]])
    if child is None:
        return list(map(look, names))
    with child:
        found = list(map(look, names[:half]))
        told = child.told() or [None] * (len(names) - half)
    for name, each in zip(names[half:], told):
        found.append(look(name) if each is None else hear(each))
    return found


def _may_share() -> bool:
    """Return whether two processes are quicker than one, and no thread is left out of the child."""
    return len(os.sched_getaffinity(0)) > 1 and threading.active_count() == 1


class _Child:
    """To be used in `with`, after which it has ended."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid = pid
        self._pipe = pipe

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self._pipe)  # a child that still has something to tell ends by that
        with suppress(ChildProcessError):  # of those who ignore SIGCHLD the kernel clears it away
            os.waitpid(self._pid, 0)

    def told(self) -> Optional[List[Told]]:
        """Wait for all that it tells; None if it did not come to the end of it."""
        with open(self._pipe, "rb", closefd=False) as pipe:
            data = pipe.read()
        try:
            told: List[Told] = marshal.loads(data)
        except (EOFError, ValueError, TypeError):
            return None
        return told


def _child(work: Callable[[], List[Told]]) -> Optional[_Child]:
    """Start one that does `work`; None if there cannot be one."""
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
            with open(writes, "wb") as pipe:
                pipe.write(marshal.dumps(work()))
        finally:
            os._exit(0)  # it has nothing else to do in here
    os.close(writes)
    return _Child(pid, reads)
