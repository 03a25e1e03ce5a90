# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What `ipset save` writes, and `ipset restore` reads: the elements of one set."""

from __future__ import annotations

import re
from typing import List, Optional, Pattern

from .blocks import Lines
from .chunk import Chunk
from .faults import Faults

_ADD = ("add", "-A", "--add")
_CREATE = ("create", "-N", "--create")
# What has no say in which elements there are.
_OTHERS = frozenset(
    {
        *("flush", "-F", "--flush", "swap", "-W", "--swap", "destroy", "-X", "--destroy"),
        *("rename", "-E", "--rename", "COMMIT"),
    }
)
# Options of an element, and how many words follow; which addresses match depends on none of them.
_OPTIONS = {
    **dict.fromkeys(("timeout", "packets", "bytes", "comment"), 1),
    **dict.fromkeys(("skbmark", "skbprio", "skbqueue"), 1),
    **dict.fromkeys(("-exist", "-!"), 0),
}
_WORDS = re.compile(r'"[^"]*"|\S+')


class Ipset:
    """Its lines `add SET ELEMENT`; options such as timeout and comment mean nothing in a map."""

    # `add KEY` alone may be an entry of a plain list.
    START = re.compile(
        r"(?:(?:flush|-F|destroy|-X)[ \t]+\S+[ \t]*\n+)*"
        r"(?:(?:add|-A|--add)[ \t]+\S+[ \t]+\S|(?:create|-N|--create)[ \t]+\S+[ \t]+\w+:)"
    )

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._set = ""
        self._simple: Optional[Pattern[str]] = None

    def chunk_of(self, lines: Lines) -> Chunk:
        """The elements that these lines add."""
        first, text, _odd = lines
        if self._simple:
            simple = self._simple.findall(text)
            if len(simple) == text.count("\n"):
                return Chunk(simple, None, range(first, first + len(simple)))
        keys: List[str] = []
        numbers: List[int] = []
        for number, line in enumerate(text.split("\n"), first):
            words = _WORDS.findall(line)
            if not words or words[0].startswith("#"):
                continue
            key = self._element(words, number)
            if key is not None:
                keys.append(key)
                numbers.append(number)
        return Chunk(keys, None, numbers)

    def end(self) -> None:
        """Nothing can be missing."""

    def _element(self, words: List[str], number: int) -> Optional[str]:
        command = words[0]
        if command not in _ADD or len(words) < 3:
            if command not in _OTHERS and command not in _CREATE:
                self._faults.add(number, _NO_ADD)
            return None
        if not self._set:
            self._set = words[1]
            name = re.escape(self._set)
            self._simple = re.compile(rf"^add {name} (\S+)(?: timeout \d+)?\n", re.MULTILINE)
        if words[1] != self._set:
            self._faults.add(number, _TWO_SETS)
            return None
        at = 3
        while at < len(words):
            if words[at] not in _OPTIONS:
                self._faults.add(number, _NOMATCH if words[at] == "nomatch" else _UNKNOWN)
                return None
            at += 1 + _OPTIONS[words[at]]
        if at > len(words):
            self._faults.add(number, _UNKNOWN)
            return None
        return words[2]


_NO_ADD = (
    "no line `add SET ELEMENT` of ipset, as the others: give what `ipset save SET` prints, or a "
    "plain list of keys"
)
_TWO_SETS = "adds to another set than the lines before: give one set (`ipset save SET`)"
_NOMATCH = (
    "has `nomatch`, an exception, which a map does not have: leave it out, or declare an entry "
    "whose value means it"
)
_UNKNOWN = (
    "has an option that a map cannot have: what is passed over is timeout, packets, bytes, "
    "comment, skbmark, skbprio and skbqueue"
)
