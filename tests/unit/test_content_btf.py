# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and values by the types of their BTF, and formats for some of their fields."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import BtfError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.composite import Section
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.declared_format import (
    Typed,
    format_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    BadFormat,
    ByteOrder,
    Context,
    Format,
    Unfit,
)
from contents import BOOL, CHAR, NAMES, SIGNED, Member, Types

ORDERS: list[ByteOrder] = ["little", "big"]


def made(types: Types, type_id: int, given: Any = None, order: ByteOrder = "little") -> Format:
    btf = types.btf(order)
    typed = Typed("the value", btf.size_of(type_id), btf, type_id)
    return format_of(typed, given, Context(NAMES, "big"))  # the order of the BTF counts


def refused(types: Types, type_id: int, given: Any = None) -> str:
    with pytest.raises((BadFormat, BtfError)) as caught:
        made(types, type_id, given)
    return str(caught.value)


def unfit(found: Format, value: Any) -> str:
    with pytest.raises(Unfit) as caught:
        found.encode(value)
    # No error of Python's, which would have the value, goes with it.
    assert isinstance(caught.value.__context__, (Unfit, type(None)))
    return str(caught.value)


def both_ways(found: Format, value: Any, digits: str) -> None:
    raw = bytes.fromhex(digits)
    assert found.size == len(raw)
    assert found.encode(value) == raw
    assert found.decode(raw) == value


# Numbers


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("encoding", [0, SIGNED])
def test_integers_of_every_size(order: ByteOrder, size: int, encoding: int) -> None:
    types = Types()
    found = made(types, types.renamed(types.integer(size, encoding)), order=order)
    signed = bool(encoding)
    least, most = (-(2 ** (8 * size - 1)) if signed else 0), 2 ** (8 * size - signed) - 1
    for number in (least, most, 0, 1, 7):
        raw = number.to_bytes(size, order, signed=signed)
        assert found.encode(number) == found.encode(str(number)) == raw
        assert found.decode(raw) == number
        assert found.encode_texts([str(number)]) == [raw]
    for number in (least - 1, most + 1):
        assert unfit(found, number) == f"must be a whole number from {least} to {most}"


def test_true_and_false() -> None:
    types = Types()
    found = made(types, types.integer(1, BOOL, "_Bool"))
    for value, raw in ((True, b"\1"), (False, b"\0"), (7, b"\7")):
        assert found.encode(value) == raw
        assert found.decode(raw) is value or value == 7
    for value in ("true", "True", "yes", "on", 1, "1"):
        assert found.encode(value) == b"\1"
    for value in ("false", "No", "off", 0, "0"):
        assert found.encode(value) == b"\0"
    for value in ("maybe", 256, -1, None, 1.0, [True]):
        assert unfit(found, value) == "must be true or false"
    assert found.encode_texts(["true", "0", "no"]) == [b"\1", b"\0", b"\0"]


