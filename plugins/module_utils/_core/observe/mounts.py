# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is mounted at a path. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from typing import List, Sequence

from ..bpffs import KERNELS_OWN, Place, mount_of, mounts, open_readable, walk
from ..errors import PinningError
from ..found.mounts import Bpffs, Mount, MountSeen
from ..shape import Entry


def observe(path: str) -> MountSeen:
    """Look at `path`; PathProblem when it cannot be walked."""
    table = mounts()
    with walk(path) as place:
        mount = mount_of(place.fd, table)
        is_top = mount is not None and not place.missing and mount.point == path
        return MountSeen(
            path,
            place.missing,
            place.identity,
            mount,
            _lowest_first([row for row in table if row.point == path]),
            _bpffs(place, mount, table) if is_top and mount and mount.fstype == "bpf" else None,
            _kernel_has_bpffs(),
        )


def _bpffs(place: Place, mount: Mount, table: Sequence[Mount]) -> Bpffs:
    status = os.fstat(place.fd)
    root = Entry(place.identity, status.st_uid, status.st_gid, status.st_mode & 0o7777)
    elsewhere = [
        row.point
        for row in table
        if row.device == mount.device and row.id != mount.id and row.root == "/"
    ]
    return Bpffs(mount, root, _pins(place.fd, place.path), elsewhere)


def _lowest_first(layers: List[Mount]) -> List[Mount]:
    # A mount on top of another has that one as its parent (man 5 proc).
    ordered: List[Mount] = []
    ids = {mount.id for mount in layers}
    parent = next((mount.parent for mount in layers if mount.parent not in ids), None)
    while parent is not None:
        above = next((mount for mount in layers if mount.parent == parent), None)
        if above is None:
            break
        ordered.append(above)
        parent = above.id
    return ordered


def _pins(fd: int, path: str) -> List[str]:
    """Paths of everything in the file system that is no directory, except the kernel's own."""
    found: List[str] = []
    with open_readable(".", fd) as readable:
        with os.scandir(readable) as entries:
            listed = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        device = os.fstat(readable).st_dev
        for name, is_directory in listed:
            below = f"{path.rstrip('/')}/{name}"
            if not is_directory:
                if name not in KERNELS_OWN:
                    found.append(below)
                continue
            with open_readable(name, readable) as deeper:
                if os.fstat(deeper).st_dev == device:
                    found.extend(_pins(deeper, below))
    return found


def _kernel_has_bpffs() -> bool:
    try:
        with open("/proc/filesystems", encoding="ascii") as table:
            return any(line.split()[-1:] == ["bpf"] for line in table)
    except OSError as error:
        raise PinningError(
            f"/proc/filesystems cannot be read ({error.strerror}): mount /proc first"
        ) from None
