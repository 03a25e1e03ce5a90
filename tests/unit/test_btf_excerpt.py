# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest BTF for a few types: it says the same of them. The oracle is bpftool."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import btf_types as btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, BtfError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_excerpt import excerpt
from test_btf import (
    AN_INT,
    FLOW,
    LOOKS,
    OTHER_KINDS,
    B,
    C,
    D,
    Sample,
    as_bpftool_reads,
    by_hand,
    compiled,
    in_other_order,
    info,
)

MORE = f"other_before; {FLOW} struct unrelated {{ long number; }} unrelated; {LOOKS}"


def spelled(types: list[dict[str, Any]], type_id: int) -> Any:
    """All that bpftool says of a type and what it is made of, without ids.

    Named structs behind a pointer are only their name: that is where an excerpt ends.
    """
    by_id = {each["id"]: each for each in types}

    def spell(type_id: int, pointed_to: bool) -> Any:
        if not type_id:
            return "void"
        found = dict(by_id[type_id])
        kind, name = found["kind"], found["name"]
        if pointed_to and name != "(anon)" and kind in ("STRUCT", "UNION", "FWD"):
            return name, found.get("fwd_kind", kind.lower())
        behind = kind == "PTR" or (
            pointed_to and kind in ("TYPEDEF", "CONST", "VOLATILE", "RESTRICT")
        )

        def without_ids(words: dict[str, Any]) -> dict[str, Any]:
            return {
                word: spell(value, behind) if word in LINKS else value
                for word, value in words.items()
                if word != "id"
            }

        parts = [word for word in ("members", "params") if word in found]
        for word in parts:
            found[word] = [without_ids(part) for part in found[word]]
        return without_ids(found)

    return spell(type_id, False)


LINKS = ("type_id", "ret_type_id", "index_type_id")


def assert_says_the_same(whole: Sample, *wanted: int) -> Sample:
    blob, ids = excerpt(whole.btf, *wanted)
    part = as_bpftool_reads(blob)
    assert len(ids) == len(wanted)
    for before, after in zip(wanted, ids, strict=True):
        assert spelled(part.types, after) == spelled(whole.types, before)
    return part


def test_a_type_with_everything_in_it_stays_as_it_is() -> None:
    whole = compiled(f"long {MORE}")
    part = assert_says_the_same(whole, whole.id("TYPEDEF", "u32"), whole.id("STRUCT", "flow"))
    assert len(part.types) < len(whole.types)
    assert "unrelated" not in {each["name"] for each in part.types}


@pytest.mark.parametrize("type_id", [1, 2, 3, 4, 6, 9])
def test_so_do_types_that_clang_does_not_write(type_id: int) -> None:
    assert_says_the_same(as_bpftool_reads(OTHER_KINDS), type_id)


def test_nothing_is_in_it_that_the_types_do_not_need() -> None:
    whole = compiled(FLOW + LOOKS)
    blob, ids = excerpt(whole.btf, whole.id("STRUCT", "flow"))
    part = Btf.parse(blob)
    needed, waiting = set(), list(ids)
    while waiting:
        type_id = waiting.pop()
        if type_id and type_id not in needed:
            needed.add(type_id)
            found = part.types[type_id]
            waiting += [found.target, found.indexed_by, *(each.type_id for each in found.parts)]
    assert needed == set(range(1, len(part.types)))
    names = {each.name for each in part.types}
    names |= {piece.name for each in part.types for piece in each.parts}
    (size,) = struct.unpack_from("=I", blob, 20)
    assert sorted(blob[-size:].split(b"\0")[:-1]) == sorted(name.encode() for name in names)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(f"long {MORE}", id="with other types before and behind"),
        pytest.param(FLOW + LOOKS, id="whose code looks behind pointers"),
        pytest.param(f"double one; unsigned long long two; {FLOW}", id="in another order"),
    ],
)
def test_two_objects_with_the_same_types_give_the_same_bytes(other: str) -> None:
    one, two = compiled(FLOW), compiled(other)
    ids = [[each.id("TYPEDEF", "u32"), each.id("STRUCT", "flow")] for each in (one, two)]
    assert ids[0] != ids[1]
    assert excerpt(one.btf, *ids[0]) == excerpt(two.btf, *ids[1])


