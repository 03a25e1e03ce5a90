# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of what is encoded by any BTF: it is decoded to the same, in both byte orders."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.declared_format import (
    Typed,
    format_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    ByteOrder,
    Context,
    Format,
    Unfit,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from contents import BOOL, NAMES, SIGNED, Member, Types
from hypothesis import given
from hypothesis import strategies as st
from strategies import RARELY, YES_OR_NO, blobs, examples

ORDERS = st.sampled_from(["little", "big"])


class Drawn(NamedTuple):
    """A type; values of it, canonical unless a union is in it; which bits are no padding."""

    type_id: int
    size: int
    values: st.SearchStrategy[Any]
    bits: frozenset[int]  # counted from the first bit in memory
    has_union: bool = False

    def moved(self, offset: int) -> set[int]:
        return {offset + bit for bit in self.bits}


def whole(size: int) -> frozenset[int]:
    return frozenset(range(8 * size))


def range_of(bits: int, signed: bool) -> st.SearchStrategy[int]:
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return st.sampled_from([least, most, 0]) | st.integers(least, most)


@st.composite
def leaves(draw: st.DrawFn, types: Types) -> Drawn:
    size = draw(st.sampled_from([1, 2, 4, 8, 16]))
    kind = draw(st.sampled_from(["int", "int", "bool", "enum", "enum64", "text"]))
    signed = draw(YES_OR_NO)
    if kind == "bool":
        values: st.SearchStrategy[Any] = YES_OR_NO | st.integers(2, 255)
        return Drawn(types.integer(1, BOOL, "_Bool"), 1, values, whole(1))
    if kind == "int":
        type_id = types.integer(size, SIGNED * signed)
        return Drawn(type_id, size, range_of(8 * size, signed), whole(size))
    if kind == "text":
        char = types.renamed(types.integer(1, SIGNED, "char"))
        texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=size - 1)
        fitting = texts.filter(lambda text: len(text.encode()) < size)
        return Drawn(types.array(char, size), size, fitting, whole(size))
    size = min(size, 8)
    names = {"A": 0, "B": 1, "C": -1 if signed else 2, "D": 100}
    make = types.enum if kind == "enum" else types.enum64
    unnamed = range_of(8 * size, signed).filter(lambda each: each not in names.values())
    values = st.sampled_from([*names]) | unnamed
    return Drawn(make(size, names, signed), size, values, whole(size))


@st.composite
def arrays(draw: st.DrawFn, types: Types, depth: int) -> Drawn:
    element = draw(drawn(types, depth - 1))
    count = draw(st.integers(1, 3))
    bits = {bit for index in range(count) for bit in element.moved(8 * element.size * index)}
    values = st.lists(element.values, min_size=count, max_size=count)
    type_id = types.array(element.type_id, count)
    return Drawn(type_id, count * element.size, values, frozenset(bits), element.has_union)


