# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Formats of bytes: text that a NUL ends, hexadecimal digits, lists of numbers."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence

from .format import Format, Unfit
from .numbers import number_of


class Text(Format):
    """Text in UTF-8 and at least one NUL, as C reads it; the rest are NULs, too.

    Bytes that are no such text are a list of numbers, which is taken as well.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, value: object) -> bytes:
        raw = _utf8(value) if isinstance(value, str) else _of_numbers(value, self.size)
        if raw is None:
            raise Unfit(f"must be text, without a NUL, or a list of {self.size} numbers of bytes")
        if len(raw) >= self.size and isinstance(value, str):
            raise Unfit(
                f"must have at most {self.size - 1} bytes as UTF-8: a NUL ends it in {self.size}"
            )
        return raw.ljust(self.size, b"\0")

    def decode(self, raw: bytes) -> object:
        text, end, rest = raw.partition(b"\0")
        if end and not rest.strip(b"\0"):
            try:
                return text.decode()
            except UnicodeDecodeError:
                pass
        return list(raw)


class Hex(Format):
    """Bytes in hexadecimal digits: 0a000001, 0a 00 00 01, 0x0a 0x00 0x00 0x01; or in a list."""

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, value: object) -> bytes:
        raw = _of_digits(value) if isinstance(value, str) else _of_numbers(value, self.size)
        if raw is None or len(raw) != self.size:
            raise Unfit(f"must be {self.size} bytes in hexadecimal digits, in quotes")
        return raw

    def decode(self, raw: bytes) -> object:
        return " ".join(map("{:02x}".format, raw))


class Bytes(Format):
    """Bytes as a list of numbers, decimal or 0x0a; or as text with blanks between them."""

    def __init__(self, size: int) -> None:
        self.size = size

    def encode(self, value: object) -> bytes:
        raw = _of_numbers(value.split() if isinstance(value, str) else value, self.size)
        if raw is None:
            raise Unfit(f"must be a list of {self.size} numbers from 0 to 255")
        return raw

    def decode(self, raw: bytes) -> object:
        return list(raw)


class Untyped(Hex):
    """What is said of a key or value that has neither a format nor BTF: bytes, beyond doubt.

    As bpftool takes and prints them, that is, each by itself. 10 might be ten or sixteen.
    """

    def encode(self, value: object) -> bytes:
        is_plain = isinstance(value, str) and not re.match(_BEYOND_DOUBT, value)
        if is_plain or not isinstance(value, (str, list)):
            raise Unfit(
                f"must be {self.size} bytes, such as 0x0a 0x00, as the map has no BTF that says "
                "its type: or give a format, such as u32 or ipv4"
            )
        return super().encode(value)

    def decode(self, raw: bytes) -> object:
        return " ".join(map("0x{:02x}".format, raw))


class Opaque(Hex):
    """A variable that cannot be declared, for some reason."""

    def __init__(self, size: int, reason: str) -> None:
        super().__init__(size)
        self._reason = reason

    def encode(self, value: object) -> bytes:
        raise Unfit(self._reason)


def _utf8(text: str) -> Optional[bytes]:
    try:
        return None if "\0" in text else text.encode()
    except UnicodeEncodeError:
        return None


def _of_digits(text: str) -> Optional[bytes]:
    words = text.split()
    return (
        bytes.fromhex("".join(words).replace("0x", ""))
        if all(re.match(_HEX, word) for word in words)
        else None
    )


def _of_numbers(value: object, size: int) -> Optional[bytes]:
    if not isinstance(value, (list, tuple)) or len(value) != size:
        return None
    numbers: Sequence[Optional[int]] = list(map(number_of, value))
    found: List[int] = [each for each in numbers if each is not None and 0 <= each <= 255]
    return bytes(found) if len(found) == size else None


# Patterns are compiled when they are needed: few starts need one.
_HEX = r"(?:0x)?(?:[0-9a-fA-F]{2})+\Z"
_BEYOND_DOUBT = r"\s*0x[0-9a-fA-F]{2}(?:\s+0x[0-9a-fA-F]{2})*\s*\Z"
