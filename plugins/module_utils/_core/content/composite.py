# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Formats that are made of others: structs, unions, arrays, sections of variables."""

from __future__ import annotations

import re
from typing import AbstractSet, Dict, List, Sequence, cast

from ..values import NamedTuple
from .format import ByteOrder, Format, Unfit
from .numbers import Number

_Values = Dict[str, object]  # by the names of fields


class Member(NamedTuple):
    """A field, and where it lies."""

    name: str  # "": a struct or union whose fields are those of the outer one
    offset: int  # bytes; of a bitfield bits
    format: Format
    bits: int = 0  # of a bitfield


class Composite(Format):
    """What structs and unions have in common: a value is a dictionary by the names of fields."""

    def __init__(self, size: int, byte_order: ByteOrder, members: Sequence[Member]) -> None:
        self.size = size
        self.members = members
        self._byte_order = byte_order
        self._by_name = {name: each for each in members for name in _names(each)}

    @property
    def names(self) -> AbstractSet[str]:
        """The fields, those of unnamed members with them."""
        return self._by_name.keys()

    def _given(self, value: object) -> _Values:
        """The fields that a value gives; Unfit if there is one too many."""
        if not isinstance(value, dict):
            raise Unfit(f"must be a dictionary of the fields {_list(self.names)}")
        for name in value:
            if name not in self.names:
                if isinstance(name, str) and _IDENTIFIER.match(name):
                    raise Unfit(f"is not one of the fields: {_list(self.names)}", name)
                raise Unfit(f"has a key that is not one of the fields: {_list(self.names)}")
        return value

    def _put(self, buffer: bytearray, member: Member, given: _Values) -> None:
        """Write a member, which is all zeros yet unless it is no bitfield."""
        if not member.name:
            value: object = {name: given[name] for name in _names(member) if name in given}
        elif member.name in given:
            value = given[member.name]
        elif member.format.size:
            raise Unfit("must be given, as all fields of a struct", member.name)
        else:
            return
        unfit = None
        try:
            if member.bits:
                self._put_bits(buffer, member, cast(Number, member.format).in_bits(value))
            else:
                end = member.offset + member.format.size
                buffer[member.offset : end] = member.format.encode(value)
        except Unfit as error:
            unfit = error.within(member.name) if member.name else error
        if unfit:  # not in the handler: an error of Python's, which holds the value, may be there
            raise unfit

    def _get(self, raw: bytes, member: Member) -> _Values:
        if member.bits:
            value = cast(Number, member.format).of_bits(self._bits(raw, member))
        else:
            end = member.offset + member.format.size
            value = member.format.decode(raw[member.offset : end])
        return {member.name: value} if member.name else cast("_Values", value)

    def _put_bits(self, buffer: bytearray, member: Member, bits: int) -> None:
        place = self._place(member)
        number = int.from_bytes(buffer[place.span], self._byte_order)
        number |= bits << place.shift
        size = place.span.stop - place.span.start
        buffer[place.span] = number.to_bytes(size, self._byte_order)

    def _bits(self, raw: bytes, member: Member) -> int:
        place = self._place(member)
        number = int.from_bytes(raw[place.span], self._byte_order)
        return number >> place.shift & ((1 << member.bits) - 1)

    def _place(self, member: Member) -> _Place:
        """In which bytes a bitfield lies: its offset counts from the first bit in memory."""
        first, end = member.offset, member.offset + member.bits
        span = slice(first // 8, -(-end // 8))
        is_little = self._byte_order == "little"
        return _Place(span, first % 8 if is_little else 8 * span.stop - end)


class Struct(Composite):
    """All fields, each at its place; zeros between them. What has no bytes need not be given."""

    def encode(self, value: object) -> bytes:
        given, buffer = self._given(value), bytearray(self.size)
        for member in self.members:
            self._put(buffer, member, given)
        return bytes(buffer)

    def decode(self, raw: bytes) -> object:
        value: _Values = {}
        for member in self.members:
            if member.format.size:
                value.update(self._get(raw, member))
        return value


class Union(Composite):
    """Exactly one of its members; zeros after it.

    Bytes are decoded as the first member that can be, with nothing lost.
    """

    def encode(self, value: object) -> bytes:
        given, buffer = self._given(value), bytearray(self.size)
        chosen = [each for each in self.members if not given.keys().isdisjoint(_names(each))]
        if len(chosen) != min(1, len(self.names)):
            raise Unfit(f"must have exactly one of the members of a union: {_list(self.names)}")
        for member in chosen:
            self._put(buffer, member, given)
        return bytes(buffer)

    def decode(self, raw: bytes) -> object:
        for member in self.members:
            value = self._get(raw, member)
            if self._makes(value, raw):
                return value
        largest = max(self.members, key=lambda each: each.format.size, default=None)
        return {} if largest is None else self._get(raw, largest)

    def _makes(self, value: object, raw: bytes) -> bool:
        try:
            return self.encode(value) == raw
        except Unfit:
            return False


class Array(Format):
    """A list of exactly so many elements."""

    def __init__(self, element: Format, count: int) -> None:
        self.size = count * element.size
        self._element = element
        self._count = count

    def encode(self, value: object) -> bytes:
        if not isinstance(value, (list, tuple)) or len(value) != self._count:
            raise Unfit(f"must be a list of exactly {self._count}")
        parts: List[bytes] = []
        try:
            for each in value:
                parts.append(self._element.encode(each))
        except Unfit as error:
            unfit = error.within(f"[{len(parts)}]")
        else:
            return b"".join(parts)
        raise unfit

    def decode(self, raw: bytes) -> object:
        size = self._element.size
        starts = range(0, self.size, size)
        return [self._element.decode(raw[start : start + size]) for start in starts]


class Section(Struct):
    """The variables of a section, such as .data, by name."""

    def encode_over(self, raw: bytes, value: object) -> bytes:
        """`raw` with those variables changed that `value` has."""
        given, buffer = self._given(value), bytearray(raw)
        for name in given:
            self._put(buffer, self._by_name[name], given)
        return bytes(buffer)


class _Place(NamedTuple):
    """The bytes that a bitfield touches, and how many bits of them come after it."""

    span: slice
    shift: int


def _names(member: Member) -> AbstractSet[str]:
    if member.name:
        return {member.name}
    return cast("Composite", member.format).names


def _list(names: AbstractSet[str]) -> str:
    shown = list(names)[:_MOST_NAMES]
    return ", ".join([*shown, *(["..."] if len(names) > _MOST_NAMES else [])])


_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,63}\Z", re.ASCII)
_MOST_NAMES = 20  # in a message
