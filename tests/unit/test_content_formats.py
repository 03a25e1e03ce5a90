# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats that have a name: what they make of values, and what they refuse."""

from __future__ import annotations

import ipaddress
import struct
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
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
    UnfitItems,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.numbers import PROTOCOLS
from contents import NAMES
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

LITTLE = Context(NAMES, "little")


def made(name: object, size: int, context: Context = LITTLE) -> Format:
    return format_of(Typed("the key", size), name, context)


# Format and size; what may be written; its bytes on a little-endian host; how it is shown.
SAME = object()  # as written
TAKEN: list[tuple[str, Any, str, Any]] = [
    ("u8", 255, "ff", SAME),
    ("u8", "0xff", "ff", 255),
    ("u16", 443, "bb 01", SAME),
    ("u16", "443", "bb 01", 443),
    ("u16", "0x1bb", "bb 01", 443),
    ("u16", "0X1BB", "bb 01", 443),
    ("u32", 2**32 - 1, "ff ff ff ff", SAME),
    ("u64", 2**64 - 1, "ff" * 8, SAME),
    ("u64", "18446744073709551615", "ff" * 8, 2**64 - 1),
    ("u64", 0, "00" * 8, SAME),
    ("s8", -128, "80", SAME),
    ("s16", "-2", "fe ff", -2),
    ("s32", -1, "ff ff ff ff", SAME),
    ("s64", -(2**63), "00" * 7 + "80", SAME),
    ("be16", 443, "01 bb", SAME),
    ("be32", 1, "00 00 00 01", SAME),
    ("be64", "1", "00" * 7 + "01", 1),
    ("ipv4", "10.0.0.1", "0a 00 00 01", SAME),
    ("ipv4", "255.255.255.255", "ff" * 4, SAME),
    ("ipv6", "2001:db8::1", "20 01 0d b8" + "00" * 11 + "01", SAME),
    ("ipv6", "2001:DB8:0::0001", "20 01 0d b8" + "00" * 11 + "01", "2001:db8::1"),
    ("ipv6", "::ffff:10.0.0.1", "00" * 10 + "ff ff 0a 00 00 01", SAME),
    ("mac", "02:00:5e:10:00:ff", "02 00 5e 10 00 ff", SAME),
    ("mac", "02-00-5E-10-00-FF", "02 00 5e 10 00 ff", "02:00:5e:10:00:ff"),
    ("cidr4", "10.0.0.0/8", "08 00 00 00 0a 00 00 00", SAME),
    ("cidr4", "0.0.0.0/0", "00" * 8, SAME),
    ("cidr4", "10.0.0.1", "20 00 00 00 0a 00 00 01", "10.0.0.1/32"),
    ("cidr6", "2001:db8::/32", "20 00 00 00 20 01 0d b8" + "00" * 12, SAME),
    ("cidr6", "::1", "80 00 00 00" + "00" * 15 + "01", "::1/128"),
    ("ifindex", "lo", "01 00 00 00", SAME),
    ("ifindex", 1, "01 00 00 00", "lo"),
    ("ifindex", 77, "4d 00 00 00", SAME),
    ("ifindex", "77", "4d 00 00 00", 77),
    ("ifindex", "9", "03 00 00 00", SAME),  # a name, of the third
    ("ifindex", 9, "09 00 00 00", SAME),
    ("cgroup", "/sys/fs/cgroup/a", "2a" + "00" * 7, 42),
    ("cgroup", 42, "2a" + "00" * 7, SAME),
    ("cgroup", "0x2a", "2a" + "00" * 7, 42),
    ("proto", "tcp", "06", SAME),
    ("proto", "UDP", "11", "udp"),
    ("proto", 17, "11", "udp"),
    ("proto", "17", "11", "udp"),
    ("proto", "icmpv6", "3a", "ipv6-icmp"),
    ("proto", 253, "fd", SAME),
]
OF_SIZE: list[tuple[str, Any, str, Any]] = [
    ("proto", "sctp", "84 00", SAME),
    ("proto", "tcp", "06 00 00 00", SAME),
    ("ifindex", "lo", "01" + "00" * 7, SAME),
    ("string", "eth0", "65 74 68 30" + "00" * 12, SAME),
    ("string", "", "00", SAME),
    ("string", "ü", "c3 bc 00", SAME),
    ("string", [65, 66], "41 42", SAME),  # no NUL: no text
    ("string", [0, 65, 0], "00 41 00", SAME),
    ("string", ["0x41", 0], "41 00", "A"),
    ("hex", "0a 00 00 01", "0a 00 00 01", SAME),
    ("hex", "0a000001", "0a 00 00 01", "0a 00 00 01"),
    ("hex", "0x0a 0x00", "0a 00", "0a 00"),
    ("hex", " 0x0A00 ", "0a 00", "0a 00"),
    ("hex", [10, 0], "0a 00", "0a 00"),
    ("bytes", [10, 0, 255], "0a 00 ff", SAME),
    ("bytes", ["0x0a", "0x00"], "0a 00", [10, 0]),  # as bpftool prints it
    ("bytes", "10 0x0a", "0a 0a", [10, 10]),
]


