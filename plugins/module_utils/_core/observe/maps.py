# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where maps are wanted. Opens read-only, changes nothing."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple, Optional, Sequence, Tuple

from .. import elements, kernel, uapi
from ..bpffs import Place
from ..btf import Btf, BtfError
from ..entries import Layout, kin_of, survey
from ..found.pins import Found, MapDetails, Nothing, Picture, Survey
from ..host import this_host
from ..make_map import make_map, why_without_btf
from ..map_types import MAP_TYPES, TakesBtf, settable_flags
from ..objects import Inspect, fdinfo, look, look_in_private, shape_of
from ..shape import MapBtf, MapShape
from ..spec.maps import MapSpec, WantedPin
from ..spec.names import OnMismatch
from ..syscall import Fd, KernelError
from ..uapi import Command, MapFlag, MapInfo
from .names import observe_names


def observe(pins: Sequence[WantedPin], *, foreseeing: bool = False) -> Picture:
    """Look at every name; raise Problems with all that cannot be looked at.

    `foreseeing`: find out what only a run would tell, too: how many entries it would copy, and
    whether it would make maps without their BTF.
    """
    picture = observe_names(pins, partial(observe_pin, foreseeing=foreseeing))
    if not foreseeing:
        return picture
    return replace(picture, found=list(map(_foreseen, pins, picture.found)))


def observe_pin(place: Place, pin: WantedPin, *, foreseeing: bool = False) -> Found:
    """Look at one name in an open directory."""
    inspect = _inspector(pin, foreseeing=foreseeing)
    if inspect is None and place.private:
        found = look_in_private(place.fd, pin.name)
        if found is not None:
            return found
    return look(place.fd, pin.name, inspect)


def _foreseen(pin: WantedPin, found: Found) -> Found:
    return Nothing(_foreseen_btf(pin.map)) if isinstance(found, Nothing) else found


def _foreseen_btf(spec: MapSpec) -> str:
    try:
        return why_without_btf(spec)
    except KernelError:  # the run fails, and says why
        return ""


