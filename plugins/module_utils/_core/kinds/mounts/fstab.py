# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The entries of /etc/fstab (man 5 fstab). Pure, but for symlinks in their mount points."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import Iterator, List, Optional, Tuple

from ...errors import PinningError
from ...values import dataclass


class FstabProblem(PinningError):
    """The file is not one that this collection may change."""


@dataclass(frozen=True)
class Manner:
    """How the entry is to be, beside what is declared."""

    source: Optional[str] = None  # None: that of the entry there is
    absent: Tuple[str, ...] = ()  # options to add unless the entry has one of that name
    auto: bool = True  # whether `mount -a` is to mount it
    in_order: bool = False  # whether it has to come after those of the directories above


AS_IT_IS = Manner()


@dataclass(frozen=True)
class Entry:
    """One entry. `line` is all of it, with its end."""

    line: bytes
    fields: Tuple[bytes, ...]

    @property
    def source(self) -> str:
        return _plain(self.fields[0])

    @property
    def point(self) -> str:
        """The mount point as it is spelled, but for slashes that mean nothing."""
        point = re.sub("//+", "/", _plain(self.fields[1]))
        return point.rstrip("/") or "/"

    @property
    def fstype(self) -> str:
        return os.fsdecode(self.fields[2])

    @property
    def has_options(self) -> bool:
        return len(self.fields) > 3 and not self.fields[3].startswith(b"#")

    @property
    def options(self) -> Tuple[str, ...]:
        return tuple(os.fsdecode(self.fields[3]).split(",")) if self.has_options else ()

    @property
    def binds(self) -> bool:
        """Return whether it shows a tree that is mounted elsewhere, whatever type it names."""
        return not {"bind", "rbind"}.isdisjoint(self.options)

    @property
    def auto(self) -> bool:
        """Return whether `mount -a` looks at it."""
        return "noauto" not in self.options and self.fstype not in ("swap", "ignore")

    @property
    def is_mounted_by_all(self) -> bool:
        """Return whether `mount -a` mounts it somewhere."""
        return self.auto and self.point.startswith("/")

    def is_above(self, path: str) -> bool:
        """Whether `path` lies below it, and would be covered by it. The root is mounted already."""
        return self.resolved != "/" and path.startswith(f"{self.resolved}/")

    def is_at(self, path: str) -> bool:
        """Return whether it is for `path`, which has no symlinks, however the entry spells it."""
        return self.point == path or self.resolved == path

    @cached_property
    def resolved(self) -> str:
        """The mount point without symlinks. A server that does not answer is not asked."""
        if not self.point.startswith("/") or _REMOTE.match(self.fstype):
            return self.point
        if "\0" in self.point:  # as a power cut leaves a file
            return self.point
        return os.path.realpath(self.point)


def entries_at(content: bytes, path: str) -> List[Entry]:
    """The entries for `path`, however they spell it."""
    return [entry for entry in entries(content) if entry.is_at(path)]


def entries(content: bytes) -> Iterator[Entry]:
    """All entries of the file."""
    for line in lines_of(content):
        entry = entry_of(line)
        if entry:
            yield entry


def lines_of(content: bytes) -> List[bytes]:
    """The lines, each with its end."""
    # Only a line feed ends a line of fstab; bytes.splitlines() knows others.
    return re.findall(rb"[^\n]*\n|[^\n]+", content)


def entry_of(line: bytes) -> Optional[Entry]:
    """The entry in a line; None where there is none, as in a comment."""
    fields = tuple(line.split())
    return None if len(fields) < 3 or fields[0].startswith(b"#") else Entry(line, fields)


def _plain(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 255]), field))


_ESCAPED = re.compile(rb"\\([0-7]{3})")
_REMOTE = re.compile(r"nfs|cifs|smb|ceph|gluster|afs|9p|ncp|coda|fuse|autofs|davfs|lustre|sshfs")
