# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One entry of a list in JSON: as people write it, or as bpftool does, with or without BTF."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Union

from ..values import NamedTuple
from .chunk import Notation

_NAMES = frozenset(("key", "value", "values", "formatted"))
# strerror(ENOENT): of a slot that is empty, or an entry that went meanwhile.
_NO_ENTRY = "No such file or directory"
_HEX = re.compile("(?:0x[0-9a-f]{2})*")


class Doubled(Dict[str, Any]):
    """An object that has one of its names twice."""


class Entry(NamedTuple):
    """What it says."""

    key: Any
    value: Any  # None: it has none
    notation: Notation


NOTHING = Entry(None, None, Notation.RAW)


def entry_of(found: Any) -> Union[Entry, str]:
    """Read what stands for an entry; a text says what is wrong. The key of NOTHING is in no map."""
    if not isinstance(found, dict) or "key" not in found:
        return 'is no object with a name "key"'
    if not _NAMES.issuperset(found):
        return 'has other names than "key" and "value", or those of bpftool'
    if "formatted" in found:
        found, notation = found["formatted"], Notation.FORMATTED
        if not isinstance(found, dict) or "key" not in found or "formatted" in found:
            return 'has a "formatted" that bpftool does not write'
    else:
        notation = Notation.TYPED
    key, value = found["key"], found.get("value")
    if "values" in found:
        if "value" in found:
            return 'has both "value" and "values"'
        value = _by_cpu(found["values"])
        if isinstance(value, str):
            return value
    elif value is None and "value" in found:
        return 'has a "value" of null: leave it out, or write one'
    if key is None:
        return 'has a "key" of null'
    if notation is Notation.TYPED:
        return _raw(key, value, "values" in found) or Entry(key, value, notation)
    return Entry(key, value, notation)


def has_doubled(value: Any) -> bool:
    """Return whether a name is there twice in any object of `value`."""
    if isinstance(value, list):
        return any(map(has_doubled, value))
    return isinstance(value, dict) and (
        isinstance(value, Doubled) or any(map(has_doubled, value.values()))
    )


def _by_cpu(values: Any) -> Union[List[Any], str]:
    """The values of `[{"cpu": 0, "value": ...}, ...]` in the order of CPUs; or what is wrong."""
    by_cpu = {}
    for each in values if isinstance(values, list) else ():
        if not isinstance(each, dict) or each.keys() != {"cpu", "value"}:
            break
        if not _is_number(each["cpu"]) or each["value"] is None:
            break
        by_cpu[each["cpu"]] = each["value"]
    count = len(values) if isinstance(values, list) else 0
    if not count or by_cpu.keys() != {*range(count)}:
        return 'has "values" that are not `{"cpu": ..., "value": ...}` for each CPU from 0 on, once'
    return [by_cpu[cpu] for cpu in range(count)]


def _raw(key: Any, value: Any, is_by_cpu: bool) -> Union[Entry, str, None]:
    """None where it is not all bytes, as bpftool prints what it has no BTF for."""
    raw_key = _bytes(key)
    if raw_key is None:
        return None
    if isinstance(value, dict) and value.keys() == {"error"}:
        if value["error"] == _NO_ENTRY:
            return NOTHING
        return "has no value, since bpftool could not read it: dump the map again"
    if value is None:
        return Entry(raw_key, None, Notation.RAW)
    if is_by_cpu:
        raw_values = [*map(_bytes, value)]
        return None if None in raw_values else Entry(raw_key, raw_values, Notation.RAW)
    raw_value = _bytes(value)
    return None if raw_value is None else Entry(raw_key, raw_value, Notation.RAW)


def _bytes(words: Any) -> Optional[bytes]:
    """The bytes of `["0x0a", "0x00"]`; None if it is anything else."""
    if not isinstance(words, list) or not words:
        return None
    try:
        text = "".join(words)
    except TypeError:
        return None
    if {*map(len, words)} != {len("0x00")} or not _HEX.fullmatch(text):
        return None
    return bytes.fromhex(text.replace("0x", ""))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
