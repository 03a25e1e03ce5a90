# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Network namespaces, and what is asked and done in them. The task itself never leaves its own."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional, TypeVar

from .attaching import enter_network, is_network
from .bpffs import walk
from .errors import NotThere, PinningError, at
from .syscall import Fd

T = TypeVar("T")

OWN = "/proc/self/ns/net"


class Network:
    """A network namespace that is open."""

    def __init__(self, path: str, fd: Fd) -> None:
        self.path = path  # as declared; empty for that of the task
        self.fd = fd
        self.inode = os.fstat(fd).st_ino

    def run(self, function: Callable[[], T]) -> T:
        """Call `function` in the namespace, and return what it returns.

        A thread of its own goes there (setns), and ends there.
        """
        if not self.path:
            return function()
        results: List[Any] = []
        errors: List[BaseException] = []

        def inside() -> None:
            try:
                enter_network(self.fd)
                results.append(function())
            except BaseException as error:  # it is raised where somebody waits for it
                errors.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        for error in errors:
            raise error
        found: T = results[0]
        return found


@contextmanager
def network_at(path: str) -> Iterator[Network]:
    """Open a namespace, or that of the task; NotThere where there is none."""
    with _open(path) as fd:
        if not is_network(fd):
            raise PinningError(f"namespace {path} is not a network namespace: see `ip netns list`")
        yield Network(path, fd)


def _open(path: str) -> Fd:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    if not path:
        return Fd(os.open(OWN, flags))
    parent, _slash, name = path.rpartition("/")
    with at(path), walk(parent or "/") as place:
        fd: Optional[Fd] = None
        if not place.missing:
            try:
                # Below /proc/PID/ns they are links that lead nowhere but there.
                follow = 0 if path.startswith("/proc/") else os.O_NOFOLLOW
                fd = Fd(os.open(name, flags | follow, dir_fd=place.fd))
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
    if fd is None:
        raise NotThere(f"namespace {path} does not exist: make it first, or see `ip netns list`")
    return fd
