# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Maps, programs, links and BTF of the kernel, their pins and the mounts: bpf(2), mount(2).

What is in a map is in `elements`; everything else goes through `os`. Sources: man 2 bpf,
man 2 mount, include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import struct
from contextlib import suppress
from functools import lru_cache
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import uapi
from .syscall import Call, Fd, KernelError, Persistent, libc, shared_buffer
from .uapi import (
    BtfInfo,
    BtfLoad,
    Command,
    EventLinkInfo,
    Id,
    InfoByFd,
    LinkInfo,
    MapCreate,
    MapFd,
    MapHashInfo,
    MapInfo,
    NamedLinkInfo,
    Obj,
    ProgInfo,
    UprobesLinkInfo,
)

MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
UMOUNT_NOFOLLOW = 8
_MNT_DETACH = 2
_MS_REC, _MS_PRIVATE, _CLONE_NEWNS = 1 << 14, 1 << 18, 1 << 17
_ANY_DIRECTORY = "/sys"
_NOT_SHOWN = 3  # exit code


def create_map(request: MapCreate) -> Fd:
    """MAP_CREATE; the name has at most 15 bytes."""
    return _charged(_map_create, request)


def why_no_map(request: MapCreate) -> str:
    """What the kernel logs of a MAP_CREATE that it refused, in one line; "" before Linux 7.2."""
    made, log = _map_create.logged(request)
    if made >= 0:
        os.close(made)
    return " ".join(log.decode("utf-8", "replace").split())


def load_btf(blob: bytes) -> Fd:
    """BTF_LOAD: have the kernel check `blob` and keep it. EINVAL when it does not hold."""
    buffer = ctypes.create_string_buffer(blob, len(blob))
    return _charged(_btf_load, BtfLoad(ctypes.addressof(buffer), 0, len(blob)))


def get(path: bytes, flags: int = 0) -> Fd:
    """OBJ_GET: open the object pinned at `path`. EINVAL for a link opened read-only."""
    return Fd(_obj_get(Obj(_place_path(path), file_flags=flags)))


def pin_at(fd: int, directory: int, name: bytes) -> None:
    """OBJ_PIN: name the object behind `fd` in an open directory. EEXIST when it is taken."""
    path, flag, path_fd = _at(directory, name)
    _obj_pin(Obj._make((path, fd, flag, path_fd)))


def get_at(directory: int, name: bytes, flags: int = 0) -> Fd:
    """OBJ_GET of `name` in an open directory; follows symlinks."""
    path, flag, path_fd = _at(directory, name)
    return Fd(_obj_get((path, 0, flags | flag, path_fd)))


def _at(directory: int, name: bytes) -> Tuple[int, int, int]:
    if _takes_path_fd():
        return _place_path(name), _PATH_FD, directory
    return _place_path(b"/proc/self/fd/%d/%s" % (directory, name)), 0, 0


@lru_cache(maxsize=None)
def _takes_path_fd() -> bool:
    # Linux 6.5. Older ones refuse the flag and the field (EINVAL) before they look at the path.
    try:
        _obj_get(Obj(_place_path(b""), 0, _PATH_FD, -1))
    except KernelError as error:
        return error.errno != errno.EINVAL
    return True


def freeze(fd: int) -> None:
    """MAP_FREEZE: no more writes from user space, for good. EBUSY while mapped writable."""
    _map_freeze(MapFd(fd))


def map_info(fd: int) -> MapInfo:
    """Return what the kernel says of a map."""
    return MapInfo._make(_info(fd, uapi.MAP_INFO))


def map_hash(fd: int) -> bytes:
    """Return the SHA-256 of all values of a frozen array, as they are in memory.

    E2BIG before Linux 6.18, EPERM of one that is not frozen, EINVAL of any other type.
    """
    digest = ctypes.create_string_buffer(_SHA256)
    _asked_info(fd, uapi.MAP_HASH_INFO, MapHashInfo(ctypes.addressof(digest), _SHA256))
    return digest.raw


