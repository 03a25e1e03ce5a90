# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where others than root may pin. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, Callable, Iterator, Optional, Sequence, Set, Tuple

from ...bpffs import DEEPEST, may_list_unseen, open_readable, walk
from ...engine.steps import Plan
from ...errors import TROUBLE
from ...mountinfo import mounts
from ...shape import Level
from ...users import group_name, groups_of, is_member, user_name
from .boundaries import boundaries_of, undrawn
from .exposure import Caution
from .reach import Reader, unreached


def not_kept(decided: Plan[Any, Any], frozen: Callable[[Any], Optional[bool]]) -> Iterator[Caution]:
    """Yield a caution for each declared mode that does not keep from others here what it means to.

    `frozen` says of a step whether its map is; None where it is about no map.
    """
    meant = list(boundaries_of(decided, frozen))
    if meant:
        yield from undrawn(meant, list(openings()), is_member)


def not_reached(decided: Plan[Any, Any]) -> Iterator[Caution]:
    """Yield a caution for each declared reader whom something on this host keeps from the pin."""
    yield from unreached(
        decided,
        lambda uid: Reader(user_name(uid), uid, groups_of(uid)),
        lru_cache(maxsize=None)(_above),
        lambda level: (user_name(level.owner), group_name(level.group)),
    )


def _above(path: str) -> Sequence[Level]:
    """The directories over `path`, as far as they are there."""
    parents = path.rstrip("/").split("/")[:-1]
    levels = []
    for depth in range(1, len(parents) + 1):
        parent = "/".join(parents[:depth]) or "/"
        try:
            status = os.stat(parent)
        except OSError:
            break
        mode = status.st_mode & 0o7777
        levels.append(Level(parent, status.st_uid, status.st_gid, mode))
    return levels


def openings() -> Iterator[Level]:
    """Directories of all bpffs here that others than root may write to.

    Ends after one that all may write to, and after MOST that were looked at.
    """
    seen: Set[Tuple[int, str]] = set()
    looked_at = 0
    for mount in mounts():
        if mount.fstype != "bpf" or (mount.device, mount.root) in seen:
            continue
        try:
            with walk(mount.point) as place:
                if place.missing or not place.on_bpffs or not place.is_reachable:
                    continue
                seen.add((mount.device, mount.root))
                for level in _below(place.fd, mount.point, 0):
                    looked_at += 1
                    if level.is_for_others:
                        yield level
                    if level.mode & 0o002 or looked_at >= MOST:
                        return
        except TROUBLE:  # what cannot be looked into is closed to others, too
            continue


def _below(directory: int, path: str, depth: int) -> Iterator[Level]:
    """An open directory, and those below it that others may come to."""
    status = os.fstat(directory)
    level = Level(path, status.st_uid, status.st_gid, status.st_mode & 0o7777)
    yield level
    # A directory has one link for its name, one for itself, and one for each directory in it.
    if status.st_nlink <= 2 or depth > DEEPEST or not (level.mode & 0o011 or level.owner):
        return
    if not may_list_unseen(level.owner):
        return
    with open_readable(".", directory, path) as readable:
        with os.scandir(readable) as entries:
            names = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
        for name in names:
            try:
                with open_readable(name, directory, path) as deeper:
                    yield from _below(deeper, f"{path}/{name}", depth + 1)
            except TROUBLE:
                continue


MOST = 2000  # directories
