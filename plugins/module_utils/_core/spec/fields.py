# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Fields that several declarations share: paths, owners, modes."""

from __future__ import annotations

import grp
import pwd
import re
from functools import lru_cache
from typing import Callable, Dict, Optional

from ..errors import PinningError
from ..shape import UNDECLARED, Access
from ..uapi import NAME_MAX

# What a task before may make, in the words of the error that it is for a run: an ordered set.
Awaited = Dict[str, None]

PATH_MAX = 4095  # bytes, less the NUL
STAGING = "ebpf-pinning~staging"  # the directory that new pins are made in


class BadField(PinningError):
    """A field of a declaration cannot be as it is; the text says what it may be."""


class Stranger(BadField):
    """A declaration names a user or group that this host does not have, perhaps not yet."""


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


@lru_cache(maxsize=256)
def absolute(path: str, field: str) -> str:
    """`path` without needless slashes; BadField unless absolute and free of `.` and `..`."""
    if not path.startswith("/"):
        raise BadField(f"{field} {path!r} is not absolute: write the whole path")
    _check_text(path, field)
    if len(path.encode()) > PATH_MAX:
        raise BadField(
            f"{field} {path[:40]!r}... is longer than {PATH_MAX} bytes: no program "
            "could open it; choose a shorter one"
        )
    parts = [part for part in path.split("/") if part]
    if "." in parts or ".." in parts:
        raise BadField(f"{field} {path!r} contains `.` or `..`: write the path that is meant")
    return "/" + "/".join(parts)


def plain(path: str, field: str) -> str:
    """The same for what is written into files of another syntax: a unit, fstab, a first line.

    There a line feed begins a line of its own. (Names of pins are in none of them.)
    """
    whole = absolute(path, field)
    check_no_control(whole, field)
    return whole


def check_no_control(text: str, field: str) -> None:
    """Raise BadField where `text` has characters that end a line or that a terminal obeys."""
    if _CONTROL.search(text):
        raise BadField(
            f"{field} {text!a} contains a control character, which would be a line or a "
            "command of its own where it is written: leave it out, or rename what is there"
        )


def check_pin_name(name: str) -> None:
    """Raise BadField unless bpffs takes `name` for a pin."""
    if not name:
        raise BadField("the name is empty: a pin needs one")
    if "/" in name:
        raise BadField(f"name {name!r} contains `/`: put the directory into `directory`")
    if "." in name:
        raise BadField(
            f"name {name!r} contains a dot, which bpffs refuses: use `_`, as libbpf does"
        )
    _check_text(name, "name")
    size = len(name.encode())
    if size > NAME_MAX:
        raise BadField(f"name {name[:40]!r}... is {size} bytes long: {NAME_MAX} is the longest")
    if is_staging_name(name):
        raise BadField(f"name {name!r} is reserved for work in progress: choose another")


def is_staging_name(name: str) -> bool:
    """Whether new pins may be made in a directory of this name; see staging.py."""
    return name == STAGING or name.startswith(f"{STAGING}~")


def read_access(
    owner: object,
    group: object,
    mode: object,
    *,
    bits: int,
    awaited: Optional[Awaited] = None,
) -> Access:
    """Resolve names to numbers. `bits` are those that `mode` may have.

    Users and groups that this host does not have are an error, or are added to `awaited`.
    """
    if owner is None and group is None and mode is None:
        return UNDECLARED
    return Access(
        None if owner is None else _resolved(_user_id, str(owner), awaited),
        None if group is None else _resolved(_group_id, str(group), awaited),
        None if mode is None else _mode(mode, bits),
    )


def _resolved(resolve: Callable[[str], int], name: str, awaited: Optional[Awaited]) -> int:
    try:
        return resolve(name)
    except Stranger as error:
        if awaited is None or not _can_be_a_name(name):
            raise
        awaited[str(error)] = None
        return Expected.named(name)


def _can_be_a_name(name: str) -> bool:
    """Whether a user or group may ever be called that (passwd(5) has lines, with colons)."""
    return ":" not in name and name.isprintable() and name == name.strip()


def user_name(uid: int) -> str:
    """What to call `uid` in a report: its name, or the number as text."""
    return uid.name if isinstance(uid, Expected) else _user_name(uid)


def group_name(gid: int) -> str:
    """What to call `gid` in a report: its name, or the number as text."""
    return gid.name if isinstance(gid, Expected) else _group_name(gid)


def is_member(uid: int, gid: int) -> bool:
    """Whether a user is in a group, as far as this host knows; one without a name may be."""
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return True
    try:
        return user.pw_gid == gid or user.pw_name in grp.getgrgid(gid).gr_mem
    except KeyError:
        return False


def octal(mode: int) -> str:
    """A mode as users write it: 0640."""
    return f"{mode:04o}"


def _check_text(text: str, field: str) -> None:
    if "\0" in text:
        raise BadField(f"{field} {text!r} contains a NUL: remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadField(f"{field} {text!r} is no UTF-8: write it in UTF-8") from None


@lru_cache(maxsize=None)
def _user_id(owner: str) -> int:
    if owner.isascii() and owner.isdigit():
        return _number(owner, "owner")
    _check_text(owner, "owner")
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise Stranger(f"owner {owner!r} is not a user of this host: create it first") from None


@lru_cache(maxsize=None)
def _group_id(group: str) -> int:
    if group.isascii() and group.isdigit():
        return _number(group, "group")
    _check_text(group, "group")
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise Stranger(f"group {group!r} is not a group of this host: create it first") from None


def _number(text: str, field: str) -> int:
    # The last number means "leave it" to chown(2).
    if len(text) > 10 or int(text) >= 2**32 - 1:
        raise BadField(f"{field} {text} is no id: the largest is {2**32 - 2}")
    return int(text)


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


def _mode(mode: object, bits: int) -> int:
    # An unquoted 0640 is 416 once YAML has read it, and 640 is no less a number: ask for text.
    if not isinstance(mode, str):
        raise BadField(f'mode {mode!r} is no text: write it in octal and quoted, like "0640"')
    try:
        value = int(mode, 8)
    except ValueError:
        raise BadField(f'mode {mode!r} is not octal: write it like "0640"') from None
    if value & ~bits or value < 0:
        raise BadField(
            f"mode {mode!r} has bits beyond {octal(bits)}, which mean nothing here: leave them out"
        )
    return value


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