def map_info_if_map(fd: int) -> Optional[MapInfo]:
    """Return what the kernel says of a map; None if `fd` is that of another kind of object.

    The kernel says how much it wrote: since Linux 5.10 struct bpf_prog_info has 208 bytes and
    more, struct bpf_map_info 80 to 104, and struct bpf_link_info less (a link opens read-only
    before 5.13 only). This saves a readlink of /proc/self/fd/N for each pin, a fifth of the time
    it takes to look at one.
    """
    _info_buffer[:] = _ZEROS
    _get_info((fd, _INFO_SIZE, _INFO_ADDRESS))
    if _get_info.answer()[_INFO_LEN] not in _MAP_INFO_SIZES:
        return None
    return MapInfo._make(uapi.MAP_INFO.unpack_from(_info_buffer))


def link_info(fd: int) -> LinkInfo:
    """Return what the kernel says of a link."""
    return LinkInfo._make(_info(fd, uapi.LINK_INFO))


def named_link(fd: int) -> Tuple[bytes, NamedLinkInfo]:
    """What a link of type raw_tracepoint or iter is attached to, by name, and the rest of it."""
    name = ctypes.create_string_buffer(_TARGET_NAME)
    asked = NamedLinkInfo(0, 0, 0, ctypes.addressof(name), _TARGET_NAME)
    told = NamedLinkInfo._make(_asked_info(fd, uapi.NAMED_LINK_INFO, asked))
    return name.value, told


def link_event(fd: int) -> Tuple[bytes, EventLinkInfo]:
    """Return the name of the event of a link of type perf_event, if it has one, and the rest of it.

    Of a kernel that does not tell (before 6.6) the type of the event is 0.
    """
    name = ctypes.create_string_buffer(_EVENT_NAME)
    asked = EventLinkInfo(0, 0, 0, 0, ctypes.addressof(name), _EVENT_NAME, 0)
    told = EventLinkInfo._make(_asked_info(fd, uapi.EVENT_LINK_INFO, asked))
    return name.value, told


def link_uprobes(fd: int) -> Tuple[bytes, UprobesLinkInfo]:
    """Return the path of what a link of type uprobe_multi is attached to, and the rest of it.

    Of a kernel that does not tell (before 6.8) the number of probes is 0, or it refuses (E2BIG).
    """
    path = ctypes.create_string_buffer(_EVENT_NAME)
    asked = UprobesLinkInfo(0, 0, 0, ctypes.addressof(path), 0, 0, 0, _EVENT_NAME)
    told = UprobesLinkInfo._make(_asked_info(fd, uapi.UPROBES_LINK_INFO, asked))
    return path.value, told


def prog_info(fd: int) -> ProgInfo:
    """Return what the kernel says of a program."""
    return ProgInfo._make(_info(fd, uapi.PROG_INFO))


def prog_map_ids(fd: int) -> List[int]:
    """Ids of the maps that a program uses."""
    count = prog_info(fd).nr_map_ids
    while True:
        ids = (ctypes.c_uint32 * count)()
        asked = _NO_PROG._replace(nr_map_ids=count, map_ids=ctypes.addressof(ids))
        uapi.PROG_INFO.pack_into(_info_buffer, 0, *asked)
        _get_info(InfoByFd(fd, uapi.PROG_INFO.size, _INFO_ADDRESS))
        now = ProgInfo._make(uapi.PROG_INFO.unpack_from(_info_buffer)).nr_map_ids
        if now <= count:
            return list(ids[:now])
        count = now


def btf_blob(btf_id: int) -> bytes:
    """The BTF that the kernel holds under `btf_id`, as it was loaded."""
    with fd_by_id(Command.BTF_GET_FD_BY_ID, btf_id) as fd:
        size = BtfInfo._make(_info(fd, uapi.BTF_INFO)).btf_size
        blob = ctypes.create_string_buffer(size)
        uapi.BTF_INFO.pack_into(_info_buffer, 0, *BtfInfo(ctypes.addressof(blob), size))
        _get_info(InfoByFd(fd, uapi.BTF_INFO.size, _INFO_ADDRESS))
        return blob.raw


