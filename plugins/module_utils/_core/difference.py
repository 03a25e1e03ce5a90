# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map, beside what is declared to be in it. Pure."""

from __future__ import annotations

import enum
from typing import AbstractSet, Dict, Iterable, List, Optional, Sequence, Tuple

from .pairs import NO_PAIRS, Pair, Pairs, Word, Words
from .values import NamedTuple

NOT_KNOWN = "not known"


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
    is_awaited: bool = False  # a task before may write the list of them


class Difference(NamedTuple):
    """What is not as declared; of entries that lack or differ what is declared of them."""

    missing: Pairs = NO_PAIRS
    different: Pairs = NO_PAIRS
    extra: Sequence[bytes] = ()  # keys
    total: Optional[int] = None  # entries that are there; None where they were not counted
    is_known: bool = True  # the list of what is declared is there

    @property
    def is_none(self) -> bool:
        """Return whether all is as declared."""
        return self.is_known and not any(self.counts)

    @property
    def words(self) -> str:
        """Return how many there are of each, such as "2 missing, 1 extra"."""
        if not self.is_known:
            return NOT_KNOWN
        each = zip(self._fields, self.counts)
        return ", ".join(f"{count} {kind}" for kind, count in each if count)

    @property
    def counts(self) -> Tuple[int, int, int]:
        """How many lack, differ, and are too many."""
        return len(self.missing), len(self.different), len(self.extra)


def compare(entries: Entries, there: Iterable[Pair], empty: bytes = b"") -> Difference:
    """Compare all that is in a map with what is declared.

    `there` are keys and values, one after the other, a batch at a time. `empty` is the value of a
    slot of an array that counts as not there; other maps have none.
    """
    pairs = entries.pairs
    words = Words(pairs.key_size, pairs.value_size)
    lacking = set(pairs.words)
    unknown: List[Word] = []
    total = 0
    for keys, values in there:
        batch = words.of(keys, values)
        total += len(batch)
        for start in range(0, len(batch), _STEP):
            some = batch[start : start + _STEP]
            left = len(lacking) - len(some)
            lacking.difference_update(some)
            if len(lacking) != left:  # seldom: most need no step of Python for each entry
                unknown += [word for word in some if word not in pairs.words]
    found = dict(map(words.split, unknown))
    wanted = dict(map(words.split, lacking))
    known = pairs.among(found.keys() | wanted.keys())
    missing = [pair for pair in known if pair[0] in wanted and pair[0] not in found]
    different = [pair for pair in known if pair[0] in wanted and pair[0] in found]
    declared = {key for key, _value in known}
    extra = [key for key, value in found.items() if key not in declared and value != empty]
    return _difference(entries, missing, different, extra, total)


def compare_some(entries: Entries, found: Dict[bytes, Optional[bytes]]) -> Difference:
    """Compare what is under the declared keys, those that are to be absent too; None: nothing."""
    pairs = list(entries.pairs)
    missing = [(key, value) for key, value in pairs if found[key] is None]
    different = [(key, value) for key, value in pairs if found[key] not in (value, None)]
    extra = [key for key in entries.absent if found[key] is not None]
    return _difference(entries, missing, different, extra, None)


def _difference(
    entries: Entries,
    missing: List[Pair],
    different: List[Pair],
    extra: List[bytes],
    total: Optional[int],
) -> Difference:
    if entries.mode is not Mode.EXACT:
        extra = [key for key in extra if key in entries.absent] if entries.absent else []
    if entries.mode is Mode.INITIAL:
        different = []
    of = entries.pairs.of
    return Difference(of(missing), of(different), extra, total)


_STEP = 256  # entries
