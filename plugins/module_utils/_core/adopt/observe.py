# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is pinned and mounted on this host. Opens read-only, changes nothing."""

from __future__ import annotations

import os
import stat
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .. import elements
from ..advice import ActsOn
from ..bpffs import mount_id, walk
from ..errors import TROUBLE, explained
from ..fields import absolute, check_pin_name, is_at_or_below, is_below, plain
from ..info.question import DEFAULT_DIRECTORY
from ..kernel import map_info
from ..kinds.maps.inner import first_inner
from ..kinds.mounts.observe import observe
from ..kinds.mounts.observed import Bpffs
from ..kinds.objects.declaration import Reference
from ..kinds.objects.observe import Resolver
from ..kinds.objects.observed import KernelObject
from ..kinds.pins.btf import btf_of
from ..kinds.pins.objects import fdinfo, identify, look, object_by_id
from ..kinds.pins.observed import (
    A_DIRECTORY,
    A_MOUNT_POINT,
    MapDetails,
    NotAPin,
    Nothing,
    PinnedLink,
    PinnedMap,
    PinnedProg,
    Sight,
    Unreadable,
)
from ..kinds.pins.tree import Lookout
from ..map_types import MAP_TYPES_BY_NUMBER
from ..mountinfo import Mount, mounts
from ..people import BadField, People
from ..shape import Entry, MapShape
from ..syscall import Fd, KernelError
from ..uapi import MapInfo
from ..users import people
from .hooks import Hooks, Told
from .observed import DirectorySeen, InnerSeen, Left, PinSeen, Scene
from .observed import Reference as Named


def look_at_host(directories: Sequence[str]) -> Scene:
    """Look at all that is in these directories; where there are none, at each bpffs.

    Trouble is told; it never hides the rest.
    """
    left: List[Left] = []
    there = list(_mounts(left))
    places = [absolute(each, "directories") for each in directories]
    if not (places or there or left):
        left.append(Left(DEFAULT_DIRECTORY, _NO_BPFFS))
    if places:
        there = [each for each in there if any(_meet(each.mount.point, at) for at in places)]
        left = [each for each in left if any(_meet(each.path, at) for at in places)]
    sights, folders = _trees(places or [each.mount.point for each in there], left)
    pins = [each for sight in sights for each in _pin(sight, left)]
    holding = {each.path.rpartition("/")[0] for each in (*sights, *folders)}
    maps = {pin.id: path for path, pin in reversed(pins) if pin.kind == "map"}
    return Scene(
        mounts=there,
        directories=[each for folder in folders for each in _directory(folder.path, holding, left)],
        pins=pins,
        inner=dict(_all_inner(pins)),
        references=_references(pins),
        attached=_attached(pins, maps),
        left=left,
    )


def people_of(scene: Scene) -> People:
    """Return the names of all who own something of it."""
    entries = [each.root for each in scene.mounts] + [each.entry for each in scene.directories]
    entries += [pin.entry for _path, pin in scene.pins]
    return people({each.owner for each in entries}, {each.group for each in entries})


# Mounts


def _mounts(left: List[Left]) -> Iterator[Bpffs]:
    """Yield each file system once; of those that cannot be declared it is told."""
    shown: Dict[int, str] = {}
    table = [mount for mount in mounts() if mount.fstype == "bpf"]
    for mount in sorted(table, key=_usual_first):
        try:
            if stat.S_ISREG(os.lstat(mount.point).st_mode):
                left.append(Left(mount.point, _ONE_PIN))
                continue
        except OSError:
            pass  # it is hidden by another mount
        try:
            with walk(mount.point) as place:
                is_on_top = not place.missing and mount_id(place.fd) == mount.id
            reason = _bars(mount, table, shown) if is_on_top else _HIDDEN
            if reason:
                left.append(Left(mount.point, reason))
                continue
            shown[mount.device] = mount.point
            plain(mount.point, "path")
            found = observe(mount.point).bpffs
        except TROUBLE as error:
            left.append(Left(mount.point, explained(error, ActsOn.PIN)))
            continue
        if found is not None:
            yield found


def _usual_first(mount: Mount) -> Tuple[bool, bool, int, str]:
    return (
        mount.root != "/",
        mount.point != DEFAULT_DIRECTORY,
        mount.point.count("/"),
        mount.point,
    )


def _bars(mount: Mount, table: Sequence[Mount], shown: Mapping[int, str]) -> str:
    """Return why a bpffs that can be seen is not declared; "" if nothing is in the way."""
    if mount.device in shown:
        return (
            f"it shows the same file system as {shown[mount.device]} (a bind mount), where its "
            "pins are declared: leave it to whoever binds it"
        )
    if mount.root != "/":
        return (
            f"it shows only {mount.root} of a bpffs that is mounted nowhere else here: mount the "
            "whole of it to have its pins declared"
        )
    outer = next((each.point for each in table if is_below(mount.point, each.point)), None)
    if outer is not None:
        return (
            f"it is mounted in {outer}, a bpffs, where nothing can be declared to be mounted: "
            "mount it outside"
        )
    return ""


def _meet(point: str, directory: str) -> bool:
    return is_at_or_below(point, directory) or is_below(directory, point)


# Names


