# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is behind a name in bpffs: a map, a program, a link, or something that is no pin."""

from __future__ import annotations

import errno
import os
import stat
from functools import lru_cache
from typing import Callable, Dict, Optional

from ... import kernel, uapi
from ...bpffs import ENTRY, describe_mode
from ...errors import PinningError
from ...shape import Entry, Identity, MapShape
from ...syscall import Fd, KernelError
from ...uapi import Command, MapInfo
from .observed import (
    NO_DETAILS,
    NOTHING,
    Found,
    MapDetails,
    NotAPin,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)

Inspect = Callable[[Fd, bytes, MapInfo], MapDetails]


def look_in_private(
    directory: int, name: str, inspect: Optional[Inspect] = None
) -> Optional[Found]:
    """Like `look`, for maps, half the system calls; None where only `look` can tell.

    Only for a directory that nobody else may write to: between the two calls an entry could
    otherwise become a symlink.
    """
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return None
        raw = os.fsencode(name)
        fd = kernel.get_at(directory, raw, uapi.BPF_F_RDONLY)
        try:
            info = kernel.map_info_if_map(fd)
            if info is None:
                return None
            details = NO_DETAILS
            if inspect:
                details = inspect(fd, b"/proc/self/fd/%d/%s" % (directory, raw), info)
            return PinnedMap._make(
                (_entry(status), info.id, name_of(info.name), MapShape.of(info), details)
            )
        finally:
            os.close(fd)
    except FileNotFoundError:
        return NOTHING
    except (OSError, KernelError):
        return None


def _entry(status: os.stat_result) -> Entry:
    return Entry._make(
        (
            Identity._make((status.st_dev, status.st_ino)),
            status.st_uid,
            status.st_gid,
            status.st_mode & 0o7777,
            status.st_nlink,
        )
    )


def look(directory: int, name: str, inspect: Optional[Inspect] = None) -> Found:
    """Tell what `name` in `directory` is, without changing or following anything.

    `inspect` is called for a map with its read-only descriptor, a path that means this very
    pin, and the fields of struct bpf_map_info.
    """
    try:
        opened = os.open(name, ENTRY, dir_fd=directory)
    except FileNotFoundError:
        return NOTHING
    except OSError as error:
        if error.errno == errno.EPERM and "." in name:
            return NOTHING  # bpf_lookup: so it is for any name with a dot
        raise KernelError.of("open", error) from None
    with Fd(opened) as pin:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            return _not_a_pin(directory, name, status.st_mode)
        pin_path = pin.proc_path
        try:
            fd, is_link = kernel.get(pin_path, uapi.BPF_F_RDONLY), False
        except KernelError as error:
            if error.errno == errno.EINVAL:  # bpf_obj_get_user: a link
                fd, is_link = kernel.get(pin_path), True
            elif error.errno in (errno.EACCES, errno.ENOENT) and _is_no_object(opened, error):
                return NotAPin(describe_mode(status.st_mode))
            else:
                raise
        with fd:
            return _identify(fd, is_link, _entry(status), pin_path, inspect)


def name_of(raw: bytes) -> str:
    """A name field of the kernel's as text."""
    return raw.split(b"\0", 1)[0].decode("ascii", "replace")


def with_memlock(fd: Fd, _pin_path: bytes, _info: MapInfo) -> MapDetails:
    """Inspect a map for no more than its memory."""
    return MapDetails(memlock=fdinfo(fd).get("memlock"))


def fdinfo(fd: int) -> Dict[str, int]:
    """Return what /proc says of a map: `frozen`, and an estimate of its memory as `memlock`.

    The latter also of a program.

    Of a prog_array also `owner_prog_type`, once it takes programs of one type only.
    """
    # struct bpf_map_info has no such fields. A field that an older kernel does not have is 0.
    text = os.pread(_fdinfo_of(int(fd)), _FDINFO, 0)
    fields = {}
    for name, start in _FDINFO_FIELDS:
        at = text.find(start)
        if at >= 0:
            at += len(start)
            fields[name] = int(text[at : text.index(b"\n", at)])
    return fields


