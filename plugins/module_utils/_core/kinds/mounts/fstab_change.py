# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The entry of a bpffs in /etc/fstab, and nothing else in that file."""

from __future__ import annotations

import os
import re
from typing import Dict, FrozenSet, List, Sequence, Tuple

from ...people import BadField
from ...users import Users
from .declaration import ATIME, OPPOSITES, STICKY, WantedMount
from .fstab import AS_IT_IS, Entry, FstabProblem, Manner, entry_of, lines_of


def with_entry(content: bytes, wanted: WantedMount, fstab: str, manner: Manner = AS_IT_IS) -> bytes:
    """`content` with exactly one entry for `wanted`, all other lines kept to the byte.

    Options that an entry has already stay, unless they contradict what is wanted.
    """
    kept: List[bytes] = []
    found = covered = False
    place = 0
    for line in lines_of(content):
        entry = entry_of(line)
        if entry is None or not entry.is_at(wanted.path):
            kept.append(line)
            if found and entry and entry.is_mounted_by_all and entry.is_above(wanted.path):
                covered = True
        elif entry.fstype != "bpf" or entry.binds:
            raise FstabProblem(_foreign(entry, wanted.path, fstab))
        elif not found:
            place = len(kept)
            kept.append(_merged(entry, wanted, manner))
            found = True
    if found and not (covered and manner.in_order):
        return b"".join(kept)
    line = kept.pop(place) if found else _new_line(wanted, manner)
    if kept and not kept[-1].endswith(b"\n"):
        kept.append(b"\n")
    return b"".join([*kept, line])


def without_entry(content: bytes, path: str) -> bytes:
    """`content` with no bpffs entry for `path`, all other lines kept to the byte."""
    kept = []
    for line in lines_of(content):
        entry = entry_of(line)
        if entry is None or entry.fstype != "bpf" or not entry.is_at(path):
            kept.append(line)
    return b"".join(kept)


def _foreign(entry: Entry, path: str, fstab: str) -> str:
    spelled = "" if entry.point == path else f", spelled {entry.point},"
    kind = "that binds another tree there" if entry.binds else f"of type {entry.fstype}"
    return f"{fstab} has an entry for {path}{spelled} {kind}: remove it, or declare another path"


def _merged(entry: Entry, wanted: WantedMount, manner: Manner) -> bytes:
    """The line with the fields as they are to be, and all between and after them as it was."""
    spans = [match.span() for match in re.finditer(rb"\S+", entry.line)]
    words: Dict[int, bytes] = {}
    if manner.source not in (None, entry.source):
        words[0] = _escaped(manner.source or "")
    if entry.point != wanted.path:
        words[1] = _escaped(wanted.path)  # not every systemd looks through symlinks
    have = entry.options
    options = _options(have, wanted, manner)
    if options != have and (options or have):
        word = os.fsencode(",".join(options or ["defaults"]))
        if entry.has_options:
            words[3] = word
        else:
            words[2] = entry.fields[2] + b" " + word
    line = entry.line
    for number in sorted(words, reverse=True):
        start, end = spans[number]
        line = line[:start] + words[number] + line[end:]
    return line


def _options(have: Sequence[str], wanted: WantedMount, manner: Manner) -> Tuple[str, ...]:
    declared = dict(option.split("=", 1) for option in wanted.options.split(",") if option)
    flags = set(wanted.set_flags)
    if "relatime" in flags and ATIME.isdisjoint(have) and have:
        flags.remove("relatime")  # the kernel's default
    gone = {name for name, flag in OPPOSITES.items() if flag in wanted.set_flags}
    gone |= wanted.clear_flags | {"noauto"}
    if wanted.set_flags & ATIME:
        gone |= ATIME - wanted.set_flags
    same = {
        key for key, value in declared.items() if _meanings(key, have) == {_meaning(key, value)}
    }
    kept = [
        option
        for option in have
        if option not in gone and (_key(option) not in declared or _key(option) in same)
    ]
    keys = {_key(option).lower() for option in kept}
    added = sorted(flags - set(kept))
    added += [f"{key}={value}" for key, value in declared.items() if key not in same]
    added += [each for each in manner.absent if _key(each) not in {*keys, *declared}]
    return (*kept, *added, *(() if manner.auto else ("noauto",)))


def _key(option: str) -> str:
    return option.partition("=")[0]


def _meanings(key: str, options: Sequence[str]) -> FrozenSet[object]:
    """Return what all options of one name say."""
    return frozenset(
        _meaning(key, option.partition("=")[2]) for option in options if _key(option) == key
    )


def _meaning(key: str, value: str) -> object:
    """Return what the value of an option says, however it is spelled."""
    try:
        if key == "mode" and _OCTAL.fullmatch(value):  # int() takes 0o700, too; the kernel does not
            return int(value, 8) | STICKY
        if key == "uid":
            return Users().user(value)
        if key == "gid":
            return Users().group(value)
    except (ValueError, BadField):
        return value
    return frozenset(value.lower().split(":"))


def _new_line(wanted: WantedMount, manner: Manner) -> bytes:
    options = ",".join(_options((), wanted, manner) or ["defaults"]).encode()
    source = _escaped(manner.source or "bpf")
    return b" ".join([source, _escaped(wanted.path), b"bpf", options, b"0", b"0"]) + b"\n"


def _escaped(text: str) -> bytes:
    return _SPECIAL.sub(lambda match: b"\\%03o" % match[0][0], os.fsencode(text))


_OCTAL = re.compile("[0-7]+", re.ASCII)
_SPECIAL = re.compile(rb"[\s\\#]")
