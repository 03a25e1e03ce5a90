# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map, beside what is declared to be in it. Pure."""

from __future__ import annotations

import enum
import struct
from functools import lru_cache
from operator import add
from typing import AbstractSet, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from .values import NamedTuple

Pairs = Dict[bytes, bytes]  # keys and values, as the kernel has them


class Mode(enum.Enum):
    """What is declared of a map's entries."""

    PRESENT = "present"  # these are there, with these values
    EXACT = "exact"  # and no others
    INITIAL = "initial"  # these keys are there; what a program makes of their values is its own


class Entries(NamedTuple):
    """The entries that are declared, as bytes."""

    mode: Mode
    pairs: Pairs
    value_size: int  # bytes, of all CPUs together
    absent: AbstractSet[bytes] = frozenset()  # keys that are not to be there


class Difference(NamedTuple):
    """What is not as declared. Keys only: the values are declared."""

    missing: Sequence[bytes] = ()
    different: Sequence[bytes] = ()
    extra: Sequence[bytes] = ()
    total: Optional[int] = None  # entries that are there; None where they were not counted

    @property
    def is_none(self) -> bool:
        """Return whether all is as declared."""
        return not (self.missing or self.different or self.extra)

    @property
    def words(self) -> str:
        """Return how many there are of each, such as "2 missing, 1 extra"."""
        return ", ".join(f"{len(keys)} {kind}" for kind, keys in self.keys if keys)

    @property
    def keys(self) -> List[Tuple[str, Sequence[bytes]]]:
        """The keys of each kind, by its name: those that lack, differ, and are too many."""
        return list(zip(self._fields, self[:3]))


def compare(
    entries: Entries, there: Iterable[Tuple[bytes, bytes]], key_size: int, empty: bytes = b""
) -> Difference:
    """Compare all that is in a map with what is declared.

    `there` are keys and values, one after the other, a batch at a time. `empty` is the value of a
    slot of an array that counts as not there; other maps have none.
    """
    pairs = entries.pairs
    words = _Words(key_size, entries.value_size)
    declared = set(words.of(b"".join(pairs), b"".join(pairs.values())))
    missing = declared.copy()
    unknown: List[Word] = []
    total = 0
    for keys, values in there:
        batch = words.of(keys, values)
        left = len(missing) - len(batch)
        missing.difference_update(batch)
        total += len(batch)
        if len(missing) != left:  # seldom: most batches need no step of Python for each entry
            unknown += [word for word in batch if word not in declared]
    found = dict(map(words.split, unknown))
    lacking = [words.split(word)[0] for word in missing] if missing else []
    different = [key for key in lacking if key in found]
    others = [key for key, value in found.items() if key not in pairs and value != empty]
    gone = set(lacking).difference(different)
    in_order = [key for key in pairs if key in gone] if gone else []
    return _difference(entries, in_order, different, others, total)


Word = Union[int, bytes]


class _Words:
    """Entries as single values, key and value in one: for these a set is the quickest to ask."""

    def __init__(self, key_size: int, value_size: int) -> None:
        self._key_size = key_size
        self._size = key_size + value_size
        self._value_size = value_size

    def of(self, keys: bytes, values: bytes) -> Sequence[Word]:
        """The entries of as many keys and values."""
        count = len(keys) // self._key_size
        if self._size > _NUMBER:
            return [*map(add, parts(keys, self._key_size), parts(values, self._value_size))]
        numbers = bytearray(count * _NUMBER)
        for offset in range(self._key_size):
            numbers[offset::_NUMBER] = keys[offset :: self._key_size]
        for offset in range(self._value_size):
            numbers[self._key_size + offset :: _NUMBER] = values[offset :: self._value_size]
        return _unpacker(f"<{count}Q").unpack(numbers)

    def split(self, word: Word) -> Tuple[bytes, bytes]:
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


def compare_some(entries: Entries, found: Dict[bytes, Optional[bytes]]) -> Difference:
    """Compare what is under the declared keys, those that are to be absent too; None: nothing."""
    pairs = entries.pairs
    missing = [key for key in pairs if found[key] is None]
    different = [key for key, value in pairs.items() if found[key] not in (value, None)]
    others = [key for key in entries.absent if found[key] is not None]
    return _difference(entries, missing, different, others, None)


def _difference(
    entries: Entries,
    missing: List[bytes],
    different: List[bytes],
    others: List[bytes],
    total: Optional[int],
) -> Difference:
    if entries.mode is not Mode.EXACT:
        others = [key for key in others if key in entries.absent] if entries.absent else []
    if entries.mode is Mode.INITIAL:
        different = []
    return Difference(missing, different, others, total)
