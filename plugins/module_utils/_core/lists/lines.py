# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Lists of lines: a key, a value after white space or none, and comments; or what ipset and nft
write, known by how the first line is written."""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List, Optional, Union

from .blocks import Lines, whole_lines
from .chunk import Chunk
from .faults import Faults
from .ipset import Ipset
from .nft import Nft

_BLANKS = re.compile(r"[ \t]+")
_WHITE = re.compile(r"[ \t\n]*")
_SPACE = frozenset(b" \t")
_SIMPLE = frozenset(b" \t#;")  # with ASCII
_COMMENTS = re.compile(r"(?:^|(?<=[ \t]))[#;].*", re.MULTILINE)


def read_lines(blocks: Iterable[bytes], faults: Faults) -> Iterator[Chunk]:
    """Yield the entries; all lines are to be of the syntax that the first one has."""
    syntax: Union[Plain, Ipset, Nft, None] = None
    for lines in whole_lines(blocks, faults):
        syntax = syntax or _syntax_of(lines.text, faults)
        chunk = syntax.chunk_of(lines) if syntax else None
        if chunk and chunk.keys:
            yield chunk
    if syntax:
        syntax.end()


def _syntax_of(text: str, faults: Faults) -> Union[Plain, Ipset, Nft, None]:
    """None while there is nothing but comments."""
    start = _start_of(text)
    if start == len(text):
        return None
    for other in (Nft, Ipset):
        if other.START.match(text, start):
            return other(faults)
    return Plain(faults)


def _start_of(text: str) -> int:
    """Where the first line begins that is neither blank nor a comment."""
    at = 0
    while True:
        at = _WHITE.match(text, at).end()  # type: ignore[union-attr]
        if text[at : at + 1] not in ("#", ";"):
            return at
        at = text.index("\n", at)


class Plain:
    """One key a line, as firehol and everybody writes them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def chunk_of(self, lines: Lines) -> Chunk:
        """The entries of these lines."""
        first, text, odd = lines
        count = text.count("\n")
        if not odd:
            keys = text.split()
            if len(keys) == count:
                return Chunk(keys, None, range(first, first + count))
            lines_of_keys = enumerate(text.split("\n"), first)
            return Chunk(keys, None, [number for number, key in lines_of_keys if key])
        if odd <= _SIMPLE:
            bare = text if odd <= _SPACE else _COMMENTS.sub("", text)
            rows = [line.split() for line in bare.split("\n")]
            most = max(map(len, rows))
            if most <= 2:
                numbers = [number for number, row in enumerate(rows, first) if row]
                rows = [row for row in rows if row]
                keys = [row[0] for row in rows]
                if most <= 1:
                    return Chunk(keys, None, numbers)
                return Chunk(keys, [row[1] if len(row) == 2 else None for row in rows], numbers)
        return self._one_by_one(text, first)

    def end(self) -> None:
        """Nothing can be missing."""

    def _one_by_one(self, text: str, first: int) -> Chunk:
        keys: List[str] = []
        values: List[Optional[str]] = []
        numbers: List[int] = []
        for number, line in enumerate(_COMMENTS.sub("", text).split("\n"), first):
            bare = line.strip(" \t")
            if not bare:
                continue
            words = _BLANKS.split(bare)
            if len(words) > 2:
                self._faults.add(number, _TOO_MANY)
            elif any(word[-1] in ",{}" for word in words):
                self._faults.add(number, _PUNCTUATED)
            else:
                keys.append(words[0])
                values.append(words[1] if len(words) == 2 else None)
                numbers.append(number)
        return Chunk(keys, values if any(values) else None, numbers)


_TOO_MANY = (
    "more than a key and a value: write one entry a line, comments behind `#`; for other tables "
    "use `format: csv`"
)
_PUNCTUATED = "ends with a comma or a brace: write one entry a line, and nothing between them"
