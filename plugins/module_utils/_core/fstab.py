# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The entry of a bpffs in /etc/fstab (man 5 fstab), and nothing else in that file."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import List, Optional, Sequence, Tuple

from .errors import PinningError
from .kernel import KernelError
from .spec.mounts import OPPOSITES, WantedMount


class FstabProblem(PinningError):
    """The file is not one that this collection may change."""


def read(path: str) -> Optional[bytes]:
    """The content of `path`; None when there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FstabProblem(
                f"{path} is a symlink, and symlinks are never followed: set fstab to the real file"
            ) from None
        raise FstabProblem(f"{path}: {KernelError.of('open', error)}") from None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FstabProblem(f"{path} is no regular file: set fstab to the real file")
        return file.read()


def with_entry(content: bytes, wanted: WantedMount, fstab: str) -> bytes:
    """`content` with exactly one entry for `wanted`, all other lines kept to the byte.

    Options that an entry has already stay, unless they contradict what is wanted.
    """
    lines = content.splitlines(keepends=True)
    entry: Optional[int] = None
    kept: List[bytes] = []
    for line in lines:
        fields = _fields_for(line, wanted.path)
        if fields is None:
            kept.append(line)
        elif fields[2] != b"bpf":
            raise FstabProblem(
                f"{fstab} has an entry for {wanted.path} of type {fields[2].decode()}: remove it, "
                "or declare another path"
            )
        elif entry is None:
            entry = len(kept)
            kept.append(_merged(line, fields, wanted))
    if entry is None:
        if kept and not kept[-1].endswith(b"\n"):
            kept.append(b"\n")
        kept.append(_line(b"bpffs", wanted.path, _options((), wanted), (b"0", b"0")))
    return b"".join(kept)


def without_entry(content: bytes, path: str) -> bytes:
    """`content` with no bpffs entry for `path`, all other lines kept to the byte."""
    return b"".join(
        line
        for line in content.splitlines(keepends=True)
        if (_fields_for(line, path) or (b"", b"", b""))[2] != b"bpf"
    )


def write(path: str, content: bytes) -> None:
    """Replace the file in one rename, with owner, mode and extended attributes as they were."""
    temporary = f"{path}.ebpf-pinning.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                _copy_attributes(path, fd)
                file.write(content)
                file.flush()
                os.fsync(fd)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        directory = os.open(os.path.dirname(path) or "/", os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise FstabProblem(f"{path}: {KernelError.of('write', error)}") from None


def _fields_for(line: bytes, path: str) -> Optional[Tuple[bytes, ...]]:
    """The fields of an entry for `path`; None for every other line."""
    fields = tuple(line.split())
    if len(fields) < 3 or fields[0].startswith(b"#"):
        return None
    point = _ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), fields[1])
    return fields if (point.rstrip(b"/") or b"/") == os.fsencode(path) else None


def _merged(line: bytes, fields: Sequence[bytes], wanted: WantedMount) -> bytes:
    have = tuple(fields[3].decode().split(",")) if len(fields) > 3 else ()
    options = _options(have, wanted)
    if options == have:
        return line
    return _line(fields[0], wanted.path, options, fields[4:6] or (b"0", b"0"))


def _options(have: Sequence[str], wanted: WantedMount) -> Tuple[str, ...]:
    valued = [option for option in wanted.options.split(",") if option]
    declared = [*sorted(wanted.set_flags), *valued]
    keys = {option.partition("=")[0] for option in valued}
    opposite = {name for name, flag in OPPOSITES.items() if flag in wanted.set_flags}
    kept = [
        option
        for option in have
        if option in declared
        or not (
            option.partition("=")[0] in keys
            or option in wanted.clear_flags
            or option in opposite
            or option == "defaults"
        )
    ]
    options = [*kept, *(option for option in declared if option not in kept)]
    return tuple(options or ["defaults"])


def _line(source: bytes, path: str, options: Sequence[str], rest: Sequence[bytes]) -> bytes:
    point = _SPECIAL.sub(lambda match: b"\\%03o" % match[0][0], os.fsencode(path))
    return b" ".join([source, point, b"bpf", ",".join(options).encode(), *rest]) + b"\n"


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
