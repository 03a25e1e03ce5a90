# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What BTF is made of: kinds, types and their parts (Documentation/bpf/btf.rst)."""

from __future__ import annotations

from typing import AbstractSet, List, Sequence, Tuple

from .errors import PinningError
from .values import NamedTuple

VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)

COMPOSITE = frozenset({STRUCT, UNION})
ENUMS = frozenset({ENUM, ENUM64})
SIZED = COMPOSITE | ENUMS | {INT, FLOAT, DATASEC}
# What neither a layout nor a dump of a map depends on.
TRANSPARENT = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT})
MODIFIERS = TRANSPARENT | {TYPE_TAG}  # btf_type_is_modifier
DEEPEST = 32  # types in a row; MAX_RESOLVE_DEPTH of the kernel and of libbpf

# btf_parse_fields in the kernel knows these by name.
OWNED_BY_PROGRAMS = frozenset(
    [
        *("bpf_timer", "bpf_wq", "bpf_task_work", "bpf_refcount"),
        *("bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node"),
    ]
)

# kptr_ref is what kptr was called before Linux 6.4.
POINTER_TAGS = frozenset({"kptr", "kptr_untrusted", "kptr_ref", "percpu_kptr", "uptr"})


class BtfError(PinningError):
    """A blob is no BTF, or a type in it has no size; the text says what is wrong."""


class Part(NamedTuple):
    """A member, an enumerator, a parameter, or a variable of a section."""

    name: str
    type_id: int  # 0: none
    numbers: Tuple[int, ...]  # bit offset, bits if a bitfield; value; offset, size in the section


class Type(NamedTuple):
    """One type, and by id those that it is made of."""

    kind: int
    name: str
    flag: bool  # an enum is signed; what is declared forward is a union
    size: int  # bytes; 0 where the kind has none of its own
    target: int  # what it points to, repeats, renames, returns or tags; 0: none
    numbers: Tuple[int, ...]  # encoding, offset, bits; number of elements; linkage; index
    parts: Tuple[Part, ...]
    indexed_by: int = 0  # the type of an index of an array


def made_of(found: Type) -> List[int]:
    """Ids of the types that a type is made of; 0 for none."""
    return [found.target, *(part.type_id for part in found.parts)]


def type_at(types: Sequence[Type], type_id: int) -> Type:
    """The type with this id; BtfError if there is none."""
    if not 0 <= type_id < len(types):
        raise BtfError(f"type {type_id} is not among its {len(types) - 1} types")
    return types[type_id]


def plain(types: Sequence[Type], type_id: int) -> Type:
    """The type without its typedefs and qualifiers."""
    return types[without(TRANSPARENT, types, type_id)]


def bare(types: Sequence[Type], type_id: int) -> Type:
    """The type without its typedefs, qualifiers and tags (skip_mods_and_typedefs)."""
    return types[without(MODIFIERS, types, type_id)]


def pointer_tag(types: Sequence[Type], pointer: Type) -> str:
    """The tag of a pointer, if the kernel minds it; "" for none and for others.

    It has to be the first of what is pointed to (btf_find_kptr, btf_check_type_tags).
    """
    tag = types[pointer.target]
    return tag.name if tag.kind == TYPE_TAG and tag.name in POINTER_TAGS else ""


def without(kinds: AbstractSet[int], types: Sequence[Type], type_id: int) -> int:
    """The id of what is left of a type when types of these kinds are taken off."""
    current = type_id
    for _step in range(DEEPEST):
        found = type_at(types, current)
        if found.kind not in kinds:
            return current
        current = found.target
    raise BtfError(f"type {type_id} is a typedef of itself, or of more than {DEEPEST} others")
