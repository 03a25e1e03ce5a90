# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Everything that can be told of pins and of mounts. Opens read-only, changes nothing."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

from .. import kernel
from ..advice import ActsOn
from ..bpffs import DIRECTORY, mount_id, mount_of, walk
from ..errors import TROUBLE, explained
from ..kinds.mounts.observe import observe
from ..kinds.mounts.observed import MountSeen
from ..kinds.pins.objects import Inspect, fdinfo
from ..kinds.pins.observed import (
    A_DIRECTORY,
    A_MOUNT_POINT,
    NOTHING,
    MapDetails,
    Program,
    Sight,
    Unreadable,
)
from ..kinds.pins.programs import loaded_programs
from ..kinds.pins.tree import Lookout
from ..map_types import MAP_TYPES, MAP_TYPES_BY_NUMBER
from ..mountinfo import Mount, mounts
from ..shape import Identity, MapShape
from ..syscall import Fd, KernelError
from ..uapi import MapInfo
from ..values import dataclass
from .question import Question

if TYPE_CHECKING:
    from .health import Health


@dataclass(frozen=True)
class Answer:
    """What there is. Trouble is told; it never hides the rest."""

    sights: Sequence[Sight]
    programs: Sequence[Program]
    visible: Sequence[MountSeen]
    hidden: Sequence[Mount]  # under other mounts
    troubles: Sequence[str]
    health: Optional[Health] = None  # where it was asked for, and can be told


def answer(question: Question) -> Answer:
    """Look at all that is asked for."""
    troubles: List[str] = []
    most = question.counts_up_to
    inspect = partial(_inspect_and_count, most) if most else _inspect
    if question.health:
        inspect = partial(_inspect_and_try, inspect)
    lookout = Lookout(inspect, waits_for_runs=False, by_two=not most)
    sights: List[Sight] = []
    for path in [question.directory] if question.directory else question.paths:
        sights += _look(lookout, path, question, troubles)
    programs: List[Program] = []
    try:
        programs.extend(loaded_programs())
    except KernelError as error:
        troubles.append(f"the kernel does not say which programs use a map: {error}")
    visible, hidden = _bpffs_mounts(troubles)
    health = _health(sights, question, hidden, troubles) if question.health else None
    return Answer(sights, programs, visible, hidden, troubles, health)


def health_in(
    directories: Sequence[str], counts_up_to: int
) -> Tuple[Optional[Health], List[Sight], List[str]]:
    """Look at the pins in some directories for their health; what there is, and what went wrong."""
    troubles: List[str] = []
    inspect = partial(_inspect_and_count, counts_up_to) if counts_up_to else _inspect
    lookout = Lookout(inspect, waits_for_runs=False, by_two=not counts_up_to)
    sights: List[Sight] = []
    question = Question((), None, None, recurse=False)
    for directory in directories:
        # What is no bpffs has no pins; that this is wrong is told by others.
        sights += _look(lookout, directory, replace(question, directory=directory), [])
    _visible, hidden = _bpffs_mounts(troubles)
    return _health(sights, question, hidden, troubles), sights, troubles


def _health(
    sights: Sequence[Sight], question: Question, hidden: Sequence[Mount], troubles: List[str]
) -> Optional[Health]:
    from .health import health_of  # it loads much, and is asked for seldom

    try:
        return health_of(sights, question.kind, hidden)
    except TROUBLE as error:
        troubles.append(f"the health of pins cannot be told: {explained(error)}")
        return None


def _look(lookout: Lookout, path: str, question: Question, troubles: List[str]) -> Sequence[Sight]:
    nowhere = Identity(0, 0)
    parent, _slash, name = path.rpartition("/")
    try:
        if question.directory:
            with walk(path) as place:
                if place.missing:
                    return [Sight(path, place.identity, NOTHING)]
                if not place.on_bpffs:
                    troubles.append(_off_bpffs(path, place.fd))
                    return []
                return lookout.tree(place.fd, path, recurse=question.recurse).sights
        with walk(parent or "/") as place:
            if not name:
                return [Sight(path, place.identity, A_MOUNT_POINT)]
            if place.missing:
                return [Sight(path, place.identity, NOTHING)]
            sight = lookout.sight(place.fd, path)
            if question.recurse and sight.found == A_DIRECTORY:
                if not place.on_bpffs:
                    troubles.append(_off_bpffs(path, place.fd))
                    return []
                with Fd(os.open(name, DIRECTORY, dir_fd=place.fd)) as fd:
                    return lookout.tree(fd, path, recurse=True).sights
            return [sight]
    except TROUBLE as error:
        return [Sight(path, nowhere, Unreadable(explained(error, ActsOn.PIN)))]


def _off_bpffs(path: str, fd: Fd) -> str:
    mount = mount_of(fd, mounts())
    return (
        f"{path} is not on bpffs but on {mount.fstype if mount else 'something unknown'}: there "
        "are no pins; mount a bpffs with ebpf.pinning.bpffs_mount"
    )


def _inspect(fd: Fd, _pin_path: bytes, info: MapInfo) -> MapDetails:
    fields, kind = fdinfo(fd), MAP_TYPES_BY_NUMBER.get(info.type)
    frozen = fields.get("frozen") == 1
    return MapDetails(
        frozen=frozen,
        inner=_held_shape(fd, MapShape.of(info)) if kind and kind.inner else None,
        btf_id=info.btf_id,
        memlock=fields.get("memlock"),
        digest=_digest(fd) if frozen and info.type == MAP_TYPES["array"].number else b"",
    )


def _digest(fd: Fd) -> bytes:
    try:
        return kernel.map_hash(fd)
    except KernelError:  # before Linux 6.18
        return b""


def _inspect_and_count(most: int, fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
    from ..entries import Layout, content_kin, count_up_to
    from ..host import this_host

    details, shape = _inspect(fd, pin_path, info), MapShape.of(info)
    kin = content_kin(shape)
    if kin is None or kin.keyless or (kin.has_all_slots and not kin.holds):
        return details
    try:
        counted, is_more = count_up_to(fd, Layout.of(shape, kin, this_host()), most)
    except TROUBLE:  # who may not read it, or cannot: it is not counted
        return details
    return details._replace(counted=counted, is_more=is_more)


def _inspect_and_try(inspect: Inspect, fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
    from ..kinds.maps.inner import is_exclusive

    return inspect(fd, pin_path, info)._replace(exclusive=is_exclusive(fd, info.type))


def _held_shape(fd: Fd, outer: MapShape) -> Optional[MapShape]:
    from ..kinds.maps.inner import held_shape  # to load it takes as long as to look at 800 pins

    return held_shape(fd, outer)


def _bpffs_mounts(troubles: List[str]) -> Tuple[List[MountSeen], List[Mount]]:
    visible: List[MountSeen] = []
    hidden: List[Mount] = []
    for mount in mounts():
        if mount.fstype != "bpf":
            continue
        try:
            if stat.S_ISREG(os.lstat(mount.point).st_mode):
                continue  # one pin, mounted over a file
        except OSError:
            pass
        try:
            with walk(mount.point) as place:
                is_on_top = not place.missing and mount_id(place.fd) == mount.id
            if is_on_top:
                visible.append(observe(mount.point))
            else:
                hidden.append(mount)
        except TROUBLE as error:
            troubles.append(f"{mount.point}: {explained(error, ActsOn.PIN)}")
    return visible, hidden
