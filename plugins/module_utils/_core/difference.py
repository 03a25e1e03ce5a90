# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map, beside what is declared to be in it. Pure."""

from __future__ import annotations

import enum
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


def compare(
    entries: Entries, there: Iterable[Tuple[Sequence[bytes], Sequence[bytes]]], empty: bytes = b""
) -> Difference:
    """Compare all that is in a map, keys and values a batch, with what is declared.

    `empty` is the value of a slot of an array that counts as not there; other maps have none.
    """
    pairs = entries.pairs
    declared = pairs.items()
    missing = set(pairs)
    different: List[bytes] = []
    others: List[bytes] = []
    total = 0
    for keys, values in there:
        total += len(keys)
        missing.difference_update(keys)
        for key, value in dict(zip(keys, values)).items() - declared:
            if key in pairs:
                different.append(key)
            elif value != empty:
                others.append(key)
    # What others remove and add again meanwhile may be read twice.
    once = (list(dict.fromkeys(keys)) for keys in (different, others))
    return _difference(entries, list(missing), *once, total)


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
    # What is added keeps the order of the declaration.
    order = {key: place for place, key in enumerate(entries.pairs)} if len(missing) > 1 else {}
    missing.sort(key=order.__getitem__) if order else None
    return Difference(missing, different, others, total)
