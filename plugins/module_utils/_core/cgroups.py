# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Cgroups of version 2, wherever they are mounted here. Changes nothing."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterator, Set, Tuple

from .mountinfo import mounts

ROOT = 1  # id of the uppermost one


def all_cgroups() -> Iterator[Tuple[int, str]]:
    """Yield each cgroup once, by its id, which is its inode, with a path that leads to it.

    A mount may show a part of them, or be hidden by what is mounted over it.
    """
    seen: Set[int] = set()
    for mount in mounts():
        if mount.fstype != "cgroup2":
            continue
        for path, below, _files in os.walk(mount.point):
            with suppress(OSError):  # removed meanwhile
                status = os.stat(path)
                if status.st_dev != mount.device or status.st_ino in seen:
                    below.clear()
                    continue
                seen.add(status.st_ino)
                yield status.st_ino, path