def _inspector(pin: WantedPin, *, foreseeing: bool) -> Optional[Inspect]:
    spec = pin.map
    migrates = pin.on_mismatch is OnMismatch.MIGRATE
    if pin.frozen is None and spec.btf is None and spec.inner is None and not migrates:
        return None

    def inspect(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        shape = shape_of(info)
        fits, inner, inner_fields = None, None, None
        if spec.inner is not None and info.type == spec.shape.number:
            fits, inner, inner_fields = _observe_inner(fd, pin_path, shape, spec.inner)
        has_btf = spec.btf is not None
        moves = migrates and (shape != spec.shape or pin.frozen is False or has_btf)
        btf, hidden = _btf_of(info) if has_btf or moves else (None, False)
        without_btf = ""
        if has_btf and shape == spec.shape and not info.btf_id:
            without_btf = why_without_btf(spec)
        elif has_btf and not info.btf_id:
            without_btf = _foreseen_btf(spec)
        elif foreseeing and pin.on_mismatch is not OnMismatch.FAIL:
            without_btf = _foreseen_btf(spec.inheriting(btf, shape.value_size))
        frozen = None if pin.frozen is None else fdinfo(fd).get("frozen") == 1
        contents = _survey(fd, shape, spec, foreseeing=foreseeing) if moves else None
        return MapDetails(frozen, btf, hidden, without_btf, fits, inner, inner_fields, contents)

    return inspect


def _survey(fd: Fd, shape: MapShape, wanted: MapSpec, *, foreseeing: bool) -> Optional[Survey]:
    """What there is to copy; None where it does not matter, since all entries must be read."""
    kin = kin_of(shape)
    if kin is None or kin is not wanted.kind.kin:
        return None
    may_be_short = wanted.shape.max_entries < shape.max_entries or wanted.kind.evicts
    if not (foreseeing or may_be_short):
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


class _Inner(NamedTuple):
    """Whether an outer map takes what is declared, and what a map that it holds is like."""

    fits: Optional[bool] = None
    shape: Optional[MapShape] = None
    fields: Optional[Tuple[str, ...]] = None


def _observe_inner(fd: Fd, pin_path: bytes, outer: MapShape, wanted: MapSpec) -> _Inner:
    """The kernel does not report the template that it compares inner maps with.

    A map that is in there has passed that comparison (bpf_map_meta_equal), so it stands for it.
    """
    first = elements.next_key(fd, outer.key_size, None)
    held = _first_inner(fd, outer, first)
    if held is not None:
        with held:
            info = kernel.map_info(held)
            shape, (btf, _hidden) = shape_of(info), _btf_of(info)
            has_btf = info.btf_id or wanted.btf is not None
            fits = meta_equal(wanted, shape) and (not has_btf or _goes_beside(wanted, held))
            return _Inner(fits, shape, btf.fields if btf else ())
    is_hash = outer.number == MAP_TYPES["hash_of_maps"].number
    if not is_hash or first is not None or outer.key_size < _UNGUESSABLE:
        return _Inner()
    fits = _would_take(pin_path, outer.key_size, wanted)
    if fits is False and wanted.btf is not None:
        bare = _would_take(pin_path, outer.key_size, replace(wanted, btf=None))
        return _Inner(fits, None, () if bare else None)
    return _Inner(fits)


def meta_equal(wanted: MapSpec, held: MapShape) -> bool:
    """The kernel's rule for what may stand in for what inside a map of maps (*_map_meta_equal).

    But for the fields in values that it works with: see `_goes_beside`.
    """
    want = wanted.shape
    if want[:3] != held[:3] or want.flags != settable_flags(held.number, held.flags):
        return False
    return want.max_entries == held.max_entries or not _is_length_compared(want)


def _is_length_compared(shape: MapShape) -> bool:
    if shape.number == MAP_TYPES["array"].number:
        return not shape.flags & MapFlag.INNER_MAP.value
    return shape.number == MAP_TYPES["xskmap"].number


def _goes_beside(wanted: MapSpec, held: Fd) -> Optional[bool]:
    """Whether a map of maps for `wanted` takes `held`, too; None where it cannot be tried.

    Only the kernel knows what it finds in BTF, so it is asked, by an outer map that nobody sees.
    """
    kind, value = MAP_TYPES["array_of_maps"].number, int(held).to_bytes(4, uapi.BYTE_ORDER)
    try:
        with make_map(_smallest(wanted), b"probe") as template, kernel.create_map(
            number=kind, key_size=4, value_size=4, max_entries=1, inner_map_fd=template
        ) as outer:
            elements.update(outer, bytes(4), value, uapi.BPF_ANY)
    except KernelError as error:
        return False if (error.call, error.errno) == _REFUSED else None
    return True


def _smallest(spec: MapSpec) -> MapSpec:
    """One that the kernel takes for the same inside a map of maps, and that costs little."""
    if spec.kind.btf is not TakesBtf.OPTIONAL or _is_length_compared(spec.shape):
        return spec
    return replace(spec, shape=spec.shape._replace(max_entries=min(spec.shape.max_entries, 1)))


def _first_inner(fd: Fd, outer: MapShape, key: Optional[bytes]) -> Optional[Fd]:
    for _step in range(_LOOK_AT_MOST):
        if key is None:
            return None
        value = elements.lookup(fd, key, 4)
        if value is not None:
            try:
                map_id = int.from_bytes(value, uapi.BYTE_ORDER)
                return kernel.fd_by_id(Command.MAP_GET_FD_BY_ID, map_id)
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
        with kernel.get(pin_path) as outer, make_map(_smallest(wanted), b"probe") as probe:
            value = int(probe).to_bytes(4, uapi.BYTE_ORDER)
            elements.update(outer, key, value, uapi.BPF_EXIST)
    except KernelError as error:
        if error.call != "MAP_UPDATE_ELEM":
            return None
        return {errno.ENOENT: True, errno.EINVAL: False}.get(error.errno)
    return True


_REFUSED = ("MAP_UPDATE_ELEM", errno.EINVAL)
_UNGUESSABLE = 4  # bytes of a key; shorter ones might hit one that is being added
_LOOK_AT_MOST = 4096  # entries of an outer map