def fd_by_id(command: Command, object_id: int) -> Fd:
    """Open a map, program, link or BTF by id. Needs CAP_SYS_ADMIN; ENOENT when it is gone."""
    return Fd(_BY_ID[command](Id(object_id)))


def all_ids(command: Command) -> Iterator[int]:
    """Ids of all maps, programs or links, rising. Needs CAP_SYS_ADMIN (EPERM)."""
    next_id = _NEXT_ID[command]
    current = 0
    while True:
        try:
            next_id(Id(current))
        except KernelError as error:
            if error.errno == errno.ENOENT:
                return
            raise
        current = Id._make(next_id.answer()).next_id
        yield current


def mount(source: str, target: str, fstype: str, flags: int, options: str) -> None:
    """mount(2). A second bpf mount on one directory succeeds and hides the first: look before."""
    arguments = (os.fsencode(text) or None for text in (source, target, fstype))
    result = libc.mount(*arguments, flags, os.fsencode(options) or None)
    if result < 0:
        raise KernelError("mount", ctypes.get_errno())


@lru_cache(maxsize=None)
def shows_source_of_bpffs() -> bool:
    """Return whether mountinfo shows the source that a bpffs was mounted with.

    Linux 5.3 to 5.16 may show `none` for each (bpf_parse_param took the source for an option that
    it does not know). A child tries it out, in a mount namespace of its own.
    """
    release = re.findall(r"\d+", os.uname().release)
    if tuple(map(int, release[:2])) >= (5, 17):
        return True
    child = os.fork()
    if not child:
        with suppress(BaseException):
            os._exit(_NOT_SHOWN if _mounted_source(b"probe") == b"none" else 0)
        os._exit(1)
    _pid, status = os.waitpid(child, 0)
    return status >> 8 != _NOT_SHOWN


def _mounted_source(source: bytes) -> bytes:
    """Mount a bpffs in a namespace of this process's own; the source that it is shown with."""
    leave_mounts()
    mount(os.fsdecode(source), _ANY_DIRECTORY, "bpf", 0, "")
    with open("/proc/self/mountinfo", "rb") as table:
        shown = [line.split(b" - ")[1].split()[:2] for line in table]
    return next(each for fstype, each in reversed(shown) if fstype == b"bpf")


def leave_mounts() -> None:
    """unshare(2): from here on, nobody else sees what this process mounts and unmounts."""
    if libc.unshare(_CLONE_NEWNS) < 0:
        raise KernelError("unshare", ctypes.get_errno())
    mount("", "/", "", _MS_REC | _MS_PRIVATE, "")


def umount(target: str, *, lazily: bool = False) -> None:
    """umount2(2), never through a symlink. EBUSY while in use; pins do not count as use.

    `lazily`: also while in use, and whoever has something open in it goes on.
    """
    flags = UMOUNT_NOFOLLOW | (_MNT_DETACH if lazily else 0)
    if libc.umount2(os.fsencode(target), flags) < 0:
        raise KernelError("umount", ctypes.get_errno())


def is_bpffs(fd: int) -> bool:
    """Return whether `fd` lies on a BPF file system, by fstatfs(2)."""
    if libc.fstatfs(fd, _statfs) < 0:
        raise KernelError("fstatfs", ctypes.get_errno())
    # f_type comes first: a long, but an unsigned int on s390.
    word = ctypes.c_uint if os.uname().machine.startswith("s390") else ctypes.c_long
    return word.from_buffer(_statfs).value & 0xFFFFFFFF == uapi.BPF_FS_MAGIC


