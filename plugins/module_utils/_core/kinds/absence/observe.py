# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where pins are to be gone. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from functools import partial
from typing import List, Optional, Tuple

from ...bpffs import DIRECTORY, KERNELS_OWN, PathProblem, walk
from ...errors import ProblemCollector, at
from ...shape import Identity
from ...syscall import Fd
from ..pins.objects import with_memlock
from ..pins.observed import A_DIRECTORY, A_MOUNT_POINT, NOTHING, MountedPin, Nothing, Sight, Tree
from ..pins.tree import Lookout
from .declaration import SHARED_ROOT, AbsentPaths, Prune


def observe_paths(wanted: AbsentPaths) -> List[Tuple[Sight, Tree]]:
    """Look at each path, and into it where it is a directory that may be removed."""
    problems = ProblemCollector()
    lookout = Lookout(with_memlock)
    seen = [
        problems.of(partial(_observe_path, lookout, path, wanted.recurse)) for path in wanted.paths
    ]
    problems.raise_any()
    return [each for each in seen if each is not None]


def observe_tree(wanted: Prune) -> Tree:
    """Look at everything in the directory that is to be pruned; nothing when it is not there."""
    with at(wanted.directory), walk(wanted.directory) as place:
        lookout = Lookout(with_memlock, spares_staging=True)
        if place.missing or (not place.on_bpffs and not lookout.names(place.fd, place.path)):
            return Tree((), ())
        if not place.on_bpffs:
            raise _off_bpffs(wanted.directory)
        if not wanted.shared and place.identity == _shared_root():
            raise PathProblem(
                f"directory {wanted.directory} is {SHARED_ROOT}, shared with all other software of "
                "the host, whose pins would go: prune a directory of your own below it, or set "
                "prune_shared: true"
            )
        return lookout.tree(place.fd, wanted.directory, recurse=wanted.recurse)


def _shared_root() -> Optional[Identity]:
    try:
        status = os.lstat(SHARED_ROOT)
    except OSError:
        return None
    return Identity(status.st_dev, status.st_ino)


def _observe_path(lookout: Lookout, path: str, recurse: bool) -> Tuple[Sight, Tree]:
    parent, _slash, name = path.rpartition("/")
    nothing_below = Tree((), ())
    with at(path), walk(parent or "/") as place:
        if place.missing:
            return Sight(path, place.identity, NOTHING), nothing_below
        if place.on_bpffs and name in KERNELS_OWN:
            raise PathProblem(f"{path} is the kernel's own and always stays: leave it out")
        sight = lookout.sight(place.fd, path)
        if sight.found == A_MOUNT_POINT:
            raise PathProblem(
                f"{path} is a mount point: to unmount a bpffs, use ebpf.pinning.bpffs_mount with "
                "state: unmounted"
            )
        if not place.on_bpffs and not isinstance(sight.found, (Nothing, MountedPin)):
            raise _off_bpffs(path)
        if recurse and sight.found == A_DIRECTORY:
            try:
                fd = Fd(os.open(name, DIRECTORY, dir_fd=place.fd))
            except OSError:
                raise PathProblem(
                    f"{path} changed while this task ran and was left untouched; run again"
                ) from None
            with fd:
                return sight, lookout.tree(fd, path, recurse=True)
        return sight, nothing_below


def _off_bpffs(path: str) -> PathProblem:
    return PathProblem(
        f"{path} is not on bpffs: only pins are removed; mount the bpffs first, or use "
        "ansible.builtin.file for what is not a pin"
    )
