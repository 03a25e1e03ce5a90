# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BTF as clang writes it. The oracle is bpftool."""

from __future__ import annotations

import json
import random
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from _core.btf import Btf, BtfError, minimal

FLOW = """
typedef unsigned int u32;
enum color { RED = -1, GREEN = 7 };
struct inner { char tag[3]; u32 mark : 5; u32 rest : 27; };
union either { long number; void *address; };
struct node { struct node *next; const volatile u32 value; };
struct flow {
    u32 source;
    enum color color;
    struct inner inner[2];
    union either either;
    struct node node;
    unsigned long long grid[2][3];
    double ratio;
    _Bool flag;
};
struct flow flow;
"""

# One change each, to text in FLOW; a dump or the layout would show it.
CHANGES = [
    ("a member is renamed", "u32 source", "u32 origin"),
    ("a member has another size", "u32 source", "char source"),
    ("a member has another sign", "u32 source", "int source"),
    ("a member is there once more", "u32 source;", "u32 source; u32 target;"),
    (
        "two members change places",
        "double ratio;\n    _Bool flag;",
        "_Bool flag;\n    double ratio;",
    ),
    ("an enumerator has another value", "GREEN = 7", "GREEN = 8"),
    ("an enumerator is renamed", "GREEN = 7", "BLUE = 7"),
    ("an array is longer", "inner[2]", "inner[3]"),
    ("an array has another shape", "grid[2][3]", "grid[3][2]"),
    ("bits move", "mark : 5; u32 rest : 27", "mark : 6; u32 rest : 26"),
    ("a struct below is renamed", "struct inner", "struct within"),
    ("what is behind a pointer changes", "u32 value; };", "u32 value, other; };"),
]

# The same for people and the kernel.
SAME = [
    ("nothing changes", "", ""),
    (
        "other types come first",
        "typedef unsigned int u32;",
        "long other; typedef unsigned int u32;",
    ),
    ("a typedef has another name", "u32", "__u32"),
    ("no typedef is used", "u32 source", "unsigned int source"),
    ("a qualifier is gone", "const volatile u32", "u32"),
]


def compiled(source: str, folder: Path) -> Path:
    (folder / "types.c").write_text(source)
    target = folder / "types.o"
    subprocess.run(
        ["clang", "-g", "-O2", "-target", "bpf", "-c", folder / "types.c", "-o", target], check=True
    )
    return target


def blob_of(source: str, folder: Path) -> bytes:
    target = compiled(source, folder)
    subprocess.run(
        ["llvm-objcopy", "--dump-section", f".BTF={folder}/blob", target, folder / "copy.o"],
        check=True,
    )
    return (folder / "blob").read_bytes()


def as_bpftool_reads(source: str, folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["bpftool", "--json", "btf", "dump", "file", compiled(source, folder)],
        capture_output=True,
        check=True,
    )
    types: list[dict[str, Any]] = json.loads(done.stdout)["types"]
    return types


def flow_id(types: list[dict[str, Any]]) -> int:
    return next(t["id"] for t in types if t["kind"] == "STRUCT" and t["name"] == "flow")


def test_sizes_are_those_that_bpftool_reads(tmp_path: Path) -> None:
    btf = Btf.parse(blob_of(FLOW, tmp_path))
    sized = [t for t in as_bpftool_reads(FLOW, tmp_path) if "size" in t and t["kind"] != "DATASEC"]
    assert len(sized) > 8
    for found in sized:
        assert btf.size_of(found["id"]) == found["size"]


@pytest.mark.parametrize(
    ("old", "new"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_a_type_is_another_when(old: str, new: str, tmp_path: Path) -> None:
    assert old in FLOW
    assert not _same(FLOW.replace(old, new), tmp_path)


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_a_type_is_the_same_when(old: str, new: str, tmp_path: Path) -> None:
    assert old in FLOW
    assert _same(FLOW.replace(old, new), tmp_path)


def _same(changed: str, folder: Path) -> bool:
    one = Btf.parse(blob_of(FLOW, folder)), flow_id(as_bpftool_reads(FLOW, folder))
    two = Btf.parse(blob_of(changed, folder)), flow_id(as_bpftool_reads(changed, folder))
    answer = one[0].same_type(one[1], *two)
    assert two[0].same_type(two[1], *one) is answer
    return answer


def test_both_byte_orders_are_read(tmp_path: Path) -> None:
    little = blob_of(FLOW, tmp_path)
    big = _swapped(little)
    wanted = flow_id(as_bpftool_reads(FLOW, tmp_path))
    assert Btf.parse(big).size_of(wanted) == Btf.parse(little).size_of(wanted)
    assert Btf.parse(big).same_type(wanted, Btf.parse(little), wanted)


def _swapped(blob: bytes) -> bytes:
    """The same blob as a machine of the other byte order has it."""
    header = struct.unpack_from("<HBBIIIII", blob)
    strings_at = header[3] + header[6]
    words = struct.unpack_from(f"<{(strings_at - 24) // 4}I", blob, 24)
    swapped = struct.pack(">HBBIIIII", *header) + struct.pack(f">{len(words)}I", *words)
    return swapped + blob[strings_at:]


def test_a_description_is_what_c_would_say(tmp_path: Path) -> None:
    source = "struct count { unsigned int hits; char name[16]; }; struct count count;"
    types = as_bpftool_reads(source, tmp_path)
    wanted = next(t["id"] for t in types if t["name"] == "count" and t["kind"] == "STRUCT")
    described = Btf.parse(blob_of(source, tmp_path)).describe(wanted)
    assert described == "struct count { unsigned int hits; char[16] name; }"


def test_a_type_without_a_size_is_said(tmp_path: Path) -> None:
    source = "struct hidden; struct hidden *pointer; int count(void) { return pointer != 0; }"
    types = as_bpftool_reads(source, tmp_path)
    btf = Btf.parse(blob_of(source, tmp_path))
    hidden = next(t["id"] for t in types if t["kind"] == "FWD")
    with pytest.raises(BtfError, match="hidden"):
        btf.size_of(hidden)
    with pytest.raises(BtfError, match="not among"):
        btf.size_of(10_000)


def test_only_btf_errors_come_out_of_damaged_blobs(tmp_path: Path) -> None:
    blob = blob_of(FLOW, tmp_path)
    dice = random.Random(7)
    survived = 0
    for _round in range(3000):
        damaged = bytearray(blob[: dice.choice([len(blob), dice.randrange(len(blob))])])
        for _byte in range(dice.randrange(4)):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            btf = Btf.parse(bytes(damaged))
            for type_id in range(1, 40):
                btf.same_type(type_id, btf, type_id)
                btf.describe(type_id)
                btf.size_of(type_id)
        except BtfError:
            continue
        survived += 1
    assert survived < 3000


def test_the_smallest_one_is_what_bpftool_reads(tmp_path: Path) -> None:
    blob, key_type_id, value_type_id = minimal(20)
    (tmp_path / "blob").write_bytes(blob)
    done = subprocess.run(
        ["bpftool", "--json", "btf", "dump", "file", tmp_path / "blob"],
        capture_output=True,
        check=True,
    )
    types = {found["id"]: found for found in json.loads(done.stdout)["types"]}
    assert (types[key_type_id]["size"], types[key_type_id]["encoding"]) == (4, "SIGNED")
    assert types[value_type_id]["nr_elems"] == 20
    assert Btf.parse(blob).size_of(value_type_id) == 20