def _charged(call: Call, request: Tuple[object, ...]) -> Fd:
    # Before Linux 5.11 maps are charged to RLIMIT_MEMLOCK, and EPERM is how it says "full".
    try:
        return Fd(call(request))
    except KernelError as error:
        if error.errno != errno.EPERM or not raise_memlock():
            raise
    return Fd(call(request))


def raise_memlock() -> bool:
    """Raise the limit of locked memory as far as this process may; False when it is there."""
    now, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    for limit in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (most, most)):
        if limit != (now, most):
            with suppress(OSError, ValueError):  # beyond `most` it takes CAP_SYS_RESOURCE
                resource.setrlimit(resource.RLIMIT_MEMLOCK, limit)
                return True
    return False


def _asked_info(fd: int, layout: struct.Struct, asked: Tuple[int, ...]) -> Tuple[Any, ...]:
    """What the kernel says to a request that names buffers."""
    _info_buffer[:] = _ZEROS
    layout.pack_into(_info_buffer, 0, *asked)
    _get_info(InfoByFd(fd, layout.size, _INFO_ADDRESS))
    return layout.unpack_from(_info_buffer)


def _info(fd: int, layout: struct.Struct) -> Tuple[Any, ...]:
    _info_buffer[:] = _ZEROS
    _get_info(InfoByFd(fd, layout.size, _INFO_ADDRESS))
    return layout.unpack_from(_info_buffer)


def _place_path(path: bytes) -> int:
    global _placed  # most calls of a batch name the same /proc/self/fd/N
    if path != _placed:
        _path[: len(path) + 1] = path + b"\0"
        _placed = path
    return _PATH_ADDRESS


_INFO_LEN = InfoByFd._fields.index("info_len")
# The kernel wants zeros where it has no field (E2BIG), and since Linux 6.18 it leaves as they are
# the fields of maps that it has nothing to say of.
_INFO_SIZE = 256
_ZEROS = bytes(_INFO_SIZE)
_info_buffer, _INFO_ADDRESS = shared_buffer(_INFO_SIZE)
_path, _PATH_ADDRESS = shared_buffer(4096)
_MAP_INFO_SIZES = range(80, 192)  # bytes
_SHA256 = 32  # bytes
_TARGET_NAME = 128  # bytes
_EVENT_NAME = 4096  # bytes; that of uprobes is a path
_NO_PROG = ProgInfo._make(uapi.PROG_INFO.unpack(bytes(uapi.PROG_INFO.size)))
_placed = b""
_PATH_FD = uapi.MapFlag.PATH_FD.value
_statfs = ctypes.create_string_buffer(256)

_map_create = Call(Command.MAP_CREATE, uapi.MAP_CREATE)
_map_freeze = Call(Command.MAP_FREEZE, uapi.MAP_FD)
_obj_pin = Call(Command.OBJ_PIN, uapi.OBJ)
_obj_get = Call(Command.OBJ_GET, uapi.OBJ)
_get_info = Call(Command.OBJ_GET_INFO_BY_FD, uapi.INFO_BY_FD)
_btf_load = Call(Command.BTF_LOAD, uapi.BTF_LOAD)
_NEXT_ID = {
    command: Call(command, uapi.ID)
    for command in (
        Command.PROG_GET_NEXT_ID,
        Command.MAP_GET_NEXT_ID,
        Command.LINK_GET_NEXT_ID,
    )
}
_BY_ID: Dict[Command, Callable[[Id], int]] = {
    command: Call(command, uapi.ID)
    for command in (
        Command.MAP_GET_FD_BY_ID,
        Command.PROG_GET_FD_BY_ID,
        Command.BTF_GET_FD_BY_ID,
    )
}
# A link has its id only once it is attached (bpf_link_by_id in kernel/bpf/syscall.c).
_BY_ID[Command.LINK_GET_FD_BY_ID] = Persistent(
    Call(Command.LINK_GET_FD_BY_ID, uapi.ID), frozenset({errno.EAGAIN})
)