@pytest.mark.parametrize("order", ORDERS)
def test_enums_by_name_or_number(order: ByteOrder) -> None:
    types = Types()
    names = {"RED": 0, "GREEN": 1, "ALSO_GREEN": 1, "DEEP": 2**31}
    found = made(types, types.renamed(types.enum(4, names)), order=order)
    for value, number in (("RED", 0), ("GREEN", 1), (5, 5), ("DEEP", 2**31)):
        assert found.encode(value) == number.to_bytes(4, order)
        assert found.decode(number.to_bytes(4, order)) == value
    assert found.encode("ALSO_GREEN") == found.encode("1") == found.encode(1)
    assert unfit(found, "BLUE") == (
        "must be one of RED, GREEN, ALSO_GREEN, DEEP, or a number from 0 to 4294967295"
    )
    assert unfit(found, -1) == unfit(found, None) == unfit(found, "red") == unfit(found, "BLUE")
    assert found.encode_texts(["RED", "GREEN"]) == [found.encode("RED"), found.encode("GREEN")]
    assert found.encode_texts(["RED", "7"]) == [found.encode("RED"), found.encode(7)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_signed_enums_of_every_size(order: ByteOrder, size: int) -> None:
    types = Types()
    names = {"LOW": -3, "NONE": 0, "HIGH": 100}
    for type_id in (types.enum(size, names, signed=True), types.enum64(size, names, signed=True)):
        found = made(types, type_id, order=order)
        for name, number in names.items():
            raw = number.to_bytes(size, order, signed=True)
            assert found.encode(name) == found.encode(number) == raw
            assert found.decode(raw) == name


def test_enums_of_64_bits() -> None:
    types = Types()
    found = made(types, types.enum64(8, {"SMALL": 1, "LARGE": 2**63, "ALL": 2**64 - 1}))
    both_ways(found, "LARGE", "00" * 7 + "80")
    both_ways(found, "ALL", "ff" * 8)
    both_ways(found, 2**63 + 1, "01" + "00" * 6 + "80")


def test_names_of_enums_from_a_compiler_that_knows_no_signed_ones() -> None:
    types = Types()
    whole = types.enum(4, {"LOW": -1, "HIGH": 0x80000000})
    both_ways(made(types, whole), "LOW", "ff ff ff ff")
    both_ways(made(types, whole), "HIGH", "00 00 00 80")
    both_ways(made(types, types.enum(1, {"LOW": -3, "TOO_LOW": -129})), "LOW", "fd")
    level = types.enum(4, {"LOW": -3, "HIGH": 7, "LOWER": -9})
    found = made(types, types.struct(4, [("level", level, 0, 4)]))
    both_ways(found, {"level": "LOW"}, "0d 00 00 00")
    assert unfit(found, {"level": "LOWER"}).startswith("level: must be one of LOW, HIGH, or a")


def test_an_enum_with_very_many_names_tells_some() -> None:
    types = Types()
    found = made(types, types.enum(4, {f"N{number}": number for number in range(500)}))
    assert unfit(found, "x").startswith("must be one of N0, N1, N2, N3, N4, N5, N6, N7, N8, N9, ")
    assert len(unfit(found, "x")) < 150


# Text


@pytest.mark.parametrize(("encoding", "name"), [(SIGNED, "char"), (0, "char"), (CHAR, "letter")])
def test_arrays_of_characters_are_text(encoding: int, name: str) -> None:
    types = Types()
    char = types.renamed(types.integer(1, encoding, name))
    found = made(types, types.renamed(types.array(char, 4)))
    both_ways(found, "abc", "61 62 63 00")
    both_ways(found, "", "00 00 00 00")
    both_ways(found, [97, 98, 99, 100], "61 62 63 64")  # C would read on
    both_ways(found, [0, 97, 0, 0], "00 61 00 00")
    both_ways(found, [255, 0, 0, 0], "ff 00 00 00")
    assert unfit(found, "abcd") == "must have at most 3 bytes as UTF-8: a NUL ends it in 4"
    assert "must be text" in unfit(found, 5)


def test_arrays_of_bytes_are_lists() -> None:
    types = Types()
    found = made(types, types.array(types.integer(1, 0, "unsigned char"), 4))
    both_ways(found, [1, 2, 3, 255], "01 02 03 ff")
    assert unfit(found, "abc") == unfit(found, [1, 2, 3]) == "must be a list of exactly 4"
    assert unfit(found, [1, 2, 3, 256]) == "[3]: must be a whole number from 0 to 255"


def test_rows_of_text() -> None:
    types = Types()
    row = types.array(types.integer(1, SIGNED, "char"), 3)
    both_ways(made(types, types.array(row, 2)), ["ab", "c"], "61 62 00 63 00 00")


# Structs and unions


@pytest.fixture
def peer() -> tuple[Types, int]:
    """A struct { u32 addr; u16 port; struct { u8 a; u32 b; } inner[2]; } and more."""
    types = Types()
    u8, u16, u32 = types.integer(1), types.integer(2), types.integer(4)
    inner = types.struct(8, [("a", u8, 0, 0), ("b", u32, 32, 0)])
    members = [("addr", u32, 0, 0), ("port", u16, 32, 0), ("inner", types.array(inner, 2), 64, 0)]
    return types, types.struct(24, [*members])


PEER = {"addr": 1, "port": 2, "inner": [{"a": 3, "b": 4}, {"a": 5, "b": 6}]}


def test_a_struct_by_the_names_of_its_fields(peer: tuple[Types, int]) -> None:
    digits = "01000000 0200 0000 03000000 04000000 05000000 06000000"
    both_ways(made(*peer), PEER, digits)
    # What lies between the fields is zero, and is not looked at.
    dirty = bytes.fromhex("01000000 0200 ffff 03ffffff 04000000 05ffffff 06000000")
    assert made(*peer).decode(dirty) == PEER


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"port": None}, "port: must be a whole number from 0 to 65535"),
        ({"ports": 1}, "ports: is not one of the fields: addr, port, inner"),
        ({"a b": 1}, "has a key that is not one of the fields: addr, port, inner"),
        ({7: 1}, "has a key that is not one of the fields: addr, port, inner"),
        ({"inner": []}, "inner: must be a list of exactly 2"),
        ({"inner": {}}, "inner: must be a list of exactly 2"),
        ({"inner": [{"a": 1, "b": 2}, {"a": 1}]}, "inner[1].b: must be given, as all fields"),
        ({"inner": [{"a": 256, "b": 2}, {}]}, "inner[0].a: must be a whole number from 0 to 255"),
        ({"inner": [1, 2]}, "inner[0]: must be a dictionary of the fields a, b"),
    ],
)
def test_what_is_wrong_with_a_struct_is_told_by_field(
    peer: tuple[Types, int], changed: dict[Any, Any], told: str
) -> None:
    assert unfit(made(*peer), {**PEER, **changed}).startswith(told)


