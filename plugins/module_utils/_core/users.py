# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names and ids of the users and groups of this host."""

from __future__ import annotations

import grp
import os
import pwd
from functools import lru_cache
from typing import Dict, FrozenSet, Iterable, Optional

from .people import (
    Awaited,
    Expected,
    Ids,
    People,
    UnknownUser,
    can_be_named,
    unknown_group,
    unknown_user,
)


class Users(Ids):
    """Resolves names by the databases of this host.

    Names that it does not have are an error or, where `awaited` is given, are added to it and
    expected of a task before.
    """

    def __init__(self, awaited: Optional[Awaited] = None) -> None:
        self.awaited = awaited

    def named_user(self, name: str, field: str) -> int:
        found = _user_id(name)
        if found is not None:
            return found
        if not self._expects(name):
            raise unknown_user(name, field)
        return self._expected(name, unknown_user(name, field))

    def named_group(self, name: str) -> int:
        found = _group_id(name)
        if found is not None:
            return found
        if not self._expects(name):
            raise unknown_group(name)
        return self._expected(name, unknown_group(name))

    def _expects(self, name: str) -> bool:
        return self.awaited is not None and can_be_named(name)

    def _expected(self, name: str, unknown: UnknownUser) -> Expected:
        if self.awaited is not None:
            self.awaited[str(unknown)] = None
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


def groups_of(uid: int) -> FrozenSet[int]:
    """Return the gids of a user, as far as this host knows; none for one without a name."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(user.pw_name, user.pw_gid))


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
def _user_id(name: str) -> Optional[int]:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


@lru_cache(maxsize=None)
def _group_id(name: str) -> Optional[int]:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


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