def ids(row: tuple[str, Any, str, Any]) -> str:
    return f"{row[0]} {row[1]!r}"


@pytest.mark.parametrize("row", [*TAKEN, *OF_SIZE], ids=ids)
def test_a_value_has_these_bytes_and_is_shown_so(row: tuple[str, Any, str, Any]) -> None:
    name, value, digits, shown = row
    raw = bytes.fromhex(digits)
    found = made(name, len(raw))
    assert found.size == len(raw)
    assert found.encode(value) == raw
    assert found.decode(raw) == (value if shown is SAME else shown)
    assert found.encode(found.decode(raw)) == raw
    assert found.encode_items([value, value]) == [raw, raw]
    if isinstance(value, str):
        assert found.encode_texts([value] * 3) == [raw] * 3


@pytest.mark.parametrize("row", [row for row in TAKEN if row[0][0] in "uscipm"], ids=ids)
def test_host_order_is_the_other_way_round_on_big_endian_hosts(
    row: tuple[str, Any, str, Any],
) -> None:
    name, value, digits, _shown = row
    raw = bytes.fromhex(digits)
    if name.startswith("cidr"):
        raw = raw[3::-1] + raw[4:]  # the length only
    elif name not in ("ipv4", "ipv6", "mac"):
        raw = raw[::-1]
    found = made(name, len(raw), Context(NAMES, "big"))
    assert found.encode(value) == raw
    if isinstance(value, str):
        assert found.encode_texts([value]) == [raw]


