# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Mounts, and paths inside a BPF file system, seen through directory file descriptors.

No symlink is ever followed: each component is opened relative to the one before it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Iterable, Optional, Sequence, Tuple

from . import kernel
from .errors import PinningError
from .mountinfo import Mount
from .shape import Identity, Level
from .syscall import Fd, KernelError

# The kernel puts these into the root of the first bpffs (CONFIG_BPF_PRELOAD); nobody may
# remove them, and a pin of a user's cannot have a dot in its name.
KERNELS_OWN = frozenset({"maps.debug", "progs.debug"})

DEEPEST = 100  # levels of directories that are looked into

DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ENTRY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class PathProblem(PinningError):
    """A path that this collection refuses to go along, or that leads nowhere."""


class Place:
    """How far `path` could be walked: `fd` is its deepest directory that exists.

    To be used in `with`, which closes `fd`.
    """

    def __init__(
        self,
        path: str,
        fd: Fd,
        missing: Tuple[str, ...],
        passed: Sequence[os.stat_result] = (),
    ) -> None:
        self.path = path
        self.fd = fd
        self.missing = missing
        self.on_bpffs = kernel.is_bpffs(fd)
        self._passed = passed or (os.fstat(fd),)  # from the root down to `fd`
        status = self._passed[-1]
        self.owner = status.st_uid
        self.identity = Identity(status.st_dev, status.st_ino)
        self.private = is_private(status)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self.fd)

    @property
    def proc_path(self) -> bytes:
        """A path that means this very directory, whatever its name means by now."""
        return self.fd.proc_path

    @property
    def is_reachable(self) -> bool:
        """Return whether others than root get through the directories above."""
        return all(each.st_mode & 0o011 or each.st_uid for each in self._passed[:-1])

    @property
    def loose(self) -> Optional[Level]:
        """The first directory above in which others than root may put something else."""
        above = self._passed if self.missing else self._passed[:-1]
        for depth, each in enumerate(above, 1):
            mode = each.st_mode
            if each.st_uid or (mode & 0o022 and not mode & stat.S_ISVTX):
                path = "/".join(self.path.split("/")[:depth]) or "/"
                return Level(path, each.st_uid, each.st_gid, mode & 0o7777)
        return None

    @property
    def levels(self) -> Tuple[Level, ...]:
        """The directories of this file system that the path leads through, from the top."""
        parts = self.path.split("/")
        return tuple(
            Level("/".join(parts[:depth]) or "/", each.st_uid, each.st_gid, each.st_mode & 0o7777)
            for depth, each in enumerate(self._passed, 1)
            if each.st_dev == self.identity.device
        )


def make_open(name: str, directory: int) -> None:
    """Make a directory that others get through, whatever the umask of the task is."""
    before = os.umask(0o022)
    try:
        os.mkdir(name, 0o755, dir_fd=directory)
    finally:
        os.umask(before)


def is_private(directory: os.stat_result) -> bool:
    """Return whether nobody else can change what is in it, so that a name keeps its meaning."""
    return directory.st_uid in (0, os.geteuid()) and not directory.st_mode & 0o022


def may_list_unseen(owner: int) -> bool:
    """Return whether a listing of a directory of `owner` leaves no trace in its access time."""
    return os.geteuid() in (0, owner)


def walk(path: str, root: str = "/") -> Place:
    """Open the directory `path`, or as much of it as exists.

    `root` may be that of another process, /proc/PID/root: a link, but one that names no path.
    """
    parts = [part for part in path.split("/") if part]
    fd = Fd(os.open(root, DIRECTORY if root == "/" else DIRECTORY & ~os.O_NOFOLLOW))
    passed = [os.fstat(fd)]
    for depth, part in enumerate(parts):
        try:
            deeper = Fd(os.open(part, DIRECTORY, dir_fd=fd))
        except OSError as error:
            at = "/" + "/".join(parts[: depth + 1])
            if error.errno == errno.ENOENT or _is_dotted_on_bpffs(error, part, fd):
                return Place(path, fd, tuple(parts[depth:]), passed)
            with fd:
                raise _explain(error, at, fd, part) from None
        os.close(fd)
        fd = deeper
        passed.append(os.fstat(fd))
    return Place(path, fd, (), passed)


def open_readable(name: str, directory: int, path: str) -> Fd:
    """Open a directory to list or to lock it, without a trace in its access time.

    Only its owner and root may leave no trace; for others it is as with any listing. `path` is
    for the message when it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            return Fd(os.open(name, flags | os.O_NOATIME, dir_fd=directory))
        except PermissionError:
            return Fd(os.open(name, flags, dir_fd=directory))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PathProblem(f"{path}: {KernelError.of('open', error)}") from None


def mount_of(fd: int, table: Iterable[Mount]) -> Optional[Mount]:
    """The mount that `fd` was opened through: what is really on top at its path."""
    wanted = mount_id(fd)
    return next((mount for mount in table if mount.id == wanted), None)


def mount_id(fd: int) -> int:
    """Which mount `fd` was opened through; two mounts may show the same file system."""
    with open(f"/proc/self/fdinfo/{int(fd)}", encoding="ascii") as info:
        fields = dict(line.split(":", 1) for line in info)
    return int(fields["mnt_id"])


def is_mount_point(directory: int, name: str) -> bool:
    """Whether another mount begins at an entry of an open directory."""
    # Not by device: a bind mount of the same file system leads elsewhere, too. Nor by the path
    # alone: that may be the mount point of a mount that is hidden by another.
    try:
        inside = Fd(os.open(name, ENTRY, dir_fd=directory))
    except FileNotFoundError:  # removed meanwhile
        return False
    with inside:
        return mount_id(inside) != mount_id(directory)


def too_deep(path: str) -> PathProblem:
    """For a tree that would cost a file descriptor for each level."""
    return PathProblem(
        f"{path} is more than {DEEPEST} directories deep: look at who made them, and remove them"
    )


def describe_mode(mode: int) -> str:
    """Return what an entry is that is not a pin, for messages."""
    for test, name in _KINDS:
        if test(mode):
            return name
    return "something unknown"


def _is_dotted_on_bpffs(error: OSError, part: str, fd: int) -> bool:
    # bpf_lookup: any name with a dot is EPERM, whether it exists or not.
    return error.errno == errno.EPERM and "." in part and kernel.is_bpffs(fd)


def _explain(error: OSError, path: str, parent: int, name: str) -> PinningError:
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        try:
            target = os.readlink(name, dir_fd=parent)
        except OSError:
            return PathProblem(
                f"{path} is not a directory, so nothing can be below it: declare another path"
            )
        return PathProblem(
            f"{path} is a symlink to {target}, and symlinks are never followed: "
            "declare the real path"
        )
    return PathProblem(f"{path}: {KernelError.of('open', error)}")


_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symlink"),
    (stat.S_ISREG, "a file that holds no BPF object"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)
