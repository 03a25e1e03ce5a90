# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where pins are to be gone. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from functools import partial
from typing import Iterator, List, Tuple

from ..bpffs import DIRECTORY, KERNELS_OWN, PathProblem, open_readable, walk
from ..errors import Gathering
from ..found.pins import A_DIRECTORY, NOTHING, NotAPin, Nothing, Sight, Tree
from ..kernel import Fd, KernelError
from ..objects import look
from ..shape import Identity
from ..spec.absence import AbsentPaths, Prune
from ..spec.fields import STAGING


def observe_paths(wanted: AbsentPaths) -> List[Tuple[Sight, Tree]]:
    """Look at each path, and into it where it is a directory that may be removed."""
    problems = Gathering()
    seen = [problems.of(partial(_observe_path, path, wanted.recurse)) for path in wanted.paths]
    problems.raise_any()
    return [each for each in seen if each is not None]


def observe_tree(wanted: Prune) -> Tree:
    """Look at everything in the directory that is to be pruned; nothing when it is not there."""
    with walk(wanted.directory) as place:
        if place.missing or (not place.on_bpffs and not any(_names(place.fd))):
            return Tree((), ())
        if not place.on_bpffs:
            raise _off_bpffs(wanted.directory)
        return _tree(place.fd, wanted.directory, recurse=wanted.recurse)


def _observe_path(path: str, recurse: bool) -> Tuple[Sight, Tree]:
    parent, _slash, name = path.rpartition("/")
    nothing_below = Tree((), ())
    with walk(parent or "/") as place:
        if place.missing:
            return Sight(path, place.identity, NOTHING), nothing_below
        sight = _sight(place.fd, path, name, place.identity)
        if not place.on_bpffs and not isinstance(sight.found, Nothing):
            raise _off_bpffs(path)
        if recurse and sight.found == A_DIRECTORY:
            with Fd(os.open(name, DIRECTORY, dir_fd=place.fd)) as fd:
                return sight, _tree(fd, path, recurse=True)
        return sight, nothing_below


def _tree(fd: int, path: str, *, recurse: bool) -> Tree:
    sights: List[Sight] = []
    directories: List[Sight] = []
    status = os.fstat(fd)
    identity = Identity(status.st_dev, status.st_ino)
    for name in _names(fd):
        below = f"{path}/{name}"
        try:
            sight = _sight(fd, below, name, identity)
        except KernelError as error:
            raise PathProblem(f"{below}: {error}") from None
        if not recurse or sight.found != A_DIRECTORY:
            sights.append(sight)
            continue
        with Fd(os.open(name, DIRECTORY, dir_fd=fd)) as deeper:
            tree = _tree(deeper, below, recurse=True)
        sights.extend(tree.sights)
        directories.extend(tree.directories)
        directories.append(sight)
    return Tree(tuple(sights), tuple(directories))


def _names(fd: int) -> Iterator[str]:
    with open_readable(".", fd) as readable:
        names = sorted(os.listdir(readable))
    return (name for name in names if name not in KERNELS_OWN and name != STAGING)


def _sight(directory: int, path: str, name: str, identity: Identity) -> Sight:
    found = look(directory, name)
    if found == A_DIRECTORY and _mounted(directory, name):
        found = NotAPin("a mount point")
    return Sight(path, identity, found)


def _mounted(directory: int, name: str) -> bool:
    inside = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return inside.st_dev != os.fstat(directory).st_dev


def _off_bpffs(path: str) -> PathProblem:
    return PathProblem(
        f"{path} is not on bpffs: only pins are removed; mount the bpffs first, or use "
        "ansible.builtin.file for what is not a pin"
    )
