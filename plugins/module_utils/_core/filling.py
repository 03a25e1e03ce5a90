# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Brings the entries of a map to what is declared: looks, and writes no more than differs."""

from __future__ import annotations

import errno
from typing import Callable, ContextManager, Iterator, List, Optional, Sequence

from . import elements, prefix
from .difference import Difference, Entries, Mode, compare, compare_some
from .elements import Batch
from .entries import NO_BATCHES, Layout, count, read
from .errors import HalfDone, PinningError
from .pairs import Pair, Pairs, parts
from .syscall import KernelError
from .uapi import BPF_ANY, BPF_F_LOCK, BPF_NOEXIST, BYTE_ORDER

# From a value as the kernel shows it, such as the id of a program, to what it takes for that, such
# as a descriptor, while that is open.
Send = Callable[[bytes], ContextManager[bytes]]


def look_at(fd: int, layout: Layout, entries: Entries) -> Difference:
    """Return what is not as declared, and of a map that lacks something how many there are.

    Of a map that cannot be read nothing is known, and nothing is to be written.
    """
    if entries.is_awaited:
        return Difference(is_known=False)
    if layout.kin.unreadable:
        return Difference()
    wanted = len(entries.pairs) + len(entries.absent)
    is_whole = entries.mode is Mode.EXACT or layout.kin.longest_match
    if is_whole or _MANY * wanted > layout.max_entries:
        return _look_at_all(fd, layout, entries)
    keys = [*(key for key, _value in entries.pairs), *entries.absent]
    size = layout.entry_value_size
    values = (elements.lookup(fd, key, size) for key in keys)
    found = {key: value and layout.bare(value) for key, value in zip(keys, values)}
    difference = compare_some(entries, found)
    if difference.missing and not layout.kin.indexed:
        return difference._replace(total=count(fd, layout))
    return difference


def _look_at_all(fd: int, layout: Layout, entries: Entries) -> Difference:
    empty = bytes(layout.entry_value_size) if layout.kin.has_all_slots else b""
    difference = compare(entries, _read(fd, layout), empty)
    if layout.resizes and difference.missing:
        return _looked_up(fd, layout, entries, difference)
    return difference


def _looked_up(fd: int, layout: Layout, entries: Entries, difference: Difference) -> Difference:
    """Ask for what was not met, as it may be there nevertheless."""
    missing: List[Pair] = []
    different = list(difference.different)
    for key, value in difference.missing:
        there = elements.lookup(fd, key, layout.entry_value_size)
        if there is None:
            missing.append((key, value))
        elif entries.mode is not Mode.INITIAL and layout.bare(there) != value:
            different.append((key, value))
    of = entries.pairs.of
    return difference._replace(missing=of(missing), different=of(different))


def fill(
    fd: int,
    layout: Layout,
    entries: Entries,
    difference: Difference,
    *,
    locks: bool,
    send: Optional[Send] = None,
) -> None:
    """Update, add, remove, in this order. `locks`: values have a lock, which is respected.

    HalfDone where something was written before the kernel refused.
    """
    filler = _Filler(fd, layout.kin.keyless, BPF_F_LOCK if locks else 0, send)
    try:
        filler.write(difference.different)
        # Arrays of what the kernel holds know neither BPF_NOEXIST nor a slot that has nothing.
        if entries.mode is Mode.INITIAL and not layout.kin.sparse:
            filler.add(difference.missing)
        else:
            filler.write(difference.missing)
        if layout.kin.has_all_slots:
            zeros = bytes(layout.entry_value_size)
            filler.write(entries.pairs.of([(key, zeros) for key in difference.extra]))
        else:
            filler.remove(difference.extra)
    except PinningError as error:
        if isinstance(error, KernelError) and error.errno in _FULL:
            error.add(_fullness(fd, layout))
        if filler.done:
            raise HalfDone(str(error)) from None
        raise


def fill_empty(
    fd: int, layout: Layout, entries: Entries, *, locks: bool, send: Optional[Send] = None
) -> None:
    """Write all that is declared to a map that is empty, and has no name yet."""
    all_of_it = Difference(missing=entries.pairs)
    fill(fd, layout, entries._replace(mode=Mode.PRESENT), all_of_it, locks=locks, send=send)


class _Filler:
    """Writes and removes entries of a map: by batch where the kernel has that."""

    def __init__(self, fd: int, is_keyless: bool, lock: int, send: Optional[Send]) -> None:
        self._fd = fd
        self._is_keyless = is_keyless
        self._lock = lock
        self._send = send
        self.done = 0  # how many entries were written or removed

    def write(self, pairs: Pairs) -> None:
        """Write these, whether they are there or not."""
        for some in pairs.slices(_BATCH):
            for key, value in some.part(self._written(some), len(some)):
                self._put(key, value, BPF_ANY)

    def add(self, pairs: Pairs) -> None:
        """Write those that are not there, and leave those that are by now. It takes no batches."""
        for key, value in pairs:
            try:
                self._put(key, value, BPF_NOEXIST)
            except KernelError as error:
                if error.errno != errno.EEXIST:
                    raise

    def remove(self, keys: Sequence[bytes]) -> None:
        """Remove these, as far as they are there."""
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            for key in some[self._removed(some) :]:
                elements.delete(self._fd, key)
                self.done += 1

    def _put(self, key: bytes, value: bytes, flags: int) -> None:
        if self._is_keyless:
            elements.update(self._fd, b"", value, flags)
        elif self._send is None:
            elements.update(self._fd, key, value, flags | self._lock)
        else:
            with self._send(value) as sent:
                elements.update(self._fd, key, sent, flags)
        self.done += 1

    def _written(self, pairs: Pairs) -> int:
        """How many the kernel took at once, from the first on; the rest goes one by one."""
        if self._is_keyless or self._send is not None:
            return 0
        batch = Batch(len(pairs), pairs.joined_keys, pairs.joined_values)
        return self._at_once(lambda: elements.update_batch(self._fd, batch, self._lock), batch)

    def _removed(self, keys: Sequence[bytes]) -> int:
        batch = Batch(len(keys), b"".join(keys), b"")
        return self._at_once(
            lambda: elements.delete_batch(self._fd, batch.keys, batch.length), batch
        )

    def _at_once(self, act: Callable[[], int], batch: Batch) -> int:
        if batch.length == 1:
            return 0
        try:
            done = act()
        except KernelError as error:
            done = error.done
            if error.errno not in NO_BATCHES:
                self.done += done
                raise
        self.done += done
        return done


def _read(fd: int, layout: Layout) -> Iterator[Pair]:
    """Keys and values, without what may be in padding and behind the length of a prefix."""
    for batch in read(fd, layout):
        keys = batch.keys
        if layout.kin.longest_match:
            keys = b"".join(map(_masked, parts(keys, layout.key_size)))
        yield keys, layout.bare(batch.values)


def _masked(key: bytes) -> bytes:
    bits = prefix.host_bits(key, BYTE_ORDER)
    return prefix.without(key, bits) if bits else key


def _fullness(fd: int, layout: Layout) -> str:
    try:
        there = count(fd, layout)
    except (KernelError, PinningError):
        return f"max_entries is {layout.max_entries}"
    return f"{there} of {layout.max_entries} entries are there"


_MANY = 8  # entries of the map, for each declared one, from which on it is read whole
_BATCH = 65_536  # entries
_FULL = (errno.E2BIG, errno.ENOSPC)
