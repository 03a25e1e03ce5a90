# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries are the bytes that they have to be in the byte order of the machine."""

from __future__ import annotations

# (little, big), or the same in both.
KEYS = {
    "u8": "c8",
    "u16": ("3412", "1234"),
    "u32": ("78563412", "12345678"),
    "u64": ("efcdab8967452301", "0123456789abcdef"),
    "s8": "fe",
    "s16": ("feff", "fffe"),
    "s32": ("feffffff", "fffffffe"),
    "s64": ("feffffffffffffff", "fffffffffffffffe"),
    "be16": "1234",
    "be32": "12345678",
    "be64": "0123456789abcdef",
    "ipv4": "c0000201",
    "ipv6": "20010db8000000000000000000000001",
    "mac": "02005e100001",
    "cidr4": ("18000000c0000200", "00000018c0000200"),
    "cidr6": ("2000000020010db8" + 12 * "00", "0000002020010db8" + 12 * "00"),
    "proto": ("06000000", "00000006"),
    "string": "6564676500000000",
    "hex": "0a0b0c",
    "bytes": "0a0b0c",
    "fields": ("060001bb78563412", "060001bb12345678"),
}
ONE = {"little": "01000000", "big": "00000001"}
NUMBER = {"little": "78563412", "big": "12345678"}


def test_every_format_has_the_bytes_of_this_byte_order(dumps, base, order):
    found = {
        name: [(_hex(each["key"]), _hex(each["value"])) for each in entries]
        for name, entries in zip(
            KEYS, dumps(*(f"{base}/formats/{name}" for name in KEYS)), strict=True
        )
    }
    wanted = {
        name: [(key if isinstance(key, str) else key[order == "big"], ONE[order])]
        for name, key in KEYS.items()
    }
    assert found == wanted


def test_every_cpu_has_the_declared_value(dumps, base, order):
    ((entry,),) = dumps(f"{base}/formats/of_cpus")
    assert _hex(entry["key"]) == ONE[order]
    assert {_hex(each["value"]) for each in entry["values"]} == {NUMBER[order]}


def _hex(octets):
    return "".join(octet[2:] for octet in octets)
