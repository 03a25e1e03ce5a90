# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The one door to the kernel: bpf(2), mount(2), umount2(2), fstatfs(2).

Everything else goes through `os`. Each command has one buffer: whoever reads from it what the
kernel wrote there must be the only thread that uses the command.
Sources: man 2 bpf, man 2 mount, include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import struct
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from . import uapi
from .advice import advice_for, errno_name
from .errors import PinningError
from .uapi import Command, LinkInfo, MapInfo, ProgInfo

MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
UMOUNT_NOFOLLOW = 8


class KernelError(PinningError):
    """The kernel refused `call`; the text says why that usually is and what to do."""

    def __init__(self, call: str, number: int) -> None:
        self.call = call
        self.errno = number
        super().__init__(f"{call}: {errno_name(number)}: {advice_for(call, number)}")

    def add(self, remark: str) -> None:
        """Say more about this very case."""
        self.args = (f"{self} ({remark})",)

    @classmethod
    def of(cls, call: str, error: OSError) -> KernelError:
        """The same for an error that Python's own `os` raised."""
        return cls(call, error.errno or 0)


def explained(error: Exception) -> str:
    """The text of an error that was raised on purpose, or by Python's own `os`."""
    if not isinstance(error, OSError):
        return str(error)
    text = str(KernelError.of("a system call", error))
    return f"{error.filename}: {text}" if isinstance(error.filename, str) else text


class Fd(int):
    """A file descriptor that closes itself at the end of `with`."""

    def __enter__(self) -> Fd:
        return self

    def __exit__(self, *_exception: object) -> None:
        os.close(self)

    @property
    def magic(self) -> bytes:
        """A path that means what is open, whatever its name means by now."""
        return b"/proc/self/fd/%d" % self


def create_map(
    *,
    number: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    flags: int = 0,
    map_extra: int = 0,
    numa_node: int = 0,
    name: bytes = b"",
    inner_map_fd: int = 0,
    btf: Tuple[int, int, int] = (0, 0, 0),
) -> Fd:
    """MAP_CREATE. Sizes in bytes, `name` at most 15 bytes, `btf` is (fd, key id, value id)."""
    return _charged(
        _map_create,
        number,
        key_size,
        value_size,
        max_entries,
        flags,
        inner_map_fd,
        numa_node,
        name,
        0,
        *btf,
        0,
        map_extra,
    )


def load_btf(blob: bytes) -> Fd:
    """BTF_LOAD: have the kernel check `blob` and keep it. EINVAL when it does not hold."""
    buffer = ctypes.create_string_buffer(blob, len(blob))
    return _charged(_btf_load, ctypes.addressof(buffer), 0, len(blob), 0, 0)


def get(path: bytes, flags: int = 0) -> Fd:
    """OBJ_GET: open the object pinned at `path`. EINVAL for a link opened read-only."""
    return Fd(_obj_get(_place_path(path), 0, flags, 0))


def pin_at(fd: int, directory: int, name: bytes) -> None:
    """OBJ_PIN: name the object behind `fd` in an open directory. EEXIST when it is taken."""
    path, flag, path_fd = _at(directory, name)
    _obj_pin(path, fd, flag, path_fd)


def get_at(directory: int, name: bytes, flags: int = 0) -> Fd:
    """OBJ_GET of `name` in an open directory; follows symlinks."""
    path, flag, path_fd = _at(directory, name)
    return Fd(_obj_get(path, 0, flags | flag, path_fd))


def _at(directory: int, name: bytes) -> Tuple[int, int, int]:
    if _takes_path_fd():
        return _place_path(name), _PATH_FD, directory
    return _place_path(b"/proc/self/fd/%d/%s" % (directory, name)), 0, 0


@lru_cache(maxsize=None)
def _takes_path_fd() -> bool:
    # Linux 6.5. Older ones refuse the flag and the field (EINVAL) before they look at the path.
    try:
        _obj_get(_place_path(b""), 0, _PATH_FD, -1)
    except KernelError as error:
        return error.errno != errno.EINVAL
    return True


def freeze(fd: int) -> None:
    """MAP_FREEZE: no more writes from user space, for good. EBUSY while mapped writable."""
    _map_freeze(fd)


