# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a declaration puts into its map from the start: `.values = {[3] = &program}`.

To the compiler these are pointers, so each is a relocation of section .maps
(bpf_object__collect_map_relos in libbpf).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Collection, Dict, Iterator, List, Optional, Sequence, Tuple

from ..btf import Btf
from ..btf_types import DATASEC, STRUCT
from ..values import NamedTuple
from .elf import REL, Elf, Relocation, Section, Symbol


class Slot(NamedTuple):
    """An entry of a map of maps, or of a prog_array."""

    key: int
    name: str  # of the map or program that is in it


class _Filled(NamedTuple):
    relocation: Relocation
    map: str  # its name
    key: int


def read_slots(elf: Elf, symbols: Sequence[Symbol], btf: Btf) -> Dict[str, Tuple[Slot, ...]]:
    """Return what is to be in each map that has such values, by name of the map."""
    found: Dict[str, List[Slot]] = {}
    section = _relocations_of_maps(elf)
    for each in _filled(elf, symbols, btf, section) if section else ():
        if each.relocation.symbol < len(symbols):
            name = symbols[each.relocation.symbol].name
            found.setdefault(each.map, []).append(Slot(each.key, name))
    return {name: tuple(slots) for name, slots in found.items()}


def without_slots(elf: Elf, symbols: Sequence[Symbol], btf: Btf, maps: Collection[str]) -> bytes:
    """Return the file, changed so that these maps are declared without values."""
    section = _relocations_of_maps(elf)
    if section is None:
        return elf.data
    filled = list(_filled(elf, symbols, btf, section))
    kept = [each.relocation.raw for each in filled if each.map not in maps]
    return elf.data if len(kept) == len(filled) else elf.with_content(section, b"".join(kept))


def _relocations_of_maps(elf: Elf) -> Optional[Section]:
    maps = elf.by_name.get(".maps")
    if maps is None:
        return None
    changing = (each for each in elf.sections if each.type == REL and each.info == maps.number)
    return next(changing, None)


def _filled(elf: Elf, symbols: Sequence[Symbol], btf: Btf, section: Section) -> Iterator[_Filled]:
    values_at = _values_at(btf)
    starts = sorted(
        (each.value, each.name)
        for each in symbols
        if each.section == section.info and each.name in values_at
    )
    offsets = [start for start, _name in starts]
    for relocation in elf.relocations(section):
        at = bisect_right(offsets, relocation.offset) - 1
        start, name = starts[at] if at >= 0 else (0, "")
        key = (relocation.offset - start - values_at.get(name, 0)) // _POINTER
        yield _Filled(relocation, name, key)


def _values_at(btf: Btf) -> Dict[str, int]:
    """By map, how many bytes into its declaration the values begin."""
    found: Dict[str, int] = {}
    for section in btf.types:
        if section.kind != DATASEC or section.name != ".maps":
            continue
        for part in section.parts:
            variable = btf.types[part.type_id]
            declared = btf.bare(variable.target)
            members = declared.parts if declared.kind == STRUCT else ()
            found.update(
                (variable.name, member.numbers[0] // 8)
                for member in members
                if member.name == "values"
            )
    return found


_POINTER = 8  # bytes
