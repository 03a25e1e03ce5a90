# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The entries of a map, many at a time: by batch where the kernel has that, else key by key."""

from __future__ import annotations

import errno
import struct
from bisect import bisect_left
from typing import Generator, Iterator, List, Optional, Set, Tuple, Union

from . import elements
from .advice import ENOTSUPP
from .elements import Batch, BatchReader
from .errors import PinningError
from .map_types import MAP_TYPES_BY_NUMBER, Host, Kin
from .shape import MapShape, Survey
from .syscall import KernelError
from .values import NamedTuple

NO_BATCHES = (errno.EINVAL, ENOTSUPP)  # from a kernel before 5.6, and from a type without


class Layout(NamedTuple):
    """How the entries of a map come and go, in bytes."""

    key_size: int
    value_size: int  # of one value
    stride: int  # from one value to the next
    values: int  # for each key: one, or one for each possible CPU
    max_entries: int
    kin: Kin
    resizes: bool = False  # one sweep may not see entries that are there all the time

    @classmethod
    def of(cls, shape: MapShape, kin: Kin, host: Host) -> Layout:
        """The layout of a map of this shape."""
        # bpf_map_value_size: the values of the CPUs begin at multiples of 8.
        stride = -(-shape.value_size // 8) * 8 if kin.per_cpu else shape.value_size
        values = host.possible_cpus if kin.per_cpu else 1
        row = MAP_TYPES_BY_NUMBER.get(shape.number)
        resizes = row is not None and row.resizes
        return cls(
            shape.key_size, shape.value_size, stride, values, shape.max_entries, kin, resizes
        )

    @property
    def entry_value_size(self) -> int:
        """All values of one key."""
        return self.stride * self.values

    def pairs(self, batch: Batch) -> Iterator[Tuple[bytes, bytes]]:
        """The entries of a batch one by one."""
        key_size, value_size = self.key_size, self.entry_value_size
        for number in range(batch.length):
            yield (
                batch.keys[number * key_size : (number + 1) * key_size],
                batch.values[number * value_size : (number + 1) * value_size],
            )

    def indexes(self, batch: Batch) -> Tuple[int, ...]:
        """The keys of a batch of an array, which rise."""
        return struct.unpack(f"={batch.length}I", batch.keys)

    def occupied(self, batch: Batch) -> int:
        """Return how many slots of an array there are up to the last one that is not empty."""
        if self.kin.holds:
            return batch.length
        return -(-len(self.bare(batch.values).rstrip(b"\0")) // self.entry_value_size)

    def bare(self, values: bytes) -> bytes:
        """Values with zeros for their padding, of which the kernel copies whatever is there."""
        if self.stride == self.value_size:
            return values
        bare = bytearray(values)
        for offset in range(self.value_size, self.stride):
            bare[offset :: self.stride] = bytes(len(bare) // self.stride)
        return bytes(bare)

    def part(self, batch: Batch, first: int, end: int) -> Batch:
        """The entries from `first` to before `end`."""
        key_size, value_size = self.key_size, self.entry_value_size
        return Batch(
            end - first,
            batch.keys[first * key_size : end * key_size],
            batch.values[first * value_size : end * value_size],
        )

    def parts(self, batch: Batch, most: int) -> Iterator[Batch]:
        """Yield the entries of `batch`, `most` at a time."""
        for first in range(0, batch.length, most or 1):
            yield self.part(batch, first, min(first + most, batch.length))


def kin_of(shape: MapShape) -> Optional[Kin]:
    """Return what the entries are, if they can be copied."""
    row = MAP_TYPES_BY_NUMBER.get(shape.number)
    return row.kin if row else None


def content_kin(shape: MapShape) -> Optional[Kin]:
    """Return what entries are like that are declared, if any can be."""
    row = MAP_TYPES_BY_NUMBER.get(shape.number)
    return row.content if row else None


def read(fd: int, layout: Layout) -> Iterator[Batch]:
    """All entries. Those that come or go meanwhile may be there, or not, or twice."""
    most = 2 * layout.max_entries
    seen = 0
    last_key: Optional[bytes] = None
    try:
        for batch in read_by_batch(fd, layout):
            seen += batch.length
            _check_end(seen, most)
            yield batch
            last_key = batch.keys[-layout.key_size :] or last_key
        return
    except KernelError as error:
        has_none = error.errno in NO_BATCHES and not seen
        if error.call != "MAP_LOOKUP_BATCH" or not (has_none or error.errno == errno.EINTR):
            raise
    for batch in read_by_key(fd, layout, last_key):
        seen += batch.length
        _check_end(seen, most)
        yield batch


def read_by_batch(fd: int, layout: Layout) -> Iterator[Batch]:
    """Yield all entries, in as few system calls as possible."""
    reader = BatchReader(fd, layout.key_size, layout.entry_value_size, _capacity(layout))
    is_last = False
    while not is_last:
        try:
            batch, is_last = reader.read()
        except KernelError as error:
            if error.errno != errno.ENOSPC:
                raise
            reader.make_room(2 * reader.capacity)
            continue
        yield batch


def read_by_key(fd: int, layout: Layout, after: Optional[bytes] = None) -> Iterator[Batch]:
    """Yield entries by two system calls each, from the first one or the one after a key."""
    capacity = _capacity(layout)
    keys: List[bytes] = []
    values: List[bytes] = []
    steps = 0
    key = elements.next_key(fd, layout.key_size, after)
    while key is not None:
        # The key after one that was deleted meanwhile is the first one.
        steps += 1
        _check_end(steps, 2 * layout.max_entries)
        value = elements.lookup(fd, key, layout.entry_value_size)
        if value is not None:
            keys.append(key)
            values.append(value)
        if len(keys) == capacity:
            yield Batch(capacity, b"".join(keys), b"".join(values))
            keys, values = [], []
        key = elements.next_key(fd, layout.key_size, key)
    yield Batch(len(keys), b"".join(keys), b"".join(values))


def read_ahead(batches: Iterator[Batch]) -> Generator[Batch, None, None]:
    """Yield batches; a second thread reads the next one while the caller works on this one.

    To be closed, so that nobody reads any more when the descriptor is closed.
    """
    first = next(batches, None)
    second = next(batches, None)
    if first is None:
        return
    yield first
    if second is None:
        return  # not worth a thread
    import queue
    import threading  # a start pays for all that it loads

    line: queue.Queue[Union[Batch, BaseException, None]] = queue.Queue(maxsize=2)
    is_over = threading.Event()

    def go() -> None:
        last: Optional[BaseException] = None
        try:
            for batch in batches:
                if is_over.is_set():
                    return
                line.put(batch)
        except BaseException as error:  # raised again by whoever waits
            last = error
        line.put(last)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        batch: Union[Batch, BaseException, None] = second
        while isinstance(batch, Batch):
            yield batch
            batch = line.get()
        if batch is not None:
            raise batch
    finally:
        is_over.set()
        while thread.is_alive():
            while not line.empty():
                line.get()
            thread.join(_A_MOMENT)


def count(fd: int, layout: Layout) -> int:
    """Return how many entries there are."""
    return sum(batch.length for batch in read(fd, layout))


def count_up_to(fd: int, layout: Layout, most: int) -> Tuple[int, bool]:
    """Return how many entries there are, `most` at most, and whether there are more."""
    seen = 0
    for batch in read(fd, layout):
        seen += batch.length
        if seen > most:
            return most, True
    return seen, False


def all_keys(fd: int, layout: Layout) -> Set[bytes]:
    """Every key that there is."""
    return {key for batch in read(fd, layout) for key, _value in layout.pairs(batch)}


def survey(fd: int, layout: Layout, most: int) -> Survey:
    """Return what is in a map; of an array, a slot of zeros needs no room.

    `most` is the max_entries of the map that it is to be copied to.
    """
    if not layout.kin.indexed:
        entries = count(fd, layout)
        return Survey(entries, entries)
    entries = room = 0
    for batch in read(fd, layout):
        indexes = layout.indexes(batch)
        entries += bisect_left(indexes, most)
        occupied = layout.occupied(batch)
        if occupied:
            room = indexes[occupied - 1] + 1
    return Survey(entries, room)


def _capacity(layout: Layout) -> int:
    fitting = _BATCH_BYTES // (layout.key_size + layout.entry_value_size)
    return max(1, min(fitting, layout.max_entries))


def _check_end(seen: int, most: int) -> None:
    if seen > most:
        raise PinningError(
            f"{seen} entries were read from a map of {most // 2}: other processes add and delete "
            "all the time, so it has no end; let them pause, then run again"
        )


_BATCH_BYTES = 256 * 1024  # of keys and values
_A_MOMENT = 0.01  # seconds
