# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a format is: it encodes a value as bytes, and decodes bytes to a value that encodes again.

A value comes from YAML (a number, text, true or false, a list, a dictionary; templates make texts
of numbers) or from a line of a file, as text. Keys and values may be secrets: no error holds one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, List, Literal, Optional, Sequence, Tuple

from ..errors import PinningError
from ..uapi import BYTE_ORDER
from ..values import NamedTuple

ByteOrder = Literal["little", "big"]

if TYPE_CHECKING:
    from typing import Protocol

    class Names(Protocol):
        """What only the host knows. Each raises Unfit where there is no such thing."""

        def ifindex(self, name: str) -> int:
            """The index of an interface, in the network namespace of the task."""

        def ifname(self, index: int) -> Optional[str]:
            """Its name; None if there is none with this index."""

        def cgroup_id(self, path: str) -> int:
            """The id of the cgroup at a path."""


class BadFormat(PinningError):
    """A declared format is none, or none for this key or value."""


class Unfit(Exception):
    """Why a value cannot be encoded: in which field, and what is right. It never says the value."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field  # such as "addr.port" or "slots[3]"; "" is the whole

    def within(self, outer: str) -> Unfit:
        """The same, of a field or an element ("[3]") of what is called `outer`."""
        dot = "." if self.field and not self.field.startswith("[") else ""
        return Unfit(self.reason, f"{outer}{dot}{self.field}")


class UnfitItems(Exception):
    """Which of many values cannot be encoded, by index: the first twenty."""

    def __init__(self, items: Sequence[Tuple[int, Unfit]]) -> None:
        super().__init__("\n".join(f"{index}: {unfit}" for index, unfit in items))
        self.items = tuple(items)


class Context(NamedTuple):
    """What encoding depends on beside the type. With BTF, its byte order counts."""

    names: Names
    byte_order: ByteOrder = BYTE_ORDER
    masks_host_bits: bool = False  # of prefixes; else they are refused


class Format:
    """How a key, a value or a field is written. Instances have a size in bytes."""

    size: int

    def encode(self, value: object) -> bytes:
        """The bytes of a value; Unfit."""
        raise NotImplementedError

    def decode(self, raw: bytes) -> object:
        """The value of `size` bytes, in its canonical notation.

        It encodes to the same bytes again, unless there was something in the padding.
        """
        raise NotImplementedError

    def encode_texts(self, texts: Sequence[str]) -> List[bytes]:
        """Encode very many texts; UnfitItems with the first of those that are unfit."""
        encoded: List[bytes] = []
        unfit: List[Tuple[int, Unfit]] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = list(texts[start : start + _CHUNK])
            plain = self._if_plain(chunk)
            if plain is None:
                plain = self._encode_each(enumerate(chunk, start), unfit)
            encoded += plain
            if len(unfit) >= MOST_UNFIT:
                break
        if unfit:
            raise UnfitItems(unfit[:MOST_UNFIT])
        return encoded

    def encode_items(self, values: Iterable[object]) -> List[bytes]:
        """Encode values of any kind; UnfitItems with the first of those that are unfit."""
        unfit: List[Tuple[int, Unfit]] = []
        encoded = self._encode_each(enumerate(values), unfit)
        if unfit:
            raise UnfitItems(unfit)
        return encoded

    def _if_plain(self, texts: List[str]) -> Optional[List[bytes]]:
        # What fails ends here: Python's own errors have the value, and none is to go with others.
        try:
            return self._encode_plain(texts)
        except _NOT_PLAIN:
            return None

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        """Encode texts in plain notation without a look at each; else raise one of _NOT_PLAIN."""
        raise ValueError

    def _encode_each(
        self, items: Iterable[Tuple[int, object]], unfit: List[Tuple[int, Unfit]]
    ) -> List[bytes]:
        encoded = []
        for index, value in items:
            try:
                encoded.append(self.encode(value))
            except Unfit as error:
                unfit.append((index, error))
                if len(unfit) >= MOST_UNFIT:
                    break
        return encoded


MOST_UNFIT = 20  # that are told of
_CHUNK = 1 << 14  # texts; what they need meanwhile is bounded by it
_NOT_PLAIN = (ArithmeticError, LookupError, OSError, ValueError)
