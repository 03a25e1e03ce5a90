# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a map of maps holds, and what it takes. Changes nothing: maps that it makes have no name."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import Optional, Tuple

from ... import elements, kernel, uapi
from ...advice import ENOTSUPP
from ...map_types import MAP_TYPES, MAP_TYPES_BY_NUMBER, TakesBtf, settable_flags
from ...map_words import spell_shape
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import Command, MapCreate, MapFlag
from ...values import NamedTuple
from ..pins.btf import btf_of
from .declaration import MapSpec
from .make import make_map, with_one_entry


class Inner(NamedTuple):
    """Whether an outer map takes what is declared, and what a map that it holds is like."""

    fits: Optional[bool] = None
    shape: Optional[MapShape] = None
    fields: Optional[Tuple[str, ...]] = None


def observe_inner(fd: Fd, pin_path: bytes, outer: MapShape, wanted: MapSpec) -> Inner:
    """The kernel does not report the template that it compares inner maps with.

    A map that is in there has passed that comparison (bpf_map_meta_equal), so it stands for it.
    """
    first = elements.next_key(fd, outer.key_size, None)
    held = first_inner(fd, outer, first)
    if held is not None:
        with held:
            info = kernel.map_info(held)
            shape, (btf, _hidden) = MapShape.of(info), btf_of(info)
            has_btf = info.btf_id or wanted.btf is not None
            fits = meta_equal(wanted, shape) and (not has_btf or _goes_beside(wanted, held))
            return Inner(fits, shape, btf.fields if btf else ())
    is_hash = outer.number == MAP_TYPES["hash_of_maps"].number
    if not is_hash or first is not None or outer.key_size < _UNGUESSABLE:
        return Inner()
    fits = _would_take(pin_path, outer.key_size, wanted)
    if fits is False and wanted.btf is not None:
        bare = _would_take(pin_path, outer.key_size, replace(wanted, btf=None))
        return Inner(fits, None, () if bare else None)
    return Inner(fits)


def put_into(outer: Fd, key: bytes, inner: int, spec: MapSpec, flags: int) -> None:
    """Put a map of this shape into a map of maps.

    EINVAL where that was made for others, which an empty array_of_maps does not tell before.
    """
    try:
        elements.update(outer, key, inner.to_bytes(4, uapi.BYTE_ORDER), flags)
    except KernelError as error:
        if error.errno == errno.EINVAL:
            error.add(f"the map of maps was made for others than {spell_shape(spec.shape)}")
        raise


def held_shape(fd: Fd, outer: MapShape) -> Optional[MapShape]:
    """Return the shape of a map in `fd`; None if it holds none, or CAP_SYS_ADMIN is missing."""
    held = first_inner(fd, outer, elements.next_key(fd, outer.key_size, None))
    if held is None:
        return None
    with held:
        return MapShape.of(kernel.map_info(held))


def is_exclusive(fd: Fd, number: int) -> Optional[bool]:
    """Return whether only the one program that a map was made for can use it; None if unknown.

    Since Linux 6.18 (excl_prog_hash). The kernel does not say so, but takes such a map into no map
    of maps (bpf_map_meta_alloc), so it is asked for one that nobody sees.
    """
    row = MAP_TYPES_BY_NUMBER.get(number)
    if row is None or not row.can_be_inner:
        return None
    kind = MAP_TYPES["array_of_maps"].number
    try:
        with kernel.create_map(MapCreate(kind, 4, 4, max_entries=1, inner_map_fd=fd)):
            return False
    except KernelError as error:
        return True if error.errno == ENOTSUPP else None


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
    """Return whether a map of maps for `wanted` takes `held`, too; None where it cannot be tried.

    Only the kernel knows what it finds in BTF, so it is asked, by an outer map that nobody sees.
    """
    kind, value = MAP_TYPES["array_of_maps"].number, int(held).to_bytes(4, uapi.BYTE_ORDER)
    try:
        with make_map(_smallest(wanted), b"probe") as template, kernel.create_map(
            MapCreate(kind, 4, 4, max_entries=1, inner_map_fd=template)
        ) as outer:
            elements.update(outer, bytes(4), value, uapi.BPF_ANY)
    except KernelError as error:
        return False if (error.call, error.errno) == _REFUSED else None
    return True


def _smallest(spec: MapSpec) -> MapSpec:
    """One that the kernel takes for the same inside a map of maps, and that costs little."""
    if spec.kind.btf is not TakesBtf.OPTIONAL or _is_length_compared(spec.shape):
        return spec
    return replace(spec, shape=with_one_entry(spec.shape))


def first_inner(fd: Fd, outer: MapShape, key: Optional[bytes]) -> Optional[Fd]:
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