def test_a_field_that_is_not_given_is_told(peer: tuple[Types, int]) -> None:
    assert unfit(made(*peer), {"addr": 1, "inner": []}).startswith("port: must be given")
    assert unfit(made(*peer), [1, 2]) == "must be a dictionary of the fields addr, port, inner"


def test_fields_of_unnamed_members_belong_to_the_outer_struct() -> None:
    """struct { u8 kind; union { u32 v4; struct { u16 low, high; }; u8 bytes[4]; }; }"""
    types = Types()
    u8, u16, u32 = types.integer(1), types.integer(2), types.integer(4)
    pair = types.struct(4, [("low", u16, 0, 0), ("high", u16, 16, 0)], "")
    members = [("v4", u32, 0, 0), ("", pair, 0, 0), ("bytes", types.array(u8, 4), 0, 0)]
    either = types.union(4, [*members], "")
    whole = types.struct(8, [("kind", u8, 0, 0), ("", types.renamed(either), 32, 0)])
    found = made(types, whole)
    both_ways(found, {"kind": 1, "v4": 0x20001}, "01000000 01000200")
    for other in ({"low": 1, "high": 2}, {"bytes": [1, 0, 2, 0]}):
        assert found.encode({"kind": 1, **other}) == found.encode({"kind": 1, "v4": 0x20001})
    one = "must have exactly one of the members of a union: v4, low, high, bytes"
    assert unfit(found, {"kind": 1}) == one
    assert unfit(found, {"kind": 1, "v4": 1, "low": 2, "high": 3}) == one
    assert unfit(found, {"kind": 1, "low": 2}).startswith("high: must be given")
    assert unfit(found, {"kind": 1, "low": 2, "high": -1}).startswith("high: must be a whole")
    assert unfit(found, {"kind": 1, "v6": 2}) == (
        "v6: is not one of the fields: kind, v4, low, high, bytes"
    )


def test_of_a_union_the_first_member_that_loses_nothing() -> None:
    types = Types()
    u8, u32 = types.integer(1), types.integer(4)
    found = made(types, types.union(4, [("low", u8, 0, 0), ("all", u32, 0, 0)]))
    both_ways(found, {"low": 5}, "05000000")
    both_ways(found, {"all": 0x105}, "05010000")
    assert found.encode({"all": 5}) == found.encode({"low": 5})
    assert unfit(found, {}) == "must have exactly one of the members of a union: low, all"
    assert unfit(found, {"all": -1}).startswith("all: must be")


