# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From a MapSpec to a map in the kernel, not pinned yet."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from functools import lru_cache
from typing import Tuple

from . import kernel
from .btf import minimal
from .map_types import TakesBtf, map_type_name
from .spec.maps import MapSpec
from .syscall import Fd, KernelError


def make_map(spec: MapSpec, name: bytes) -> Fd:
    """Create the map. Raises KernelError; nothing is left behind then."""
    blob, key_type_id, value_type_id = _btf(spec)
    if not blob and spec.inner is None:
        return _create(spec, name, 0, (0, 0, 0))
    with ExitStack() as stack:
        btf_fd = 0
        try:
            btf_fd = stack.enter_context(kernel.load_btf(blob)) if blob else 0
        except KernelError as error:
            if error.errno != errno.EINVAL or spec.kind.btf is TakesBtf.REQUIRED:
                raise
            key_type_id = value_type_id = 0  # kinds of types that this kernel does not know
        inner = stack.enter_context(make_map(spec.inner, name)) if spec.inner else 0
        return _create(spec, name, inner, (btf_fd, key_type_id, value_type_id))


@lru_cache(maxsize=16)
def takes_btf(blob: bytes) -> bool:
    """Whether this kernel knows all kinds of types in the BTF."""
    try:
        os.close(kernel.load_btf(blob))
    except KernelError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    return True


def _btf(spec: MapSpec) -> Tuple[bytes, int, int]:
    if spec.btf is not None:
        return (spec.btf.types.blob, *spec.btf.type_ids)
    if spec.kind.btf is TakesBtf.REQUIRED:
        return minimal(spec.shape.value_size)
    return b"", 0, 0


def _create(spec: MapSpec, name: bytes, inner: int, btf: Tuple[int, int, int]) -> Fd:
    shape = spec.shape
    try:
        return kernel.create_map(
            number=shape.number,
            key_size=shape.key_size,
            value_size=shape.value_size,
            max_entries=shape.max_entries,
            flags=shape.flags,
            map_extra=shape.map_extra,
            numa_node=spec.numa_node or 0,
            name=name,
            inner_map_fd=inner,
            btf=btf,
        )
    except KernelError as error:
        if error.errno == errno.EINVAL:
            error.add(
                f"{map_type_name(shape.number)} needs Linux {spec.kind.since}, this is "
                f"{os.uname().release}"
            )
        raise
