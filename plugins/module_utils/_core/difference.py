# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map, beside what is declared to be in it. Pure."""

from __future__ import annotations

import enum
from itertools import repeat
from typing import AbstractSet, Dict, Iterable, List, Optional, Sequence, Tuple

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


def all_of(entries: Entries) -> Difference:
    """Return what is to be written to a map with nothing in it."""
    return Difference(missing=list(entries.pairs))


def compare(
    entries: Entries, there: Iterable[Tuple[Sequence[bytes], List[bytes]]], empty: bytes = b""
) -> Difference:
    """Compare all that is in a map, keys and values a batch, with what is declared.

    `empty` is the value of a slot of an array that counts as not there; other maps have none.
    """
    pairs = entries.pairs
    missing = pairs.copy()
    different: List[bytes] = []
    others: List[bytes] = []
    total = 0
    for keys, values in there:
        total += len(keys)
        declared = [*map(missing.pop, keys, repeat(None))]
        if declared == values:
            continue  # all of a batch, most often: no step of Python for each of a million
        for key, want, value in zip(keys, declared, values):
            if want is None:
                if value != empty and key not in pairs:
                    others.append(key)
            elif want != value:
                different.append(key)
    return _difference(entries, list(missing), different, others, total)


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
