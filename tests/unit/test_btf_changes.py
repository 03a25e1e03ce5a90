# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has become of the fields of a value, told by their names."""

from __future__ import annotations

from contextlib import suppress

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, BtfError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_changes import (
    FieldChange,
    Means,
    Side,
    changes,
)
from hypothesis import given
from test_btf import compiled

TYPES = "typedef unsigned int u32; typedef unsigned long long u64; typedef unsigned char u8;"

# The old value, the new one, and what is told.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "nothing": ("u32 a; u64 b;", "u32 a; u64 b;", []),
    "grown at the end": (
        "u64 a; char rest[1504];",
        "u64 a; char rest[1504]; u64 timer[2];",
        ["value grew from 1512 to 1528 bytes", "field timer added at 1512 (16 bytes)"],
    ),
    "grown in the middle": (
        "u32 a; u32 b;",
        "u32 a; u64 timer; u32 b;",
        [
            "value grew from 8 to 24 bytes",
            "field timer added at 8 (8 bytes)",
            "field b moved from 4 to 16",
        ],
    ),
    "shrunk": (
        "u64 a; u64 b;",
        "u64 a;",
        ["value shrank from 16 to 8 bytes", "field b removed, was at 8"],
    ),
    "another size": (
        "u32 b; u32 c;",
        "u64 b;",
        ["field c removed, was at 4", "field b: u32 became u64"],
    ),
    "another sign": ("int a;", "unsigned a;", ["field a: int became unsigned int"]),
    "another typedef of the same": ("u32 a;", "unsigned a;", []),
    "the same name of a typedef": (
        "stamp a;",
        "stamp a; // 64",
        ["value grew from 4 to 8 bytes", "field a: int became long"],
    ),
    "renamed": ("u32 a; u32 b;", "u32 a; u32 total;", ["field b at 4 is now total"]),
    "swapped": (
        "u32 a; u32 b;",
        "u32 b; u32 a;",
        ["field b moved from 4 to 0", "field a moved from 0 to 4"],
    ),
    "in a struct": (
        "u64 n; struct { u32 a; u32 b; } in;",
        "u64 n; struct { u32 a; u32 c; u32 b; } in;",
        [
            "value grew from 16 to 24 bytes",
            "field in.c added at 12 (4 bytes)",
            "field in.b moved from 12 to 16",
        ],
    ),
    "a struct that moved": (
        "u32 n; struct { u32 a; u32 b; } in;",
        "u64 n; struct { u32 a; u32 b; } in;",
        [
            "value grew from 12 to 16 bytes",
            "field n: u32 became u64",
            "field in moved from 4 to 8",
        ],
    ),
    "in an array": (
        "struct { u32 a; u32 b; } all[4];",
        "struct { u64 a; u32 b; u32 c; } all[4];",
        [
            "value grew from 32 to 64 bytes",
            "field all[].a: u32 became u64",
            "field all[].b moved from 4 to 8",
            "field all[].c added at 12 (4 bytes)",
        ],
    ),
    "more elements": (
        "u32 all[4];",
        "u32 all[8];",
        ["value grew from 16 to 32 bytes", "field all: 4 elements became 8"],
    ),
    "in a part without a name": (
        "u32 n; union { u32 a; u8 raw[4]; };",
        "u32 n; union { u32 a; u8 raw[4]; u64 wide; };",
        [
            "value grew from 8 to 16 bytes",
            "field a moved from 4 to 8",
            "field raw moved from 4 to 8",
            "field wide added at 8 (8 bytes)",
        ],
    ),
    "bits": (
        "u32 a : 3; u32 b : 5;",
        "u32 a : 4; u32 b : 5;",
        ["field a: 3 bits became 4 bits", "field b moved from 0.3 to 0.4"],
    ),
    "an enum": (
        "enum color { RED, GREEN } a;",
        "enum color { RED, BLUE, GREEN } a;",
        [
            "field a: enum color { RED = 0, GREEN = 1, } became "
            "enum color { RED = 0, BLUE = 1, GREEN = 2, }"
        ],
    ),
    "a struct in place of a number": (
        "u64 a;",
        "struct pair { u32 low; u32 high; } a;",
        ["field a: u64 became struct pair { unsigned int low; unsigned int high; }"],
    ),
    "what a pointer leads to": (
        "struct far *a;",
        "struct near *a;",
        ["field a: struct far * became struct near *"],
    ),
}


