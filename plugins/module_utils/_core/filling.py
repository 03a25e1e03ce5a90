# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Brings the entries of a map to what is declared: looks, and writes no more than differs."""

from __future__ import annotations

import errno
from typing import Iterator, Sequence, Tuple

from . import elements
from .difference import Difference, Entries, Mode, compare, compare_some, parts
from .elements import Batch
from .entries import NO_BATCHES, Layout, count, read
from .errors import PinningError
from .syscall import KernelError
from .uapi import BPF_ANY, BPF_F_LOCK, BPF_NOEXIST, BYTE_ORDER


def look_at(fd: int, layout: Layout, entries: Entries) -> Difference:
    """Return what is not as declared, and of a map that lacks something how many there are."""
    wanted = len(entries.pairs) + len(entries.absent)
    is_whole = entries.mode is Mode.EXACT or layout.kin.longest_match
    if is_whole or _MANY * wanted > layout.max_entries:
        return _look_at_all(fd, layout, entries)
    keys = [*entries.pairs, *entries.absent]
    size = layout.entry_value_size
    values = (elements.lookup(fd, key, size) for key in keys)
    found = {key: value and _bare(value, layout) for key, value in zip(keys, values)}
    difference = compare_some(entries, found)
    if difference.missing and not layout.kin.indexed:
        return difference._replace(total=count(fd, layout))
    return difference


def _look_at_all(fd: int, layout: Layout, entries: Entries) -> Difference:
    empty = bytes(layout.entry_value_size) if layout.kin.indexed else b""
    return compare(entries, _read(fd, layout), layout.key_size, empty)


def fill(fd: int, layout: Layout, entries: Entries, difference: Difference, *, locks: bool) -> None:
    """Update, add, remove, in this order. `locks`: values have a lock, which is respected."""
    lock = BPF_F_LOCK if locks else 0
    try:
        _write(fd, entries, difference.different, BPF_ANY | lock)
        adding = BPF_NOEXIST if entries.mode is Mode.INITIAL else BPF_ANY
        _write(fd, entries, difference.missing, adding | lock)
        if layout.kin.indexed:
            zeros = dict.fromkeys(difference.extra, bytes(layout.entry_value_size))
            _write(fd, entries._replace(pairs=zeros), difference.extra, BPF_ANY | lock)
        else:
            _remove(fd, difference.extra)
    except KernelError as error:
        if error.errno in _FULL:
            error.add(_fullness(fd, layout))
        raise


def _write(fd: int, entries: Entries, keys: Sequence[bytes], flags: int) -> None:
    pairs = entries.pairs
    only_new = bool(flags & BPF_NOEXIST)
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        values = b"".join([pairs[key] for key in part])
        written = _written(fd, Batch(len(part), b"".join(part), values), flags)
        for key in part[written:]:
            try:
                elements.update(fd, key, pairs[key], flags)
            except KernelError as error:
                if not (only_new and error.errno == errno.EEXIST):
                    raise


def _written(fd: int, batch: Batch, flags: int) -> int:
    """How many the kernel took at once, from the first on; the rest goes one by one."""
    if flags & BPF_NOEXIST or batch.length == 1:
        return 0
    try:
        return elements.update_batch(fd, batch, flags)
    except KernelError as error:
        if error.errno not in NO_BATCHES:
            raise
        return 0


def _remove(fd: int, keys: Sequence[bytes]) -> None:
    for start in range(0, len(keys), _BATCH):
        part = keys[start : start + _BATCH]
        gone = 0
        if len(part) > 1:
            try:
                gone = elements.delete_batch(fd, b"".join(part), len(part))
            except KernelError as error:
                if error.errno not in NO_BATCHES:
                    raise
        for key in part[gone:]:
            elements.delete(fd, key)


def _read(fd: int, layout: Layout) -> Iterator[Tuple[bytes, bytes]]:
    """Keys and values, without what may be in padding and behind the length of a prefix."""
    for batch in read(fd, layout):
        keys = batch.keys
        if layout.kin.longest_match:
            keys = b"".join(map(_masked, parts(keys, layout.key_size)))
        yield keys, _bare(batch.values, layout)


def _bare(values: bytes, layout: Layout) -> bytes:
    """Values without what may be in their padding: the kernel copies it as it is."""
    if layout.stride == layout.value_size or not values:
        return values
    bare = bytearray(values)
    for offset in range(layout.value_size, layout.stride):
        bare[offset :: layout.stride] = bytes(len(bare) // layout.stride)
    return bytes(bare)


def _masked(key: bytes) -> bytes:
    """A key of a trie without host bits: it means the same (longest_prefix_match)."""
    length = int.from_bytes(key[:4], BYTE_ORDER)
    bits = 8 * (len(key) - 4)
    if length >= bits:
        return key
    data = int.from_bytes(key[4:], "big")
    low = data & ((1 << bits - length) - 1)
    return key[:4] + (data - low).to_bytes(len(key) - 4, "big") if low else key


def _fullness(fd: int, layout: Layout) -> str:
    try:
        there = count(fd, layout)
    except (KernelError, PinningError):
        return f"max_entries is {layout.max_entries}"
    return f"{there} of {layout.max_entries} entries are there"


_MANY = 8  # entries of the map, for each declared one, from which on it is read whole
_BATCH = 65_536  # entries
_FULL = (errno.E2BIG, errno.ENOSPC)
