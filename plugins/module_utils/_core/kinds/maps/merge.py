# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The second sweep: take over what was written to the old map while its entries were copied.

The new map has the name by now, so others may write to it. As in a merge there are three states:
what was copied, what the old map holds now, and what the new one holds now. Only what changed in
the old map alone is taken over; what was written under the new name is never overwritten.
"""

from __future__ import annotations

from contextlib import closing
from functools import cached_property
from typing import Dict, Optional, Set

from ... import elements
from ...elements import Batch
from ...entries import all_keys, read, read_ahead
from ...syscall import KernelError
from ...uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST
from ...values import NamedTuple
from .copy import Copied, Source, Target


class CaughtUp(NamedTuple):
    """What the second sweep did."""

    taken_over: int  # entries that were written, added or deleted in the old map while copying
    left: int  # entries that are not in the new map as they are in the old one
    reason: str  # why the last of them is not


def catch_up(source: Source, target: Target, copied: Copied) -> CaughtUp:
    """Compare all entries of the old map with what was copied, and carry over what changed."""
    merge = _Merge(source, target, copied)
    with closing(read_ahead(read(source.fd, source.layout))) as batches:
        for batch in batches:
            # Unchanged maps are read in the same order, so mostly this is one comparison.
            if merge.is_next(batch):
                continue
            merge.compare(batch)
    merge.settle_all()
    return CaughtUp(merge.taken_over, merge.left, merge.reason)


class _Merge:
    def __init__(self, source: Source, target: Target, copied: Copied) -> None:
        self._source = source
        self._target = target
        self._waiting = list(reversed(copied.batches))
        self._known: Dict[bytes, bytes] = {}  # what was copied and not met again so far
        self.taken_over = 0
        self.left = 0
        self.reason = ""

    def is_next(self, batch: Batch) -> bool:
        """Return whether this is what was copied next; if so it is passed over."""
        if self._known or not self._waiting:
            return False
        following = self._waiting[-1]
        if following != (batch if isinstance(following, Batch) else hash(batch)):
            return False
        self._waiting.pop()
        return True

    def compare(self, batch: Batch) -> None:
        """Carry over what is not as it was when it was copied."""
        rest = dict(self._source.layout.pairs(batch))
        self._remember_more()
        self._meet(rest)
        while rest and self._is_behind(rest):
            self._remember_more()
            self._meet(rest)
        for key, value in rest.items():
            self._carry(key, None, value)

    def settle_all(self) -> None:
        """Return what was copied and not met again is deleted, or came in another order."""
        while self._waiting:
            self._remember_more()
        self._settle()

    def _meet(self, rest: Dict[bytes, bytes]) -> None:
        for key in rest.keys() & self._known.keys():
            before, now = self._known.pop(key), rest.pop(key)
            if now != before:
                self._carry(key, before, now)

    def _is_behind(self, rest: Dict[bytes, bytes]) -> bool:
        """Return whether what was copied next has to do with `rest`, or is gone as a whole.

        Else these entries are new, and what was copied next is still to be met.
        """
        following = self._waiting[-1] if self._waiting else 0
        if not isinstance(following, Batch):
            return False
        pairs = dict(self._source.layout.pairs(following))
        return bool(rest.keys() & pairs.keys()) or not any(map(self._is_there, pairs))

    def _is_there(self, key: bytes) -> bool:
        return self._now(key) is not None

    def _remember_more(self) -> None:
        """Have the next batch that was copied at hand."""
        following = self._waiting.pop() if self._waiting else 0
        if isinstance(following, Batch):
            if len(self._known) > _MANY * following.length:
                self._settle()
            self._known.update(self._source.layout.pairs(following))

    def _settle(self) -> None:
        for key, before in self._known.items():
            now = self._now(key)
            if now != before:
                self._carry(key, before, now)
        self._known.clear()

    def _now(self, key: bytes) -> Optional[bytes]:
        if self._source.layout.kin.longest_match and key not in self._old_keys:
            return None
        return self._source.get(key)

    def _here(self, key: bytes) -> Optional[bytes]:
        if self._source.layout.kin.longest_match and key not in self._new_keys:
            return None
        return self._target.get(key)

    @cached_property
    def _old_keys(self) -> Set[bytes]:
        return all_keys(self._source.fd, self._source.layout)

    @cached_property
    def _new_keys(self) -> Set[bytes]:
        return all_keys(self._target.fd, self._target.layout)

    def _carry(self, key: bytes, before: Optional[bytes], now: Optional[bytes]) -> None:
        grown = self._target.grown
        wanted = None if now is None else grown(now)
        here = self._here(key)
        if here == wanted:
            return
        if here != (None if before is None else grown(before)):
            self.left += 1
            self.reason = "the new map has another entry there by now, or no place for it"
            return
        try:
            if wanted is None:
                elements.delete(self._target.fd, key)
                self.taken_over += 1
            else:
                self.taken_over += self._target.put(key, wanted, self._flags(here))
        except KernelError as error:
            self.left += 1
            self.reason = str(error)

    def _flags(self, here: Optional[bytes]) -> int:
        if self._target.layout.kin.indexed:
            return BPF_ANY  # all that these take
        return BPF_NOEXIST if here is None else BPF_EXIST


_MANY = 4  # batches at hand
