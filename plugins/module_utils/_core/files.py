# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Ordinary files of a host: replaced in one rename, and what would keep root from doing so."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import struct
from contextlib import contextmanager, suppress
from typing import Callable, FrozenSet, Iterator, List

from .errors import PinningError
from .mountinfo import mounts
from .new_file import NewFile
from .syscall import Fd, ioctl_number


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Say of an errno about an ordinary file what it may be, and what to do."""
    try:
        yield
    except OSError as error:
        at = error.filename if isinstance(error.filename, str) else path
        reason = _REASONS.get(error.errno or 0) or f"{error.strerror}: look at it with `stat`"
        raise PinningError(f"{at} cannot be written or removed: {reason}") from None


def replace(path: str, content: bytes, dress: Callable[[int], None]) -> None:
    """Have `content` at `path`, in one rename: nobody ever reads half of it.

    `dress` gives the new file, by its descriptor, owner, mode and all else that it is to have.
    Where it fails, nothing of it stays.
    """
    with explained(path):
        while not _is_replaced(path, content, dress):
            pass
        sync(os.path.dirname(path))


def _is_replaced(path: str, content: bytes, dress: Callable[[int], None]) -> bool:
    """False when another run, which began at the same time, took the new file for a leftover."""
    temporary = f"{path}.{secrets.token_hex(4)}{_NEW}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600)
    with suppress(FileNotFoundError), NewFile(fd, temporary) as new:
        fcntl.flock(fd, fcntl.LOCK_EX)
        new.write([content])
        dress(fd)
        if os.fstat(fd).st_nlink:
            new.publish(path)
            return True
    return False


def remove(path: str) -> None:
    """Remove a file that may be gone already."""
    with explained(path), suppress(FileNotFoundError):
        os.unlink(path)


def sync(directory: str) -> None:
    """Have the names in it outlast a power cut."""
    with Fd(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as fd:
        os.fsync(fd)


def leftovers(path: str) -> List[str]:
    """Return what runs that were killed have left beside `path`; nothing of one that is alive."""
    directory, _slash, name = path.rpartition("/")
    pattern = re.compile(rf"{re.escape(name)}(\.[0-9a-f]{{8}})?{re.escape(_NEW)}")
    try:
        found = [each for each in sorted(os.listdir(directory)) if pattern.fullmatch(each)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [each for each in (f"{directory}/{name}" for name in found) if not is_in_use(each)]


def is_in_use(path: str) -> bool:
    """Return whether a run that is alive has locked what it makes at `path`.

    Who may not open it cannot lock it either: so what others may read does not count.
    """
    try:
        with Fd(os.open(path, _LOOK)) as fd:
            if os.fstat(fd).st_mode & 0o077 == 0:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass  # a symlink, say: no run makes one
    return False


def hindrances(path: str, size: int = 0) -> Iterator[str]:
    """Yield what would keep root from writing `size` bytes at `path`, or from removing it."""
    parent = os.path.dirname(path)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    yield from _in_the_way(path, _mount_points())
    yield from _of_directory(parent)
    status = os.statvfs(parent)
    if size and status.f_blocks and status.f_bfree * status.f_frsize < size:
        yield f"{parent}: its file system has no room for {size} bytes: make some (`df {parent}`)"
    if size and status.f_files and not status.f_ffree:
        yield f"{parent}: its file system has no inode left: remove files (`df -i {parent}`)"


def hindrances_below(path: str) -> Iterator[str]:
    """Yield what would keep root from removing the directory `path` with all that is in it."""
    points = _mount_points()
    yield from hindrances(path)
    for top, directories, files in os.walk(path):
        for name in (*directories, *files):
            yield from _in_the_way(f"{top}/{name}", points)


def _of_directory(path: str) -> Iterator[str]:
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        yield (
            f"{path} is on a file system that is mounted read-only: have it writable (`mount -o "
            f"remount,rw` of what `findmnt -T {path}` shows), or declare another place"
        )
        return
    flagged = list(_flagged(path))
    yield from flagged
    if not flagged and not os.access(path, os.W_OK | os.X_OK):
        yield (
            f"{path} may not be written to, not even by root: a security module (SELinux, "
            "AppArmor) or missing capabilities forbid it, see `dmesg` or the audit log"
        )


def _in_the_way(path: str, points: FrozenSet[str]) -> Iterator[str]:
    yield from _flagged(path)
    if os.path.realpath(path) in points:
        yield (
            f"{path} is a mount point of its own, as in containers, and cannot be replaced or "
            "removed: unmount it, or declare another place"
        )


def _flagged(path: str) -> Iterator[str]:
    flags = _inode_flags(path)
    for flag, letter, name in FLAGS:
        if flags & flag:
            yield (
                f"{path} is {name} (see `lsattr -d {path}`), so that root, too, cannot change it: "
                f"find out who wanted that, then `chattr -{letter} {path}`"
            )


def is_immutable(directory: str) -> bool:
    """Return whether chattr(1) has closed it, also to root. `directory` may be a path of /proc."""
    with suppress(OSError), Fd(os.open(directory, os.O_RDONLY | os.O_CLOEXEC)) as fd:
        return bool(flags_of(fd) & _IMMUTABLE)
    return False


def _inode_flags(path: str) -> int:
    """Return the flags that chattr sets (man 2 ioctl_iflags); 0 where there are none."""
    with suppress(OSError):
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            with Fd(os.open(path, _LOOK)) as fd:
                return flags_of(fd)
    return 0


def flags_of(fd: Fd) -> int:
    """Return the flags of chattr(1), as bits of linux/fs.h; OSError where there are none."""
    # FS_IOC_GETFLAGS, _IOR('f', 1, long) (linux/fs.h). Yet the kernel writes an int.
    get_flags = ioctl_number(ord("f"), 1, reads=struct.calcsize("@l"))
    return int(struct.unpack_from("=I", fcntl.ioctl(fd, get_flags, bytes(8)))[0])


def _mount_points() -> FrozenSet[str]:
    return frozenset(mount.point for mount in mounts())


EFFECTIVE = os.access in os.supports_effective_ids
_NEW = ".new~"
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_IMMUTABLE = 0x10
FLAGS = ((_IMMUTABLE, "i", "immutable"), (0x20, "a", "append-only"))  # linux/fs.h
_REFUSED = (
    "not even root may. It or its directory is immutable or append-only (`lsattr -d` shows it, "
    "`chattr -i` or `chattr -a` ends it), or a security module (SELinux, AppArmor) forbids it"
)
_REASONS = {
    errno.EPERM: _REFUSED,
    errno.EACCES: _REFUSED,
    errno.EROFS: "its file system is read-only: `findmnt -T` shows which, `mount -o remount,rw` "
    "has it writable again",
    errno.ENOSPC: "its file system is full: `df` and `df -i` show of what; make room, then run "
    "again",
    errno.EDQUOT: "the disk quota of root is used up: `repquota -a` shows it; make room, or raise "
    "it",
    errno.EBUSY: "it is in use, perhaps as a mount point: `findmnt` shows those; unmount it, or "
    "declare another place",
}
