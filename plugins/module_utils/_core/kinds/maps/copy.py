# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Copy the entries of one map into another one that nobody else knows yet."""

from __future__ import annotations

import errno
import os
from bisect import bisect_left
from contextlib import closing, contextmanager
from itertools import cycle
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union

from ... import elements, kernel
from ...elements import Batch
from ...entries import NO_BATCHES, Layout, all_keys, count, kin_of, read, read_ahead
from ...errors import PinningError
from ...host import this_host
from ...map_types import MAP_TYPES_BY_NUMBER, Host, map_type_name
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import BPF_ANY, BYTE_ORDER, MapFlag
from ...values import NamedTuple


class Source(NamedTuple):
    """The map that entries come from."""

    fd: Fd
    layout: Layout

    def get(self, key: bytes) -> Optional[bytes]:
        """The value, or values of all CPUs, under `key`."""
        return elements.lookup(self.fd, key, self.layout.entry_value_size)


class Target:
    """The map that they go to, whose values may be larger."""

    def __init__(self, fd: Fd, shape: MapShape, source: Layout, host: Host) -> None:
        self.fd = fd
        self.layout = Layout.of(shape, source.kin, host)
        self.evicts = MAP_TYPES_BY_NUMBER[shape.number].evicts
        self._source = source
        self._has_batches = source.kin.holds is None
        # Each CPU then has a part of the map for what is added on it.
        self._is_split = self.evicts and bool(shape.flags & MapFlag.NO_COMMON_LRU.value)

    def get(self, key: bytes) -> Optional[bytes]:
        """The value, or values of all CPUs, under `key`."""
        return elements.lookup(self.fd, key, self.layout.entry_value_size)

    def put(self, key: bytes, value: bytes, flags: int = BPF_ANY) -> int:
        """Write one entry with a value of this map; 0 if what it means is gone by now."""
        command = self.layout.kin.holds
        if command is None:
            elements.update(self.fd, key, value, flags)
            return 1
        try:
            opened = kernel.fd_by_id(command, int.from_bytes(value, BYTE_ORDER))
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            return 0
        with opened:
            elements.update(self.fd, key, int(opened).to_bytes(4, BYTE_ORDER), flags)
        return 1

    def put_all(self, batch: Batch) -> int:
        """Write entries of the source, as far as they have a place here; how many these are."""
        batch = self._clipped(batch)
        batch = batch._replace(values=self.grown(batch.values))
        written = 0
        if self._has_batches and batch.length:
            try:
                written = elements.update_batch(self.fd, batch)
            except KernelError as error:
                if error.errno not in NO_BATCHES:
                    raise
                self._has_batches = False
        rest = self.layout.part(batch, written, batch.length) if written else batch
        return written + sum(self.put(key, value) for key, value in self.layout.pairs(rest))

    def grown(self, values: bytes) -> bytes:
        """Values of the source as values of this map: zeros at the end of each."""
        size, stride, new_stride = self._source.value_size, self._source.stride, self.layout.stride
        if size == self.layout.value_size:
            return values
        grown = bytearray(len(values) // stride * new_stride)
        for offset in range(size):
            grown[offset::new_stride] = values[offset::stride]
        return bytes(grown)

    @contextmanager
    def filling(self) -> Iterator[Callable[[Batch], int]]:
        """While it is filled: an LRU map evicts early when entries come from many CPUs at once."""
        if not self.evicts:
            yield self.put_all
            return
        allowed = os.sched_getaffinity(0)
        cpus = cycle(sorted(allowed)[: None if self._is_split else 1])

        def fill(batch: Batch) -> int:
            written = 0
            for part in self._source.parts(batch, _ON_ONE_CPU if self._is_split else batch.length):
                os.sched_setaffinity(0, {next(cpus)})
                written += self.put_all(part)
            return written

        try:
            yield fill
        finally:
            os.sched_setaffinity(0, allowed)

    def _clipped(self, batch: Batch) -> Batch:
        source, most = self._source, self.layout.max_entries
        if not source.kin.indexed or most >= source.max_entries:
            return batch
        end = bisect_left(source.indexes(batch), most)
        if source.occupied(source.part(batch, end, batch.length)):
            raise PinningError(
                f"a slot beyond max_entries {most} was filled while this ran; the old map is still "
                "in place: raise max_entries, then run again"
            )
        return source.part(batch, 0, end)


def ends(old: Fd, have: MapShape, new: Fd, want: MapShape) -> Tuple[Source, Target]:
    """Both ends of a copy between maps of one kin."""
    kin, host = kin_of(have), this_host()
    if kin is None:
        raise PinningError(
            f"entries of a {map_type_name(have.number)} cannot be copied: set on_mismatch: replace "
            "for a new, empty map"
        )
    layout = Layout.of(have, kin, host)
    return Source(old, layout), Target(new, want, layout, host)


class Copied(NamedTuple):
    """What was copied. Of what is too much to be remembered only hashes are left."""

    total: int  # entries
    batches: Sequence[Union[Batch, int]]  # in the order of reading
    is_whole: bool


def copy(source: Source, target: Target) -> Copied:
    """Copy everything. If this raises, the new map is to be thrown away."""
    copied = _copy_once(source, target)
    if source.layout.resizes:
        copied = _copy_missed(source, target, copied)
    if not copied.is_whole:
        # Too large to be remembered: come as close as possible while nobody else can write.
        again = _copy_once(source, target)
        if count(target.fd, target.layout) > again.total:
            _remove_deleted(source, target)
        copied = again
    if target.evicts:
        kept = count(target.fd, target.layout)
        if kept < copied.total:
            raise PinningError(
                f"the new map evicted {copied.total - kept} of {copied.total} entries while it "
                "was filled, as an LRU map does before it is quite full; the old map is still in "
                "place: raise max_entries by some 128 for each CPU"
            )
    return copied


def _copy_missed(source: Source, target: Target, copied: Copied) -> Copied:
    """Read again until nothing new is seen some times in a row, or it was read often enough.

    While an rhash grows or shrinks, who reads it may miss entries, about one time in eight. New
    ones come all the time where others write.
    """
    total, quiet = copied.total, 0
    batches = list(copied.batches)
    for _sweep in range(_SWEEPS):
        found = 0
        for batch in read(source.fd, source.layout):
            pairs = source.layout.pairs(batch)
            missed = [pair for pair in pairs if target.get(pair[0]) is None]
            if missed:
                keys, values = map(b"".join, zip(*missed))
                late = Batch(len(missed), keys, values)
                found += target.put_all(late)
                batches.append(late if copied.is_whole else hash(late))
        total += found
        quiet = 0 if found else quiet + 1
        if quiet == _QUIET:
            break
    return Copied(total, batches, copied.is_whole)


def _remove_deleted(source: Source, target: Target) -> None:
    """Remove from the new map what was deleted from the old one after it was copied."""
    here = all_keys(source.fd, source.layout) if source.layout.kin.longest_match else None
    for batch in read(target.fd, target.layout):
        for key, _value in target.layout.pairs(batch):
            if (source.get(key) is None) if here is None else key not in here:
                elements.delete(target.fd, key)


def _copy_once(source: Source, target: Target) -> Copied:
    total = remembered = 0
    batches: List[Union[Batch, int]] = []
    reading = read_ahead(read(source.fd, source.layout))
    with target.filling() as fill, closing(reading) as all_batches:
        for batch in all_batches:
            total += fill(batch)
            remembered += len(batch.keys) + len(batch.values)
            batches.append(batch if remembered <= _MEMORY else hash(batch))
    return Copied(total, batches, remembered <= _MEMORY)


_ON_ONE_CPU = 64  # entries
_SWEEPS, _QUIET = 8, 3  # at most, and how many of them in a row without anything new
_MEMORY = 32 * 1024 * 1024  # bytes of keys and values