def test_a_union_of_nothing_and_a_struct_of_nothing() -> None:
    types = Types()
    empty, nothing = types.struct(0, []), types.union(0, [])
    members = [("e", empty, 0, 0), ("n", nothing, 0, 0), ("x", types.integer(1), 0, 0)]
    found = made(types, types.struct(1, members))
    assert found.encode({"x": 1}) == found.encode({"x": 1, "e": {}, "n": {}}) == b"\1"
    assert found.decode(b"\1") == {"x": 1}


def test_locks_are_left_out_and_zero() -> None:
    types = Types()
    u32 = types.integer(4)
    for name in ("bpf_spin_lock", "bpf_res_spin_lock"):
        lock = types.renamed(types.struct(4, [("val", u32, 0, 0)], name))
        found = made(types, types.struct(8, [("lock", lock, 0, 0), ("x", u32, 32, 0)]))
        assert found.encode({"x": 1}) == bytes.fromhex("00000000 01000000")
        assert found.decode(bytes.fromhex("ffffffff 01000000")) == {"x": 1}
        assert unfit(found, {"x": 1, "lock": 0}) == "lock: is not one of the fields: x"


# Bitfields, beside what ctypes makes of them

BITS = [
    ("a", ctypes.c_uint32, 3, 5),
    ("b", ctypes.c_uint32, 1, 1),
    ("c", ctypes.c_uint32, 17, 0x1ABCD),
    ("d", ctypes.c_uint32, 11, 0x555),
    ("e", ctypes.c_int32, 7, -3),
    ("f", ctypes.c_int32, 2, -2),
    ("g", ctypes.c_int32, 9, 255),
]


def bit_members(types: Types) -> list[Member]:
    u32, s32 = types.integer(4), types.integer(4, SIGNED)
    members, offset = [], 0
    for name, kind, bits, _value in BITS:
        members.append((name, s32 if kind is ctypes.c_int32 else u32, offset, bits))
        offset += bits
    return members


@pytest.mark.parametrize("order", ORDERS)
def test_bitfields_are_where_compilers_put_them(order: ByteOrder) -> None:
    base = ctypes.LittleEndianStructure if order == "little" else ctypes.BigEndianStructure
    fields = [(name, kind, bits) for name, kind, bits, _value in BITS]
    theirs = type("Theirs", (base,), {"_fields_": fields})()
    values = {name: value for name, _kind, _bits, value in BITS}
    for name, value in values.items():
        setattr(theirs, name, value)
    types = Types()
    found = made(types, types.struct(8, bit_members(types)), order=order)
    assert found.encode(values) == bytes(theirs)
    assert found.decode(bytes(theirs)) == values
    for name, _kind, _bits, _value in BITS:
        setattr(theirs, name, 0)
        values[name] = 0
        assert found.encode(values) == bytes(theirs)


def test_bitfields_have_the_range_of_their_bits() -> None:
    types = Types()
    found = made(types, types.struct(8, bit_members(types)))
    values = dict.fromkeys("abcdefg", 0)
    for name, least, most in (("a", 0, 7), ("b", 0, 1), ("e", -64, 63), ("f", -2, 1)):
        for number in (least, most):
            assert found.decode(found.encode({**values, name: number})) == {**values, name: number}
        for number in (least - 1, most + 1):
            told = f"{name}: must be a whole number from {least} to {most}"
            assert unfit(found, {**values, name: number}) == told


def test_bitfields_of_truth_and_of_enums_and_in_unions() -> None:
    types = Types()
    truth, names = types.integer(1, BOOL, "_Bool"), types.enum(4, {"A": 0, "B": 1, "C": 9})
    signed = types.enum(4, {"LOW": -1, "ZERO": 0}, signed=True)
    members = [("t", truth, 0, 1), ("e", names, 1, 2), ("s", signed, 3, 2)]
    found = made(types, types.struct(4, members))
    both_ways(found, {"t": True, "e": "B", "s": "LOW"}, "1b000000")
    both_ways(found, {"t": False, "e": 3, "s": "ZERO"}, "06000000")
    assert "must be one of A, B, or a number from 0 to 3" in unfit(
        found, {"t": 1, "e": "C", "s": 0}
    )
    united = made(types, types.union(1, [("one", truth, 0, 1), ("three", types.integer(1), 0, 3)]))
    both_ways(united, {"one": True}, "01")
    both_ways(united, {"three": 6}, "06")