@lru_cache(maxsize=None)
def _fdinfo_of(number: int) -> int:
    """Open what /proc says of a descriptor, for the rest of the process.

    Each read tells what has the number by then (seq_show in fs/proc/fd.c). Of pins that are looked
    at one after the other, each has the same; to open the file anew took a sixth of the time.
    """
    return os.open(f"/proc/self/fdinfo/{number}", os.O_RDONLY | os.O_CLOEXEC)


os.register_at_fork(after_in_child=_fdinfo_of.cache_clear)  # it is of the process that opened it


def object_by_id(kind: str, object_id: int) -> Fd:
    """Open a map, prog or link by its id, for reading and writing. ENOENT when it is gone."""
    return kernel.fd_by_id(_BY_ID[kind], object_id)


def identify(fd: Fd, kind: str) -> Found:
    """Tell what is open, a map, prog or link. As a pin it has no place."""
    return _identify(fd, kind == "link", _NOWHERE, b"", None)


def _identify(
    fd: Fd, is_link: bool, entry: Entry, pin_path: bytes, inspect: Optional[Inspect]
) -> Found:
    info = None if is_link else kernel.map_info_if_map(fd)
    if info is not None:
        details = inspect(fd, pin_path, info) if inspect else NO_DETAILS
        return PinnedMap(entry, info.id, name_of(info.name), MapShape.of(info), details)
    kind = os.readlink(f"/proc/self/fd/{int(fd)}")
    if kind == "anon_inode:bpf-prog":
        prog = kernel.prog_info(fd)
        return PinnedProg(
            entry,
            prog.id,
            name_of(prog.name),
            uapi.type_name(uapi.PROG_TYPES, prog.type),
            prog.tag.hex(),
            prog.load_time,
            prog.created_by_uid,
            fdinfo(fd).get("memlock") if inspect else None,
        )
    if kind in _LINKS:
        from ...link_targets import is_attached, target_of  # mostly there is no link

        link = kernel.link_info(fd)
        name, target = uapi.type_name(uapi.LINK_TYPES, link.type), target_of(fd, link)
        attached = is_attached(name, target)
        return PinnedLink(entry, link.id, name, link.prog_id, target, attached)
    return NotAPin(f"an object of a kind unknown to this collection ({kind})")


def _is_no_object(opened: int, error: KernelError) -> bool:
    # EACCES means "no permission" or "no BPF object"; who may do all is told the second.
    if error.errno == errno.ENOENT:
        if not os.path.exists("/proc/self/fd"):
            raise PinningError("/proc is not mounted, and pins are opened through it: mount it")
        return True
    return not kernel.is_bpffs(opened) or os.access(f"/proc/self/fd/{opened}", os.R_OK)


def _not_a_pin(directory: int, name: str, mode: int) -> NotAPin:
    what = describe_mode(mode)
    if stat.S_ISLNK(mode):
        what += f" to {os.readlink(name, dir_fd=directory)}"
    return NotAPin(what)


_FDINFO = 4096  # bytes; it has a dozen short lines
_FDINFO_FIELDS = (
    ("frozen", b"\nfrozen:\t"),
    ("memlock", b"\nmemlock:\t"),
    ("owner_prog_type", b"\nowner_prog_type:\t"),
)
_NOWHERE = Entry(Identity(0, 0), 0, 0, 0)
_BY_ID = {
    "map": Command.MAP_GET_FD_BY_ID,
    "prog": Command.PROG_GET_FD_BY_ID,
    "link": Command.LINK_GET_FD_BY_ID,
}
# From LINK_CREATE it is called bpf_link, from OBJ_GET bpf-link, and newer kernels changed it.
_LINKS = ("anon_inode:bpf_link", "anon_inode:bpf-link")
