# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether root alone decides what is found at a path: what root runs, or acts on, is to be such."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections import deque
from typing import Collection, Deque

from .errors import PinningError

_MOST_LINKS = 40  # as the kernel has it (man 7 path_resolution)


def roots_own(path: str) -> str:
    """`path` without symlinks, as far as it exists; PinningError unless it is root's all the way.

    Each directory on the way and what it leads to belongs to root, and nobody else may write to it.
    Symlinks are root's, and lead along such a way. A directory like /tmp is none, for all its
    sticky bit: who comes first after it was cleaned takes the name.
    """
    left: Deque[str] = deque(path.split("/"))
    here, links = "", 0
    _check(path, "/", os.lstat("/"))
    while left:
        part = left.popleft()
        if part in ("", "."):
            continue
        if part == "..":
            here = here.rpartition("/")[0]
            continue
        at = f"{here}/{part}"
        try:
            status = os.lstat(at)
        except FileNotFoundError:
            return "/".join([at, *(each for each in left if each)])
        if stat.S_ISLNK(status.st_mode):
            links += 1
            _check_link(path, at, status, links)
            target = os.readlink(at)
            left.extendleft(reversed(target.split("/")))
            here = "" if target.startswith("/") else here
            continue
        _check(path, at, status)
        if any(left) and not stat.S_ISDIR(status.st_mode):
            raise PinningError(f"{at}: a part of the path is not a directory: move it away")
        here = at
    return here or "/"


def check_roots_own_below(path: str, but: Collection[str]) -> None:
    """Raise PinningError unless `path` and all that is below it is root's.

    What has a name of `but` is left out.
    """
    for top, directories, files in os.walk(roots_own(path)):
        directories[:] = [each for each in directories if each not in but]
        for name in (*directories, *files):
            at = f"{top}/{name}"
            status = os.lstat(at)
            if stat.S_ISLNK(status.st_mode):
                roots_own(at)
            else:
                _check(path, at, status)


def _check_link(path: str, at: str, status: os.stat_result, links: int) -> None:
    if status.st_uid != 0:
        raise PinningError(
            f"{path}: the symlink {at} belongs to user id {status.st_uid}, who decides where it "
            "leads: declare the real path, or look at who made the link, and make it anew as root"
        )
    if links > _MOST_LINKS:
        raise PinningError(f"{path}: too many symlinks, perhaps in a circle: declare the real path")


def _check(path: str, at: str, status: os.stat_result) -> None:
    if status.st_uid == 0 and not _may_be_changed_by_others(at, status):
        return
    raise PinningError(
        f"{path}: {at} belongs to user id {status.st_uid}, group id {status.st_gid}, mode "
        f"{status.st_mode & 0o7777:04o}, so others than root decide what is there, and root would "
        "act on it: declare a path on which all belongs to root and nobody else may write; or see "
        "who made this one, look at what is in it, and have it made anew by root"
    )


def _may_be_changed_by_others(at: str, status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_debians_own(at, status)


def _is_debians_own(at: str, status: os.stat_result) -> bool:
    # Until 2023 Debian installed /usr/local with 2775, for a group staff that nobody is in.
    if not f"{at}/".startswith("/usr/local/") or not stat.S_ISDIR(status.st_mode):
        return False
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    members = {*group.gr_mem, *(user.pw_name for user in pwd.getpwall() if user.pw_gid == group[2])}
    return group.gr_name == "staff" and members <= {"root"} and not _has_acl(at)


def _has_acl(at: str) -> bool:
    # With one, the bits of the group are the most that anybody named there has.
    return "system.posix_acl_access" in os.listxattr(at)