@pytest.mark.parametrize(("order", "digits"), [("little", "2d"), ("big", "b4")])
def test_bitfields_as_old_compilers_describe_them(order: ByteOrder, digits: str) -> None:
    """By integers of a few bits, at a bit offset of the struct."""
    types = Types()
    three, five = types.integer(1, bits=3), types.integer(1, SIGNED, bits=4, offset=1)
    found = made(types, types.struct(1, [("a", three, 0, 0), ("b", five, 2, 0)]), order=order)
    # a: 5, in the first 3 bits; b: 5 in the 4 after them
    values = {"a": 5, "b": 5} if order == "little" else {"a": 5, "b": -6}
    both_ways(found, values, digits)


# Sections of variables


@pytest.fixture
def data() -> tuple[Types, int]:
    types = Types()
    u32 = types.integer(4)
    variables = [
        ("limit", u32, 0, 4),
        ("where", types.pointer(), 8, 8),
        ("ports", types.array(types.integer(2), 2), 16, 4),
        ("twice", u32, 20, 4),
        ("twice", u32, 24, 4),
        ("ratio", types.float(8), 32, 8),
        ("lock", types.struct(4, [("val", u32, 0, 0)], "bpf_spin_lock"), 40, 4),
        ("wrong", u32, 44, 8),
    ]
    return types, types.section(52, variables)


def test_variables_of_a_section_by_name(data: tuple[Types, int]) -> None:
    found = made(*data)
    assert isinstance(found, Section)
    before = bytes(range(52))
    after = found.encode_over(before, {"limit": 2**32 - 1, "ports": [1, 2]})
    assert after == b"\xff" * 4 + before[4:16] + b"\1\0\2\0" + before[20:]
    assert found.encode_over(before, {}) == before
    shown = found.decode(after)
    assert isinstance(shown, dict)
    assert {name: shown[name] for name in ("limit", "ports")} == {
        "limit": 2**32 - 1,
        "ports": [1, 2],
    }
    assert shown["where"] == "08 09 0a 0b 0c 0d 0e 0f"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"limits": 1}, "limits: is not one of the fields: limit, where, ports, twice"),
        ({"limit": -1}, "limit: must be a whole number from 0 to 4294967295"),
        ({"where": 1}, "where: cannot be set: the field where of the value is a pointer"),
        ({"twice": 1}, "twice: cannot be set: the value has several variables of the name twice"),
        ({"ratio": 1}, "ratio: cannot be set: the field ratio of the value is a floating-point"),
        ({"lock": 1}, "lock: is not one of the fields"),
        ({"wrong": 1}, "wrong: cannot be set: the field wrong of the value has a type that"),
        ([], "must be a dictionary of the fields limit"),
    ],
)
def test_what_cannot_be_set_in_a_section_is_told(
    data: tuple[Types, int], value: Any, told: str
) -> None:
    found = made(*data)
    assert isinstance(found, Section)
    with pytest.raises(Unfit) as caught:
        found.encode_over(bytes(52), value)
    assert str(caught.value).startswith(told)


def test_a_format_makes_a_variable_that_can_be_set(data: tuple[Types, int]) -> None:
    found = made(*data, {"ratio": "hex", "where": "u64", "ports": "be16"})
    assert isinstance(found, Section)
    value = {"ratio": "3f f0 00 00 00 00 00 00", "where": 7, "ports": [1, 2]}
    after = found.encode_over(bytes(52), value)
    assert after[8:20] == (7).to_bytes(8, "little") + b"\0\1\0\2"
    assert after[32:34] == b"\x3f\xf0"


# Formats for fields


@pytest.fixture
def rule() -> tuple[Types, int]:
    types = Types()
    u8, u16, u32 = types.integer(1), types.integer(2), types.integer(4)
    mac = types.array(u8, 6)
    inner = types.struct(8, [("mac", mac, 0, 0), ("vlan", u16, 48, 0)])
    members = [
        ("addr", types.renamed(u32), 0, 0),
        ("port", u16, 32, 0),
        ("peer", inner, 48, 0),
        ("slots", types.array(u32, 2), 112, 0),
        ("six", types.array(u8, 16), 176, 0),
        ("peers", types.array(types.renamed(inner), 2), 304, 0),
        ("ratio", types.float(4), 432, 0),
        ("grid", types.array(types.array(u32, 2), 1), 464, 0),
        ("flag", u8, 528, 1),
        ("note", types.array(types.array(u8, 3), 1), 536, 0),
    ]
    return types, types.struct(70, [*members])


