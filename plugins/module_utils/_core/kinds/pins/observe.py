# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where names are wanted. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from ...advice import ActsOn
from ...bpffs import Place, is_mount_point, may_list_unseen, mount_of, walk
from ...errors import TROUBLE, ProblemCollector, Problems, at, explained
from ...leftovers import find_abandoned, names_in
from ...mountinfo import mounts
from ...people import People
from ...shape import UNDECLARED
from ...users import people
from .declaration import Wanted, WantedName
from .objects import look
from .observed import NOTHING, DirectorySeen, Found, MountedPin, NotAPin, Nothing


def observe_names(
    wanted: Sequence[Wanted], look_at: Callable[[Place, Wanted], Found]
) -> Tuple[List[Found], Dict[str, DirectorySeen]]:
    """Look at every name; raise Problems with all that cannot be looked at."""
    found: List[Found] = [NOTHING] * len(wanted)
    directories: Dict[str, DirectorySeen] = {}
    problems = ProblemCollector()
    mount_points = lru_cache(maxsize=None)(_mount_points)

    def observe_directory(path: str, indexes: List[int]) -> None:
        with at(path), walk(path) as place:
            # Where others may make names, a staging directory may have any of many.
            is_shared = place.on_bpffs and not place.private and may_list_unseen(place.owner)
            lists = is_shared or len(indexes) > _WORTH_A_LISTING
            taken = names_in(place) if lists and not place.missing else None
            directories[path] = _see(place, taken)
            if place.missing:
                return
            for index in indexes:
                each = wanted[index]
                if taken is not None and each.name not in taken:
                    continue
                if not place.on_bpffs:
                    found[index] = _off_bpffs(place, each.name, mount_points)
                    continue
                try:
                    found[index] = look_at(place, each)
                    if each.may_be_replaced:
                        found[index] = _unless_mounted(place, each.name, found[index], mount_points)
                except Problems as error:
                    for text in error.problems:
                        problems.add(f"{each.path}: {text}")
                except TROUBLE as error:
                    problems.add(f"{each.path}: {explained(error, ActsOn.PIN)}")

    for path, indexes in by_directory(wanted).items():
        problems.of(partial(observe_directory, path, indexes))
    problems.raise_any()
    return found, directories


def people_of(
    wanted: Sequence[WantedName],
    found: Sequence[Found],
    directories: Mapping[str, DirectorySeen] = MappingProxyType({}),
) -> People:
    """Return the names of all users and groups that are declared or found."""
    declared = {each.access for each in wanted if each.access is not UNDECLARED}
    entries = {each.entry[1:3] for each in found if each.entry}
    levels = {each[1:3] for seen in directories.values() for each in seen.levels}
    owners: Set[Optional[int]] = {owner for owner, _group in entries | levels}
    groups: Set[Optional[int]] = {group for _owner, group in entries | levels}
    return people(
        owners | {each.owner for each in declared}, groups | {each.group for each in declared}
    )


def by_directory(wanted: Sequence[WantedName]) -> Dict[str, List[int]]:
    """The indexes of `wanted`, grouped by directory."""
    groups: Dict[str, List[int]] = {}
    for index, each in enumerate(wanted):
        groups.setdefault(each.directory, []).append(index)
    return groups


def see(place: Place, abandoned: Tuple[str, ...] = (), obstacle: str = "") -> DirectorySeen:
    """Return an open directory as it is found, with what is known of staging directories in it."""
    mount = None if place.on_bpffs else mount_of(place.fd, mounts())
    return DirectorySeen(
        place.path,
        place.identity,
        place.missing,
        place.on_bpffs,
        mount.fstype if mount else "bpf",
        bool(os.fstatvfs(place.fd).f_flag & os.ST_RDONLY),
        place.levels if place.on_bpffs else (),
        abandoned,
        obstacle,
    )


def _see(place: Place, names: Optional[Set[str]]) -> DirectorySeen:
    stages = place.on_bpffs and not place.missing
    return see(place, *find_abandoned(place, names)) if stages else see(place)


def _off_bpffs(place: Place, name: str, mount_points: _MountPoints) -> Found:
    try:
        os.lstat(name, dir_fd=place.fd)
    except OSError:
        return NOTHING
    if _is_mounted(place, name, mount_points):
        found = look(place.fd, name)
        if not isinstance(found, (Nothing, NotAPin)):
            return MountedPin.of(found)
    return NotAPin("a file outside bpffs")


def _unless_mounted(place: Place, name: str, found: Found, mount_points: _MountPoints) -> Found:
    """`found`, but what another pin is mounted over cannot be replaced."""
    if isinstance(found, (Nothing, NotAPin)) or not _is_mounted(place, name, mount_points):
        return found
    return MountedPin.of(found, fits_there=True)


def _is_mounted(place: Place, name: str, mount_points: _MountPoints) -> bool:
    path = f"{place.path.rstrip('/')}/{name}"
    return path in mount_points() and is_mount_point(place.fd, name)


def _mount_points() -> Set[str]:
    return {mount.point for mount in mounts()}


_MountPoints = Callable[[], Set[str]]
_WORTH_A_LISTING = 16  # names in one directory
