# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What has become of the fields of a key or value, by their names: two types of BTF compared. Pure.

Where `btf_likeness` says whether two types are the same, this says what differs, for people.
"""

from __future__ import annotations

import enum
from typing import Dict, Iterator, Sequence, Set, Tuple

from .btf import Btf
from .btf_likeness import same_type
from .btf_types import (
    ARRAY,
    COMPOSITE,
    CONST,
    INT,
    RESTRICT,
    TYPEDEF,
    VOLATILE,
    BtfError,
    Type,
    bare,
    without,
)
from .values import NamedTuple


class Means(enum.Enum):
    """What a difference does to bytes that are there."""

    OTHER_BYTES = "other bytes"  # they are read as something else
    MORE_BYTES = "more bytes"  # they are read as before, and others beside them
    OTHER_NAME = "another name"  # all are read as before


class FieldChange(NamedTuple):
    """One difference, in words. A field of a field is told by its path, such as stats[].bytes."""

    text: str  # of fields it begins with that word
    means: Means = Means.OTHER_BYTES


class Side(NamedTuple):
    """A type in its BTF."""

    types: Btf
    type_id: int


class _Member(NamedTuple):
    """A field of a struct or union; those of one without a name are fields of what it is in."""

    name: str
    type_id: int
    offset: int  # bits
    bits: int  # of a bitfield; 0: it is none


def changes(what: str, old: Side, new: Side) -> Tuple[FieldChange, ...]:
    """Return what differs between the old type of `what`, which is key or value, and the new one.

    Of hostile BTF, as much as is found in a bounded number of steps.
    """
    try:
        comparison = _Comparison(old.types, new.types)
        found = list(comparison.whole(what, old.type_id, new.type_id))
        if not (found or same_type(old.types.types, old.type_id, new.types.types, new.type_id)):
            found = [FieldChange(f"{what}: it is laid out otherwise")]
    except (BtfError, IndexError):
        return ()
    if len(found) > _MOST:
        found = [*found[:_MOST], FieldChange("and more")]
    return tuple(found)


class _Comparison:
    def __init__(self, old: Btf, new: Btf) -> None:
        self._old = old
        self._new = new
        self._same: Set[Tuple[int, int]] = set()  # pairs of types without a difference
        self._left = _STEPS

    def whole(self, what: str, old: int, new: int) -> Iterator[FieldChange]:
        before, after = _size(self._old, old), _size(self._new, new)
        if before != after:
            verb = "grew" if after > before else "shrank"
            yield FieldChange(f"{what} {verb} from {before} to {after} bytes", _more(before, after))
        kinds = {bare(each.types, number).kind for each, number in self._sides(old, new)}
        if kinds <= COMPOSITE:
            yield from self._composite("field ", old, new, (0, 0), 0)
        else:
            yield from self._between(what, old, new, (0, 0), 0)

    def _sides(self, old: int, new: int) -> Tuple[Tuple[Btf, int], Tuple[Btf, int]]:
        return (self._old, old), (self._new, new)

    def _between(
        self, path: str, old: int, new: int, at: Tuple[int, int], depth: int
    ) -> Iterator[FieldChange]:
        """What differs between two types, of which fields begin at these bits."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST or (old, new) in self._same:
            return
        one, two = bare(self._old.types, old), bare(self._new.types, new)
        count = 0
        if one.kind == two.kind and one.kind in COMPOSITE:
            found = self._composite(f"{path}.", old, new, at, depth)
        elif one.kind == two.kind == ARRAY:
            found = self._array(path, one, two, depth)
        else:
            found = self._plain(path, old, new)
        for each in found:
            count += 1
            yield each
        if not count:
            self._same.add((old, new))

    def _plain(self, path: str, old: int, new: int) -> Iterator[FieldChange]:
        if same_type(self._old.types, old, self._new.types, new):
            return
        before, after = _name(self._old, old), _name(self._new, new)
        if before == after:
            before, after = self._old.describe(old), self._new.describe(new)
        if before == after:
            yield FieldChange(f"{path}: {before} is not what it was")
        else:
            yield FieldChange(f"{path}: {before} became {after}")

    def _array(self, path: str, one: Type, two: Type, depth: int) -> Iterator[FieldChange]:
        before, after = one.numbers[0], two.numbers[0]
        if before != after:
            text = f"{path}: {before} elements became {after}"
            yield FieldChange(text, _more(before, after))
        yield from self._between(f"{path}[]", one.target, two.target, (0, 0), depth + 1)

    def _composite(
        self, path: str, old: int, new: int, at: Tuple[int, int], depth: int
    ) -> Iterator[FieldChange]:
        one, two = bare(self._old.types, old), bare(self._new.types, new)
        before, after = _members(self._old, one), _members(self._new, two)
        gone = {name: each for name, each in before.items() if name not in after}
        come = {name: each for name, each in after.items() if name not in before}
        yield from self._renamed(path, gone, come, at)
        for each in gone.values():
            yield FieldChange(f"{path}{each.name} removed, was {_place(each, at[0])}")
        for name, each in after.items():
            if name in before:
                yield from self._kept(path, before[name], each, at, depth)
            elif name in come:
                size = _spell_size(self._new, each)
                text = f"{path}{name} added {_place(each, at[1])}{size}"
                yield FieldChange(text, Means.MORE_BYTES)

    def _renamed(
        self, path: str, gone: Dict[str, _Member], come: Dict[str, _Member], at: Tuple[int, int]
    ) -> Iterator[FieldChange]:
        """Those that have another name only; they are in neither of the two then."""
        there = {(each.offset, each.bits): each for each in come.values()}
        for old in list(gone.values()):
            new = there.get((old.offset, old.bits))
            if new is None or new.name not in come:
                continue
            if same_type(self._old.types, old.type_id, self._new.types, new.type_id):
                del gone[old.name], come[new.name]
                text = f"{path}{old.name} {_place(old, at[0])} is now {new.name}"
                yield FieldChange(text, means=Means.OTHER_NAME)

    def _kept(
        self, path: str, old: _Member, new: _Member, at: Tuple[int, int], depth: int
    ) -> Iterator[FieldChange]:
        label = f"{path}{old.name}"
        if old.offset != new.offset:
            before, after = _spell(at[0] + old.offset), _spell(at[1] + new.offset)
            yield FieldChange(f"{label} moved from {before} to {after}")
        if old.bits != new.bits:
            before, after = (f"{each.bits or 'all'} bits" for each in (old, new))
            yield FieldChange(f"{label}: {before} became {after}")
        begin = at[0] + old.offset, at[1] + new.offset
        yield from self._between(label, old.type_id, new.type_id, begin, depth + 1)


