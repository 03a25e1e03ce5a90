# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From a MapSpec to a map in the kernel, not pinned yet."""

from __future__ import annotations

import errno
import os
import re
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Optional, Tuple

from ... import kernel
from ...advice import errno_name
from ...host import this_host
from ...map_types import MAP_TYPES_BY_NUMBER, YOUNG_FLAGS, TakesBtf, map_type_name
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import MapCreate, flag_names
from ...values import NamedTuple
from .declaration import MapSpec

if TYPE_CHECKING:
    from ...btf import Btf


class Trial(NamedTuple):
    """What making a map will come to."""

    without_btf: str = ""  # why it is made without the BTF of its spec
    refusal: str = ""  # why it is not made


class NewMap(Fd):
    """A map that has no name yet."""

    without_btf = ""  # why it, or its template, is made without the BTF of its spec

    def __enter__(self) -> NewMap:
        return self


def make_map(spec: MapSpec, name: bytes) -> NewMap:
    """Create the map. Raises KernelError; nothing is left behind then.

    BTF that the kernel refuses is left out, whatever its reason: so does libbpf
    (bpf_object__create_map), and programs are loaded on such a map.
    """
    node = spec.numa_node or 0
    if spec.inner is None and spec.btf is None and not _is_needed(spec):
        return _create(spec.shape, name, node)
    with ExitStack() as stack:
        template = stack.enter_context(make_map(spec.inner, name)) if spec.inner else None
        new, refusal = _make(spec.shape, name, node, template or 0, _btf(spec), _is_needed(spec))
        if refusal is not None and spec.btf is not None:
            new.without_btf = _why(refusal, spec.btf.types, spec.btf.type_ids[1])
        elif template is not None and template.without_btf:
            new.without_btf = f"inner_map: {template.without_btf}"
        return new


def why_without_btf(spec: MapSpec) -> str:
    """What `make_map` will say of the BTF; "" where this kernel takes it, or none is declared.

    Asks by a map with one entry that is gone at once. KernelError where no such map can be made.
    """
    if spec.inner is not None:
        reason = why_without_btf(spec.inner)
        return f"inner_map: {reason}" if reason else ""
    if spec.btf is None:
        return ""
    shape = with_one_entry(spec.shape)
    refusal = _refusal(shape, (spec.btf.types.blob, *spec.btf.type_ids), _is_needed(spec))
    return "" if refusal is None else _why(refusal, spec.btf.types, spec.btf.type_ids[1])


def try_out(spec: MapSpec, *, frozen: bool) -> Trial:
    """Return what will come of `make_map`, asked by a map that costs little and is gone at once.

    What depends on the number of entries is predicted only where that costs nothing; shortages are
    not.
    """
    if spec.shape.value_size > _COSTLY:
        return Trial()
    try:
        without_btf = _try_out(_small(spec), frozen)
    except KernelError as error:
        is_shortage = error.errno in (*_PASSING, errno.EMFILE, errno.ENFILE)
        return Trial() if is_shortage else Trial(refusal=str(error))
    return Trial(without_btf)


@lru_cache(maxsize=256)
def _try_out(spec: MapSpec, frozen: bool) -> str:
    with make_map(spec, b"probe") as new:
        if frozen:
            kernel.freeze(new)
        return new.without_btf


def with_one_entry(shape: MapShape) -> MapShape:
    """Return a shape with as few entries as can be, which the kernel takes for the same."""
    extra = shape.map_extra
    if MAP_TYPES_BY_NUMBER[shape.number].extra_within_entries:
        extra = min(extra, 1)
    return shape._replace(max_entries=min(shape.max_entries, 1), map_extra=extra)


def _small(spec: MapSpec) -> MapSpec:
    shape = spec.shape
    if shape.max_entries and map_type_name(shape.number) not in _PAID_WHEN_USED:
        entries = spec.kind.rounded(1, shape.flags, this_host())
        shape = with_one_entry(shape)._replace(max_entries=entries)
    inner = _small(spec.inner) if spec.inner else None
    return replace(spec, shape=shape, inner=inner)


@lru_cache(maxsize=256)  # many maps of a batch have the same value
def _refusal(shape: MapShape, btf: _Btf, is_needed: bool) -> Optional[KernelError]:
    new, refusal = _make(shape, b"probe", 0, 0, btf, is_needed)
    os.close(new)
    return refusal


def _make(
    shape: MapShape, name: bytes, numa_node: int, inner: int, btf: _Btf, is_needed: bool
) -> Tuple[NewMap, Optional[KernelError]]:
    """A map, and why the kernel did not take the BTF, if so."""
    blob, key_type_id, value_type_id = btf
    refusal = None
    for _attempt in range(_ATTEMPTS if blob else 0):
        try:
            with kernel.load_btf(blob) as fd:
                new = _create(
                    shape,
                    name,
                    numa_node,
                    inner_map_fd=inner,
                    btf_fd=fd,
                    btf_key_type_id=key_type_id,
                    btf_value_type_id=value_type_id,
                )
                return new, None
        except KernelError as error:
            if error.errno == errno.EPERM or is_needed:
                raise
            refusal = error
            if error.errno not in _PASSING:
                break
    # Should this fail as well, it is not for the BTF, and says why.
    return _create(shape, name, numa_node, inner_map_fd=inner), refusal


def _btf(spec: MapSpec) -> _Btf:
    if spec.btf is not None:
        return (spec.btf.types.blob, *spec.btf.type_ids)
    if not _is_needed(spec):
        return b"", 0, 0
    from ...btf import minimal  # a start compiles all that it loads

    return minimal(spec.shape.value_size)


def _is_needed(spec: MapSpec) -> bool:
    return spec.kind.btf is TakesBtf.REQUIRED


def _why(refusal: KernelError, types: Btf, value_type_id: int) -> str:
    reason = f"{refusal.call}: {errno_name(refusal.errno)}"
    fields = types.kernel_fields(value_type_id) if refusal.call == "MAP_CREATE" else ()
    return f"{reason}; its values hold {', '.join(fields)}" if fields else reason


def _create(shape: MapShape, name: bytes, numa_node: int, **others: int) -> NewMap:
    request = shape.request(name, numa_node, **others)
    try:
        return NewMap(kernel.create_map(request))
    except KernelError as error:
        if error.errno == errno.EINVAL:
            remark = _too_old(shape) or _logged(request)
            if remark:
                error.add(remark)
        raise


def _too_old(shape: MapShape) -> str:
    """What of the map this kernel is too old for; "" if nothing."""
    release = os.uname().release
    needed = [(map_type_name(shape.number), MAP_TYPES_BY_NUMBER[shape.number].since)]
    needed += [(flag, YOUNG_FLAGS[flag]) for flag in flag_names(shape.flags) if flag in YOUNG_FLAGS]
    lacking = [each for each in needed if _version(release) < _version(each[1])]
    if not lacking:
        return ""
    what, since = lacking[0]
    return f"{what} needs Linux {since}, this is {release}"


def _logged(request: MapCreate) -> str:
    log = kernel.why_no_map(request)
    return f"the kernel says: {log}" if log else ""


def _version(text: str) -> Tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))


# What may pass by itself is no refusal of BTF before it has come twice.
_PASSING = (errno.ENOMEM, errno.ENOSPC, errno.EAGAIN, errno.EINTR, errno.EBUSY)
_ATTEMPTS = 2
_COSTLY = 1 << 25  # bytes of a value
_PAID_WHEN_USED = ("cpumap", "arena")
_Btf = Tuple[bytes, int, int]  # blob, ids of the types of key and value
