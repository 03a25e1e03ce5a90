# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where maps are wanted. Opens read-only, changes nothing."""

from __future__ import annotations

import errno
import os
from functools import lru_cache, partial
from typing import Optional, Sequence, Tuple

from .. import elements, kernel, uapi
from ..bpffs import Place
from ..btf import Btf, BtfError
from ..entries import Layout, kin_of, survey
from ..found.pins import Found, MapDetails, Picture, Survey
from ..host import this_host
from ..make_map import make_map, takes_btf
from ..map_types import MAP_TYPES
from ..objects import Inspect, fdinfo, look, look_in_private, shape_of
from ..shape import MapBtf, MapShape, is_stranger
from ..spec.maps import MapSpec, WantedPin
from ..spec.names import OnMismatch
from ..syscall import Fd, KernelError
from ..uapi import Command, MapFlag, MapInfo
from .names import observe_names


def observe(pins: Sequence[WantedPin], *, counting: bool = False) -> Picture:
    """Look at every name; raise Problems with all that cannot be looked at.

    `counting`: count the entries of all maps that are to be migrated, not only where it decides.
    """
    return observe_names(pins, partial(observe_pin, counting=counting))


def observe_pin(place: Place, pin: WantedPin, *, counting: bool = False) -> Found:
    """Look at one name in an open directory."""
    inspect = _inspector(pin, counting=counting)
    if inspect is None and place.private:
        found = look_in_private(place.fd, pin.name)
        if found is not None:
            return found
    return look(place.fd, pin.name, inspect)


def _inspector(pin: WantedPin, *, counting: bool) -> Optional[Inspect]:
    spec = pin.map
    migrates = pin.on_mismatch is OnMismatch.MIGRATE
    if pin.frozen is None and spec.btf is None and spec.inner is None and not migrates:
        return None

    def inspect(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        shape = shape_of(info)
        fits, inner = None, None
        if spec.inner is not None and info.type == spec.shape.number:
            fits, inner = _observe_inner(fd, pin_path, shape, spec.inner)
        has_btf = spec.btf is not None
        moves = migrates and (
            shape != spec.shape or pin.frozen is False or has_btf or _is_to_be_left(pin, pin_path)
        )
        btf, hidden = _btf_of(info) if spec.btf is not None or moves else (None, False)
        refused = spec.btf is not None and not info.btf_id and not takes_btf(spec.btf.types.blob)
        frozen = None if pin.frozen is None else fdinfo(fd).get("frozen") == 1
        contents = _survey(fd, shape, spec, counting=counting) if moves else None
        return MapDetails(frozen, btf, hidden, refused, fits, inner, contents)

    return inspect


def _is_to_be_left(pin: WantedPin, pin_path: bytes) -> bool:
    """Whether the map is to be another one because of whose pin it is."""
    owner = pin.access.owner
    return owner is not None and is_stranger(os.stat(pin_path).st_uid, owner, os.geteuid())


def _survey(fd: Fd, shape: MapShape, wanted: MapSpec, *, counting: bool) -> Optional[Survey]:
    """What there is to copy; None where it does not matter, since all entries must be read."""
    kin = kin_of(shape)
    if kin is None or kin is not wanted.kind.kin:
        return None
    may_be_short = wanted.shape.max_entries < shape.max_entries or wanted.kind.evicts
    if not (counting or may_be_short):
        return None
    return survey(fd, Layout.of(shape, kin, this_host()), wanted.shape.max_entries)


def _btf_of(info: MapInfo) -> Tuple[Optional[MapBtf], bool]:
    """The BTF of a map, and whether there is some that cannot be read."""
    if not info.btf_id:
        return None, False
    try:
        types = _types(info.btf_id)
    except BtfError:  # of a kind that is newer than this collection
        return None, True
    except KernelError as error:
        if error.errno != errno.EPERM:  # it takes CAP_SYS_ADMIN
            raise
        return None, True
    return MapBtf(types, (info.btf_key_type_id, info.btf_value_type_id)), False


@lru_cache(maxsize=16)  # many maps of one object file share their BTF
def _types(btf_id: int) -> Btf:
    return Btf.parse(kernel.btf_blob(btf_id))


def _observe_inner(
    fd: Fd, pin_path: bytes, outer: MapShape, wanted: MapSpec
) -> Tuple[Optional[bool], Optional[MapShape]]:
    """Whether the outer map takes maps like `wanted`, and one that it holds, if it holds any.

    The kernel does not report the template it compares with. A map that is in there has
    passed that comparison (bpf_map_meta_equal), so it stands for it.
    """
    is_hash = outer.number == MAP_TYPES["hash_of_maps"].number
    first = elements.next_key(fd, outer.key_size, None)
    inner = _first_inner(fd, outer, first)
    if inner is not None:
        return meta_equal(wanted, inner), inner
    if is_hash and first is None and outer.key_size >= _UNGUESSABLE:
        return _would_take(pin_path, outer.key_size, wanted), None
    return None, None


def meta_equal(wanted: MapSpec, held: MapShape) -> bool:
    """The kernel's rule for what may stand in for what inside a map of maps (*_map_meta_equal)."""
    want = wanted.shape
    if want[:3] != held[:3] or want.flags != held.flags & ~wanted.kind.kernel_flags:
        return False
    if want.number == MAP_TYPES["array"].number and not want.flags & MapFlag.INNER_MAP.value:
        return want.max_entries == held.max_entries
    if want.number == MAP_TYPES["xskmap"].number:
        return want.max_entries == held.max_entries
    return True


def _first_inner(fd: Fd, outer: MapShape, key: Optional[bytes]) -> Optional[MapShape]:
    for _step in range(_LOOK_AT_MOST):
        if key is None:
            return None
        value = elements.lookup(fd, key, 4)
        if value is not None:
            try:
                map_id = int.from_bytes(value, uapi.BYTE_ORDER)
                with kernel.fd_by_id(Command.MAP_GET_FD_BY_ID, map_id) as inner:
                    return shape_of(kernel.map_info(inner))
            except KernelError as error:
                if error.errno == errno.EPERM:  # it takes CAP_SYS_ADMIN
                    return None
                if error.errno != errno.ENOENT:
                    raise
        key = elements.next_key(fd, outer.key_size, key)
    return None


def _would_take(pin_path: bytes, key_size: int, wanted: MapSpec) -> Optional[bool]:
    # BPF_EXIST under a key that is not there writes nothing: the kernel first compares the
    # map with its template (EINVAL), and only then looks for the key (ENOENT).
    key = os.urandom(key_size)
    try:
        with kernel.get(pin_path) as outer, make_map(wanted, b"probe") as probe:
            value = int(probe).to_bytes(4, uapi.BYTE_ORDER)
            elements.update(outer, key, value, uapi.BPF_EXIST)
    except KernelError as error:
        return {errno.ENOENT: True, errno.EINVAL: False}.get(error.errno)
    return True


_UNGUESSABLE = 4  # bytes of a key; shorter ones might hit one that is being added
_LOOK_AT_MOST = 4096  # entries of an outer map
