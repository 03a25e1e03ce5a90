# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Fields that several declarations share: paths, owners, modes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional, Sequence, Tuple

from .people import BadField, Ids
from .shape import UNDECLARED, Access
from .uapi import NAME_MAX

PATH_MAX = 4095  # bytes, less the NUL
STAGING = "ebpf-pinning~staging"  # the directory that new pins are made in


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


def is_below(path: str, above: str) -> bool:
    """Return whether `path` is in the directory `above`, at whatever depth."""
    return path.startswith(f"{above.rstrip('/')}/")


def is_at_or_below(path: str, above: str) -> bool:
    """Return whether `path` is `above`, or in it."""
    return is_below(f"{path}/", above)


def plain(path: str, field: str) -> str:
    """Return the absolute `path`, fit for a unit, fstab or a first line; BadField if it is not.

    There a line feed begins a line of its own. (Names of pins are in none of them.)
    """
    whole = absolute(path, field)
    check_no_control(whole, field)
    return whole


def check_seen_at_boot(path: str, field: str) -> None:
    """Raise BadField where the unit that restores at boot would find nothing at a real path."""
    if any(is_below(path, home) for home in _HIDDEN_AT_BOOT):
        raise BadField(
            f"{field}: {path}: homes are hidden from what restores at boot: have the file "
            "elsewhere, such as below /etc"
        )


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
    """Return whether new pins may be made in a directory of this name; see staging.py."""
    return name == STAGING or name.startswith(f"{STAGING}~")


def read_access(owner: object, group: object, mode: object, *, bits: int, ids: Ids) -> Access:
    """Resolve names to numbers. `bits` are those that `mode` may have.

    Raises UnknownUser, unless `ids` expects such users to come.
    """
    if owner is None and group is None and mode is None:
        return UNDECLARED
    for field, name in (("owner", owner), ("group", group)):
        if name is not None:
            _check_text(str(name), field)
    return Access(
        None if owner is None else ids.user(str(owner)),
        None if group is None else ids.group(str(group)),
        None if mode is None else _mode(mode, bits),
    )


def read_readers(names: Optional[Sequence[object]], ids: Ids) -> Tuple[int, ...]:
    """Resolve the names of those who are to open a pin; UnknownUser as above."""
    texts = list(map(str, names or ()))
    for text in texts:
        _check_text(text, "reader")
    return tuple(dict.fromkeys(ids.user(text, "reader") for text in texts))


def octal(mode: int) -> str:
    """A mode as users write it: 0640."""
    return f"{mode:04o}"


def _check_text(text: str, field: str) -> None:
    if "\0" in text:
        raise BadField(f"{field} {text!r} contains a NUL: remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadField(f"{field} {text!r} is not UTF-8: write it in UTF-8") from None


def _mode(mode: object, bits: int) -> int:
    # An unquoted 0640 is 416 once YAML has read it, and 640 is no less a number: ask for text.
    if not isinstance(mode, str):
        raise BadField(f'mode must be a quoted octal string such as "0640", not {mode!r}')
    try:
        value = int(mode, 8)
    except ValueError:
        raise BadField(f'mode must be octal, such as "0640", not {mode!r}') from None
    if value & ~bits or value < 0:
        raise BadField(
            f"mode {mode!r} has bits beyond {octal(bits)}, which have no meaning here: leave them "
            "out"
        )
    return value


_HIDDEN_AT_BOOT = ("/home", "/root", "/run/user")  # ProtectHome= (man 5 systemd.exec)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