FORMATS = {
    "addr": "ipv4",
    "port": "be16",
    "peer.mac": "mac",
    "slots": "ipv4",
    "six": "ipv6",
    "peers.mac": "mac",
    "ratio": "u32",
    "grid": "be32",
    "note": "string",
}
RULE = {
    "addr": "10.0.0.1",
    "port": 443,
    "peer": {"mac": "02:00:00:00:00:01", "vlan": 1},
    "slots": ["10.0.0.2", "10.0.0.3"],
    "six": "::1",
    "peers": [{"mac": f"02:00:00:00:00:0{number}", "vlan": number} for number in (2, 3)],
    "ratio": 9,
    "grid": [[1, 2]],
    "flag": 1,
    "note": ["ab"],
}


@pytest.mark.parametrize("order", ORDERS)
def test_formats_for_fields_go_over_their_types(rule: tuple[Types, int], order: ByteOrder) -> None:
    found = made(*rule, FORMATS, order)
    raw = found.encode(RULE)
    assert found.decode(raw) == RULE
    assert raw[:6] == bytes.fromhex("0a000001 01bb")
    assert raw[6:14] == bytes.fromhex("020000000001") + (1).to_bytes(2, order)
    assert raw[14:22] == bytes.fromhex("0a000002 0a000003")
    assert raw[54:66] == (9).to_bytes(4, order) + bytes.fromhex("00000001 00000002")
    assert raw[67:] == b"ab\0"


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        ({"addr": "ipv6"}, "the field addr of the value has 4 bytes, but the format ipv6 takes 16"),
        ({"addr": "ipv5"}, "the field addr of the value has a format that is none"),
        ({"addr": None}, "the field addr of the value has a format that is none"),
        ({"slots": "mac"}, "the field slots of the value has 8 bytes, but the format mac takes 6"),
        ({"adr": "ipv4"}, "the value has no field adr to give a format: its fields are addr, port"),
        ({"peer.vlan.x": "u8"}, "the value has no field peer.vlan.x to give a format"),
        ({"flag": "u8"}, "the field flag of the value is a bitfield, which takes no format"),
        ({7: "u8"}, "the value has no field 7 to give a format"),
        ("ipv4", "the value has 70 bytes, but the format ipv4 takes 4"),
    ],
)
def test_a_format_that_does_not_fit_a_field_is_refused(
    rule: tuple[Types, int], formats: Any, told: str
) -> None:
    if isinstance(formats, dict):
        formats = {"ratio": "u32", **formats}
    assert refused(*rule, formats).startswith(told)


def test_a_format_for_the_whole_hides_its_fields(rule: tuple[Types, int]) -> None:
    assert made(*rule, "hex").encode("00 " * 70) == bytes(70)
    record = [{"name": "all", "format": "bytes", "size": 70}]
    assert made(*rule, record).encode({"all": [1] * 70}) == b"\1" * 70


def test_a_format_for_a_key_that_is_an_array() -> None:
    types = Types()
    u8, u32 = types.integer(1), types.integer(4)
    assert made(types, types.array(u8, 4), "ipv4").decode(b"\x0a\0\0\1") == "10.0.0.1"
    assert made(types, types.array(u32, 1), "ipv4").decode(b"\x0a\0\0\1") == ["10.0.0.1"]
    assert made(types, types.array(u32, 4), "ipv6").decode(bytes(16)) == "::"
    assert made(types, types.array(u8, 4), "u8").decode(b"\1\2\3\4") == [1, 2, 3, 4]
    assert (
        made(types, types.array(types.array(u8, 6), 2), "mac").decode(bytes(12))
        == ["00:00:00:00:00:00"] * 2
    )
    assert made(types, types.array(types.array(u8, 2), 2), "hex").decode(b"\1\2\3\4") == [
        "01 02",
        "03 04",
    ]
    assert made(types, types.array(u32, 1), "hex").decode(b"\1\2\3\4") == "01 02 03 04"


