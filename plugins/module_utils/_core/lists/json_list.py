# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Lists in JSON: of `{"key": ..., "value": ...}`, or what `bpftool -j map dump` prints.

Read entry by entry: a list takes no more memory for being long.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator, List, NoReturn, Optional, Tuple, Union

from .chunk import Chunk, Notation
from .entry import NOTHING, Doubled, Entry, entry_of, has_doubled
from .faults import Faults
from .window import Window

_ENTRIES = 16 * 1024  # in a chunk
_CHARACTERS = 1 << 20  # of them all
_MOST_DIGITS = 40  # a number of 128 bits has 39, and a sign
_UNIT = "[{}]"


def read_json(blocks: Iterable[bytes], faults: Faults) -> Iterator[Chunk]:
    """Yield the entries, each chunk in one notation."""
    some: List[Tuple[int, Entry]] = []
    reader, begins = _Reader(Window(blocks, faults), faults), 0
    for index, found in reader.entries():
        if isinstance(found, str):
            faults.add(index, found, unit=_UNIT)
            continue
        if found is NOTHING:
            continue
        is_full = len(some) == _ENTRIES or reader.read - begins > _CHARACTERS
        if some and (is_full or some[0][1].notation is not found.notation):
            yield _chunk(some)
            some, begins = [], reader.read
        some.append((index, found))
    if some:
        yield _chunk(some)


def _chunk(some: List[Tuple[int, Entry]]) -> Chunk:
    values = [entry.value for _index, entry in some]
    return Chunk(
        [entry.key for _index, entry in some],
        None if all(value is None for value in values) else values,
        [index for index, _entry in some],
        some[0][1].notation,
        _UNIT,
    )


class _Refused(Exception):
    """What JSON may have, and no entry can."""


class _Reader:
    def __init__(self, window: Window, faults: Faults) -> None:
        self._window = window
        self._faults = faults
        self.read = 0  # characters of entries
        self._index = 0
        self._is_doubled = False
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_integer, parse_constant=_constant
        ).raw_decode

    def entries(self) -> Iterator[Tuple[int, Union[Entry, str]]]:
        """Yield each entry, or what is wrong with it, by its index."""
        window = self._window
        mark = window.skip_blanks()
        if mark != "[":
            self._stop(_NOTHING if not mark else _OBJECT if mark == "{" else _NO_LIST)
        window.at += 1
        mark = window.skip_blanks()
        while mark != "]":
            entry = self._entry()
            yield self._index, entry
            self._index += 1
            step = _STEP.match(window.text, window.at)
            if step:  # as nearly always
                window.at = step.end()
                continue
            mark = window.skip_blanks()
            if mark not in (",", "]"):
                self._stop(_CUT if not mark else _COMMA)
            if mark == ",":
                window.at += 1
                window.skip_blanks()
        window.at += 1
        if window.skip_blanks():
            self._stop("something follows behind the end of the list: give one list alone")

    def _entry(self) -> Union[Entry, str]:
        window = self._window
        window.look_ahead()
        start = window.at
        try:
            found, window.at = self._decode(window.text, start)
            self.read += window.at - start
            entry = entry_of(found)
            if self._is_doubled:
                self._is_doubled = False
                return self._without_doubles(found, entry)
        except json.JSONDecodeError as error:
            is_text = error.msg.startswith("Unterminated")
            self._stop(_reason(error.msg), error.pos, is_cut=is_text or error.pos >= window.end)
        except _Refused as error:
            self._stop(str(error), _place_of_constant(window.text, start))
        except RecursionError:
            self._stop("is nested too deeply for an entry")
        if window.has_escapes and not _is_text(found):
            return "holds half of a surrogate pair (`\\ud8..`), which is no character"
        return entry

    def _without_doubles(self, found: Any, entry: Union[Entry, str]) -> Union[Entry, str]:
        """Where bpftool formats, unnamed fields may be there twice; the bytes are there, too."""
        if isinstance(entry, Entry) and entry.notation is Notation.FORMATTED:
            bare = {name: value for name, value in found.items() if name != "formatted"}
            if not isinstance(found, Doubled) and not has_doubled(bare):
                return entry_of(bare)
        return "has a name twice in one object: leave one of them out"

    def _object(self, pairs: List[Tuple[str, Any]]) -> Any:
        whole = dict(pairs)
        if len(whole) == len(pairs):
            return whole
        self._is_doubled = True
        return Doubled(whole)

    def _stop(self, reason: str, at: Optional[int] = None, *, is_cut: bool = False) -> NoReturn:
        window = self._window
        if is_cut:
            reason = _CUT if window.is_whole else _TOO_LONG
        line, column = window.place(window.at if at is None else at)
        self._faults.stop(self._index, reason, unit=f"line {line}, column {column}")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise _Refused("holds a number that is too long for any type")
    return int(digits)


def _constant(_name: str) -> NoReturn:
    raise _Refused("holds NaN or Infinity, which JSON does not have")


def _place_of_constant(text: str, start: int) -> int:
    tokens = _TOKENS.finditer(text, start)
    return next((token.start(1) for token in tokens if token[1]), start)


def _is_text(found: Any) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(message: str) -> str:
    """What the decoder of Python means."""
    return next((told for begin, told in _REASONS if message.startswith(begin)), _NO_JSON)


# To the next entry.
_STEP = re.compile(r"[ \t\n\r]*,[ \t\n\r]*(?=\{)")
# Texts, which may look like anything; what was refused; names.
_TOKENS = re.compile(
    rf'"[^"\\]*(?:\\.[^"\\]*)*"|(-?Infinity|NaN|-?[0-9]{{{_MOST_DIGITS},}})', re.DOTALL
)
_NO_JSON = "is no JSON from here on: look with `jq . FILE`"
_COMMA = "a comma or the end of the list or object is due here"
_NOTHING = "is empty: give a list, if only `[]`"
_NO_LIST = 'is no list: write `[{"key": ..., "value": ...}]`, or declare another `format`'
_OBJECT = 'is one object, no list: write `[{"key": ..., "value": ...}]`'
_CUT = "ends too early: the file was written or fetched in part; do that again"
_TOO_LONG = "an entry longer than 1 MiB: that is no list of entries"
_REASONS = (
    ("Expecting value", "a value is due here"),
    ("Expecting ','", _COMMA),
    ("Expecting ':'", "a colon is due here"),
    ("Expecting property name", "a name in double quotes is due here"),
    ("Illegal trailing comma", "a comma stands before the end"),
    ("Invalid control character", "a control character within a text: write it as `\\n` or such"),
    ("Invalid \\", "an escape that JSON does not have: write a backslash twice"),
)
