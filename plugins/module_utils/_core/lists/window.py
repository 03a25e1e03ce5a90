# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A part of a long text that moves along with whoever reads it."""

from __future__ import annotations

import codecs
import re
from typing import Iterable, Tuple

from .blocks import text_blocks
from .faults import Faults

AHEAD = 1 << 20  # characters: an entry that is longer is refused
_MORE = 4 << 20  # how far is read at a time

_BLANKS = re.compile(r"[ \t\n\r]*")


class Window:
    """`text` from `at` on: what is still to be read, or the next MiB of it at least."""

    def __init__(self, blocks: Iterable[bytes], faults: Faults) -> None:
        self.text = ""
        self.at = 0
        self.is_whole = False  # nothing comes behind `text`
        self.has_escapes = False  # so far
        self._blocks = iter(text_blocks(blocks, faults))
        self._faults = faults
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._lines = 1  # before `text`, and the one that it begins in
        self._column = 1  # in which it begins
        self._read = 1  # the line that reading has come to

    @property
    def end(self) -> int:
        """Where `text` ends."""
        return len(self.text)

    def look_ahead(self) -> None:
        """Have the next MiB in `text`, if there is as much."""
        if self.is_whole or len(self.text) - self.at >= AHEAD:
            return
        self._lines, self._column = self.place(self.at)
        parts = [self.text[self.at :]]
        size = len(parts[0])
        while size < _MORE and not self.is_whole:
            block = next(self._blocks, None)
            self.is_whole = block is None
            parts.append(self._text(block or b""))
            size += len(parts[-1])
        self.text, self.at = "".join(parts), 0

    def skip_blanks(self) -> str:
        """Go on to what is no blank; return the character there, or nothing at the end."""
        while True:
            self.look_ahead()
            self.at = _BLANKS.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text) or self.is_whole:
                return self.text[self.at : self.at + 1]

    def place(self, at: int) -> Tuple[int, int]:
        """Return line and column, from 1."""
        lines = self.text.count("\n", 0, at)
        if not lines:
            return self._lines, self._column + at
        return self._lines + lines, at - self.text.rfind("\n", 0, at)

    def _text(self, block: bytes) -> str:
        nul = block.find(b"\0")
        if nul >= 0:
            self._faults.stop(self._read + block.count(b"\n", 0, nul), _NUL)
        try:
            text = self._decode(block, self.is_whole)
        except UnicodeDecodeError as error:
            # The bytes kept from the block before end no line.
            self._faults.stop(self._read + error.object.count(b"\n", 0, error.start), _NO_UTF_8)
        self._read += block.count(b"\n")
        self.has_escapes = self.has_escapes or "\\" in text
        return text


_NUL = "holds a NUL byte, so this is no JSON, or a damaged one: look with `file` and `cat -v`"
_NO_UTF_8 = "is not UTF-8, as JSON is: convert the file, as by `iconv -f latin1 -t utf-8`"