def test_formats_for_fields_of_what_has_none_are_refused() -> None:
    types = Types()
    told = "the value has no field x to give a format: its fields are none"
    assert refused(types, types.integer(4), {"x": "u32"}) == told


# What cannot be declared


def test_what_only_programs_set_is_refused_by_field() -> None:
    names = ["bpf_timer", "bpf_wq", "bpf_task_work", "bpf_refcount", "bpf_list_head"]
    names += ["bpf_list_node", "bpf_rb_root", "bpf_rb_node"]
    for name in names:
        types = Types()
        u64 = types.integer(8)
        inner = types.struct(16, [("opaque", types.array(u64, 2), 0, 0)], name)
        whole = types.struct(24, [("x", u64, 0, 0), ("own", types.renamed(inner), 64, 0)])
        told = f"the field outer.own of the value is a struct {name}, which only programs can set"
        outer = types.struct(24, [("outer", whole, 0, 0)])
        assert refused(types, outer) == told
        assert refused(types, outer, {"outer.own": "hex"}) == told
        told = "the value holds what only programs can set, so it takes no format"
        assert refused(types, outer, "hex") == told
        record = [{"name": "all", "format": "bytes", "size": 24}]
        assert refused(types, outer, record) == told


@pytest.mark.parametrize("tag", ["kptr", "kptr_untrusted", "percpu_kptr", "uptr"])
def test_pointers_of_the_kernel_are_refused_by_field(tag: str) -> None:
    types = Types()
    whole = types.struct(8, [("task", types.pointer(types.forward(), tag), 0, 0)])
    told = f"the field task of the value is a pointer of the kind {tag}, which only programs"
    assert refused(types, whole).startswith(told)
    assert refused(types, whole, {"task": "u64"}).startswith(told)
    assert refused(types, types.array(whole, 2), "hex").startswith("the value holds what only")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("pointer", "is a pointer, which cannot be declared"),
        ("float", "is a floating-point number, which cannot be declared: give a format, such as"),
        ("forward", "has a type that cannot be declared"),
        ("nothing", "has a type that cannot be declared"),
        ("flexible", "is an array without a size, which cannot be declared"),
        ("empties", "is an array without a size, which cannot be declared"),
        ("lock", "is a struct bpf_spin_lock, which only programs can set"),
        ("three", "has a type that cannot be declared"),
        ("huge", "has a type that cannot be declared"),
        ("few", "has a type that cannot be declared"),
        ("odd", "has a type that cannot be declared"),
    ],
)
def test_types_that_no_value_can_be_given_of(name: str, told: str) -> None:
    types = Types()
    u8 = types.integer(1)
    type_id = {
        "pointer": types.pointer(u8),
        "float": types.float(8),
        "forward": types.forward(),
        "nothing": 0,
        "flexible": types.array(u8, 0),
        "empties": types.array(types.struct(0, []), 2**31),
        "lock": types.array(types.struct(4, [], "bpf_spin_lock"), 2),
        "three": types.integer(3),
        "huge": types.integer(2**31),
        "few": types.array(types.integer(4, bits=3), 1),
        "odd": types.enum(3, {"A": 1}),
    }[name]
    whole = types.struct(2**31, [("x", u8, 0, 0), ("bad", type_id, 64, 0)])
    assert refused(types, whole).startswith(f"the field bad of the value {told}")
    if "without a size" in told:
        assert refused(types, whole, {"bad": "hex"}) == refused(types, whole)


def test_the_size_has_to_be_that_of_the_type() -> None:
    types = Types()
    btf = types.btf("little") if types.integer(4) else None
    with pytest.raises(BadFormat, match=r"^the key has 8 bytes, but its type in the BTF has 4$"):
        format_of(Typed("the key", 8, btf, 1), None, Context(NAMES))
    assert format_of(Typed("the key", 4, btf, 0), "ipv4", Context(NAMES)).size == 4
    with pytest.raises(BadFormat, match="has no BTF, so its fields have no names"):
        format_of(Typed("the key", 4, btf, 0), {"a": "ipv4"}, Context(NAMES))


