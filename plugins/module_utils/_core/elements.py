# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map: MAP_*_ELEM and MAP_*_BATCH of bpf(2), on the descriptor of a map.

What is refused for a moment only is tried again: see `Persistent`.
Sources: man 2 bpf, include/uapi/linux/bpf.h, kernel/bpf/hashtab.c, lpm_trie.c, memalloc.c.
"""

from __future__ import annotations

import ctypes
import errno
from typing import Callable, Optional, Tuple

from . import uapi
from .syscall import KernelError, Persistent, SharedCall
from .uapi import Command, Elem, ElemBatch
from .values import NamedTuple

# A bucket that is locked (EBUSY; from Linux 6.15 EDEADLK, ETIMEDOUT), or no memory at hand: types
# that make each entry when it is written take it from a reserve of this CPU's (bpf_mem_alloc),
# which an interrupt refills a moment later.
PASSING = frozenset({errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.EDEADLK, errno.ETIMEDOUT})
RESIZED = frozenset({errno.EAGAIN})  # to read an rhash that grows or shrinks at this moment

_lookup_elem = SharedCall(Command.MAP_LOOKUP_ELEM, uapi.ELEM)
_update_once = SharedCall(Command.MAP_UPDATE_ELEM, uapi.ELEM)
_update_elem = Persistent(_update_once, PASSING)
_delete_elem = Persistent(SharedCall(Command.MAP_DELETE_ELEM, uapi.ELEM), PASSING)
_lookup_batch = SharedCall(Command.MAP_LOOKUP_BATCH, uapi.ELEM_BATCH, interrupted=True)
_update_batch = SharedCall(Command.MAP_UPDATE_BATCH, uapi.ELEM_BATCH)
_delete_batch = SharedCall(Command.MAP_DELETE_BATCH, uapi.ELEM_BATCH)
_get_next_key = SharedCall(Command.MAP_GET_NEXT_KEY, uapi.ELEM)


def next_key(fd: int, key_size: int, key: Optional[bytes]) -> Optional[bytes]:
    """The key after `key`, or the first one; None at the end."""
    following = ctypes.create_string_buffer(key_size)
    current = None if key is None else ctypes.create_string_buffer(key, key_size)
    address = 0 if current is None else ctypes.addressof(current)
    try:
        _get_next_key(Elem(fd, address, ctypes.addressof(following)))
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return following.raw


def lookup(fd: int, key: bytes, value_size: int) -> Optional[bytes]:
    """The value under `key`; None when there is none. A map-in-map answers with map ids."""
    wanted = ctypes.create_string_buffer(key, len(key))
    value = ctypes.create_string_buffer(value_size)
    try:
        _lookup_elem(Elem(fd, ctypes.addressof(wanted), ctypes.addressof(value)))
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def update(fd: int, key: bytes, value: bytes, flags: int) -> None:
    """Write one entry. With BPF_EXIST: ENOENT when the key is not there.

    A map without keys takes an empty one, and adds another value.
    """
    _update(_update_elem, fd, key, value, flags)


def try_update(fd: int, key: bytes, value: bytes) -> None:
    """Write one entry, or be refused at once: to a map that nobody else has, to see what comes."""
    _update(_update_once, fd, key, value, uapi.BPF_ANY)


def _update(call: Callable[[Elem], object], fd: int, key: bytes, value: bytes, flags: int) -> None:
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, len(value))
    address = ctypes.addressof(key_buffer) if key else 0
    call(Elem(fd, address, ctypes.addressof(value_buffer), flags))


def delete(fd: int, key: bytes) -> None:
    """Remove one entry; none is removed when there is none."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    try:
        _delete_elem(Elem(fd, ctypes.addressof(key_buffer)))
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise


class Batch(NamedTuple):
    """Entries that came or go together: the keys one after the other, and so their values."""

    length: int
    keys: bytes
    values: bytes


class BatchReader:
    """MAP_LOOKUP_BATCH from the first entry of a map to its last, `capacity` at most at a time.

    Sizes in bytes; `value_size` is that of what the kernel hands out. EINVAL before Linux 5.6,
    ENOTSUPP from a type that has no batches, ENOSPC when a bucket of a hash holds more than
    `capacity` entries: then `capacity` may be raised, and the same call made again. Before Linux
    6.15 EINTR where a map of maps has an empty slot, or an entry is deleted: each time, for good.
    """

    def __init__(self, fd: int, key_size: int, value_size: int, capacity: int) -> None:
        self._fd = fd
        self._key_size = key_size
        self._value_size = value_size
        # A number of a bucket, or a key (htab_map_lookup_batch, generic_map_lookup_batch).
        self._positions = [ctypes.create_string_buffer(max(4, key_size)) for _each in range(2)]
        self._before_first = True
        self._look_up = Persistent(_lookup_batch, RESIZED)
        self.make_room(capacity)

    def make_room(self, capacity: int) -> None:
        """Let this many entries come at a time."""
        self.capacity = capacity
        self._keys = ctypes.create_string_buffer(capacity * self._key_size)
        self._values = ctypes.create_string_buffer(capacity * self._value_size)

    def read(self) -> Tuple[Batch, bool]:
        """The next entries, and whether they are the last."""
        here, there = map(ctypes.addressof, self._positions)
        is_last = False
        try:
            self._look_up(
                ElemBatch(
                    in_batch=0 if self._before_first else here,
                    out_batch=there,
                    keys=ctypes.addressof(self._keys),
                    values=ctypes.addressof(self._values),
                    entries=self.capacity,
                    map_fd=self._fd,
                )
            )
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            is_last = True
        count = ElemBatch._make(_lookup_batch.answer()).entries
        self._before_first = False
        self._positions.reverse()
        keys = ctypes.string_at(self._keys, count * self._key_size)
        values = ctypes.string_at(self._values, count * self._value_size)
        return Batch(count, keys, values), is_last


def update_batch(fd: int, batch: Batch, flags: int = uapi.BPF_ANY) -> int:
    """MAP_UPDATE_BATCH: write all entries; how many of them the kernel wrote, from the first on.

    Fewer than there are when it then refused one for a moment only: the rest is for `update`, one
    by one. Another error has the number, too. EINVAL before Linux 5.6, ENOTSUPP from a type that
    has no batches, E2BIG when the map is full (ENOSPC: an lpm_trie).
    """
    keys, values = (
        ctypes.cast(ctypes.c_char_p(part), ctypes.c_void_p).value
        for part in (batch.keys, batch.values)
    )
    try:
        _update_batch(ElemBatch(0, 0, keys or 0, values or 0, batch.length, fd, flags))
    except KernelError as error:
        error.done = _done(_update_batch, batch.length)
        if error.errno not in PASSING:
            raise
        return error.done
    return batch.length


def delete_batch(fd: int, keys: bytes, count: int) -> int:
    """MAP_DELETE_BATCH: remove `count` entries; how many of them went before one was not there.

    EINVAL before Linux 5.6, ENOTSUPP from a type that has no batches.
    """
    address = ctypes.cast(ctypes.c_char_p(keys), ctypes.c_void_p).value
    try:
        _delete_batch(ElemBatch(0, 0, address or 0, 0, count, fd))
    except KernelError as error:
        error.done = _done(_delete_batch, count)
        if error.errno not in (errno.ENOENT, *PASSING):
            raise
        return error.done
    return count


def _done(call: SharedCall, length: int) -> int:
    """How many entries of a refused batch were written or removed before the one at fault."""
    done: int = ElemBatch._make(call.answer()).entries
    # generic_map_update_batch counts; refused before it began, the length is left in there.
    return done if done < length else 0