def side(members: str) -> Side:
    stamp = "typedef long stamp;" if "// 64" in members else "typedef int stamp;"
    source = f"{TYPES}{stamp}\nstruct value {{ {members}\n}}; struct value unused;"
    sample = compiled(source)
    return Side(sample.btf, sample.id("STRUCT", "value"))


@pytest.mark.parametrize("about", CASES)
def test_what_differs_is_told_by_the_names_of_fields(about: str) -> None:
    old, new, told = CASES[about]
    assert [each.text for each in changes("value", side(old), side(new))] == told


def test_a_number_alone_is_called_what_it_is() -> None:
    one, two = compiled("unsigned a;"), compiled("unsigned long long a;")
    old = Side(one.btf, one.id("INT", "unsigned int"))
    new = Side(two.btf, two.id("INT", "unsigned long long"))
    assert [each.text for each in changes("key", old, new)] == [
        "key grew from 4 to 8 bytes",
        "key: unsigned int became unsigned long long",
    ]


def test_only_a_new_name_leaves_bytes_where_they_are() -> None:
    (renamed,) = changes("value", side("int a;"), side("int b;"))
    assert renamed == FieldChange("field a at 0 is now b", means=Means.OTHER_NAME)


@pytest.mark.parametrize(
    ("old", "new", "is_kept"),
    [
        ("int a;", "int a; int b;", True),
        ("int a[4];", "int a[8];", True),
        ("int a; int b;", "int a; int c;", True),  # another name
        ("int a[8];", "int a[4];", False),
        ("int a;", "long a;", False),
        ("int a; int b;", "int a; int n; int b;", False),
        ("int a; int b;", "int a;", False),
    ],
)
def test_bytes_that_are_there_are_read_as_before_or_not(old: str, new: str, is_kept: bool) -> None:
    found = changes("value", side(old), side(new))
    assert found
    assert all(each.means is not Means.OTHER_BYTES for each in found) is is_kept


def test_of_very_many_differences_some_are_told() -> None:
    old = "".join(f"int a{number};" for number in range(200))
    new = "".join(f"long a{number};" for number in range(200))
    found = changes("value", side(old), side(new))
    assert len(found) == 41
    assert found[-1].text == "and more"


@some.examples(200)
@given(some.blobs())
def test_of_any_types_the_same_does_not_differ(sample: tuple[bytes, int]) -> None:
    blob, type_id = sample
    one, two = Btf.parse(blob), Btf.parse(blob)
    assert changes("value", Side(one, type_id), Side(two, type_id)) == ()


@some.examples(200)
@given(some.blobs(), some.blobs())
def test_of_any_two_types_something_is_told_where_they_are_not_the_same(
    one: tuple[bytes, int], two: tuple[bytes, int]
) -> None:
    left, right = Btf.parse(one[0]), Btf.parse(two[0])
    found = changes("value", Side(left, one[1]), Side(right, two[1]))
    with suppress(BtfError):  # such as a typedef of itself
        sizes = left.size_of(one[1]), right.size_of(two[1])
        assert bool(found) is not left.same_type(one[1], right, two[1]) or sizes[0] != sizes[1]


def test_types_that_are_made_of_themselves_come_to_an_end() -> None:
    old = side("struct value *next; struct { struct value *a[8]; } in[8];")
    new = side("struct value *next; struct { struct value *a[9]; } in[8];")
    assert [each.text for each in changes("value", old, new)] == [
        "value grew from 520 to 584 bytes",
        "field in[].a: 8 elements became 9",
    ]
