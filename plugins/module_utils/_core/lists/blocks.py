# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From the bytes of a file, block by block, to whole lines of text; gzip is known by its magic."""

from __future__ import annotations

import zlib
from typing import FrozenSet, Iterable, Iterator

from ..values import NamedTuple
from .faults import Faults

MOST_BYTES = 1 << 30  # of text, unpacked
LONGEST_LINE = 64 * 1024  # bytes
_UNPACKED = 1 << 20  # bytes at a time
_GZIP = b"\x1f\x8b"
_OTHERS = (
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UTF_8 = b"\xef\xbb\xbf"
_LONGEST_MAGIC = 6
_START = 64 * 1024  # bytes that come together, by which the syntax of a list is known
# What lines of keys, and nothing else, are made of.
_PLAIN = bytes({*range(0x21, 0x7F), 0x0A} - {*b'#;,{}="'})
_CONTROL = frozenset({*range(0x20), 0x7F} - {*b"\t\n\r"})
_NUL, _CR = 0, 0x0D


class Lines(NamedTuple):
    """Some whole lines, each with its end."""

    first: int  # the number of the first one, from 1
    text: str
    odd: FrozenSet[int]  # which bytes there are but printable ones, and punctuation


def text_blocks(blocks: Iterable[bytes], faults: Faults) -> Iterator[bytes]:
    """Yield what is in the file: unpacked, without the mark of UTF-8, not more than MOST_BYTES."""
    source = iter(blocks)
    start = b""
    while len(start) < _LONGEST_MAGIC:
        block = next(source, b"")
        if not block:
            break
        start += block
    for magic, name in _OTHERS:
        if start.startswith(magic):
            faults.stop_all(f"is packed by {name}: unpack it, or pack it by gzip")
    unpacked = _unzipped(start, source, faults) if start.startswith(_GZIP) else _all(start, source)
    total = 0
    for block in _unmarked(unpacked, faults):
        total += len(block)
        if total > MOST_BYTES:
            faults.stop_all(f"holds more than {MOST_BYTES >> 20} MiB of text: split it into lists")
        yield block


def _all(start: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield start
    yield from rest


def _unmarked(blocks: Iterator[bytes], faults: Faults) -> Iterator[bytes]:
    start = b""
    for block in blocks:
        start += block
        if len(start) >= _START:
            break
    if start.startswith(_UTF_16):
        faults.stop(1, "is UTF-16: convert the file to UTF-8 (`iconv -f utf-16 -t utf-8`)")
    yield start[len(_UTF_8) :] if start.startswith(_UTF_8) else start
    yield from blocks


def _unzipped(data: bytes, rest: Iterator[bytes], faults: Faults) -> Iterator[bytes]:
    """Yield what gzip has packed, in one or several members; zeros behind them are padding."""
    member = zlib.decompressobj(31)  # 15 bits of window, with the header of gzip
    while True:
        try:
            block = member.decompress(data, _UNPACKED)
        except zlib.error:
            faults.stop_all("is gzip, but damaged: `gzip -t` shows where; fetch or pack it again")
        if block:
            yield block
        data = member.unconsumed_tail or (member.unused_data if member.eof else b"")
        if member.eof:
            data = data.lstrip(b"\0")
            while not data:
                data = next(rest, None)  # type: ignore[assignment]
                if data is None:
                    return
                data = data.lstrip(b"\0")
            member = zlib.decompressobj(31)
        elif not data and not block:
            data = next(rest, b"")
            if not data:
                faults.stop_all(
                    "is gzip, but ends too early: it was copied or fetched in part; do that again"
                )


def whole_lines(blocks: Iterable[bytes], faults: Faults) -> Iterator[Lines]:
    """Yield the lines of a file. What is no text is refused: faults.stop."""
    first, rest = 1, b""
    for block in text_blocks(blocks, faults):
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest += block
            _check_length(rest, first, faults)
            continue
        lines = _decoded(rest + block[:cut], first, faults)
        yield lines
        first += lines.text.count("\n")
        rest = block[cut:]
    if rest:
        yield _decoded(rest + b"\n", first, faults)


def _decoded(block: bytes, first: int, faults: Faults) -> Lines:
    odd = frozenset(block.translate(None, _PLAIN))
    if odd & _CONTROL:
        at = min(block.find(each) for each in odd & _CONTROL)
        what = "a NUL byte" if block[at] == _NUL else "a control character"
        faults.stop(
            first + block.count(b"\n", 0, at),
            f"holds {what}, so this is no text file, or a damaged one: look with `file` and "
            "`cat -v`",
        )
    _check_length(block, first, faults)
    if _CR in odd:
        block = block.replace(b"\r\n", b"\n")
        at = block.find(b"\r")
        if at >= 0:
            faults.stop(
                first + block.count(b"\n", 0, at),
                "holds a carriage return within the line: end lines by a line feed (`tr '\\r' "
                "'\\n'`)",
            )
    try:
        return Lines(first, block.decode(), odd - {_CR})
    except UnicodeDecodeError as error:
        faults.stop(
            first + block.count(b"\n", 0, error.start),
            "is not UTF-8: convert the file, as by `iconv -f latin1 -t utf-8`",
        )


def _check_length(block: bytes, first: int, faults: Faults) -> None:
    at = 0
    while len(block) - at > LONGEST_LINE + 1:
        end = block.rfind(b"\n", at, at + LONGEST_LINE + 1)
        if end < 0:
            number = first + block.count(b"\n", 0, at)
            if block.find(b"\0", at, at + LONGEST_LINE) >= 0:
                faults.stop(number, "holds a NUL byte, so this is no text file: look with `file`")
            faults.stop(
                number, f"is longer than {LONGEST_LINE >> 10} KiB: that is no list of lines"
            )
        at = end + 1
