# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The entry of a bpffs in /etc/fstab (man 5 fstab), and nothing else in that file."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from typing import Callable, List, Optional, Sequence, Tuple

from .advice import ActsOn
from .bpffs import mount_id, open_readable, walk
from .errors import PinningError
from .lock import Patience, try_lock
from .spec.mounts import ATIME, OPPOSITES, WantedMount
from .syscall import Fd, KernelError


class FstabProblem(PinningError):
    """The file is not one that this collection may change."""


def read(path: str) -> bytes:
    """The content of `path`, nothing when there is no such file; FstabProblem if it is no file."""
    with _directory_of(path) as directory:
        return _read(path, directory) or b""


def update(path: str, change: Callable[[bytes], bytes]) -> bool:
    """Replace the file by what `change` makes of it, in one rename; False when that is the same.

    Owner, mode and extended attributes stay. Runs of this collection wait for each other, and
    when somebody else writes the file meanwhile, it is read again.
    """
    with _directory_of(path) as directory:
        patience = Patience(path)
        while not try_lock(directory, os.path.dirname(path)):
            patience.wait()
        while True:
            before = _read(path, directory)
            after = change(before or b"")
            if after == (before or b""):
                return False
            temporary = f".{os.path.basename(path)}.ebpf-pinning"
            try:
                _write(path, temporary, after, directory)
                if _read(path, directory) == before:
                    os.rename(
                        temporary,
                        os.path.basename(path),
                        src_dir_fd=directory,
                        dst_dir_fd=directory,
                    )
                    os.fsync(directory)
                    return True
            except OSError as error:
                raise FstabProblem(f"{path}: {KernelError.of('write', error)}") from None
            finally:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)


def with_entry(content: bytes, wanted: WantedMount, fstab: str) -> bytes:
    """`content` with exactly one entry for `wanted`, all other lines kept to the byte.

    Options that an entry has already stay, unless they contradict what is wanted.
    """
    kept: List[bytes] = []
    found = False
    for line in _lines(content):
        fields = _fields_for(line, wanted.path)
        if fields is None:
            kept.append(line)
        elif fields[2] != b"bpf":
            raise FstabProblem(
                f"{fstab} has an entry for {wanted.path} of type {os.fsdecode(fields[2])}: remove "
                "it, or declare another path"
            )
        elif not found:
            kept.append(_merged(line, fields, wanted))
            found = True
    if not found:
        if kept and not kept[-1].endswith(b"\n"):
            kept.append(b"\n")
        kept.append(_new_line(wanted))
    return b"".join(kept)


def without_entry(content: bytes, path: str) -> bytes:
    """`content` with no bpffs entry for `path`, all other lines kept to the byte."""
    return b"".join(
        line
        for line in _lines(content)
        if (_fields_for(line, path) or (b"", b"", b""))[2] != b"bpf"
    )


def _lines(content: bytes) -> List[bytes]:
    # Only a line feed ends a line of fstab; bytes.splitlines() knows others.
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def _fields_for(line: bytes, path: str) -> Optional[Tuple[bytes, ...]]:
    """The fields of an entry for `path`; None for every other line."""
    fields = tuple(line.split())
    if len(fields) < 3 or fields[0].startswith(b"#"):
        return None
    point = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), fields[1])
    return fields if (point.rstrip(b"/") or b"/") == os.fsencode(path) else None


def _merged(line: bytes, fields: Sequence[bytes], wanted: WantedMount) -> bytes:
    """The line with its fourth field as it is to be, and all else as it was."""
    has_options = len(fields) > 3 and not fields[3].startswith(b"#")
    have = tuple(os.fsdecode(fields[3]).split(",")) if has_options else ()
    options = _options(have, wanted)
    if options == have or not (options or have):
        return line
    word = os.fsencode(",".join(options or ["defaults"]))
    if has_options:
        return re.sub(rb"^(\s*(?:\S+\s+){3})\S+", lambda match: match[1] + word, line, count=1)
    return re.sub(rb"^(\s*\S+\s+\S+\s+\S+)", lambda match: match[1] + b" " + word, line, count=1)


def _options(have: Sequence[str], wanted: WantedMount) -> Tuple[str, ...]:
    valued = [option for option in wanted.options.split(",") if option]
    declared = [*sorted(wanted.set_flags), *valued]
    gone = {name for name, flag in OPPOSITES.items() if flag in wanted.set_flags}
    gone |= wanted.clear_flags | {"noauto"}  # it is to be mounted at boot
    if wanted.set_flags & ATIME:
        gone |= ATIME - wanted.set_flags
    keys = {option.partition("=")[0] for option in valued}
    kept = [
        option
        for option in have
        if option in declared
        or not (option in gone or ("=" in option and option.partition("=")[0] in keys))
    ]
    return (*kept, *(option for option in declared if option not in kept))


def _new_line(wanted: WantedMount) -> bytes:
    point = _SPECIAL.sub(lambda match: b"\\%03o" % match[0][0], os.fsencode(wanted.path))
    options = ",".join(_options((), wanted) or ["defaults"]).encode()
    return b" ".join([b"bpffs", point, b"bpf", options, b"0", b"0"]) + b"\n"


def _directory_of(path: str) -> Fd:
    parent = path.rpartition("/")[0] or "/"
    with walk(parent) as place:
        if place.missing:
            raise FstabProblem(f"{path}: there is no directory {parent}: declare another fstab")
        return open_readable(".", place.fd, parent)


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
            raise FstabProblem(f"{path} is no regular file: declare the real fstab")
        if mount_id(fd) != mount_id(directory):
            raise FstabProblem(
                f"{path} is a mount point of its own, as in containers, and cannot be replaced: "
                "leave boot unset here"
            )
        with open(fd, "rb", closefd=False) as file:
            return file.read()


def _write(path: str, temporary: str, content: bytes, directory: int) -> None:
    with suppress(FileNotFoundError):  # of a killed run: only who has the lock makes one
        os.unlink(temporary, dir_fd=directory)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with Fd(os.open(temporary, flags, 0o600, dir_fd=directory)) as fd:
        _copy_attributes(path, fd)
        with open(fd, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(fd)


def _copy_attributes(path: str, fd: int) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        os.fchmod(fd, 0o644)
        return
    os.fchown(fd, status.st_uid, status.st_gid)
    os.fchmod(fd, stat.S_IMODE(status.st_mode))
    try:
        for name in os.listxattr(path, follow_symlinks=False):
            os.setxattr(fd, name, os.getxattr(path, name, follow_symlinks=False))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise


_ESCAPED = re.compile(rb"\\([0-7]{3})")
_SPECIAL = re.compile(rb"[\s\\#]")
