# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map: MAP_*_ELEM and MAP_*_BATCH of bpf(2), on the descriptor of a map.

Sources: man 2 bpf, include/uapi/linux/bpf.h, kernel/bpf/hashtab.c.
"""

from __future__ import annotations

import ctypes
import errno
from typing import NamedTuple, Optional, Tuple

from . import uapi
from .syscall import Call, KernelError
from .uapi import Command

_lookup_elem = Call(Command.MAP_LOOKUP_ELEM, uapi.ELEM_ATTR)
_update_elem = Call(Command.MAP_UPDATE_ELEM, uapi.ELEM_ATTR)
_delete_elem = Call(Command.MAP_DELETE_ELEM, uapi.ELEM_ATTR)
_lookup_batch = Call(Command.MAP_LOOKUP_BATCH, uapi.BATCH_ATTR, interrupted=True)
_update_batch = Call(Command.MAP_UPDATE_BATCH, uapi.BATCH_ATTR)
_get_next_key = Call(Command.MAP_GET_NEXT_KEY, uapi.ELEM_ATTR)


def next_key(fd: int, key_size: int, key: Optional[bytes]) -> Optional[bytes]:
    """The key after `key`, or the first one; None at the end."""
    following = ctypes.create_string_buffer(key_size)
    current = None if key is None else ctypes.create_string_buffer(key, key_size)
    address = 0 if current is None else ctypes.addressof(current)
    try:
        _get_next_key(fd, address, ctypes.addressof(following), 0)
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
        _lookup_elem(fd, ctypes.addressof(wanted), ctypes.addressof(value), 0)
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def update(fd: int, key: bytes, value: bytes, flags: int) -> None:
    """Write one entry. With BPF_EXIST: ENOENT when the key is not there."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, len(value))
    _update_elem(fd, ctypes.addressof(key_buffer), ctypes.addressof(value_buffer), flags)


def delete(fd: int, key: bytes) -> None:
    """Remove one entry; none is removed when there is none."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    try:
        _delete_elem(fd, ctypes.addressof(key_buffer), 0, 0)
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
            _lookup_batch(
                0 if self._before_first else here,
                there,
                ctypes.addressof(self._keys),
                ctypes.addressof(self._values),
                self.capacity,
                self._fd,
                0,
                0,
            )
        except KernelError as error:
            if error.errno != errno.ENOENT:
                raise
            is_last = True
        count: int = uapi.BATCH_ATTR.unpack_from(_lookup_batch.attr)[4]
        self._before_first = False
        self._positions.reverse()
        keys = ctypes.string_at(self._keys, count * self._key_size)
        values = ctypes.string_at(self._values, count * self._value_size)
        return Batch(count, keys, values), is_last


def update_batch(fd: int, batch: Batch) -> None:
    """MAP_UPDATE_BATCH: write all entries. On an error those before the one at fault are written.

    EINVAL before Linux 5.6, ENOTSUPP from a type that has no batches, E2BIG when the map is full.
    """
    keys, values = (
        ctypes.cast(ctypes.c_char_p(part), ctypes.c_void_p).value
        for part in (batch.keys, batch.values)
    )
    _update_batch(0, 0, keys, values, batch.length, fd, uapi.BPF_ANY, 0)