NUMBERS = [
    -1,
    256,
    "-1",
    "256",
    "",
    " 1",
    "1 ",
    "+1",
    "1_0",
    "007",
    "0b1",
    "0o7",
    "1e1",
    "\u0663",
    "0x",
]
NUMBERS += ["-0x1", "9" * 5000, "0x" + "f" * 33, 1.0, True, None, [1], {}, "one", "1\n", "00"]
NOT_TAKEN: list[tuple[str, int, list[Any]]] = [
    ("u8", 1, NUMBERS),
    ("u16", 2, [65536, -1]),
    ("u64", 8, [2**64, -1]),
    ("s8", 1, [128, -129, "0xff"]),
    ("s64", 8, [2**63 + 5]),
    ("be16", 2, [65536, -1, "\u0663", "00"]),
    ("ipv4", 4, ["1.2", "10.0.0.01", "10.0.0.256", "", " 10.9.8.7", "10.9.8.7\0", 167772161, None]),
    ("ipv4", 4, ["10.0.0.1/32", "::1", "\u0661\u0660.0.0.1", "\ud800", "10.9.8.7\n", ["10.9.8.7"]]),
    ("ipv6", 16, ["fe80::1%eth0", "10.0.0.1", "::1/128", ":::", "", "g::", 1, "\0"]),
    ("mac", 6, ["02:00:5e:10:00", "02:00-5e:10:00:ff", "02005e1000ff", "0200.5e10.00ff", 1, ""]),
    ("mac", 6, ["02:00:5e:10:00:ff\n", "2:0:5e:10:0:ff", "02:00:5e:10:00:fg"]),
    ("cidr4", 8, ["10.9.0.0/", "10.9.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/255.0.0.0"]),
    ("cidr4", 8, ["10.0.0.1/8", "10/8", "/8", "10.0.0.0/8/8", "10.0.0.0 /8", 10, None, "::/0"]),
    ("cidr6", 20, ["2001:db8::1/32", "::/129", "::/", "fe80::%eth0/64", "10.0.0.0/8", "::/\u0663"]),
    ("ifindex", 4, ["nowhere", 2**32, -1, None, "", True]),
    ("cgroup", 8, ["/nowhere", 2**64, -1, None, "", True]),
    ("proto", 1, ["nothing", 256, -1, None, True, "tcp "]),
    ("string", 4, ["four", "é é", "a\0", "\ud800", 4, None, [1, 2, 3], [1, 2, 3, 256], True]),
    (
        "hex",
        2,
        ["0a", "0a 0", "0a 00 00", "0a0 0", "zz 00", "", 10, None, "0a:00", "a 00", [1, 256]],
    ),
    ("hex", 2, ["0x 0a 00", "0x0x0a00", "0x0a0"]),
    ("bytes", 2, [[1], [1, 2, 3], [1, 256], [1, -1], [1, None], "1", "1 2 3", 1, {}, "0a 00"]),
]


@pytest.mark.parametrize(
    ("name", "size", "value"),
    [(name, size, value) for name, size, values in NOT_TAKEN for value in values],
    ids=lambda each: repr(each)[:30],
)
def test_what_does_not_fit_is_refused_without_being_named(name: str, size: int, value: Any) -> None:
    found = made(name, size)
    with pytest.raises(Unfit) as caught:
        found.encode(value)
    assert caught.value.field == ""
    assert caught.value.reason[:4] in ("must", "has ", "is n")
    if len(str(value)) > 4:
        assert str(value) not in "".join(traceback.format_exception(Unfit, caught.value, None))
    if isinstance(value, str):
        with pytest.raises(UnfitItems) as of_many:
            found.encode_texts([value])
        assert [(at, unfit.reason) for at, unfit in of_many.value.items] == [
            (0, caught.value.reason)
        ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("u8", "from 0 to 255"), ("s16", "from -32768 to 32767"), ("be16", "from 0 to 65535")],
)
def test_the_range_of_numbers_is_told(name: str, wanted: str) -> None:
    with pytest.raises(Unfit, match=f"^must be a whole number {wanted}$"):
        made(name, 1 if name == "u8" else 2).encode("x")


def test_host_bits_are_masked_if_that_is_wished() -> None:
    masking = LITTLE._replace(masks_host_bits=True)
    texts = ["10.1.2.3/8", "10.0.0.0/8", "10.1.2.3", "1.2.3.4/0", "10.1.2.255/31"]
    networks = [ipaddress.ip_network(text, strict=False) for text in texts]
    wanted = [struct.pack("<I", each.prefixlen) + each.network_address.packed for each in networks]
    found = made("cidr4", 8, masking)
    assert [found.encode(text) for text in texts] == wanted
    assert found.encode_texts(texts) == wanted
    six = made("cidr6", 20, masking)
    assert six.encode_texts(["2001:db8::1/33"]) == made("cidr6", 20).encode_texts(["2001:db8::/33"])


def test_a_prefix_that_others_have_written_is_shown_as_it_is() -> None:
    raw = bytes.fromhex("08 00 00 00 0a 00 00 01")
    assert made("cidr4", 8).decode(raw) == "10.0.0.1/8"


