# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The smallest BTF that describes a few types of another. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .btf import Btf, encoded
from .btf_types import (
    ARRAY,
    COMPOSITE,
    DATASEC,
    DECL_TAG,
    ENUM64,
    FUNC,
    FWD,
    PTR,
    TRANSPARENT,
    UNION,
    VAR,
    BtfError,
    Part,
    Type,
    made_of,
    type_at,
)
from .values import NamedTuple


class Excerpt(NamedTuple):
    """A blob in the byte order of the original, and the ids of the types asked for in it."""

    blob: bytes
    type_ids: Tuple[int, ...]


def excerpt(types: Btf, *wanted: int) -> Excerpt:
    """Those types and what they are made of; 0, which stands for none, stays 0.

    A named struct or union that is only behind a pointer becomes a forward declaration: a dump
    shows no more of it, and two objects give the same blob whether or not their code looks there.
    Behind a pointer with a tag (kptr, uptr) it is kept, since the kernel looks.
    """
    found = _reached_from(types, wanted)
    ids = {old: new for new, old in enumerate(found, 1)}
    ids[0] = 0
    strings = _Strings()
    words: List[int] = []
    for described in found.values():
        words += _encode(described, ids, strings)
    blob = encoded(types.byte_order, words, strings.blob)
    return Excerpt(blob, tuple(ids[old] for old in wanted))


def _reached_from(types: Btf, wanted: Sequence[int]) -> Dict[int, Type]:
    """By old id and in the order of the new ones: each type as it is to be written."""
    found: Dict[int, Type] = {}
    met = {(0, False), (0, True)}
    waiting = [(type_id, False) for type_id in reversed(wanted)]
    while waiting:
        place = waiting.pop()
        if place in met:
            continue
        met.add(place)
        type_id, pointed_to = place
        original = type_at(types.types, type_id)
        if original.kind in _NO_PART_OF_A_VALUE:
            raise BtfError(f"type {type_id} is part of a value, but is a variable or a function")
        if pointed_to and original.name and original.kind in COMPOSITE:
            is_union = original.kind == UNION
            found.setdefault(type_id, Type(FWD, original.name, is_union, 0, 0, (), ()))
            continue
        found[type_id] = original
        behind = original.kind == PTR or (pointed_to and original.kind in TRANSPARENT)
        below = [*made_of(original), original.indexed_by]
        waiting.extend((part, behind) for part in reversed(below))
    return found


class _Strings:
    def __init__(self) -> None:
        self.blob = b"\0"
        self._at = {"": 0}

    def at(self, text: str) -> int:
        """Where `text` is, once it has been put there."""
        if text not in self._at:
            self._at[text] = len(self.blob)
            self.blob += text.encode() + b"\0"
        return self._at[text]


def _encode(found: Type, ids: Mapping[int, int], strings: _Strings) -> List[int]:
    head = [
        strings.at(found.name),
        found.flag << 31 | found.kind << 24 | len(found.parts),
        found.size or (0 if found.kind == ARRAY else ids[found.target]),
    ]
    if found.kind == ARRAY:
        return [*head, ids[found.target], ids[found.indexed_by], *found.numbers]
    for part in found.parts:
        head += _encode_part(found, part, ids, strings)
    return [*head, *found.numbers]


def _encode_part(whole: Type, part: Part, ids: Mapping[int, int], strings: _Strings) -> List[int]:
    name = strings.at(part.name)
    if whole.kind in COMPOSITE:
        offset, bits = part.numbers
        return [name, ids[part.type_id], bits << 24 | offset]
    if whole.kind == ENUM64:
        (value,) = part.numbers
        return [name, value & 0xFFFFFFFF, value >> 32]
    return [name, *(part.numbers or (ids[part.type_id],))]  # an enumerator, or a parameter


_NO_PART_OF_A_VALUE = frozenset({FUNC, VAR, DATASEC, DECL_TAG})
