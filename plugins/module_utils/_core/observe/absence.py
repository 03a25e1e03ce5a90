# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where pins are to be gone. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from functools import partial
from typing import List, Optional, Tuple

from ..bpffs import (
    DEEPEST,
    DIRECTORY,
    ENTRY,
    KERNELS_OWN,
    PathProblem,
    mount_id,
    open_readable,
    too_deep,
    walk,
)
from ..errors import TROUBLE, Gathering
from ..found.pins import A_DIRECTORY, A_MOUNT_POINT, NOTHING, Nothing, Sight, Tree
from ..kernel import Fd, explained
from ..objects import look
from ..shape import Identity
from ..spec.absence import SHARED_ROOT, AbsentPaths, Prune
from ..spec.fields import STAGING
from ..staging import is_in_use


def observe_paths(wanted: AbsentPaths) -> List[Tuple[Sight, Tree]]:
    """Look at each path, and into it where it is a directory that may be removed."""
    problems = Gathering()
    seen = [problems.of(partial(_observe_path, path, wanted.recurse)) for path in wanted.paths]
    problems.raise_any()
    return [each for each in seen if each is not None]


def observe_tree(wanted: Prune) -> Tree:
    """Look at everything in the directory that is to be pruned; nothing when it is not there."""
    with walk(wanted.directory) as place:
        if place.missing or (not place.on_bpffs and not any(_names(place.fd, place.path))):
            return Tree((), ())
        if not place.on_bpffs:
            raise _off_bpffs(wanted.directory)
        if not wanted.shared and place.identity == _shared_root():
            raise PathProblem(
                f"directory {wanted.directory} is {SHARED_ROOT}, shared with all other software of "
                "the host, whose pins would go: prune a directory of your own below it, or set "
                "prune_shared: true"
            )
        return _tree(place.fd, wanted.directory, recurse=wanted.recurse, spared=STAGING)


def _shared_root() -> Optional[Identity]:
    try:
        status = os.lstat(SHARED_ROOT)
    except OSError:
        return None
    return Identity(status.st_dev, status.st_ino)


def _observe_path(path: str, recurse: bool) -> Tuple[Sight, Tree]:
    parent, _slash, name = path.rpartition("/")
    nothing_below = Tree((), ())
    with walk(parent or "/") as place:
        if place.missing:
            return Sight(path, place.identity, NOTHING), nothing_below
        if place.on_bpffs and name in KERNELS_OWN:
            raise PathProblem(f"{path} is the kernel's own and always stays: leave it out")
        sight = _sight(place.fd, path, name)
        if sight.found == A_MOUNT_POINT:
            raise PathProblem(
                f"{path} is a mount point: to unmount a bpffs, use ebpf.pinning.bpffs_mount with "
                "state: unmounted"
            )
        if not place.on_bpffs and not isinstance(sight.found, Nothing):
            raise _off_bpffs(path)
        if recurse and sight.found == A_DIRECTORY:
            try:
                fd = Fd(os.open(name, DIRECTORY, dir_fd=place.fd))
            except OSError:
                raise PathProblem(
                    f"{path} is another one than a moment ago: it was left alone; run again"
                ) from None
            with fd:
                return sight, _tree(fd, path, recurse=True)
        return sight, nothing_below


def _tree(fd: int, path: str, *, recurse: bool, spared: str = "", depth: int = 0) -> Tree:
    if depth > DEEPEST:
        raise too_deep(path)
    sights: List[Sight] = []
    directories: List[Sight] = []
    for name in _names(fd, path):
        if name == spared:
            continue
        below = f"{path}/{name}"
        sight = _sight(fd, below, name)
        if not recurse or sight.found != A_DIRECTORY:
            sights.append(sight)
            continue
        try:
            deeper = open_readable(name, fd, below)
        except FileNotFoundError:  # removed meanwhile
            continue
        with deeper:
            if name == STAGING and is_in_use(deeper, below):
                raise PathProblem(f"{below}: another run works in this directory: run again")
            tree = _tree(deeper, below, recurse=True, spared=spared, depth=depth + 1)
        sights.extend(tree.sights)
        directories.extend(tree.directories)
        directories.append(sight)
    return Tree(tuple(sights), tuple(directories))


def _names(fd: int, path: str) -> List[str]:
    with open_readable(".", fd, path) as readable:
        try:
            names = os.listdir(readable)
        except FileNotFoundError:  # removed meanwhile
            return []
    return sorted(name for name in names if name not in KERNELS_OWN)


def _sight(directory: int, path: str, name: str) -> Sight:
    status = os.fstat(directory)
    try:
        found = look(directory, name)
        if not isinstance(found, Nothing) and _is_mount_point(directory, name):
            found = A_MOUNT_POINT
        read_only = bool(os.fstatvfs(directory).f_flag & os.ST_RDONLY)
    except TROUBLE as error:
        raise PathProblem(f"{path}: {explained(error)}") from None
    return Sight(path, Identity(status.st_dev, status.st_ino), found, read_only)


def _is_mount_point(directory: int, name: str) -> bool:
    # Not by device: a bind mount of the same file system leads elsewhere, too.
    try:
        inside = Fd(os.open(name, ENTRY, dir_fd=directory))
    except FileNotFoundError:  # removed meanwhile
        return False
    with inside:
        return mount_id(inside) != mount_id(directory)


def _off_bpffs(path: str) -> PathProblem:
    return PathProblem(
        f"{path} is not on bpffs: only pins are removed; mount the bpffs first, or use "
        "ansible.builtin.file for what is not a pin"
    )