def _more(before: int, after: int) -> Means:
    return Means.MORE_BYTES if after > before else Means.OTHER_BYTES


def _members(types: Btf, whole: Type) -> Dict[str, _Member]:
    """The fields by name, with those of parts without a name."""
    found: Dict[str, _Member] = {}
    waiting = [(whole, 0, 0)]
    while waiting and len(found) < _STEPS:
        composite, base, depth = waiting.pop()
        for part in composite.parts:
            offset, bits = part.numbers
            inner = bare(types.types, part.type_id)
            if part.name:
                bits = bits or _bits_of_integer(inner)
                member = _Member(part.name, part.type_id, base + offset, bits)
                found.setdefault(part.name, member)
            elif inner.kind in COMPOSITE and depth < _DEEPEST:
                waiting.append((inner, base + offset, depth + 1))
    return dict(sorted(found.items(), key=lambda each: each[1].offset))


def _bits_of_integer(found: Type) -> int:
    """Before kinds had a flag for it, an integer of so many bits stood for a bitfield."""
    bits = found.numbers[0] & 0xFF if found.kind == INT else 0
    return bits if bits != 8 * found.size else 0


def _size(types: Btf, type_id: int) -> int:
    return types.size_of(type_id)


def _spell_size(types: Btf, member: _Member) -> str:
    if member.bits:
        return f" ({member.bits} bits)"
    try:
        return f" ({_bytes(types.size_of(member.type_id))})"
    except BtfError:
        return ""


def _bytes(size: int) -> str:
    return f"{size} byte" if size == 1 else f"{size} bytes"


def _place(member: _Member, base: int) -> str:
    return f"at {_spell(base + member.offset)}"


def _spell(bits: int) -> str:
    """A place in bytes; of bitfields such as 4.3, the bit as well."""
    return f"{bits // 8}.{bits % 8}" if bits % 8 else str(bits // 8)


def _name(types: Btf, type_id: int) -> str:
    """The type as it is written, such as __u64."""
    found = types.types[without(_QUALIFIERS, types.types, type_id)]
    return found.name if found.kind == TYPEDEF else types.describe(type_id)


_QUALIFIERS = frozenset({CONST, VOLATILE, RESTRICT})
_STEPS = 5000  # pairs of types; a value has a few dozen
_DEEPEST = 16  # levels
_MOST = 40  # differences that are told
Changes = Sequence[FieldChange]
