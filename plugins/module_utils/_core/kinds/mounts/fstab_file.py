# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reading and replacing /etc/fstab, whatever is in it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Callable, Optional

from ... import files
from ...advice import ActsOn
from ...bpffs import mount_id, open_readable, walk
from ...lock import take
from ...new_file import NewFile
from ...syscall import Fd, KernelError
from .fstab import FstabProblem


def read(path: str) -> bytes:
    """The content of `path`, nothing when there is no such file; FstabProblem if it is no file."""
    with _directory_of(path) as directory:
        return _read(path, directory) or b""


def check_writable(path: str, size: int) -> None:
    """FstabProblem if it can be known now that `update` to `size` bytes would fail.

    Changes nothing.
    """
    with _directory_of(path) as directory:
        if os.fstatvfs(directory).f_flag & os.ST_RDONLY:
            raise FstabProblem(f"{path}: {KernelError('write', errno.EROFS)}")
        _check_attributes(os.path.dirname(path) or "/", directory)
        if not os.access(directory.proc_path, os.W_OK | os.X_OK, effective_ids=files.EFFECTIVE):
            raise FstabProblem(f"{path}: {KernelError('write', errno.EACCES)}")
        free = os.fstatvfs(directory)
        if free.f_blocks and free.f_bfree * free.f_frsize < size:
            raise FstabProblem(f"{path}: {KernelError('write', errno.ENOSPC)}")
        if free.f_files and not free.f_ffree:
            raise FstabProblem(f"{path}: {KernelError('write', errno.ENOSPC)}")
        _check_attributes_at(path, directory)
        _check_temporary(f"{os.path.dirname(path)}/{_temporary(path)}", directory)


def update(path: str, change: Callable[[bytes], bytes]) -> bool:
    """Replace the file by what `change` makes of it, in one rename; False when that is the same.

    Owner, mode and extended attributes stay. Runs of this collection wait for each other, and
    when somebody else writes the file meanwhile, it is read again.
    """
    with _directory_of(path) as directory:
        before = _read(path, directory)
        if change(before or b"") == (before or b""):
            return False
        temporary = _temporary(path)
        try:
            with NewFile(take(temporary, directory, path), temporary, directory) as new:
                return _replace(path, new, directory, change)
        except OSError as error:
            raise FstabProblem(f"{path}: {KernelError.of('write', error, ActsOn.FILE)}") from None


def _temporary(path: str) -> str:
    return f".{os.path.basename(path)}.ebpf-pinning"


def _check_temporary(path: str, directory: int) -> None:
    """FstabProblem if something is in the way that `take` does not take over."""
    with suppress(FileNotFoundError):
        mode = os.stat(os.path.basename(path), dir_fd=directory, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode) or stat.S_ISLNK(mode):
            raise FstabProblem(f"{path} is not a regular file: look at who made it, and remove it")
    _check_attributes_at(path, directory)


def _replace(path: str, new: NewFile, directory: int, change: Callable[[bytes], bytes]) -> bool:
    while True:
        before = _read(path, directory)
        after = change(before or b"")
        if after == (before or b""):
            return False
        new.write([after])
        if _read(path, directory) == before:
            # As late as can be: with them others may open, and lock, what this run has locked.
            _copy_attributes(path, new.fd)
            new.publish(os.path.basename(path))
            os.fsync(directory)
            return True


def _directory_of(path: str) -> Fd:
    if path == "/":
        raise FstabProblem(_no_file(path))
    parent = path.rpartition("/")[0] or "/"
    with walk(parent) as place:
        if place.missing:
            raise FstabProblem(f"{path}: there is no directory {parent}: declare another fstab")
        return open_readable(".", place.fd, parent)


def _no_file(path: str) -> str:
    return f"{path} is not a regular file: declare the real fstab"


def _read(path: str, directory: int) -> Optional[bytes]:
    name = os.path.basename(path)
    try:
        # O_NONBLOCK: a FIFO would wait for a writer for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        fd = Fd(os.open(name, flags, dir_fd=directory))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FstabProblem(f"{path}: {KernelError.of('open', error, ActsOn.FILE)}") from None
    with fd:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FstabProblem(_no_file(path))
        if mount_id(fd) != mount_id(directory):
            raise FstabProblem(
                f"{path} is a mount point of its own, as in containers, and cannot be replaced: "
                "leave boot unset here"
            )
        with open(fd, "rb", closefd=False) as file:
            return file.read()


def _copy_attributes(path: str, fd: int) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        os.fchmod(fd, 0o644)
        return
    os.fchown(fd, status.st_uid, status.st_gid)
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            os.setxattr(fd, name, os.getxattr(path, name, follow_symlinks=False))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
    os.fchmod(fd, stat.S_IMODE(status.st_mode))


def _check_attributes_at(path: str, directory: int) -> None:
    with suppress(OSError):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with Fd(os.open(os.path.basename(path), flags, dir_fd=directory)) as fd:
            _check_attributes(path, fd)


def _check_attributes(path: str, fd: Fd) -> None:
    """FstabProblem for what chattr(1) has closed, also to root."""
    try:
        found = files.flags_of(fd)
    except OSError:
        return  # not every file system has them
    for flag, letter, name in files.FLAGS:
        if found & flag:
            raise FstabProblem(
                f"{path} is {name} (`lsattr`), so that fstab cannot be replaced: `chattr "
                f"-{letter} {path}`, or leave boot unset"
            )
