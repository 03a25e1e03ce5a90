# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which programs and functions a kernel knows, by its own BTF: a few enums of very many types.

To decode all of it would take seconds; an enum is found by the place of its name.
"""

from __future__ import annotations

import struct
from typing import Dict, FrozenSet, Optional

from ..btf import STRUCT_ORDERS
from ..uapi import BYTE_ORDER
from .observed import KernelTypes

PATH = "/sys/kernel/btf/vmlinux"


def read_kernel_types(path: str = PATH) -> Optional[KernelTypes]:
    """Return what the BTF of this kernel says; None if it has none."""
    try:
        with open(path, "rb") as file:
            blob = file.read()
    except OSError:
        return None
    return KernelTypes(
        numbers_of(blob, b"bpf_prog_type"),
        numbers_of(blob, b"bpf_attach_type"),
        numbers_of(blob, b"bpf_func_id"),
    )


def numbers_of(blob: bytes, name: bytes) -> Optional[FrozenSet[int]]:
    """The values of the enum `name`; None if there is none. Pure."""
    order = STRUCT_ORDERS[BYTE_ORDER]
    try:
        header = struct.unpack_from(f"{order}HBBIIIII", blob)
        size, types_at, types_size, strings_at, strings_size = header[3:]
        strings = blob[size + strings_at :][:strings_size]
        place = strings.find(b"\0" + name + b"\0") + 1
        if not place:
            return None
        return _enum_at(blob[size + types_at :][:types_size], strings, place, order)
    except (struct.error, IndexError, ValueError):
        return None


def _enum_at(types: bytes, strings: bytes, place: int, order: str) -> Optional[FrozenSet[int]]:
    wanted = struct.pack(f"{order}I", place)
    at = types.find(wanted)
    while at >= 0:
        info, size = struct.unpack_from(f"{order}II", types, at + 4) if at % 4 == 0 else (0, 0)
        if info >> 24 & 0x1F == _ENUM and size == _ENUM_SIZE and info & 0xFFFF:
            found = _values(types, strings, at + _HEAD, info & 0xFFFF, order)
            return frozenset(value for name, value in found.items() if not name.startswith(b"__"))
        at = types.find(wanted, at + 1)
    return None


def _values(types: bytes, strings: bytes, at: int, count: int, order: str) -> Dict[bytes, int]:
    words = struct.unpack_from(f"{order}{2 * count}I", types, at)
    return {
        strings[name : strings.index(b"\0", name)]: value
        for name, value in zip(words[::2], words[1::2])
    }


_ENUM = 6  # BTF_KIND_ENUM
_ENUM_SIZE = 4  # bytes of its values
_HEAD = 12  # bytes before the values