def test_a_struct_that_is_there_anyway_is_not_declared_again() -> None:
    whole = compiled("struct node { struct node *next; struct far *far; } node;")
    part = assert_says_the_same(whole, whole.id("STRUCT", "node"))
    kinds = [(each["kind"], each["name"]) for each in part.types if each["name"] != "(anon)"]
    assert kinds == [("STRUCT", "node"), ("FWD", "far")]


@pytest.mark.parametrize(
    "declared",
    [
        "struct far (*value)[2];",  # an array of what has no size is none
        "struct { struct far far; } *value;",
        "struct far (*value)(struct far);",
    ],
)
def test_behind_a_pointer_there_may_be_need_of_the_whole_struct(declared: str) -> None:
    """The kernel refuses an array, a struct or a function of what it does not know the size of."""
    whole = compiled(f"struct far {{ int inside; }}; struct far far; struct v {{ {declared} }} v;")
    blob, _ids = excerpt(whole.btf, whole.id("STRUCT", "v"))
    part = as_bpftool_reads(blob)
    assert part.id("STRUCT", "far")
    assert "FWD" not in {each["kind"] for each in part.types}


def test_behind_a_tag_the_struct_is_kept_since_the_kernel_looks() -> None:
    struct_ = (B, info(btf.STRUCT, 1), 4, B, 1, 0)
    for tags, kind in (([(C, info(btf.TYPE_TAG), 2)], btf.STRUCT), ([], btf.FWD)):
        pointer = (0, info(btf.PTR), 4 if tags else 2)
        whole = Btf.parse(by_hand("abc", AN_INT, struct_, pointer, *tags))
        part = Btf.parse(excerpt(whole, 3).blob)
        assert [each.kind for each in part.types if each.name == "b"] == [kind]


def test_the_byte_order_is_that_of_the_object() -> None:
    sample = compiled(FLOW)
    flow = sample.id("STRUCT", "flow")
    native = excerpt(sample.btf, flow)
    swapped = excerpt(Btf.parse(in_other_order(sample.blob)), flow)
    assert swapped.type_ids == native.type_ids
    assert swapped.blob == in_other_order(native.blob)
    assert as_bpftool_reads(swapped.blob).types == as_bpftool_reads(native.blob).types


def test_no_type_stays_none() -> None:
    whole = Btf.parse(by_hand("a", AN_INT))
    blob, ids = excerpt(whole, 0, 1, 1)
    assert ids == (0, 1, 1)
    assert len(Btf.parse(blob).types) == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((B, info(btf.VAR), 1, 1), "a variable or a function"),
        ((B, info(btf.FUNC), 1), "a variable or a function"),
        ((B, info(btf.DECL_TAG), 1, 0), "a variable or a function"),
        ((B, info(btf.DATASEC, 1), 4, 1, 0, 4), "a variable or a function"),
        ((0, info(btf.ARRAY), 0, 1, 9, 2), "type 9 is not among its 3"),
    ],
)
def test_what_cannot_be_in_a_value_is_said(words: tuple[int, ...], text: str) -> None:
    types = Btf.parse(by_hand("abcd", AN_INT, words, (D, info(btf.TYPEDEF), 2)))
    with pytest.raises(BtfError, match=text):
        excerpt(types, 3)


def test_only_btf_errors_come_out_of_damaged_types() -> None:
    dice = random.Random(3)
    written = 0
    for blob in (compiled(FLOW + LOOKS).blob, OTHER_KINDS):
        for _round in range(1000):
            damaged = bytearray(blob)
            for _byte in range(dice.randrange(1, 4)):
                damaged[dice.randrange(24, len(blob))] = dice.randrange(256)
            try:
                types = Btf.parse(bytes(damaged))
                part = excerpt(types, dice.randrange(len(types.types)))
            except BtfError:
                continue
            written += 1
            Btf.parse(part.blob)
    assert 100 < written < 2000
