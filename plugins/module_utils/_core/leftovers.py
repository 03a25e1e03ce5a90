# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Staging directories that are there. Opens read-only, changes nothing."""

from __future__ import annotations

import os
import stat
import time
from typing import List, Optional, Set, Tuple

from .bpffs import PathProblem, Place, describe_mode, is_mount_point, mount_id, open_readable
from .fields import STAGING, is_staging_name, octal
from .syscall import Fd
from .values import NamedTuple


class OpenStaging(NamedTuple):
    """A staging directory of this user."""

    name: str
    fd: Fd


def names_in(place: Place) -> Optional[Set[str]]:
    """All names in the directory, so that free ones need no look; None where that is forbidden."""
    try:
        with open_readable(".", place.fd, place.path) as readable:
            return set(os.listdir(readable))
    except PathProblem:
        return None


def find_abandoned(place: Place, names: Optional[Set[str]]) -> Tuple[Tuple[str, ...], str]:
    """The staging directories that killed runs left in `place`, and why there can be no new one.

    `names` are those in `place`, if it was listed.
    """
    if names is not None and not any(map(is_staging_name, names)):
        return (), ""
    ours = own_ones(place, {STAGING} if names is None else names)
    if not ours:
        problem = whose(place)
        if not problem or not finds_others(place):
            return (), problem
        ours = own_ones(place)
    try:
        left = [each for each in ours if _is_abandoned(place, each)]
        problems = filter(None, (strange(place, each) for each in left))
        return tuple(each.name for each in left), next(problems, "")
    finally:
        close(ours)


def is_in_use(fd: int, path: str) -> bool:
    """Return whether a run works in the staging directory `fd` now."""
    from .lock import try_lock

    return not try_lock(fd, path)


def finds_others(place: Place) -> bool:
    """Return whether a staging directory of another name is needed, and would be found again."""
    return not place.private and names_in(place) is not None


def own_ones(place: Place, names: Optional[Set[str]] = None) -> List[OpenStaging]:
    """The staging directories of this user in `place`, open."""
    if names is None and not place.private:
        names = names_in(place)
    candidates = [STAGING] if names is None else sorted(filter(is_staging_name, names))
    opened = ((name, _open_ours(place.fd, name)) for name in candidates)
    return [OpenStaging(name, fd) for name, fd in opened if fd is not None]


def _open_ours(parent: int, name: str) -> Fd | None:
    """The staging directory `name`; None when there is none, or one that is not ours."""
    try:
        fd = open_readable(name, parent, name)
    except (FileNotFoundError, PathProblem):
        return None
    if _is_ours(os.fstat(fd)) and mount_id(fd) == mount_id(parent):
        return fd
    os.close(fd)
    return None


def _is_ours(status: os.stat_result) -> bool:
    is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return stat.S_ISDIR(status.st_mode) and is_private


def _is_abandoned(place: Place, staging: OpenStaging) -> bool:
    if not os.listdir(staging.fd):
        # A run that is alive locks it at once after making it.
        time.sleep(_A_MOMENT)
    # One that ended meanwhile has removed it.
    from .lock import try_lock  # mostly there is none

    is_unlocked = try_lock(staging.fd, f"{place.path}/{staging.name}")
    return is_unlocked and os.fstat(staging.fd).st_nlink > 0


def whose(place: Place) -> str:
    """Why the name cannot be used, when it is taken: that is for a person to look at."""
    path = f"{place.path}/{STAGING}"
    try:
        status = os.lstat(STAGING, dir_fd=place.fd)
    except (FileNotFoundError, PermissionError):  # a closed directory: others say that
        return ""
    if not _is_ours(status):
        return (
            f"{path} is {describe_mode(status.st_mode)} of user id {status.st_uid}, mode "
            f"{octal(status.st_mode & 0o7777)}: the name is kept for a directory of user id "
            f"{os.geteuid()}, mode 0700; look at who made it and remove it"
        )
    if is_mount_point(place.fd, STAGING):
        return (
            f"{path} is a mount point: the name is kept for a directory of this bpffs; unmount "
            "what is mounted there"
        )
    return ""


def strange(place: Place, staging: OpenStaging) -> str:
    """Return what is in there that no run has made; empty when there is nothing."""
    for name in os.listdir(staging.fd):
        mode = os.lstat(name, dir_fd=staging.fd).st_mode
        if not stat.S_ISREG(mode):
            path = f"{place.path}/{staging.name}/{name}"
            return (
                f"{path} is {describe_mode(mode)}: only pins are made "
                "there; look at who made it and remove it"
            )
    return ""


def close(opened: List[OpenStaging]) -> None:
    """Close them; this unlocks them."""
    while opened:
        os.close(opened.pop().fd)


_A_MOMENT = 0.02  # seconds
