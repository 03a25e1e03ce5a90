# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The second sweep: take over what was written to the old map while its entries were copied.

The new map has the name by now, so others may write to it. As in a merge there are three states:
what was copied, what the old map holds now, and what the new one holds now. Only what changed in
the old map alone is taken over; what was written under the new name is never overwritten.
"""

from __future__ import annotations

from contextlib import closing
from typing import Dict, NamedTuple, Optional

from .. import kernel
from ..entries import read, read_ahead
from ..kernel import Batch, KernelError
from ..uapi import BPF_ANY, BPF_EXIST, BPF_NOEXIST
from .copying import Copied, Source, Target


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
            merge.remember_more()
            for key, value in source.layout.pairs(batch):
                merge.consider(key, value)
    merge.settle()
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
        """Whether this is what was copied next; if so it is passed over."""
        if self._known or not self._waiting:
            return False
        following = self._waiting[-1]
        if following != (batch if isinstance(following, Batch) else hash(batch)):
            return False
        self._waiting.pop()
        return True

    def remember_more(self) -> None:
        """Have the next batch that was copied at hand."""
        following = self._waiting.pop() if self._waiting else 0
        if isinstance(following, Batch):
            if len(self._known) > _MANY * following.length:
                self.settle()
            self._known.update(self._source.layout.pairs(following))

    def consider(self, key: bytes, value: bytes) -> None:
        """`value` is what the old map holds under `key` now."""
        before = self._known.pop(key, None)
        if before is None and self._is_behind():
            self.remember_more()
            before = self._known.pop(key, None)
        if before != value:
            self._carry(key, before, value)

    def settle(self) -> None:
        """Look up what was copied and not met again: it is deleted, or comes in another order."""
        for key, before in self._known.items():
            now = self._source.get(key)
            if now != before:
                self._carry(key, before, now)
        self._known.clear()

    def _is_behind(self) -> bool:
        # Entries that were added push later ones from one batch into the next.
        following = self._waiting[-1] if self._waiting else 0
        return isinstance(following, Batch) and len(self._known) < following.length

    def _carry(self, key: bytes, before: Optional[bytes], now: Optional[bytes]) -> None:
        grown = self._target.grown
        wanted = None if now is None else grown(now)
        here = self._target.get(key)
        if here == wanted:
            return
        if here != (None if before is None else grown(before)):
            self.left += 1
            self.reason = "the new map has another entry there by now, or no place for it"
            return
        try:
            if wanted is None:
                kernel.delete(self._target.fd, key)
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
