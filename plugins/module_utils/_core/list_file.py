# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A file of this host that lists entries: opened so that it is what was declared, and ends.

Whoever may write the file decides what is in the map; that is what its declaration means. But only
root, and the user of the task, decide which file it is: symlinks of others are not followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from contextlib import contextmanager
from typing import Deque, Iterator

from .advice import ActsOn
from .bpffs import describe_mode
from .errors import NotThere, PinningError, at
from .syscall import Fd

MOST_BYTES = 1 << 30  # of a file
BLOCK = 256 * 1024  # bytes read at a time
_MOST_LINKS = 40  # as the kernel has it (man 7 path_resolution)
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# Only what is known to be a regular file is opened; O_NONBLOCK for those of /proc that wait.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ListFile:
    """A list that is open."""

    def __init__(self, fd: Fd, path: str) -> None:
        self._fd = fd
        self._path = path

    def blocks(self, digest: str = "") -> Iterator[bytes]:
        """Yield its bytes; PinningError if it is too large, or changes meanwhile.

        And at the end if `digest`, of SHA-256 in hexadecimal digits, is that of something else.
        """
        is_same = Digest(digest) if digest else None
        before = os.fstat(self._fd)
        if before.st_size > MOST_BYTES:
            raise PinningError(too_large(self._path))
        total = 0
        while True:
            with at(self._path, ActsOn.FILE):
                block = os.read(self._fd, BLOCK)
            if not block:
                break
            total += len(block)
            if total > MOST_BYTES:
                raise PinningError(too_large(self._path))
            if is_same:
                is_same.take(block)
            yield block
        after = os.fstat(self._fd)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise PinningError(
                f"{self._path} was written while it was read, so it may be half of a list: have it "
                "written beside, and renamed when it is whole; then run again"
            )
        if is_same:
            is_same.check(self._path)


class Digest:
    """What a file has to be the same as."""

    def __init__(self, digest: str) -> None:
        import hashlib  # few files have one, and it takes long to load

        self._wanted = digest
        self._found = hashlib.sha256()

    def take(self, block: bytes) -> None:
        """Go on with the next bytes."""
        self._found.update(block)

    def check(self, path: str) -> None:
        """Raise PinningError unless these were all of them."""
        if self._found.hexdigest() != self._wanted:
            raise PinningError(
                f"{path} is not the file that was declared: run the playbook again, which puts it "
                "there anew"
            )


def too_large(path: str) -> str:
    """What is wrong with a file of more than MOST_BYTES."""
    return f"{path} is larger than {MOST_BYTES >> 20} MiB: split it into lists"


@contextmanager
def opened(path: str) -> Iterator[ListFile]:
    """Open the regular file at the absolute `path`; PinningError says what else is there."""
    with _found(path) as found:
        mode = os.fstat(found).st_mode
        if not stat.S_ISREG(mode):
            raise PinningError(
                f"{path} is {describe_mode(mode)}, not a file: declare the path of the list"
            )
        with at(path, ActsOn.FILE):
            fd = Fd(os.open(found.proc_path, _READ))
        with fd:
            yield ListFile(fd, path)


def _found(path: str) -> Fd:
    """What is at `path`, by O_PATH, whatever it is."""
    left: Deque[str] = deque(path.split("/"))
    here, links = _root(), 0
    try:
        while left:
            part = left.popleft()
            if part in ("", "."):
                continue
            found = _look(part, here, path)
            status = os.fstat(found)
            if not stat.S_ISLNK(status.st_mode):
                os.close(here)
                here = found
                continue
            with found:
                links += 1
                _check_link(path, status, links)
                target = os.readlink("", dir_fd=found)
            left.extendleft(reversed(target.split("/")))
            if target.startswith("/"):
                os.close(here)
                here = _root()
    except BaseException:
        os.close(here)
        raise
    return here


def _look(part: str, directory: Fd, path: str) -> Fd:
    with at(path, ActsOn.FILE):
        try:
            return Fd(os.open(part, _LOOK, dir_fd=directory))
        except FileNotFoundError:
            raise NotThere(
                f"{path} does not exist: declare the path of the list, or have it written before"
            ) from None


def _root() -> Fd:
    return Fd(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def _check_link(path: str, status: os.stat_result, links: int) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise PinningError(
            f"{path}: a symlink on the way belongs to user id {status.st_uid}, who decides where "
            "it leads: declare the real path, or look at who made the link (`namei -l`)"
        )
    if links > _MOST_LINKS:
        raise PinningError(f"{path}: {os.strerror(errno.ELOOP)}: declare the real path")
