# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a directory of a bpffs. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from typing import Any, Iterable, Iterator, List, Optional, Sequence

from ...advice import ActsOn
from ...bpffs import (
    DEEPEST,
    KERNELS_OWN,
    PathProblem,
    is_mount_point,
    is_private,
    open_readable,
    too_deep,
)
from ...errors import TROUBLE, at, explained
from ...fields import STAGING, is_staging_name
from ...halves import Told, look_at_all
from ...leftovers import is_in_use
from ...mountinfo import mounts
from ...shape import Entry, Identity, MapShape
from .objects import Inspect, look, look_in_private
from .observed import (
    A_DIRECTORY,
    A_MOUNT_POINT,
    Glimpse,
    MapDetails,
    MountedPin,
    NotAPin,
    Nothing,
    PinnedMap,
    Sight,
    Tree,
    Unreadable,
)


class Lookout:
    """Looks at names and trees. One is made for each task, since mounts change.

    `inspect` is called for maps. With `spares_staging`, what runs make ready is not looked at. With
    `by_two`, a child process looks at half of a directory of thousands.
    """

    def __init__(
        self,
        inspect: Optional[Inspect] = None,
        spares_staging: bool = False,
        waits_for_runs: bool = True,
        by_two: bool = False,
    ):
        self._by_two = by_two
        self._inspect = inspect
        self._waits_for_runs = waits_for_runs
        self._spares_staging = spares_staging
        self._spared = KERNELS_OWN | ({STAGING} if spares_staging else set())
        self._mount_points = {mount.point for mount in mounts()}

    def sight(self, directory: int, path: str) -> Sight:
        """Return what is at `path`, whose directory is open."""
        return self._sight(_View(directory), path, path.rpartition("/")[2])

    def tree(self, directory: int, path: str, *, recurse: bool, depth: int = 0) -> Tree:
        """Everything in an open directory; below it too, with `recurse`, but not across mounts."""
        if depth > DEEPEST:
            raise too_deep(path)
        sights: List[Sight] = []
        directories: List[Sight] = []
        view = _View(directory)
        names = self.names(directory, path)
        for name, sight in zip(names, self._sights(view, path.rstrip("/") + "/", names)):
            below = sight.path
            if not isinstance(sight.found, NotAPin):  # as thousands of others
                sights.append(sight)
                continue
            is_staging = sight.found == A_DIRECTORY and is_staging_name(name)
            if is_staging and self._spares_staging:
                continue
            if not recurse or sight.found != A_DIRECTORY:
                sights.append(sight)
                continue
            try:
                with open_readable(name, directory, below) as deeper:
                    if self._waits_for_runs and is_staging and is_in_use(deeper, below):
                        raise PathProblem("another run works in this directory: run again")
                    tree = self.tree(deeper, below, recurse=True, depth=depth + 1)
            except FileNotFoundError:  # removed meanwhile
                continue
            except TROUBLE as error:
                sights.append(sight._replace(found=Unreadable(explained(error, ActsOn.PIN))))
                continue
            sights.extend(tree.sights)
            directories.extend(tree.directories)
            directories.append(sight)
        return Tree(tuple(sights), tuple(directories))

    def names(self, directory: int, path: str) -> List[str]:
        """The names in an open directory, sorted."""
        with at(path), open_readable(".", directory, path) as readable:
            try:
                names = os.listdir(readable)
            except FileNotFoundError:  # removed meanwhile
                return []
        return sorted(name for name in names if name not in self._spared)

    def _sights(self, view: _View, start: str, names: Sequence[str]) -> Iterator[Sight]:
        def look(name: str) -> Glimpse:
            return self._found(view, start + name, name)

        seen: Iterable[Glimpse] = map(look, names)
        if self._by_two:
            seen = look_at_all(names, look, _told, _heard)
        for name, found in zip(names, seen):
            yield Sight(start + name, view.identity, found, view.read_only)

    def _sight(self, view: _View, path: str, name: str) -> Sight:
        return Sight(path, view.identity, self._found(view, path, name), view.read_only)

    def _found(self, view: _View, path: str, name: str) -> Glimpse:
        try:
            found: Optional[Glimpse] = None
            if view.private:
                found = look_in_private(view.directory, name, self._inspect)
            if found is None:
                found = look(view.directory, name, self._inspect)
            if (
                path in self._mount_points
                and not isinstance(found, (Nothing, Unreadable))
                and is_mount_point(view.directory, name)
            ):
                found = A_MOUNT_POINT if isinstance(found, NotAPin) else MountedPin.of(found)
        except TROUBLE as error:
            found = Unreadable(explained(error, ActsOn.PIN))
        return found


def _told(found: Glimpse) -> Told:
    """A map in plain tuples; of the few other things each process sees for itself."""
    if not isinstance(found, PinnedMap) or found.details.btf is not None:
        return None
    entry, map_id, name, shape, details = found
    inner = details.inner
    if inner is not None:
        details = details._replace(inner=None)
    held = None if inner is None else tuple(inner)
    return (tuple(entry.identity), *entry[1:]), map_id, name, tuple(shape), tuple(details), held


def _heard(told: Any) -> PinnedMap:
    """The map of which `_told` told."""
    (identity, *access), map_id, name, shape, plain, held = told
    details = MapDetails._make(plain)
    if held is not None:
        details = details._replace(inner=MapShape._make(held))
    entry = Entry._make((Identity._make(identity), *access))
    return PinnedMap._make((entry, map_id, name, MapShape._make(shape), details))


class _View:
    """What all sights of one directory have in common."""

    def __init__(self, directory: int) -> None:
        status = os.fstat(directory)
        self.directory = directory
        self.identity = Identity(status.st_dev, status.st_ino)
        self.private = is_private(status)
        self.read_only = bool(os.fstatvfs(directory).f_flag & os.ST_RDONLY)