def map_info(fd: int) -> MapInfo:
    """What the kernel says of a map."""
    return MapInfo._make(_info(fd, uapi.MAP_INFO))


def map_info_if_map(fd: int) -> Optional[MapInfo]:
    """The same for a descriptor of a map; None for that of anything else that can be pinned.

    The kernel says how much it wrote: since Linux 5.10 struct bpf_prog_info has 208 bytes and
    more, struct bpf_map_info 80 to 104, and struct bpf_link_info less (a link opens read-only
    before 5.13 only). This saves a readlink of /proc/self/fd/N for each pin, a fifth of the time
    it takes to look at one.
    """
    _info_buffer[:] = _ZEROS
    _get_info(fd, len(_ZEROS), _INFO_ADDRESS)
    written: int = uapi.INFO_ATTR.unpack_from(_get_info.attr)[1]
    if written not in _MAP_INFO_SIZES:
        return None
    return MapInfo._make(uapi.MAP_INFO.unpack_from(_info_buffer))


def link_info(fd: int) -> LinkInfo:
    """What the kernel says of a link."""
    return LinkInfo._make(_info(fd, uapi.LINK_INFO))


def link_target_name(fd: int) -> bytes:
    """The name of what a link is attached to, for those of type raw_tracepoint and iter only."""
    name = ctypes.create_string_buffer(_TARGET_NAME)
    _info_buffer[:] = _ZEROS
    struct.pack_into("=QI", _info_buffer, 16, ctypes.addressof(name), _TARGET_NAME)
    _get_info(fd, uapi.LINK_INFO.size, _INFO_ADDRESS)
    return name.value


def prog_info(fd: int) -> ProgInfo:
    """What the kernel says of a program."""
    return ProgInfo._make(_info(fd, uapi.PROG_INFO))


def prog_map_ids(fd: int) -> List[int]:
    """Ids of the maps that a program uses."""
    count = prog_info(fd).nr_map_ids
    while True:
        ids = (ctypes.c_uint32 * count)()
        _info_buffer[:] = _ZEROS
        struct.pack_into("=IQ", _info_buffer, 52, count, ctypes.addressof(ids))
        _get_info(fd, uapi.PROG_INFO.size, _INFO_ADDRESS)
        now = struct.unpack_from("=I", _info_buffer, 52)[0]
        if now <= count:
            return list(ids[:now])
        count = now


def btf_blob(btf_id: int) -> bytes:
    """The BTF that the kernel holds under `btf_id`, as it was loaded."""
    with fd_by_id(Command.BTF_GET_FD_BY_ID, btf_id) as fd:
        size = _info(fd, uapi.BTF_INFO)[1]
        blob = ctypes.create_string_buffer(size)
        _info_buffer[:] = _ZEROS
        uapi.BTF_INFO.pack_into(_info_buffer, 0, ctypes.addressof(blob), size, 0)
        _get_info(fd, uapi.BTF_INFO.size, _INFO_ADDRESS)
        return blob.raw


def fd_by_id(command: Command, object_id: int) -> Fd:
    """Open a map, program, link or BTF by id. Needs CAP_SYS_ADMIN; ENOENT when it is gone."""
    return Fd(_BY_ID[command](object_id, 0, 0))


def all_ids(command: Command) -> Iterator[int]:
    """Ids of all maps or programs, rising. Needs CAP_SYS_ADMIN (EPERM)."""
    next_id = _NEXT_ID[command]
    current = 0
    while True:
        try:
            next_id(current, 0, 0)
        except KernelError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        current = uapi.ID_ATTR.unpack_from(next_id.attr)[1]
        yield current