@pytest.mark.parametrize(
    ("name", "size", "told"),
    [
        ("ipv4", 16, "the key has 16 bytes, but the format ipv4 takes 4"),
        ("ifindex", 2, "the key has 2 bytes, but the format ifindex takes 4 or 8"),
        ("proto", 3, "the key has 3 bytes, but the format proto takes 1 or 2 or 4 or 8"),
        ("ipv5", 4, "the key has a format that is none: there are u8, u16, u32"),
        (4, 4, "the key has a format that is none"),
        ({"addr": "ipv4"}, 4, "the key has no BTF, so its fields have no names: declare btf, or"),
    ],
)
def test_a_format_that_is_none_for_a_size_is_refused(name: Any, size: int, told: str) -> None:
    with pytest.raises(BadFormat) as caught:
        made(name, size)
    assert str(caught.value).startswith(told)


def test_protocols_are_those_of_the_host() -> None:
    """Of this one: /etc/protocols may have fewer, but never others."""
    table = Path("/etc/protocols")
    if not table.exists():
        pytest.skip("this machine has no /etc/protocols")
    rows = [line.partition("#")[0].split() for line in table.read_text().splitlines()]
    known = {name: int(row[1]) for row in rows if row for name in (row[0], *row[2:])}
    both = PROTOCOLS.keys() & known.keys()
    assert len(both) > 10
    assert {name: PROTOCOLS[name] for name in both} == {name: known[name] for name in both}


EVERY = [*(("u8", 1), ("s64", 8), ("be32", 4), ("ipv4", 4), ("ipv6", 16), ("mac", 6), ("hex", 4))]
EVERY += [("cidr4", 8), ("cidr6", 20), ("ifindex", 4), ("cgroup", 8), ("proto", 1), ("bytes", 3)]
EVERY += [("string", 4), (None, 4)]


@pytest.mark.parametrize(("name", "size"), EVERY)
@pytest.mark.parametrize("secret", ["hunter2!", 1815, ["hunter2!", 1815], {"hunter2!": 1815}])
def test_no_trace_of_an_error_has_the_value(name: str, size: int, secret: Any) -> None:
    found = made(name, size)
    try:
        found.encode(secret)
    except Unfit as error:
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        assert "hunter2" not in trace
        assert "1815" not in trace
    else:
        assert secret == 1815
    with pytest.raises(UnfitItems) as caught:
        found.encode_texts(["hunter2!"])
    for _index, unfit in caught.value.items:
        assert isinstance(unfit.__context__, (Unfit, type(None)))
    trace = "".join(
        traceback.format_exception(UnfitItems, caught.value, caught.value.__traceback__)
    )
    assert '"hunter2!"' in trace  # the line of the test, and no other
    assert trace.count("hunter2") == 1


# Without a format and without BTF


@pytest.mark.parametrize("value", ["0x0a 0x00", ["0x0a", "0x00"], [10, 0]])
def test_bytes_beyond_doubt_need_no_format(value: Any) -> None:
    found = made(None, 2)
    assert found.encode(value) == b"\x0a\0"
    assert found.decode(b"\x0a\0") == "0x0a 0x00"


@pytest.mark.parametrize("value", [10, "10", "0a00", "0a 00", "0x0a00", "0x0a", "", None, [10], {}])
def test_nothing_else_is_guessed(value: Any) -> None:
    with pytest.raises(Unfit, match=r"no BTF that says its type|2 bytes in hex"):
        made(None, 2).encode(value)


# Many


def test_the_first_twenty_of_many_are_told() -> None:
    texts = [f"10.0.{number >> 8}.{number & 255}" for number in range(60_000)]
    wrong = [*range(7, 50_000, 2_500), 55_555, 59_999]
    for index in wrong:
        texts[index] = "nowhere"
    with pytest.raises(UnfitItems) as caught:
        made("ipv4", 4).encode_texts(texts)
    assert [index for index, _unfit in caught.value.items] == wrong[:20]
    assert "nowhere" not in str(caught.value)
    with pytest.raises(UnfitItems) as of_items:
        made("ipv4", 4).encode_items(texts)
    assert str(of_items.value) == str(caught.value)


