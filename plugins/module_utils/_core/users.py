# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names and ids of the users and groups of this host."""

from __future__ import annotations

import grp
import os
import pwd
from functools import lru_cache
from typing import Callable, Dict, Iterable, Optional

from .people import (
    Awaited,
    Expected,
    Ids,
    People,
    UnknownUser,
    can_be_named,
    unknown_group,
    unknown_owner,
)


class Users(Ids):
    """Resolves names by the databases of this host.

    Names that it does not have are an error or, where `awaited` is given, are added to it and
    expected of a task before.
    """

    def __init__(self, awaited: Optional[Awaited] = None) -> None:
        self.awaited = awaited

    def named_user(self, name: str) -> int:
        return self._resolved(_user_id, name)

    def named_group(self, name: str) -> int:
        return self._resolved(_group_id, name)

    def _resolved(self, resolve: Callable[[str], int], name: str) -> int:
        try:
            return resolve(name)
        except UnknownUser as error:
            if self.awaited is None or not can_be_named(name):
                raise
            self.awaited[str(error)] = None
            return Expected.named(name)


def people(users: Iterable[Optional[int]], groups: Iterable[Optional[int]]) -> People:
    """Return the names of these ids, and who the task runs as."""
    task = os.geteuid()
    names: Dict[int, str] = {uid: user_name(uid) for uid in {task, *users} if uid is not None}
    return People(task, names, {gid: group_name(gid) for gid in set(groups) if gid is not None})


def user_name(uid: int) -> str:
    """Return the name of `uid`, or the number as text."""
    return uid.name if isinstance(uid, Expected) else _user_name(uid)


def group_name(gid: int) -> str:
    """Return the name of `gid`, or the number as text."""
    return gid.name if isinstance(gid, Expected) else _group_name(gid)


def is_member(uid: int, gid: int) -> bool:
    """Return whether a user is in a group, as far as this host knows; one without a name may be."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return True
    try:
        return user.pw_gid == gid or user.pw_name in grp.getgrgid(gid).gr_mem
    except KeyError:
        return False


@lru_cache(maxsize=None)
def _user_id(owner: str) -> int:
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise unknown_owner(owner) from None


@lru_cache(maxsize=None)
def _group_id(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise unknown_group(group) from None


@lru_cache(maxsize=None)
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=None)
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