def next_key(fd: int, key_size: int, key: Optional[bytes]) -> Optional[bytes]:
    """The key after `key`, or the first one; None at the end."""
    following = ctypes.create_string_buffer(key_size)
    current = None if key is None else ctypes.create_string_buffer(key, key_size)
    address = 0 if current is None else ctypes.addressof(current)
    try:
        _map_get_next_key(fd, address, ctypes.addressof(following), 0)
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
        _map_lookup_elem(fd, ctypes.addressof(wanted), ctypes.addressof(value), 0)
    except KernelError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def update(fd: int, key: bytes, value: bytes, flags: int) -> None:
    """Write one entry. With BPF_EXIST: ENOENT when the key is not there."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    value_buffer = ctypes.create_string_buffer(value, len(value))
    _map_update_elem(fd, ctypes.addressof(key_buffer), ctypes.addressof(value_buffer), flags)


def delete(fd: int, key: bytes) -> None:
    """Remove one entry; none is removed when there is none."""
    key_buffer = ctypes.create_string_buffer(key, len(key))
    try:
        _map_delete_elem(fd, ctypes.addressof(key_buffer), 0, 0)
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
            _map_lookup_batch(
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
        count: int = uapi.BATCH_ATTR.unpack_from(_map_lookup_batch.attr)[4]
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
    _map_update_batch(0, 0, keys, values, batch.length, fd, uapi.BPF_ANY, 0)


def mount(source: str, target: str, fstype: str, flags: int, options: str) -> None:
    """mount(2). A second bpf mount on one directory succeeds and hides the first: look before."""
    arguments = (os.fsencode(text) or None for text in (source, target, fstype))
    result = _libc.mount(*arguments, flags, os.fsencode(options) or None)
    if result < 0:
        raise KernelError("mount", ctypes.get_errno())


def umount(target: str) -> None:
    """umount2(2), never through a symlink. EBUSY while in use; pins do not count as use."""
    if _libc.umount2(os.fsencode(target), UMOUNT_NOFOLLOW) < 0:
        raise KernelError("umount", ctypes.get_errno())


def is_bpffs(fd: int) -> bool:
    """Whether `fd` lies on a BPF file system, by fstatfs(2)."""
    if _libc.fstatfs(fd, _statfs) < 0:
        raise KernelError("fstatfs", ctypes.get_errno())
    # f_type comes first: a long, but an unsigned int on s390.
    word = ctypes.c_uint if os.uname().machine.startswith("s390") else ctypes.c_long
    return word.from_buffer(_statfs).value & 0xFFFFFFFF == uapi.BPF_FS_MAGIC


def _charged(call: _Call, *fields: object) -> Fd:
    # Before Linux 5.11 maps are charged to RLIMIT_MEMLOCK, and EPERM is how it says "full".
    try:
        return Fd(call(*fields))
    except KernelError as error:
        if error.errno != errno.EPERM or not _raise_memlock():
            raise
    return Fd(call(*fields))


def _raise_memlock() -> bool:
    """Raise the limit of locked memory as far as this process may; False when it is there."""
    now, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (most, most)):
        if limit != (now, most):
            with suppress(OSError, ValueError):  # beyond `most` it takes CAP_SYS_RESOURCE
                resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
                return True
    return False


def _info(fd: int, layout: struct.Struct) -> Tuple[Any, ...]:
    _info_buffer[:] = _ZEROS
    _get_info(fd, layout.size, _INFO_ADDRESS)
    return layout.unpack_from(_info_buffer)


class _Call:
    """One command of bpf(2); calling it packs the fields of its attr and asks the kernel.

    The arguments of the system call are made once: a batch makes thousands of calls.
    """

    def __init__(
        self, command: Command, layout: struct.Struct, *, interrupted: bool = False
    ) -> None:
        self._name = command.name
        self._may_be_interrupted = interrupted  # else it is made again after EINTR
        self._lock = threading.Lock()  # two threads look up keys, of the old and of the new map
        self._pack = layout.pack_into
        self._command = ctypes.c_int(command)
        self._size = ctypes.c_uint(layout.size)
        self.attr, address = _shared(layout.size)
        self._address = ctypes.c_void_p(address)

    def __call__(self, *fields: object) -> int:
        while True:
            with self._lock:
                self._pack(self.attr, 0, *fields)
                result: int = _syscall(_BPF, self._command, self._address, self._size)
            if result >= 0:
                return result
            number = ctypes.get_errno()
            if number != errno.EINTR or self._may_be_interrupted:
                raise KernelError(self._name, number)


def _place_path(path: bytes) -> int:
    global _placed  # most calls of a batch name the same /proc/self/fd/N
    if path != _placed:
        _path[: len(path) + 1] = path + b"\0"
        _placed = path
    return _PATH_ADDRESS


def _syscall_number() -> int:
    machine = os.uname().machine
    numbers = _NUMBERS_64 if sys.maxsize > 2**32 else _NUMBERS_32
    return next((number for prefix, number in numbers if machine.startswith(prefix)), 0)


def _unknown_machine(*_arguments: object) -> int:
    raise PinningError(
        f"the number of bpf(2) on {os.uname().machine} is not known to this collection: please "
        "report it"
    )


# From the kernel's syscall tables; a 32-bit Python may run on a 64-bit kernel.
# Under `linux32`, uname names the 32-bit machine to a 64-bit Python.
_NUMBERS_64 = (
    ("x86_64", 321),
    ("i", 321),
    ("aarch64", 280),
    ("arm", 280),
    ("riscv", 280),
    ("loongarch", 280),
    ("ppc", 361),
    ("s390", 351),
    ("mips", 5315),
    ("sparc", 349),
)
_NUMBERS_32 = (
    ("x86_64", 357),
    ("i", 357),
    ("arm", 386),
    ("aarch64", 386),
    ("ppc", 361),
    ("mips", 4355),
    ("riscv", 280),
)
_BPF = ctypes.c_long(_syscall_number())

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
]
_libc.umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.fstatfs.argtypes = [ctypes.c_int, ctypes.c_void_p]
_syscall = _libc.syscall if _BPF.value else _unknown_machine
_libc.syscall.restype = ctypes.c_long


def _shared(size: int) -> Tuple[bytearray, int]:
    """A buffer that the kernel reads and writes, and its address."""
    buffer = bytearray(size)
    return buffer, ctypes.addressof((ctypes.c_char * size).from_buffer(buffer))


_info_buffer, _INFO_ADDRESS = _shared(256)
_ZEROS = bytes(256)  # the kernel wants zeros where it has no field (E2BIG)
_path, _PATH_ADDRESS = _shared(4096)
_MAP_INFO_SIZES = range(80, 192)  # bytes
_TARGET_NAME = 128  # bytes
_placed = b""
_PATH_FD = uapi.MapFlag.PATH_FD.value
_statfs = ctypes.create_string_buffer(256)

_map_create = _Call(Command.MAP_CREATE, uapi.MAP_CREATE_ATTR)
_map_lookup_elem = _Call(Command.MAP_LOOKUP_ELEM, uapi.ELEM_ATTR)
_map_update_elem = _Call(Command.MAP_UPDATE_ELEM, uapi.ELEM_ATTR)
_map_delete_elem = _Call(Command.MAP_DELETE_ELEM, uapi.ELEM_ATTR)
_map_lookup_batch = _Call(Command.MAP_LOOKUP_BATCH, uapi.BATCH_ATTR, interrupted=True)
_map_update_batch = _Call(Command.MAP_UPDATE_BATCH, uapi.BATCH_ATTR)
_map_get_next_key = _Call(Command.MAP_GET_NEXT_KEY, uapi.ELEM_ATTR)
_map_freeze = _Call(Command.MAP_FREEZE, uapi.FD_ATTR)
_obj_pin = _Call(Command.OBJ_PIN, uapi.OBJ_ATTR)
_obj_get = _Call(Command.OBJ_GET, uapi.OBJ_ATTR)
_get_info = _Call(Command.OBJ_GET_INFO_BY_FD, uapi.INFO_ATTR)
_btf_load = _Call(Command.BTF_LOAD, uapi.BTF_LOAD_ATTR)
_NEXT_ID = {
    command: _Call(command, uapi.ID_ATTR)
    for command in (Command.PROG_GET_NEXT_ID, Command.MAP_GET_NEXT_ID)
}
_BY_ID = {
    command: _Call(command, uapi.ID_ATTR)
    for command in (
        Command.MAP_GET_FD_BY_ID,
        Command.PROG_GET_FD_BY_ID,
        Command.LINK_GET_FD_BY_ID,
        Command.BTF_GET_FD_BY_ID,
    )
}
