# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the programs of an object file need of a kernel, beside maps."""

from __future__ import annotations

import struct
from typing import Iterator, Tuple

from ..uapi import ATTACH_TYPES, PROG_TYPES
from ..values import NamedTuple
from .bound_types import relocations_of
from .elf import Elf
from .read import ObjectFile


class Needs(NamedTuple):
    """Of programs that are loaded unless somebody says otherwise."""

    programs: Tuple[Tuple[str, str, str], ...]  # name, type, expected attach type or ""
    helpers: Tuple[int, ...]  # ids of the functions of the kernel that are called
    kernel_btf: bool  # whether loaders look into the BTF of the kernel
    asks_first: bool  # whether programs ask what the kernel has, and may do without


def needs_of(data: bytes, found: ObjectFile) -> Needs:
    """Return what is needed; `data` is the file that `found` was read from."""
    elf = Elf(data)
    programs = tuple(
        (
            each.name,
            PROG_TYPES[each.type] if each.type else "",
            ATTACH_TYPES[each.expected_attach_type] if each.expected_attach_type else "",
        )
        for each in found.programs
        if each.autoload
    )
    needs_btf = any(kind in _WITH_BTF for _name, kind, _attach in programs)
    extension = elf.named(".BTF.ext") or b""
    relocations = (
        {kind for kind, _type in relocations_of(found.btf, extension)} if found.btf else ()
    )
    return Needs(
        programs,
        tuple(sorted(set(_helpers(elf)))),
        needs_btf or bool(relocations),
        bool(_ASKING.intersection(relocations)),
    )


def _helpers(elf: Elf) -> Iterator[int]:
    order = "<" if elf.byte_order == "little" else ">"
    layout = struct.Struct(f"{order}BBhi")  # opcode, registers, offset, immediate
    for section in elf.sections:
        if not section.is_executable:
            continue
        content = elf.content(section)
        whole = len(content) // layout.size * layout.size
        instructions = layout.iter_unpack(content[:whole])
        for opcode, registers, _offset, immediate in instructions:
            if opcode == _LOAD_64_BITS:
                next(instructions, None)  # its second half
            source = registers >> 4 if elf.byte_order == "little" else registers & 0xF
            if opcode == _CALL and not source and immediate > 0:
                yield immediate


# BPF_CORE_FIELD_EXISTS, _TYPE_EXISTS, _ENUMVAL_EXISTS, _TYPE_MATCHES
_ASKING = frozenset({2, 8, 10, 12})
_WITH_BTF = frozenset({"tracing", "lsm", "ext", "struct_ops"})
_LOAD_64_BITS = 0x18  # BPF_LD | BPF_IMM | BPF_DW
_CALL = 0x85  # BPF_JMP | BPF_CALL
