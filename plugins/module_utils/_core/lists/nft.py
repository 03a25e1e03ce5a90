# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What nft writes and reads: the elements of one set or map, within or without its table."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from .blocks import Lines
from .chunk import Chunk
from .faults import Faults

# Options of an element, and how many words follow; which addresses match depends on none of them.
_OPTIONS = {
    **dict.fromkeys(("timeout", "expires", "comment", "packets", "bytes"), 1),
    "counter": 0,
}
_MOST_WORDS = 100  # of a statement or an element
_TOKENS = re.compile(r'#.*|"[^"]*"|[{},;=]|[^\s{},;="#]+|"')
_WITHIN_SET = frozenset(
    {
        *("type", "typeof", "flags", "timeout", "gc-interval", "size", "policy", "auto-merge"),
        *("counter", "comment"),
    }
)
# A line of elements without options, each with its comma.
_SIMPLE = re.compile(r"[ \t]*(?:[0-9A-Za-z./:_-]+[ \t]*,[ \t]*)+")


class Nft:
    """Elements in braces: of `nft list set`, `add element`, `define`, or `elements = {` alone."""

    START = re.compile(
        r"elements\s*=\s*\{|define\s+\S+\s*=\s*\{|(?:add|create)\s+(?:element|set|map|table)\s+[a-z]"
        r"|(?:table|set|map)\s+[^{}\n]*\{|\{"
        r"|flush\s+(?:set|map|table|ruleset)\b"
    )

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._blocks: List[str] = []  # those that are open: table, set, elements
        self._names: List[Tuple[str, ...]] = []  # of each
        self._words: List[str] = []  # of a statement or an element that has no end yet
        self._target: Optional[Tuple[str, ...]] = None
        self._number = 0
        self._begun = 0  # the line in which an element begins
        self._keys: List[str] = []
        self._values: List[Optional[str]] = []
        self._numbers: List[int] = []

    def chunk_of(self, lines: Lines) -> Chunk:
        """The elements that end in these lines."""
        self._keys, self._values, self._numbers = [], [], []
        for number, line in enumerate(lines.text.split("\n")[:-1], lines.first):
            self._number = number
            if not self._is_simple(line):
                for token in _TOKENS.findall(line):
                    self._take(token)
                if not self._is_inside():
                    self._end_statement()
        values = self._values if any(self._values) else None
        return Chunk(self._keys, values, self._numbers)

    def end(self) -> None:
        """Every brace is to be closed."""
        if self._blocks or self._words:
            self._faults.add(self._number, _OPEN)

    def _is_inside(self) -> bool:
        return bool(self._blocks) and self._blocks[-1] == "elements"

    def _is_simple(self, line: str) -> bool:
        """Take a line that is made of whole elements, without a look at each."""
        if self._words or not self._is_inside() or not _SIMPLE.fullmatch(line):
            return False
        keys = line.replace(",", " ").split()
        self._keys += keys
        self._values += [None] * len(keys)
        self._numbers += [self._number] * len(keys)
        return True

    def _take(self, token: str) -> None:
        if token.startswith("#") or token == "\\":
            return
        if token == '"':
            self._faults.stop(self._number, _QUOTE)
        if token == "{":
            self._open()
        elif token == "}":
            self._close()
        elif self._is_inside():
            if token == ",":
                self._end_element()
                return
            if not self._words:
                self._begun = self._number
            self._add(token)
        elif token == ";":
            self._end_statement()
        else:
            self._add(token)

    def _add(self, word: str) -> None:
        self._words.append(word)
        if len(self._words) > _MOST_WORDS:
            self._faults.stop(self._number, _STRANGE)

    def _open(self) -> None:
        words, self._words = self._words, []
        outer = self._blocks[-1] if self._blocks else ""
        verb = words[:1]
        if outer == "elements":
            self._faults.stop(self._number, _STRANGE)
        if verb and verb[0] in ("add", "create") and words[1:2] != ["element"]:
            verb, words = words[1:2], words[1:]
        if words[-2:] == ["elements", "="] and len(words) == 2:
            self._begin(tuple(part for name in self._names for part in name))
        elif words[:1] == ["define"] and words[2:] == ["="] and not outer:
            self._begin(tuple(words[:2]))
        elif words[1:2] == ["element"] and not outer:
            self._begin(tuple(words[1:]))
        elif not words and not outer:
            self._begin(())
        elif (verb == ["table"] and not outer) or (
            verb in (["set"], ["map"]) and outer in ("", "table")
        ):
            self._blocks.append("set" if verb[0] != "table" else "table")
            self._names.append(tuple(words))
        else:
            self._faults.stop(self._number, _STRANGE)

    def _begin(self, target: Tuple[str, ...]) -> None:
        if self._target not in (None, target):
            self._faults.stop(self._number, _TWO_SETS)
        self._target = target
        self._blocks.append("elements")
        self._names.append(())

    def _close(self) -> None:
        if not self._blocks:
            self._faults.stop(self._number, _STRANGE)
        if self._is_inside():
            self._end_element()
        else:
            self._end_statement()
        self._blocks.pop()
        self._names.pop()

    def _end_statement(self) -> None:
        words, self._words = self._words, []
        if not words:
            return
        outer = self._blocks[-1] if self._blocks else ""
        if outer == "set":
            is_known = words[0] in _WITHIN_SET or words == ["elements", "="]
        elif outer == "table":
            is_known = words[0] in ("flags", "comment", "set", "map")
        else:
            is_known = words[0] in ("flush", "table", "define", "set", "map", "elements") or (
                words[0] in ("add", "create") and words[1:2] != ["rule"]
            )
        if words[-1] == "=" or words[0] in ("set", "map", "element") or words[1:2] == ["element"]:
            self._words = words  # the brace may stand in the next line
        if not is_known:
            self._faults.stop(self._number, _STRANGE)

    def _end_element(self) -> None:
        words, self._words = self._words, []
        if not words:
            return  # behind the last comma
        value, at = None, 1
        while at < len(words) and words[at] in _OPTIONS:
            at += 1 + _OPTIONS[words[at]]
        if words[at : at + 1] == [":"] and len(words) == at + 2:
            value, at = words[at + 1], at + 2
        if at != len(words) or words[0][0] in '$@"=;':
            self._faults.add(self._begun, _ELEMENT)
            return
        self._keys.append(words[0])
        self._values.append(value)
        self._numbers.append(self._begun)


_OPEN = "ends within braces: the file was written or fetched in part; do that again"
_QUOTE = "has a quote that does not end in the same line: close it"
_STRANGE = (
    "holds more than the elements of one set or map, or is not written as nft writes it: give what "
    "`nft list set FAMILY TABLE SET` prints, or a plain list of keys"
)
_TWO_SETS = "begins the elements of another set: give one set (`nft list set FAMILY TABLE SET`)"
_ELEMENT = (
    "has an element that is no single key, or an option that a map cannot have: what is passed "
    "over is timeout, expires, counter and comment"
)
