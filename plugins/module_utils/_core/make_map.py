# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From a MapSpec to a map in the kernel, not pinned yet."""

from __future__ import annotations

from contextlib import ExitStack

from . import kernel
from .btf import minimal
from .kernel import Fd
from .map_types import TakesBtf
from .spec.maps import MapSpec


def make_map(spec: MapSpec, name: bytes) -> Fd:
    """Create the map. Raises KernelError; nothing is left behind then."""
    shape = spec.shape
    with ExitStack() as stack:
        inner = stack.enter_context(make_map(spec.inner, name)) if spec.inner else 0
        btf = (0, 0, 0)
        if spec.btf is not None:
            blob_fd = stack.enter_context(kernel.load_btf(spec.btf.blob))
            btf = (blob_fd, spec.btf.key_type_id, spec.btf.value_type_id)
        elif spec.kind.btf is TakesBtf.REQUIRED:
            blob, key_type_id, value_type_id = minimal(shape.value_size)
            btf = (stack.enter_context(kernel.load_btf(blob)), key_type_id, value_type_id)
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
