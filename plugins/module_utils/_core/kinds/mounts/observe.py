# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is mounted at a path. Opens read-only, changes nothing."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import List, Optional, Sequence, Union

from ...advice import ActsOn
from ...bpffs import DEEPEST, KERNELS_OWN, Place, mount_id, mount_of, open_readable, too_deep, walk
from ...errors import TROUBLE, PinningError, at, refusal
from ...mountinfo import Mount, mounts
from ...people import People
from ...shape import Entry
from ...uapi import NAME_MAX
from ...users import people
from .declaration import WantedMount, WantedUnmount
from .observed import Bpffs, MountSeen


def observe(path: str) -> MountSeen:
    """Look at `path`; PathProblem when it cannot be walked."""
    table = mounts()
    with at(path), walk(path) as place:
        mount = mount_of(place.fd, table)
        is_top = mount is not None and not place.missing and mount.point == path
        layers: Sequence[Mount] = _lowest_first(mount, table) if is_top and mount else ()
        below = layers[0].parent if layers else mount and mount.id
        inside = [each.point for each in table if is_top and mount and each.parent == mount.id]
        return MountSeen(
            path,
            place.missing,
            place.identity,
            mount,
            layers,
            _bpffs(place, mount) if is_top and mount and mount.fstype == "bpf" else None,
            _kernel_has_bpffs(),
            next((each for each in table if each.id == below), None),
            [point for point in inside if point != path],
            frozenset(each.point for each in table),
            _hindrance(place),
            place.loose,
            _may_mount(),
        )


def people_of(
    wanted: Sequence[Union[WantedMount, WantedUnmount]], seen: Sequence[MountSeen]
) -> People:
    """Return the names of all users and groups that are declared or found."""
    roots = [each.bpffs.root for each in seen if each.bpffs]
    declared = [each.access for each in wanted if isinstance(each, WantedMount)]
    return people(
        [*(each.owner for each in roots), *(each.owner for each in declared)],
        [*(each.group for each in roots), *(each.group for each in declared)],
    )


def _lowest_first(top: Mount, table: Sequence[Mount]) -> List[Mount]:
    # A mount on top of another has that one as its parent (man 5 proc). Others at the same path
    # are hidden by a mount on a directory above, and do not matter.
    by_id = {mount.id: mount for mount in table}
    layers = [top]
    while layers[0].parent in by_id and by_id[layers[0].parent].point == top.point:
        layers.insert(0, by_id[layers[0].parent])
    return layers


def _hindrance(place: Place) -> str:
    """Why the missing directories cannot be made there, as far as it can be known."""
    if not place.missing:
        return ""
    parts = place.path.split("/")
    first = len(parts) - len(place.missing)
    for depth, name in enumerate(parts[first:], first + 1):
        if len(os.fsencode(name)) > NAME_MAX:
            return _refused("/".join(parts[:depth]), errno.ENAMETOOLONG)
    from ...files import EFFECTIVE, is_immutable  # mostly all directories are there

    at_first = "/".join(parts[: first + 1])
    if os.fstatvfs(place.fd).f_flag & os.ST_RDONLY:
        return _refused(at_first, errno.EROFS)
    if is_immutable(os.fsdecode(place.proc_path)):
        return _refused(at_first, errno.EPERM)
    if not os.access(place.proc_path, os.W_OK | os.X_OK, effective_ids=EFFECTIVE):
        return _refused(at_first, errno.EACCES)
    return ""


def _refused(path: str, number: int) -> str:
    return f"{path}: {refusal('mkdir', number, ActsOn.FILE)}"


def _may_mount() -> bool:
    # Who may not see it is not to be stopped by it.
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return True


def _bpffs(place: Place, mount: Mount) -> Bpffs:
    status = os.fstat(place.fd)
    root = Entry(place.identity, status.st_uid, status.st_gid, status.st_mode & 0o7777)
    try:
        pins: Optional[List[str]] = _pins(place.fd, place.path)
    except TROUBLE:  # most tasks need no list: whoever does, says what is to be done
        pins = None
    return Bpffs(mount, root, pins)


def _pins(fd: int, path: str, depth: int = 0) -> List[str]:
    """Paths of everything in the file system that is no directory, except the kernel's own."""
    if depth > DEEPEST:
        raise too_deep(path)
    found: List[str] = []
    with open_readable(".", fd, path) as readable:
        with os.scandir(readable) as entries:
            listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        for name, is_directory in listed:
            below = f"{path.rstrip('/')}/{name}"
            if not is_directory:
                if name not in KERNELS_OWN:
                    found.append(below)
                continue
            with suppress(FileNotFoundError), open_readable(name, readable, below) as deeper:
                if mount_id(deeper) == mount_id(readable):
                    found.extend(_pins(deeper, below, depth + 1))
    return found


def _kernel_has_bpffs() -> bool:
    try:
        with open("/proc/filesystems", encoding="ascii") as table:
            return any(line.split()[-1:] == ["bpf"] for line in table)
    except OSError as error:
        raise PinningError(
            f"/proc/filesystems cannot be read ({error.strerror}): mount /proc first"
        ) from None


_CAP_SYS_ADMIN = 21  # linux/capability.h
