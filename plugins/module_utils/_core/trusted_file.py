# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A file whose content the kernel is to run: read only if nobody else decides what is in it.

It and all directories above belong to root, or to the user of the task, and nobody else may write
to them. A sticky directory such as /tmp may be open to all: what is in it stays its owner's.
Symlinks are not followed. What is checked is what is read, since all goes by descriptors.
"""

from __future__ import annotations

import os
import stat
from typing import List

from .advice import ActsOn
from .bpffs import describe_mode
from .errors import NotThere, PinningError, at
from .syscall import Fd

MOST_BYTES = 256 << 20  # of a file

_BLOCK = 1 << 20  # bytes
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_trusted(path: str) -> bytes:
    """Return what is in the regular file at the absolute `path`; PinningError if it is not trusted.

    NotThere where there is none.
    """
    with _found(path) as found:
        mode = os.fstat(found).st_mode
        if not stat.S_ISREG(mode):
            raise PinningError(
                f"{path} is {describe_mode(mode)}, not a file: declare the path of an object file"
            )
        with at(path, ActsOn.FILE):
            fd = Fd(os.open(found.proc_path, _READ))
        with fd:
            return _read(fd, path)


def _found(path: str) -> Fd:
    """What is at `path`, by O_PATH; each part of the way was checked."""
    here = Fd(os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    way = ""
    try:
        _check(path, "/", os.fstat(here))
        for part in filter(None, path.split("/")):
            way = f"{way}/{part}"
            found = _look(part, here, path)
            os.close(here)
            here = found
            status = os.fstat(found)
            if stat.S_ISLNK(status.st_mode):
                raise PinningError(
                    f"{path}: {way} is a symlink, and for object files symlinks are not followed: "
                    "declare the real path (`realpath` shows it)"
                )
            _check(path, way, status)
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
                f"{path} does not exist: copy the object file to the host before, or declare "
                "another path"
            ) from None


def _check(path: str, way: str, status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return  # its own bits mean nothing
    if status.st_uid not in (0, os.geteuid()):
        raise PinningError(
            f"{path}: {way} belongs to user id {status.st_uid}, who decides what would be loaded: "
            "have it belong to root or to the user of the task"
        )
    is_sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    is_open = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and status.st_gid)
    if is_open and not is_sticky:
        raise PinningError(
            f"{path}: {way} has mode {mode & 0o7777:04o} and group id {status.st_gid}, so others "
            "may write to it and decide what would be loaded: take that from them "
            f"(`chmod go-w {way}`)"
        )


def _read(fd: Fd, path: str) -> bytes:
    blocks: List[bytes] = []
    left = MOST_BYTES - os.fstat(fd).st_size  # or less, if it grows meanwhile
    with at(path, ActsOn.FILE):
        while left >= 0:
            block = os.read(fd, _BLOCK)
            if not block:
                return b"".join(blocks)
            blocks.append(block)
            left = MOST_BYTES - sum(map(len, blocks))
    raise PinningError(
        f"{path} is larger than {MOST_BYTES >> 20} MiB, as no object file for BPF is: declare "
        "the path of what `clang -target bpf -c` wrote"
    )
