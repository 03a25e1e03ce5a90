# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Users and groups as values: ids, their names, and what resolves them. Pure: see `users`."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from .errors import PinningError
from .values import NamedTuple

# What a task before may make, in the words of the error that it is for a run: an ordered set.
Awaited = Dict[str, None]


class BadField(PinningError):
    """A field of a declaration cannot be as it is; the text says what it may be."""


class UnknownUser(BadField):
    """A declaration names a user or group that this host does not have, perhaps not yet."""


def unknown_user(name: str, field: str) -> UnknownUser:
    return UnknownUser(f"{field} {name!r} is not a user of this host: create it first")


def unknown_group(name: str) -> UnknownUser:
    return UnknownUser(f"group {name!r} is not a group of this host: create it first")


def can_be_named(name: str) -> bool:
    """Return whether a user or group may ever be called that (passwd(5) has lines, with colons)."""
    return ":" not in name and name.isprintable() and name == name.strip()


class Expected(int):
    """The id of a user or group that is still to come: none that a file could have."""

    name: str

    @classmethod
    def named(cls, name: str) -> Expected:
        """The one of this name."""
        expected = cls(-1)
        expected.name = name
        return expected

    def __format__(self, _spec: str) -> str:
        return self.name


class Ids:
    """Turns what people write into ids. This one takes numbers only; `users.Users` takes names."""

    awaited: Optional[Awaited] = None  # in a check

    def user(self, name: str, field: str = "owner") -> int:
        """Return the uid; UnknownUser if there is none."""
        return _number(name, field) if is_number(name) else self.named_user(name, field)

    def group(self, group: str) -> int:
        """Return the gid; UnknownUser if there is none."""
        return _number(group, "group") if is_number(group) else self.named_group(group)

    def named_user(self, name: str, field: str) -> int:
        raise unknown_user(name, field)

    def named_group(self, name: str) -> int:
        raise unknown_group(name)


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, field: str) -> int:
    # The last number means "leave it" to chown(2).
    if len(text) > 10 or int(text) >= 2**32 - 1:
        raise BadField(f"{field} must be {2**32 - 2} or less, not {text}")
    return int(text)


class People(NamedTuple):
    """Who the task runs as, and names of users and groups. An id without a name is its number."""

    task: int = 0  # uid
    users: Mapping[int, str] = {0: "root"}
    groups: Mapping[int, str] = {0: "root"}

    def with_users(self, names: Mapping[int, str]) -> People:
        """Return the same with more names of users."""
        return self._replace(users={**self.users, **names})

    def user(self, uid: int) -> str:
        """Return what to call a user."""
        return uid.name if isinstance(uid, Expected) else self.users.get(uid, str(uid))

    def group(self, gid: int) -> str:
        """Return what to call a group."""
        return gid.name if isinstance(gid, Expected) else self.groups.get(gid, str(gid))


NUMBERS_ONLY = Ids()
ROOT_ONLY = People()
