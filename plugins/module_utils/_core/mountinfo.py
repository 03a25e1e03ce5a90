# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The mounts of this mount namespace, as /proc/self/mountinfo tells them (man 5 proc)."""

from __future__ import annotations

import os
import re
from typing import List, Tuple

from .values import dataclass


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo (man 5 proc)."""

    id: int
    parent: int
    device: int
    root: str  # of the file system, that is shown at `point`
    point: str
    opts: Tuple[str, ...]  # of this mount
    fstype: str
    source: str
    super_opts: Tuple[str, ...]  # of the file system


def mounts(process: str = "self") -> List[Mount]:
    """All mounts of the mount namespace of a process, in the order of its mountinfo."""
    with open(f"/proc/{process}/mountinfo", "rb") as table:
        return [_parse(line) for line in table]


def _parse(line: bytes) -> Mount:
    # Only a space separates: other white space can be part of a name, and a source can be empty.
    fields = line.rstrip(b"\n").split(b" ")
    separator = fields.index(b"-", 6)
    major, minor = fields[2].split(b":")
    return Mount(
        id=int(fields[0]),
        parent=int(fields[1]),
        device=os.makedev(int(major), int(minor)),
        root=_unescape(fields[3]),
        point=_unescape(fields[4]),
        opts=tuple(_unescape(fields[5]).split(",")),
        fstype=_unescape(fields[separator + 1]),
        source=_unescape(fields[separator + 2]),
        super_opts=tuple(_unescape(fields[separator + 3]).split(",")),
    )


def _unescape(field: bytes) -> str:
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), field))


_OCTAL = re.compile(rb"\\([0-7]{3})")
