# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether two types of BTF are the same to people and to the kernel, whoever wrote them."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .btf_types import (
    ARRAY,
    COMPOSITE,
    DEEPEST,
    ENUM,
    ENUMS,
    FLOAT,
    FWD,
    INT,
    MODIFIERS,
    OWNED_BY_PROGRAMS,
    PTR,
    STRUCT,
    UNION,
    Type,
    bare,
    made_of,
    pointer_tag,
    without,
)
from .values import NamedTuple

Types = Sequence[Type]  # by id


def same_type(types: Types, type_id: int, others: Types, other_id: int) -> bool:
    """Return whether two types have the same layout, look the same in a dump, and serve alike."""
    pairs = [(_Place(types, type_id, False), _Place(others, other_id, False))]
    classes = _Classes()
    while pairs:
        one, two = (place.bare() for place in pairs.pop())
        if classes.join(one.key, two.key):
            ours, theirs = _likeness(one), _likeness(two)
            if not ours.is_like(theirs):
                return False
            pairs.extend(zip(ours.made_of, theirs.made_of))
    return True


_Key = Tuple[int, int, bool]


class _Place(NamedTuple):
    """A type that is compared, and whether it is behind a pointer."""

    types: Types
    type_id: int
    behind: bool

    @property
    def key(self) -> _Key:
        return id(self.types), self.type_id, self.behind

    def bare(self) -> _Place:
        return self._replace(type_id=without(MODIFIERS, self.types, self.type_id))


class _Classes:
    """Which places are taken for the same.

    With each joining there is a class less. So there are no more of them than types, where pairs
    of types may be as many as the one times the other (two circles of pointers, say).
    """

    def __init__(self) -> None:
        self._above: Dict[_Key, _Key] = {}

    def join(self, one: _Key, two: _Key) -> bool:
        """Return whether they were in two classes until now."""
        first, second = self._top(one), self._top(two)
        self._above[first] = second
        return first != second

    def _top(self, key: _Key) -> _Key:
        above = self._above.setdefault(key, key)
        while above != key:
            self._above[key] = self._above[above]
            key, above = above, self._above[above]
        return key


class _Likeness(NamedTuple):
    """What two types must have in common, besides the types that they are made of."""

    kind: int
    name: str
    size: int
    numbers: Tuple[int, ...]
    parts: Tuple[Tuple[object, ...], ...]
    made_of: List[_Place]
    by_clang: bool = True  # an array; others may write its dimensions from the last to the first
    is_cut: bool = False  # an enum with values that do not go into 32 bits

    def is_like(self, other: _Likeness) -> bool:
        if self[:3] != other[:3]:
            return False
        if self.is_cut or other.is_cut:
            return True
        numbers = self.numbers
        if numbers != other.numbers and self.by_clang is not other.by_clang:
            numbers = numbers[::-1]
        return numbers == other.numbers and self.parts == other.parts


def _likeness(place: _Place) -> _Likeness:
    """Of a bare place. What differs from compiler to compiler is put in one way."""
    types, type_id, behind = place
    found = types[type_id]
    if found.kind == INT:
        return _Likeness(INT, "", found.size, _digits(found), (), [])
    if found.kind == PTR:
        return _pointer(types, found)
    if found.kind == ARRAY:
        return _array(place)
    if found.kind in ENUMS:
        return _enum(found, behind)
    if found.kind in COMPOSITE or found.kind == FWD:
        return _composite(place, found)
    name = "" if found.kind == FLOAT else found.name
    parts = tuple(part.numbers for part in found.parts)  # parameters may have names or not
    below = [_Place(types, each, behind) for each in made_of(found)]
    return _Likeness(found.kind, name, found.size, found.numbers, parts, below)


def _pointer(types: Types, found: Type) -> _Likeness:
    name = pointer_tag(types, found)
    # Of what a uptr leads to the kernel minds the size, of all others only the name.
    return _Likeness(PTR, name, 0, (), (), [_Place(types, found.target, name != "uptr")])


def _array(place: _Place) -> _Likeness:
    """Its dimensions together: gcc before version 14 begins with the last."""
    types, type_id, behind = place
    index = types[type_id].indexed_by
    by_clang = index < len(types) and types[index].name == _INDEX_OF_CLANG
    counts: Tuple[int, ...] = ()
    while types[type_id].kind == ARRAY and len(counts) < DEEPEST:
        counts += types[type_id].numbers
        type_id = without(MODIFIERS, types, types[type_id].target)
    return _Likeness(ARRAY, "", 0, counts, (), [_Place(types, type_id, behind)], by_clang)


def _enum(found: Type, behind: bool) -> _Likeness:
    """Old compilers write neither its sign nor what goes beyond 32 bits."""
    if behind and found.name:
        return _Likeness(ENUM, found.name, 0, (), (), [])
    bits = min(8 * found.size, _WIDEST)
    parts = tuple((part.name, part.numbers[0] % (1 << bits)) for part in found.parts)
    is_cut = found.kind == ENUM and bits > 32
    return _Likeness(ENUM, found.name, found.size, (), parts, [], is_cut=is_cut)


def _composite(place: _Place, found: Type) -> _Likeness:
    types, _type_id, behind = place
    is_union = found.kind == UNION or (found.kind == FWD and found.flag)
    if found.kind == FWD or (behind and found.name):
        return _Likeness(FWD, found.name, 0, (int(is_union),), (), [])
    if found.kind == STRUCT and found.name in _OWNED_BY_KERNEL:
        return _Likeness(STRUCT, found.name, found.size, (), (), [])
    parts: List[Tuple[object, ...]] = []
    below: List[_Place] = []
    for part in found.parts:
        member = bare(types, part.type_id)
        offset, bits = _bits(part.numbers, member)
        if bits and member.kind == INT:  # of a bitfield, only the sign of its type matters
            parts.append((part.name, offset, bits, _digits(member)[0]))
        else:
            parts.append((part.name, offset, bits))
            below.append(_Place(types, part.type_id, behind))
    return _Likeness(found.kind, found.name, found.size, (), tuple(parts), below)


def _bits(numbers: Tuple[int, ...], member: Type) -> Tuple[int, int]:
    """Where a member begins, and its bits if it is a bitfield.

    Before kinds had a flag for it (Linux 4.20), an integer of so many bits stood for one.
    """
    offset, bits = numbers
    whole = 8 * member.size
    if member.kind == INT:
        _encoding, shift, width = _digits(member)
        offset, bits = offset + shift, bits or width
    return offset, bits if bits != whole else 0


def _digits(number: Type) -> Tuple[int, int, int]:
    """Encoding, offset and bits of an integer. gcc says of bytes that they are characters."""
    (word,) = number.numbers
    return word >> 24 & ~_CHAR & 0xF, word >> 16 & 0xFF, word & 0xFF


# Their members are nobody's business, and change from header to header.
_OWNED_BY_KERNEL = OWNED_BY_PROGRAMS | {"bpf_spin_lock", "bpf_res_spin_lock", "bpf_dynptr"}
_CHAR = 0x2  # BTF_INT_CHAR
_WIDEST = 64  # bits of a value of an enum; what BTF says of its size may be anything
_INDEX_OF_CLANG = "__ARRAY_SIZE_TYPE__"
