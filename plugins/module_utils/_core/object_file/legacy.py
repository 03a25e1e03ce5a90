# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Map definitions of the way that BTF has replaced: bytes in section maps. aya still makes them.

Source: bpf_map_def and parse_map_def in aya-obj; of its seven words, the last two may be missing.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterable

from ..map_types import map_type_name
from .definitions import Definition
from .elf import OBJECT, PROGBITS, Elf, ElfError, Section, Symbol, short


def is_legacy(section: Section) -> bool:
    """By loaders' custom; v4l-utils has lirc_mode2/maps. A program may be called so, too."""
    name = section.name
    if name.endswith("/maps"):
        return section.type == PROGBITS and not section.is_executable
    return name == "maps" or name.startswith("maps/")


def read_legacy(elf: Elf, symbols: Iterable[Symbol]) -> Dict[str, Definition]:
    """Return the maps by name; ElfError where one is too short."""
    found: Dict[str, Definition] = {}
    layout = struct.Struct(f"{'<' if elf.byte_order == 'little' else '>'}7I")
    for each in symbols:
        if each.type != OBJECT or not 0 < each.section < len(elf.sections):
            continue
        section = elf.sections[each.section]
        if not is_legacy(section):
            continue
        content = elf.content(section)[each.value : each.value + each.size]
        if len(content) < _SHORTEST:
            raise ElfError(
                f"map {short(each.name)} has a definition of {len(content)} bytes, and the "
                f"shortest has {_SHORTEST}: compile it again"
            )
        words = layout.unpack(content[: layout.size].ljust(layout.size, b"\0"))
        number, key_size, value_size, max_entries, flags, _id, pinning = words
        found[each.name] = Definition(
            map_type_name(number), key_size, value_size, max_entries, flags, pinning=pinning
        )
    return found


_SHORTEST = 20  # bytes: up to the flags
