# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Very many entries, as the kernel takes them: keys one after the other, and so their values. Pure.

There may be a million. So there is no object for each, but for as long as it is looked at.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from operator import add
from typing import AbstractSet, Iterator, List, Optional, Sequence, Set, Tuple, Union

Pair = Tuple[bytes, bytes]  # key and value
Word = Union[int, bytes]


class Pairs:
    """Entries with a key each, in an order. Sizes in bytes; `value_size` is that of all CPUs."""

    def __init__(
        self,
        key_size: int,
        value_size: int,
        joined_keys: bytes = b"",
        joined_values: bytes = b"",
        words: Optional[AbstractSet[Word]] = None,
    ) -> None:
        self.key_size = key_size
        self.value_size = value_size
        self.joined_keys = joined_keys
        self.joined_values = joined_values
        self._words = words

    def __len__(self) -> int:
        return len(self.joined_keys) // self.key_size

    def __iter__(self) -> Iterator[Pair]:
        for some in self.slices(_STEP):
            yield from some.listed

    @property
    def listed(self) -> List[Pair]:
        """All of them at once."""
        return list(
            zip(parts(self.joined_keys, self.key_size), parts(self.joined_values, self.value_size))
        )

    @property
    def words(self) -> AbstractSet[Word]:
        """All of them, as `Words` has them."""
        if self._words is None:
            self._words = frozenset(
                Words(self.key_size, self.value_size).of(self.joined_keys, self.joined_values)
            )
        return self._words

    def of(self, pairs: Sequence[Pair]) -> Pairs:
        """Other entries of the same sizes."""
        keys = b"".join([key for key, _value in pairs])
        values = b"".join([value for _key, value in pairs])
        return Pairs(self.key_size, self.value_size, keys, values)

    def among(self, keys: AbstractSet[bytes]) -> List[Pair]:
        """Those with one of these keys, in their order."""
        found: List[Pair] = []
        for some in self.slices(_STEP) if keys else ():
            # Where few are wanted, most steps have none: then there is nothing to do for each.
            if not keys.isdisjoint(parts(some.joined_keys, self.key_size)):
                found += [pair for pair in some.listed if pair[0] in keys]
        return found

    def slices(self, most: int) -> Iterator[Pairs]:
        """Yield all of them, `most` at a time."""
        for first in range(0, len(self), most):
            yield self.part(first, first + most)

    def part(self, first: int, end: int) -> Pairs:
        """Those from `first` to before `end`."""
        return Pairs(
            self.key_size,
            self.value_size,
            self.joined_keys[first * self.key_size : end * self.key_size],
            self.joined_values[first * self.value_size : end * self.value_size],
        )


class PairCollector:
    """Takes entries, some at a time, and sees that no key comes twice."""

    def __init__(self, key_size: int, value_size: int) -> None:
        self._key_size = key_size
        self._value_size = value_size
        self._keys: List[bytes] = []
        self._values: List[bytes] = []
        self._value: Optional[bytes] = None  # while all have the same
        self._words = Words(key_size, value_size)
        self._seen: Set[Word] = set()

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def keys(self) -> List[bytes]:
        """Those that were taken."""
        return parts(b"".join(self._keys), self._key_size)

    def take(self, keys: Sequence[bytes], values: Sequence[bytes]) -> bool:
        """Take entries behind those that are here; False, and none is taken, if a key comes twice.

        While all values are the same, there are as many different entries as keys: then the set of
        entries does, which is needed later anyway.
        """
        if not self._keys:
            self._value = values[0]
        if self._value is not None and values.count(self._value) < len(values):
            self._value = None
            self._words = Words(self._key_size)
            self._seen = set(self._words.of(b"".join(self._keys)))
        before = len(self._seen)
        blob, value_blob = b"".join(keys), b"".join(values)
        self._seen.update(self._words.of(blob, value_blob))
        if len(self._seen) - before < len(keys):
            return False
        self._keys.append(blob)
        self._values.append(value_blob)
        return True

    def done(self) -> Pairs:
        """All that was taken."""
        words = self._seen if self._value is not None else None
        keys, values = b"".join(self._keys), b"".join(self._values)
        return Pairs(self._key_size, self._value_size, keys, values, words)


class Words:
    """Entries as single values, key and value in one: for these a set is the quickest to ask."""

    def __init__(self, key_size: int, value_size: int = 0) -> None:
        self._key_size = key_size
        self._size = key_size + value_size
        self._value_size = value_size

    def of(self, keys: bytes, values: bytes = b"") -> Sequence[Word]:
        """The entries of as many keys and values."""
        if self._size > _NUMBER:
            each = parts(keys, self._key_size)
            return [*map(add, each, parts(values, self._value_size))] if self._value_size else each
        count = len(keys) // self._key_size
        numbers = bytearray(count * _NUMBER)
        for offset in range(self._key_size):
            numbers[offset::_NUMBER] = keys[offset :: self._key_size]
        for offset in range(self._value_size):
            numbers[self._key_size + offset :: _NUMBER] = values[offset :: self._value_size]
        return _unpacker(f"<{count}Q").unpack(numbers)

    def split(self, word: Word) -> Pair:
        """Key and value."""
        if isinstance(word, int):
            word = word.to_bytes(_NUMBER, "little")
        return word[: self._key_size], word[self._key_size : self._size]


def parts(whole: bytes, size: int) -> List[bytes]:
    """Values of one size, which follow each other."""
    return list(_unpacker(f"{size}s" * (len(whole) // size)).unpack(whole))


@lru_cache(maxsize=8)
def _unpacker(layout: str) -> struct.Struct:
    return struct.Struct(layout)


_NUMBER = 8  # bytes
_STEP = 256  # entries

NO_PAIRS = Pairs(1, 1)