# Blobs that nobody's compiler wrote


@functools.lru_cache(maxsize=None)
def crafted() -> dict[str, tuple[Types, int, str]]:
    found = {}

    def add(name: str, told: str) -> Types:
        types = Types()
        types.integer(4)
        found[name] = (types, 0, told)
        return types

    def of(name: str, type_id: int) -> None:
        types, _none, told = found[name]
        found[name] = (types, type_id, told)

    types = add("a struct of itself", "is made of more than")
    of("a struct of itself", types.struct(4, [("x", 2, 0, 0)]))
    types = add("an array of itself", "is made of itself")
    of("an array of itself", types.array(2, 1))
    types = add("a union of two of a union of two", "is made of more than")
    inner = 1
    for _level in range(30):
        inner = types.union(4, [("a", inner, 0, 0), ("b", inner, 0, 0)])
    of("a union of two of a union of two", inner)
    types = add("a field beyond the end", "has a type that cannot be declared")
    of("a field beyond the end", types.struct(4, [("x", 1, 8, 0)]))
    types = add("a field between two bytes", "has a type that cannot be declared")
    of("a field between two bytes", types.struct(8, [("x", 1, 3, 0)]))
    types = add("a bitfield beyond the end", "has a type that cannot be declared")
    of("a bitfield beyond the end", types.struct(4, [("x", 1, 30, 3)]))
    types = add("a bitfield of more bits", "has a type that cannot be declared")
    of("a bitfield of more bits", types.struct(8, [("x", 1, 0, 33)]))
    types = add("a bitfield of structs", "has a type that cannot be declared")
    of("a bitfield of structs", types.struct(4, [("x", types.struct(4, []), 0, 3)]))
    types = add("two of a name", "has two fields of one name")
    of("two of a name", types.struct(8, [("x", 1, 0, 0), ("x", 1, 32, 0)]))
    types = add("two of a name, one inside", "has two fields of one name")
    hidden = types.struct(4, [("x", 1, 0, 0)], "")
    of("two of a name, one inside", types.struct(8, [("x", 1, 0, 0), ("", hidden, 32, 0)]))
    types = add("very many fields", "is made of more than")
    many = types.struct(4, [(f"f{number}", 1, 0, 0) for number in range(60_000)])
    of("very many fields", types.union(4, [("a", many, 0, 0), ("b", many, 0, 0)]))
    types = add("very many names", "is made of more than")
    names = types.enum(4, {f"n{number}": number for number in range(9_000)})
    of("very many names", types.union(4, [(f"f{number}", names, 0, 0) for number in range(9_000)]))
    types = add("very many names of bits", "is made of more than")
    names = types.enum(4, {f"n{number}": number for number in range(900)})
    bits = [(f"f{number}", names, 0, 4) for number in range(900)]
    of("very many names of bits", types.union(4, bits))
    return found


@pytest.mark.parametrize("name", crafted())
def test_crafted_types_are_refused_soon(name: str) -> None:
    types, type_id, told = crafted()[name]
    assert told in refused(types, type_id)


def test_a_section_in_a_section_and_a_variable_without_a_name() -> None:
    types = Types()
    u32 = types.integer(4)
    inner = types.section(4, [("x", u32, 0, 4)])
    found = made(types, types.section(8, [("y", inner, 0, 4), ("", u32, 4, 4)]))
    assert unfit(found, {"y": {"x": 1}}).startswith("y: cannot be set: the field y of the value")
    assert unfit(found, {"": 1}) == "has a key that is not one of the fields: y"
    assert refused(types, types.struct(4, [("s", inner, 0, 0)])).endswith("cannot be declared")


def test_an_unnamed_number_is_padding() -> None:
    types = Types()
    u32 = types.integer(4)
    found = made(types, types.struct(8, [("", u32, 0, 5), ("x", u32, 32, 0)]))
    both_ways(found, {"x": 1}, "00000000 01000000")


def test_a_large_array_costs_nothing_until_it_is_given() -> None:
    types = Types()
    found = made(types, types.array(types.integer(4), 2**29))
    assert unfit(found, [1]) == "must be a list of exactly 536870912"