@st.composite
def structs(draw: st.DrawFn, types: Types, depth: int) -> Drawn:
    """With gaps between fields, bitfields side by side, and members without a name."""
    members: list[Member] = []
    values: dict[str, st.SearchStrategy[Any]] = {}
    unnamed: list[st.SearchStrategy[Any]] = []
    bits: set[int] = set()
    at, has_union = 0, False
    for number in range(draw(st.integers(1, 4))):
        name = types.name()
        if draw(RARELY):
            at += draw(st.integers(1, 9))
        if draw(RARELY):
            own, count = types.integer(4, SIGNED * (number % 2)), draw(st.integers(1, 32))
            members.append((name, own, at, count))
            values[name] = range_of(count, bool(number % 2))
            bits |= {*range(at, at + count)}
            at += count
            continue
        at = -(-at // 8) * 8
        inner = draw(drawn(types, depth - 1))
        is_unnamed = inner.type_id in types.composites and draw(YES_OR_NO)
        members.append(("" if is_unnamed else name, inner.type_id, at, 0))
        if is_unnamed:
            unnamed.append(inner.values)
        else:
            values[name] = inner.values
        bits |= inner.moved(at)
        has_union = has_union or inner.has_union
        at += 8 * inner.size
    size = -(-at // 8) + draw(st.integers(0, 2))
    made = st.fixed_dictionaries(values)
    for each in unnamed:
        made = st.builds(lambda one, two: {**one, **two}, made, each)
    return Drawn(types.struct(size, members), size, made, frozenset(bits), has_union)


@st.composite
def unions(draw: st.DrawFn, types: Types, depth: int) -> Drawn:
    """Bits are those of one of its members."""
    inner = [draw(drawn(types, depth - 1)) for _each in range(draw(st.integers(1, 3)))]
    names = [types.name() for _each in inner]
    members = [(name, each.type_id, 0, 0) for name, each in zip(names, inner)]
    values = st.one_of(
        [st.fixed_dictionaries({name: each.values}) for name, each in zip(names, inner)]
    )
    size = max(each.size for each in inner)
    bits = draw(st.sampled_from(inner)).bits
    return Drawn(types.union(size, members), size, values, bits, True)


def drawn(types: Types, depth: int) -> st.SearchStrategy[Drawn]:
    if depth <= 0:
        return leaves(types)
    below = structs(types, depth), unions(types, depth), arrays(types, depth)
    return renamed(types, st.one_of(leaves(types), *below))


@st.composite
def renamed(draw: st.DrawFn, types: Types, each: st.SearchStrategy[Drawn]) -> Drawn:
    found = draw(each)
    if draw(RARELY):
        return found._replace(type_id=types.renamed(found.type_id))
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Drawn, Format, Any, bytes, ByteOrder]:
    """A type and its format; a value; bytes with zeros as padding."""
    types = Types()
    found = draw(drawn(types, 2))
    order: ByteOrder = draw(ORDERS)
    typed = Typed("the value", found.size, types.btf(order), found.type_id)
    made = format_of(typed, None, Context(NAMES))
    raw = bytearray(found.size)
    filling = draw(st.binary(min_size=found.size, max_size=found.size))
    for bit in found.bits:
        at = 1 << bit % 8 if order == "little" else 0x80 >> bit % 8
        raw[bit // 8] |= filling[bit // 8] & at
    return found, made, draw(found.values), bytes(raw), order


@examples(250)
@given(cases())
def test_what_is_encoded_is_decoded_to_the_same(
    case: tuple[Drawn, Format, Any, bytes, ByteOrder],
) -> None:
    found, made, value, _raw, order = case
    encoded = made.encode(value)
    assert len(encoded) == found.size == made.size
    if found.has_union:
        assert made.encode(made.decode(encoded)) == encoded
    else:
        assert made.decode(encoded) == value
    one = int.from_bytes(encoded, order)
    last = 8 * found.size - 1
    places = found.bits if order == "little" else {last - bit for bit in found.bits}
    if not found.has_union:
        assert one & ~sum(1 << bit for bit in places) == 0  # padding


@examples(250)
@given(cases())
def test_any_bytes_without_padding_come_back(
    case: tuple[Drawn, Format, Any, bytes, ByteOrder],
) -> None:
    _found, made, _value, raw, _order = case
    assert made.encode(made.decode(raw)) == raw


@examples(300)
@given(cases(), st.data())
def test_what_is_damaged_is_refused_or_taken_but_nothing_else(
    case: tuple[Drawn, Format, Any, bytes, ByteOrder], data: st.DataObject
) -> None:
    _found, made, value, _raw, _order = case
    odd = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([])
    damaged = data.draw(damage(value, odd))
    encoded, reason = outcome(made, damaged)
    assert reason if encoded is None else len(encoded) == made.size


def outcome(made: Format, value: Any) -> tuple[bytes | None, str]:
    try:
        return made.encode(value), ""
    except Unfit as error:
        return None, error.reason


def damage(value: Any, odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The value with one thing in it replaced."""
    if isinstance(value, dict) and value:
        return st.one_of(
            odd,
            *(
                damage(each, odd).map(lambda new, name=name: {**value, name: new})
                for name, each in value.items()
            ),
        )
    if isinstance(value, list) and value:
        return st.one_of(odd, damage(value[0], odd).map(lambda new: [new, *value[1:]]))
    return odd


@examples(300)
@given(blobs(), st.integers(1, 9))
def test_of_any_blob_a_type_has_a_format_or_a_message(
    drawn_blob: tuple[bytes, int], type_id: int
) -> None:
    """Whoever wrote it: most of these make no sense."""
    blob, count = drawn_blob
    btf, type_id = Btf.parse(blob), min(type_id, count)
    try:
        made = format_of(Typed("the key", btf.size_of(type_id), btf, type_id), None, Context(NAMES))
    except PinningError:
        return
    raw = bytes(made.size)
    encoded, reason = outcome(made, made.decode(raw))
    assert encoded == raw or "cannot be set" in reason


def test_the_properties_would_see_a_wrong_offset() -> None:
    types = Types()
    u8 = types.integer(1)
    type_id = types.struct(2, [("a", u8, 0, 0), ("b", u8, 0, 0)])
    made = format_of(Typed("the key", 2, types.btf("little"), type_id), None, Context(NAMES))
    with pytest.raises(AssertionError):
        assert made.decode(made.encode({"a": 1, "b": 2})) == {"a": 1, "b": 2}
