# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The fields in values that the kernel itself works with: locks, timers, pointers and the like.

It knows them by name, keeps them as the "record" of a map, and lets a map into a map of maps only
if both have the same (btf_parse_fields, btf_record_equal in kernel/bpf).
"""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Sequence, Set, Tuple

from .btf_types import (
    ARRAY,
    COMPOSITE,
    PTR,
    STRUCT,
    Type,
    plain,
    pointer_tag,
)


def kernel_fields(types: Sequence[Type], type_id: int) -> List[str]:
    """Each of them in words, such as "struct bpf_timer at byte 8"; in arrays only the first."""
    found = islice(_fields(types, type_id, 0, 0, set()), _MOST)
    return [f"{what} at byte {bit // 8}" for what, bit in found]


def locks(types: Sequence[Type], type_id: int) -> List[int]:
    """The bytes at which a lock begins, of 4 bytes each; user space reads zeros there."""
    found = islice(_fields(types, type_id, 0, 0, set()), _MOST)
    return [bit // 8 for what, bit in found if what.rpartition(" ")[2] in _LOCKS]


def _fields(
    types: Sequence[Type], type_id: int, bit: int, depth: int, barren: Set[Tuple[int, int]]
) -> Iterator[Tuple[str, int]]:
    """`barren`: types that have been searched in vain, and at which depth."""
    if (type_id, depth) in barren:
        return
    found = plain(types, type_id)
    is_barren = True
    for field in _fields_of(types, found, bit, depth, barren):
        is_barren = False
        yield field
    if is_barren:
        barren.add((type_id, depth))


def _fields_of(
    types: Sequence[Type], found: Type, bit: int, depth: int, barren: Set[Tuple[int, int]]
) -> Iterator[Tuple[str, int]]:
    if found.kind == STRUCT and found.name in _KNOWN:
        yield f"struct {found.name}", bit
    elif found.kind == PTR:
        tag = pointer_tag(types, found)
        if tag:
            target = plain(types, types[found.target].target)
            yield f"a {tag} to {target.name or 'something'}", bit
    elif depth < _DEEPEST and found.kind == ARRAY:
        yield from _fields(types, found.target, bit, depth + 1, barren)
    elif depth < _DEEPEST and found.kind in COMPOSITE:
        for part in found.parts:
            yield from _fields(types, part.type_id, bit + part.numbers[0], depth + 1, barren)


_KNOWN = frozenset(
    [
        *("bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq", "bpf_task_work"),
        *("bpf_list_head", "bpf_rb_root", "bpf_refcount"),
    ]
)
_LOCKS = frozenset({"bpf_spin_lock", "bpf_res_spin_lock"})
_DEEPEST = 8  # levels; the kernel looks into four
_MOST = 12  # fields; the kernel takes eleven