def _trees(places: Sequence[str], left: List[Left]) -> Tuple[List[Sight], List[Sight]]:
    lookout = Lookout(_inspect, spares_staging=True, waits_for_runs=False, by_two=True)
    sights: Dict[str, Sight] = {}
    folders: Dict[str, Sight] = {}
    for path in places:
        try:
            with walk(path) as place:
                if place.missing or not place.on_bpffs:
                    left.append(Left(path, _NO_BPFFS))
                    continue
                tree = lookout.tree(place.fd, path, recurse=True)
        except TROUBLE as error:
            left.append(Left(path, explained(error, ActsOn.PIN)))
            continue
        sights.update((each.path, each) for each in tree.sights)
        folders.update((each.path, each) for each in tree.directories)
    return sorted(sights.values(), key=_in_order), sorted(folders.values(), key=_in_order)


def _in_order(sight: Sight) -> Tuple[int, str]:
    return (sight.path.count("/"), sight.path)


def _pin(sight: Sight, left: List[Left]) -> Iterator[PinSeen]:
    path, found = sight.path, sight.found
    if isinstance(found, Unreadable):
        left.append(Left(path, found.reason))
    elif isinstance(found, NotAPin):
        if found == A_MOUNT_POINT:
            return  # of which is told where mounts are
        if found != A_DIRECTORY:
            left.append(Left(path, f"it is {found.what}, not a pin: nothing is declared of it"))
    elif not isinstance(found, Nothing):
        try:
            parent, _slash, name = path.rpartition("/")
            plain(parent or "/", "directory")
            check_pin_name(name)
        except BadField as bad:
            left.append(Left(path, f"{bad} (`mv` renames a pin)"))
            return
        yield PinSeen(path, found)


def _directory(path: str, holding: Set[str], left: List[Left]) -> Iterator[DirectorySeen]:
    try:
        plain(path, "path")
        with walk(path) as place:
            if not place.missing:
                last = place.levels[-1]
                entry = Entry(place.identity, last.owner, last.group, last.mode)
                yield DirectorySeen(path, entry, path not in holding)
    except TROUBLE as error:
        left.append(Left(path, explained(error, ActsOn.PIN)))


def _inspect(fd: Fd, _pin_path: bytes, info: MapInfo) -> MapDetails:
    btf, is_hidden = btf_of(info)
    return MapDetails(frozen=fdinfo(fd).get("frozen") == 1, btf=btf, btf_hidden=is_hidden)


# What is behind them


def _all_inner(pins: Sequence[PinSeen]) -> Iterator[Tuple[str, InnerSeen]]:
    for path, pin in pins:
        if isinstance(pin, PinnedMap):
            row = MAP_TYPES_BY_NUMBER.get(pin.shape.number)
            if row is not None and row.inner:
                try:
                    inner = _inner(path)
                except TROUBLE:  # it went meanwhile, or nobody may look into it
                    continue
                if inner is not None:
                    yield path, inner


def _inner(path: str) -> Optional[InnerSeen]:
    parent, _slash, name = path.rpartition("/")
    found: List[InnerSeen] = []

    def inspect(fd: Fd, _pin_path: bytes, info: MapInfo) -> MapDetails:
        shape = MapShape.of(info)
        held = first_inner(fd, shape, elements.next_key(fd, shape.key_size, None))
        if held is not None:
            with held:
                inner = map_info(held)
                found.append(InnerSeen(MapShape.of(inner), btf_of(inner)[0]))
        return MapDetails()

    with walk(parent or "/") as place:
        look(place.fd, name, inspect)
    return found[0] if found else None


def _references(pins: Sequence[PinSeen]) -> Dict[str, Named]:
    """Return what leads to each pinned program, and to no other: what lasts longest first."""
    resolve = Resolver()
    references: Dict[str, Named] = {}
    for path, pin in pins:
        if not isinstance(pin, PinnedProg):
            continue
        references[path] = ("prog_id", pin.id)
        for option, value in (("prog_name", pin.name), ("prog_tag", pin.tag)):
            meant = resolve(Reference(option, value)) if value else None
            if isinstance(meant, KernelObject) and meant.id == pin.id:
                references[path] = (option, value)
                break
    return references


def _attached(pins: Sequence[PinSeen], maps: Mapping[int, str]) -> Dict[str, Told]:
    hooks = Hooks(maps)
    types = {pin.id: pin.type for _path, pin in pins if isinstance(pin, PinnedProg)}
    told: Dict[str, Told] = {}
    for path, pin in pins:
        if isinstance(pin, PinnedLink) and pin.attached is not False:
            told[path] = hooks.attach_of(pin, types.get(pin.prog_id) or _type_of(pin.prog_id))
    return told


def _type_of(prog_id: int) -> str:
    try:
        with object_by_id("prog", prog_id) as fd:
            found = identify(fd, "prog")
    except KernelError:
        return ""
    return found.type if isinstance(found, PinnedProg) else ""


_ONE_PIN = "a single pin that is mounted over a file: declare it where its file system is mounted"
_HIDDEN = (
    "another mount lies over it, so nobody sees its pins: see `findmnt -t bpf`, and unmount what "
    "hides it"
)
_NO_BPFFS = "no bpffs is mounted there: see `findmnt -t bpf`"
