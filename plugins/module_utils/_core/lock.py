# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for other runs, but not for ever.

Whoever may open a file may lock it, and keep it locked. So what is locked is a file or a directory
that only its owner can open, wherever there can be one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import Iterator, Optional

from .advice import ActsOn
from .bpffs import Place, open_readable
from .errors import PinningError
from .process_names import process_name
from .syscall import Fd, KernelError

PATIENCE = 60.0  # seconds

_RUN, _LOCK = "/run", "ebpf-pinning.lock"


def try_lock(fd: int, path: str) -> bool:
    """Lock what is open for this process alone (flock); False when another one has it.

    `path` is for the message when it cannot be locked at all.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise PinningError(f"{path}: {KernelError.of('flock', error)}") from None
    return True


class Patience:
    """How long is still to be waited for the lock on `path`."""

    def __init__(self, path: str, locked: Optional[str] = None) -> None:
        self._path = path
        self._locked = locked or path  # what /proc/locks knows
        self._deadline = time.monotonic() + PATIENCE

    def wait(self) -> None:
        """Sleep a little; PinningError when it has taken too long."""
        if time.monotonic() > self._deadline:
            raise PinningError(
                f"{self._path} has been locked for over {PATIENCE:.0f} s by "
                f"{_holder(self._locked)}: wait until that has ended, or end it, then run again"
            )
        time.sleep(0.005)


def take(name: str, directory: int, path: str) -> Fd:
    """Make the empty file `name`, which only its owner can open, and lock it.

    Whoever has it is waited for; one that a killed run left is taken over. OSError when it cannot
    be made. `path` is for messages. It is to be renamed or removed before it is closed.
    """
    patience = Patience(path, f"{os.path.dirname(path)}/{name}")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    while True:
        fd = Fd(os.open(name, flags, 0o600, dir_fd=directory))
        try:
            locked = try_lock(fd, path)
            if locked and _is_at(fd, name, directory):
                if _is_own(fd):
                    os.ftruncate(fd, 0)
                    return fd
                os.unlink(name, dir_fd=directory)
            elif not locked:
                patience.wait()
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """Keep other runs on this host away while something is mounted at `place`."""
    with ExitStack() as held:
        if not _taken_in_run(held):
            # Without privileges there is no file that others cannot open.
            directory = held.enter_context(open_readable(".", place.fd, place.path))
            patience = Patience(place.path)
            while not try_lock(directory, place.path):
                patience.wait()
        yield


def _taken_in_run(held: ExitStack) -> bool:
    try:
        run = held.enter_context(Fd(os.open(_RUN, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)))
        held.enter_context(take(_LOCK, run, f"{_RUN}/{_LOCK}"))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT):
            text = KernelError.of("open", error, ActsOn.FILE)
            raise PinningError(f"{_RUN}/{_LOCK}: {text}") from None
        return False
    held.callback(_remove, _LOCK, run)
    return True


def _remove(name: str, directory: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def _is_at(fd: int, name: str, directory: int) -> bool:
    """Whether `name` still means what is open: who had it before may have renamed or removed it."""
    try:
        now = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    status = os.fstat(fd)
    return (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino)


def _is_own(fd: int) -> bool:
    status = os.fstat(fd)
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and status.st_nlink == 1


def _holder(path: str) -> str:
    """Who has the lock on `path`, by /proc/locks (man 5 proc)."""
    with suppress(OSError):
        inode = os.lstat(path).st_ino
        with open("/proc/locks", encoding="ascii") as table:
            for fields in map(str.split, table):
                if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
                    return _process(int(fields[4]))
    return "a process that /proc/locks does not show"


def _process(pid: int) -> str:
    name = process_name(pid)
    return f"process {pid} ({name!r})" if name else f"process {pid}"
