# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and values without BTF: a list of their fields."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.declared_format import (
    Typed,
    format_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    BadFormat,
    Context,
    Format,
    Unfit,
)
from contents import NAMES

ENDPOINT = [
    {"name": "address", "format": "ipv4"},
    {"name": "port", "format": "be16"},
    {"name": "protocol", "format": "proto"},
    {"format": "pad", "size": 1},
]
VALUE = {"address": "10.0.0.1", "port": 443, "protocol": "tcp"}


def made(fields: Any, size: int) -> Format:
    return format_of(Typed("the key", size), fields, Context(NAMES, "little"))


def test_fields_lie_one_after_the_other() -> None:
    found = made(ENDPOINT, 8)
    raw = bytes.fromhex("0a000001 01bb 06 00")
    assert found.encode(VALUE) == raw
    assert found.decode(raw) == VALUE
    assert found.encode({name: str(value) for name, value in VALUE.items()}) == raw


def test_sizes_are_given_where_there_are_several() -> None:
    fields = [
        {"name": "name", "format": "string", "size": 4},
        {"name": "protocol", "format": "proto", "size": "2"},
        {"name": "pad", "format": "pad", "size": 2},  # may have a name
        {"name": "raw", "format": "hex", "size": 2},
        {"name": "one", "format": "u8", "size": None},
    ]
    value = {"name": "ab", "protocol": "udp", "raw": "01 02", "one": 1}
    assert made(fields, 11).encode(value) == bytes.fromhex("61620000 1100 0000 0102 01")
    assert made(fields, 11).decode(made(fields, 11).encode(value)) == value


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"port": 65536}, "port: must be a whole number from 0 to 65535"),
        ({"address": "10.1"}, "address: must be an address of IPv4, such as 10.0.0.1"),
        ({"ports": 1}, "ports: is not one of the fields: address, port, protocol"),
    ],
)
def test_what_does_not_fit_is_told_by_field(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(Unfit) as caught:
        made(ENDPOINT, 8).encode({**VALUE, **changed})
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([], "the key has 4 bytes, but its fields and their padding have 0"),
        ([{"name": "a", "format": "u16"}], "the key has 4 bytes, but its fields and their padding"),
        ([{"name": "a"}], "field 1 of the key must be a dictionary of name, format and size"),
        (["ipv4"], "field 1 of the key must be a dictionary of name, format and size"),
        ([{"name": "a", "format": "u32", "bits": 3}], "field 1 of the key must be a dictionary of"),
        ([{"format": "u32"}], "field 1 of the key needs a name"),
        ([{"name": "", "format": "u32"}], "field 1 of the key needs a name"),
        ([{"name": 1, "format": "u32"}], "field 1 of the key needs a name"),
        ([{"name": "a", "format": "u16"}] * 2, "field 2 of the key has the name of another: a"),
        ([{"name": "a", "format": "u3"}], "field 1 of the key has a format that is none: there"),
        ([{"name": "a", "format": ["u32"]}], "field 1 of the key has a format that is none: there"),
        ([{"name": "a", "format": "string"}], "field 1 of the key needs a size in bytes"),
        ([{"name": "a", "format": "hex", "size": 0}], "field 1 of the key needs a size in bytes"),
        ([{"name": "a", "format": "hex", "size": True}], "field 1 of the key needs a size in byte"),
        ([{"name": "a", "format": "hex", "size": 2**32}], "field 1 of the key needs a size in byt"),
        ([{"format": "pad"}], "field 1 of the key needs a size in bytes"),
        (
            [{"name": "a", "format": "ipv4", "size": 8}],
            "field 1 of the key has 8 bytes, but the format ipv4 takes 4",
        ),
    ],
)
def test_a_list_that_does_not_describe_the_key_is_refused(fields: Any, told: str) -> None:
    with pytest.raises(BadFormat) as caught:
        made(fields, 4)
    assert str(caught.value).startswith(told)
