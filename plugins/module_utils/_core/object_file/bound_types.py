# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Types that bind a map to the programs it was loaded with.

What is in them are objects that programs allocate (bpf_obj_new). To the kernel their type is that
of one BTF, the program's; a map that was made with another BTF does not take them.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Collection, Dict, FrozenSet, Iterator, List, Mapping, Tuple

from ..btf import STRUCT_ORDERS, Btf, BtfError
from ..btf_types import POINTER_TAGS, PTR, STRUCT, Type, made_of, pointer_tag


@lru_cache(maxsize=16)
def bound_types(types: Btf, allocated: FrozenSet[str]) -> Mapping[int, str]:
    """By id, what is in a value of a type that binds it, in words; all others are not there.

    `allocated` are the names of structs that the object allocates.
    """
    holders: Dict[int, List[int]] = {}
    found: Dict[int, str] = {}
    for type_id, each in enumerate(types.types):
        for part in made_of(each) if each.kind != PTR else ():
            holders.setdefault(part, []).append(type_id)
        text = _what_binds(types, each, allocated)
        if text:
            found[type_id] = text
    waiting = list(found)
    while waiting:
        type_id = waiting.pop()
        for holder in holders.get(type_id, ()):
            if holder not in found:
                found[holder] = found[type_id]
                waiting.append(holder)
    return found


def allocated_types(types: Btf, extension: bytes) -> FrozenSet[str]:
    """Names of structs that the code allocates, as section .BTF.ext has it.

    bpf_obj_new says which type by a relocation. A struct whose members are relocated as well is
    one of the kernel's, since only those can be elsewhere. As for libbpf, a section that does not
    hold together says nothing.
    """
    records = relocations_of(types, extension)
    try:
        named = [(kind, _struct_name(types, type_id)) for kind, type_id in records]
    except BtfError:
        return frozenset()
    ours = {name for kind, name in named if kind == _TYPE_ID_LOCAL}
    theirs = {name for kind, name in named if kind != _TYPE_ID_LOCAL}
    return frozenset(ours - theirs - {""})


def relocations_of(types: Btf, extension: bytes) -> List[Tuple[int, int]]:
    """Kind and type of each CO-RE relocation; none where the section does not hold together."""
    try:
        return list(_relocations(extension, STRUCT_ORDERS[types.byte_order]))
    except struct.error:
        return []


def _what_binds(types: Btf, found: Type, allocated: Collection[str]) -> str:
    if found.name in _GRAPHS:
        # process_kf_arg_ptr_to_graph_node: the nodes must be of the very BTF of the map.
        return f"a {found.name}"
    tag = pointer_tag(types.types, found) if found.kind == PTR else ""
    if tag not in _OWNING:
        return ""
    target = types.bare(found.target)
    if target.kind != STRUCT:
        return ""  # not defined here, so it is the kernel's
    if target.name in allocated or tag == _OF_PROGRAMS_ONLY:
        # btf_parse_kptr, map_kptr_match_type: what vmlinux does not have is of the map's BTF.
        return f"a {tag} to struct {target.name}, which the program itself allocates"
    return ""


def _struct_name(types: Btf, type_id: int) -> str:
    found = types.bare(type_id)
    return found.name if found.kind == STRUCT else ""


def _relocations(extension: bytes, order: str) -> Iterator[Tuple[int, int]]:
    """Kind and type of each CO-RE relocation (struct btf_ext_header, struct bpf_core_relo)."""
    header_size, *_others = struct.unpack_from(f"{order}4xI", extension)
    if header_size < _WITH_RELOCATIONS:
        return
    start, length = struct.unpack_from(f"{order}24xII", extension)
    start += header_size
    end = start + length
    if not length:
        return
    (size,) = struct.unpack_from(f"{order}I", extension, start)
    at = start + 4
    while at < end and size >= _RELOCATION:
        _section, count = struct.unpack_from(f"{order}II", extension, at)
        at += 8
        for _each in range(count):
            _instruction, type_id, _access, kind = struct.unpack_from(f"{order}4I", extension, at)
            at += size
            yield kind, type_id


_GRAPHS = frozenset({"bpf_list_head", "bpf_rb_root"})
_OF_PROGRAMS_ONLY = "percpu_kptr"  # by bpf_percpu_obj_new; the kernel gives none of its own
_OWNING = POINTER_TAGS - {"uptr"}
_TYPE_ID_LOCAL = 6  # BPF_CORE_TYPE_ID_LOCAL
_WITH_RELOCATIONS = 32  # bytes of a header that tells of them
_RELOCATION = 16  # bytes
