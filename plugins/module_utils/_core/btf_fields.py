# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The fields in values that the kernel itself works with: locks, timers, pointers and the like.

It knows them by name, keeps them as the "record" of a map, and lets a map into a map of maps only
if both have the same (btf_parse_fields, btf_record_equal in kernel/bpf).
"""

from __future__ import annotations

from typing import Iterator, List, Tuple

from .btf import ARRAY, CONST, PTR, RESTRICT, STRUCT, TYPE_TAG, TYPEDEF, UNION, VOLATILE, Btf, Type


def kernel_fields(types: Btf, type_id: int) -> List[str]:
    """Each of them in words, such as "struct bpf_timer at byte 8"; in arrays only the first."""
    return [f"{what} at byte {bit // 8}" for what, bit in _fields(types, type_id, 0, 0)]


def _fields(types: Btf, type_id: int, bit: int, depth: int) -> Iterator[Tuple[str, int]]:
    found = _plain(types, type_id)
    if found.kind == STRUCT and found.name in _KNOWN:
        yield f"struct {found.name}", bit
    elif found.kind == PTR:
        tag = types.types[found.target]
        if tag.kind == TYPE_TAG and tag.name in _POINTERS:
            yield f"a {tag.name} to {_plain(types, tag.target).name or 'something'}", bit
    elif depth < _DEEPEST and found.kind == ARRAY:
        yield from _fields(types, found.target, bit, depth + 1)
    elif depth < _DEEPEST and found.kind in (STRUCT, UNION):
        for part in found.parts:
            yield from _fields(types, part.type_id, bit + part.numbers[0], depth + 1)


def _plain(types: Btf, type_id: int) -> Type:
    found = types.types[type_id]
    for _step in types.types:
        if found.kind not in _TRANSPARENT:
            break
        found = types.types[found.target]
    return found


_KNOWN = frozenset(
    [
        *("bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq", "bpf_task_work"),
        *("bpf_list_head", "bpf_rb_root", "bpf_refcount"),
    ]
)
_POINTERS = frozenset({"kptr", "kptr_untrusted", "percpu_kptr", "uptr"})
_TRANSPARENT = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT})
_DEEPEST = 8  # levels; the kernel looks into four