def test_many_are_the_same_as_each() -> None:
    texts = [str(number) for number in range(40_000)]
    texts[20_000] = "0x4e20"  # in the middle of plain ones
    found = made("u32", 4)
    assert found.encode_texts(tuple(texts)) == [found.encode(text) for text in texts]
    assert found.encode_texts([]) == found.encode_items([]) == []


# Properties

ORDERS: list[ByteOrder] = ["little", "big"]
INTEGERS = [(f"{kind}{8 * size}", size) for kind in "us" for size in (1, 2, 4, 8)]
FIXED = [
    *(*INTEGERS, ("be16", 2), ("be32", 4), ("be64", 8), ("ipv4", 4), ("ipv6", 16), ("mac", 6)),
    *(("ifindex", 4), ("ifindex", 8), ("cgroup", 8), ("proto", 1), ("proto", 4)),
]
RAW = st.one_of(
    [st.tuples(st.just(name), st.binary(min_size=size, max_size=size)) for name, size in [*FIXED]]
    + [
        st.tuples(st.just(name), st.binary(min_size=1, max_size=40))
        for name in ("string", "hex", "bytes", None)
    ]
)


@examples(600)
@given(RAW, st.sampled_from(ORDERS))
def test_any_bytes_are_decoded_to_what_encodes_to_them(
    drawn: tuple[str | None, bytes], order: ByteOrder
) -> None:
    name, raw = drawn
    found = made(name, len(raw), Context(NAMES, order))
    value = found.decode(raw)
    assert found.encode(value) == raw
    if isinstance(value, (str, int)):
        assert found.encode_texts([str(value)]) == [raw]


@examples(300)
@given(st.ip_addresses(), st.integers(0, 128), st.sampled_from(ORDERS))
def test_prefixes_are_those_of_the_library(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int, order: ByteOrder
) -> None:
    length = min(length, address.max_prefixlen)
    name, size = ("cidr4", 8) if address.version == 4 else ("cidr6", 20)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    raw = length.to_bytes(4, order) + network.network_address.packed
    for masks in (False, True):
        found = made(name, size, Context(NAMES, order, masks))
        assert found.encode(str(network)) == raw
        assert found.encode_texts([str(network)]) == [raw]
        assert found.encode(found.decode(raw)) == raw
        text = f"{address}/{length}"
        is_network = network.network_address == address
        assert is_taken(found, text) == (masks or is_network)
    assert masked(name, size, order, text) == raw


def masked(name: str, size: int, order: ByteOrder, text: str) -> bytes:
    return made(name, size, Context(NAMES, order, True)).encode(text)


def is_taken(found: Format, text: str) -> bool:
    try:
        one = found.encode(text)
    except Unfit:
        with pytest.raises(UnfitItems):
            found.encode_texts([text])
        return False
    assert found.encode_texts([text]) == [one]
    return True


ODD = st.text(max_size=12) | st.text("0123456789abcdefx.:/-+_ ", max_size=20)


@examples(800)
@given(
    st.lists(ODD, min_size=1, max_size=4), st.sampled_from([*FIXED, ("cidr4", 8), ("cidr6", 20)])
)
def test_in_a_crowd_a_text_means_what_it_means_alone(
    texts: list[str], chosen: tuple[str, int]
) -> None:
    found = made(*chosen)
    alone: list[Any] = []
    for text in texts:
        try:
            alone.append(found.encode(text))
        except Unfit as error:
            alone.append(error.reason)
    wrong = [(at, each) for at, each in enumerate(alone) if isinstance(each, str)]
    if not wrong:
        assert found.encode_texts(texts) == alone
        return
    with pytest.raises(UnfitItems) as caught:
        found.encode_texts(texts)
    assert [(at, unfit.reason) for at, unfit in caught.value.items] == wrong


def test_the_byte_order_of_the_host_is_the_usual_one() -> None:
    assert Context(NAMES).byte_order == sys.byteorder
