# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BTF as clang writes it, and what clang does not write by hand. The oracle is bpftool."""

from __future__ import annotations

import functools
import json
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import btf_types as btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, BtfError, minimal
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_types import Type

FLOW = """
typedef unsigned int u32;
enum color { RED = -1, GREEN = 7 };
struct inner { char tag[3]; u32 mark : 5; u32 rest : 27; };
union either { long number; void *address; };
struct node { struct node *next; const volatile u32 value; };
struct far { int inside; };
struct flow {
    u32 source;
    enum color color;
    struct inner inner[2];
    union either either;
    struct node node;
    struct far *far;
    struct hidden *hidden;
    struct { int within; } *nameless;
    int (*call)(int, struct far *);
    unsigned long long grid[2][3];
    double ratio;
    _Bool flag;
    union { short one; struct { char low, high; }; };
};
struct flow flow;
"""

# One change each, to text in FLOW; a dump or the layout would show it, or the kernel mind it.
CHANGES = [
    ("a member is renamed", "u32 source", "u32 origin"),
    ("a member has another size", "u32 source", "char source"),
    ("a member has another sign", "u32 source", "int source"),
    ("a member is another kind of number", "double ratio", "long ratio"),
    ("a member is there once more", "u32 source;", "u32 source; u32 target;"),
    ("a member is gone", "    _Bool flag;\n", ""),
    (
        "two members change places",
        "double ratio;\n    _Bool flag;",
        "_Bool flag;\n    double ratio;",
    ),
    ("a member is aligned", "_Bool flag;", "_Bool flag __attribute__((aligned(16)));"),
    ("an enumerator has another value", "GREEN = 7", "GREEN = 8"),
    ("an enumerator is renamed", "GREEN = 7", "BLUE = 7"),
    ("an array is longer", "inner[2]", "inner[3]"),
    ("an array has another shape", "grid[2][3]", "grid[3][2]"),
    ("bits move", "mark : 5; u32 rest : 27", "mark : 6; u32 rest : 26"),
    ("bits become a whole member", "u32 rest : 27", "u32 rest"),
    ("a struct is a union", "struct { char low, high; }", "union { char low, high; }"),
    ("a struct below is renamed", "struct inner", "struct within"),
    ("a struct below has another member", "u32 value;", "u32 value, other;"),
    ("a member without a name changes within", "char low, high;", "char low, up;"),
    ("what has no name changes behind a pointer", "int within", "long within"),
    ("a pointer is a number", "struct far *far;", "long far;"),
    ("a pointer leads to another struct", "struct far *far;", "struct near *far;"),
    ("a pointer leads to a union", "struct hidden *hidden", "union hidden *hidden"),
    ("a pointer leads to a pointer", "struct far *far;", "struct far **far;"),
    ("a function takes something else", "(int, struct far *)", "(int, struct flow *)"),
]

# The same for people and the kernel.
LOOKS = "int look(struct far *far, struct flow *flow) { return far->inside + flow->far->inside; }"
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
    ("an integer has another name", "unsigned long long", "unsigned long"),
    ("the code looks behind a pointer", "struct flow flow;", f"struct flow flow; {LOOKS}"),
]


class Sample(NamedTuple):
    blob: bytes
    types: list[dict[str, Any]]  # as bpftool reads the blob

    @property
    def btf(self) -> Btf:
        return Btf.parse(self.blob)

    def id(self, kind: str, name: str) -> int:
        return next(int(t["id"]) for t in self.types if (t["kind"], t["name"]) == (kind, name))


def compiled(source: str, *options: str) -> Sample:
    return compiled_by("clang", source, *options)


# tools/setup-system installs them.
COMPILERS = {
    "clang": ["clang", "-g", "-O2", "-target", "bpf"],
    "clang-19": ["clang-19", "-g", "-O2", "-target", "bpf"],
    "gcc": ["bpf-gcc", "-gbtf", "-O2"],
}


@functools.lru_cache(maxsize=None)
def compiled_by(compiler: str, source: str, *options: str) -> Sample:
    with tempfile.TemporaryDirectory() as folder:
        command = [*COMPILERS[compiler], *options, "-c", "-x", "c", "-", "-o", "object"]
        subprocess.run(command, input=source.encode(), cwd=folder, check=True)
        dump = ["llvm-objcopy", "--dump-section", ".BTF=blob", "object", "copy"]
        subprocess.run(dump, cwd=folder, check=True)
        return as_bpftool_reads(Path(folder, "blob").read_bytes())


def as_bpftool_reads(blob: bytes) -> Sample:
    with tempfile.NamedTemporaryFile() as file:
        file.write(blob)
        file.flush()
        dump = ["bpftool", "--json", "btf", "dump", "file", file.name]
        done = subprocess.run(dump, capture_output=True, check=True)
    return Sample(blob, json.loads(done.stdout)["types"])


def by_hand(names: Sequence[str], *types: tuple[int, ...]) -> bytes:
    """A blob of the words of each type; a name is its index in `names` (most have one letter)."""
    strings = b"".join(name.encode() + b"\0" for name in ["", *names])
    words = [word for words in types for word in words]
    sections = (0, 4 * len(words), 4 * len(words), len(strings))
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, *sections)
    return header + struct.pack(f"={len(words)}I", *words) + strings


def info(kind: int, parts: int = 0, flag: bool = False) -> int:
    return flag << 31 | kind << 24 | parts


A, B, C, D = 1, 3, 5, 7  # where these names are in the strings that by_hand makes
AN_INT = (A, info(btf.INT), 4, 1 << 24 | 32)

# What clang 14 does not write: enums with a sign or of 64 bits, tags.
OTHER_KINDS = by_hand(
    "abcd",
    AN_INT,
    (A, info(btf.ENUM, 2, flag=True), 4, B, 2**32 - 5, C, 7),
    (A, info(btf.ENUM64, 2, flag=True), 8, B, 2**32 - 5, 2**32 - 1, C, 1, 1),
    (A, info(btf.ENUM64, 1), 8, B, 2**32 - 1, 2**32 - 1),
    (D, info(btf.TYPE_TAG), 6),
    (B, info(btf.STRUCT, 1), 4, C, 1, 0),
    (0, info(btf.PTR), 5),
    (D, info(btf.DECL_TAG), 6, 2**32 - 1),
    (0, info(btf.RESTRICT), 7),
)


def assert_agree(ours: Type, theirs: dict[str, Any]) -> None:
    assert ours.kind == getattr(btf, theirs["kind"])
    assert (ours.name or "(anon)") == theirs["name"]
    assert ours.size == theirs.get("size", 0)
    assert ours.target == theirs.get("type_id", theirs.get("ret_type_id", 0))
    assert theirs.get("nr_elems", 0) == (ours.numbers[0] if ours.kind == btf.ARRAY else 0)
    assert (theirs.get("fwd_kind") == "union") is (ours.kind == btf.FWD and ours.flag)
    parts = [(part.name or "(anon)", part.type_id, *part.numbers) for part in ours.parts]
    if "members" in theirs:
        members = theirs["members"]
        assert parts == [
            (m["name"], m["type_id"], m["bits_offset"], m.get("bitfield_size", 0)) for m in members
        ]
    elif "values" in theirs:  # bpftool 7.1 prints some that have no sign as if they had one
        word = 2**64 if ours.kind == btf.ENUM64 else 2**32
        assert parts == [(v["name"], 0, v["val"] % word) for v in theirs["values"]]
    elif "params" in theirs:
        assert parts == [(p["name"], p["type_id"]) for p in theirs["params"]]
    elif "vars" in theirs:
        variables = theirs["vars"]
        assert parts == [("(anon)", v["type_id"], v["offset"], v["size"]) for v in variables]
    else:
        assert not parts


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda: compiled(FLOW + LOOKS), id="compiled by clang"),
        pytest.param(lambda: as_bpftool_reads(OTHER_KINDS), id="kinds that clang does not write"),
        pytest.param(lambda: as_bpftool_reads(minimal(20)[0]), id="the smallest one"),
    ],
)
def test_every_type_is_what_bpftool_reads(read: Callable[[], Sample]) -> None:
    sample = read()
    assert len(sample.btf.types) == len(sample.types) + 1
    for theirs in sample.types:
        assert_agree(sample.btf.types[theirs["id"]], theirs)


def test_sizes_are_those_of_the_compiler() -> None:
    types = [
        "struct flow",
        "union either",
        "enum color",
        "u32",
        "struct inner *",
        "unsigned long long[2][3]",
        "struct inner[5]",
        "char[0]",
        "const volatile struct node",
        "double",
    ]
    variables = [
        f"typeof({name}) v{number}; char size{number}[sizeof({name})];"
        for number, name in enumerate(types)
    ]
    sample = compiled(FLOW + "".join(variables), "-std=gnu11")
    for number, name in enumerate(types):
        found = sample.types[sample.id("VAR", f"v{number}") - 1]
        size = sample.types[sample.id("VAR", f"size{number}") - 1]["type_id"]
        assert sample.btf.size_of(found["type_id"]) == sample.types[size - 1]["nr_elems"], name


def test_a_section_has_its_own_size_and_a_variable_that_of_its_type() -> None:
    section = (C, info(btf.DATASEC, 1), 12, 2, 8, 4)
    types = Btf.parse(by_hand("abc", AN_INT, (B, info(btf.VAR), 1, 1), section))
    assert (types.size_of(2), types.size_of(3)) == (4, 12)


def same(one: str, two: str) -> bool:
    left, right = compiled(one), compiled(two)
    ids = left.id("STRUCT", "flow"), right.id("STRUCT", "flow")
    answer = left.btf.same_type(ids[0], right.btf, ids[1])
    assert right.btf.same_type(ids[1], left.btf, ids[0]) is answer
    return answer


@pytest.mark.parametrize(
    ("old", "new"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES]
)
def test_a_type_is_another_when(old: str, new: str) -> None:
    assert old in FLOW
    assert not same(FLOW, FLOW.replace(old, new))


@pytest.mark.parametrize(("old", "new"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_a_type_is_the_same_when(old: str, new: str) -> None:
    assert old in FLOW
    assert same(FLOW, FLOW.replace(old, new))


def test_clang_writes_what_is_behind_a_pointer_only_for_code_that_looks() -> None:
    assert compiled(FLOW).id("FWD", "far")
    assert compiled(FLOW + LOOKS).id("STRUCT", "far")


def test_ids_say_nothing() -> None:
    one, two = compiled(FLOW), compiled("long other;" + FLOW + LOOKS)
    assert one.id("STRUCT", "flow") != two.id("STRUCT", "flow")
    assert same(FLOW, "long other;" + FLOW + LOOKS)


def test_void_is_only_void() -> None:
    types = Btf.parse(by_hand("a", AN_INT))
    assert types.same_type(0, types, 0)
    assert not types.same_type(0, types, 1)
    assert not types.same_type(1, types, 0)


def tagged(tag: str, *, looked_at: bool = False) -> Btf:
    """Type 3 is a pointer with this tag to a struct."""
    target = (B, info(btf.STRUCT, 1), 4, B, 1, 0) if looked_at else (B, info(btf.FWD), 0)
    types = (AN_INT, target, (0, info(btf.PTR), 4), (C, info(btf.TYPE_TAG), 2))
    return Btf.parse(by_hand(["a", "b", tag], *types))


PLAIN = Btf.parse(by_hand("ab", AN_INT, (B, info(btf.FWD), 0), (0, info(btf.PTR), 2)))


@pytest.mark.parametrize("tag", ["kptr", "kptr_untrusted", "kptr_ref", "percpu_kptr", "uptr"])
def test_a_type_tag_counts_if_the_kernel_minds_it(tag: str) -> None:
    assert tagged(tag).same_type(3, tagged(tag), 3)
    for other in (PLAIN, tagged("user"), tagged("uptr" if tag == "kptr" else "kptr")):
        assert not tagged(tag).same_type(3, other, 3)
        assert not other.same_type(3, tagged(tag), 3)


def test_what_is_behind_a_tagged_pointer_counts_only_where_the_kernel_minds_its_size() -> None:
    assert tagged("kptr").same_type(3, tagged("kptr", looked_at=True), 3)
    assert not tagged("uptr").same_type(3, tagged("uptr", looked_at=True), 3)


@pytest.mark.parametrize("tag", ["user", "rcu", "percpu", "c"])
def test_other_tags_do_not_count(tag: str) -> None:
    """clang 14 leaves them out where no code looks, and gcc always."""
    assert tagged(tag).same_type(3, PLAIN, 3)
    assert PLAIN.same_type(3, tagged(tag, looked_at=True), 3)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(
            (A, info(btf.ENUM, 1, flag=True), 4, B, 2**32 - 1),
            (A, info(btf.ENUM, 1), 4, B, 2**32 - 1),
            id="a compiler that does not write the sign of enums",
        ),
        pytest.param(
            (A, info(btf.STRUCT, 1, flag=True), 8, B, 0, 32),
            (A, info(btf.STRUCT, 1), 8, B, 0, 32),
            id="room for bitfields, but none there",
        ),
    ],
)
def test_two_ways_to_write_one_type_are_the_same(one: tuple[int], two: tuple[int]) -> None:
    left, right = (Btf.parse(by_hand("ab", words)) for words in (one, two))
    assert left.same_type(1, right, 1)


def test_both_byte_orders_are_read() -> None:
    sample = compiled(FLOW)
    swapped, native = Btf.parse(in_other_order(sample.blob)), sample.btf
    assert {swapped.byte_order, native.byte_order} == {"little", "big"}
    assert native.byte_order == sys.byteorder
    assert swapped.types == native.types


def in_other_order(blob: bytes) -> bytes:
    """The same blob as a machine of the other byte order has it."""
    header = struct.unpack_from("=HBBIIIII", blob)
    words = struct.unpack_from(f"={header[5] // 4}I", blob, header[3])
    other = ">" if sys.byteorder == "little" else "<"
    swapped = struct.pack(other + "HBBIIIII", *header) + struct.pack(
        f"{other}{len(words)}I", *words
    )
    return swapped + blob[len(swapped) :]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "struct v { unsigned int hits; char name[16]; };",
            "struct v { unsigned int hits; char name[16]; }",
        ),
        ("struct v { int grid[2][3]; };", "struct v { int grid[2][3]; }"),
        ("struct v { int *many[4]; int (*one)[4]; };", "struct v { int *many[4]; int (*one)[4]; }"),
        (
            "struct v { void *any; struct v **next; int (*call)(int); };",
            "struct v { void *any; struct v **next; int (*call)(); }",
        ),
        (
            "struct v { int low : 3; union { char c; short s; }; };",
            "struct v { int low : 3; union { char c; short s; }; }",
        ),
        (
            "struct v { struct { struct { int deep; } b; } a; };",
            "struct v { struct { struct { ... } b; } a; }",
        ),
        (
            "struct v { enum { NO, YES = 5 } answer; enum { OFF } off[1]; };",
            "struct v { enum { NO = 0, YES = 5, } answer; enum { OFF = 0, } off[1]; }",
        ),
        (
            "struct v { int a, b, c, d, e, f, g, h, i; };",
            "struct v { int a; int b; int c; int d; int e; int f; int g; int h; ... }",
        ),
    ],
)
def test_a_description_is_what_c_would_say(source: str, text: str) -> None:
    sample = compiled(source + "struct v v;")
    assert sample.btf.describe(sample.id("STRUCT", "v")) == text


@pytest.mark.parametrize(
    ("type_id", "text"),
    [
        (0, "void"),
        (1, "a"),
        (2, "enum a { b = -5, c = 7, }"),
        (3, f"enum a {{ b = -5, c = {2**32 + 1}, }}"),
        (4, f"enum a {{ b = {2**64 - 1}, }}"),
        (9, "struct b d *"),
    ],
)
def test_a_description_of_what_clang_does_not_write(type_id: int, text: str) -> None:
    assert Btf.parse(OTHER_KINDS).describe(type_id) == text


def test_a_long_description_is_cut() -> None:
    sample = compiled("struct v { int " + "x" * 300 + "; }; struct v v;")
    text = sample.btf.describe(sample.id("STRUCT", "v"))
    assert (len(text), text[-4:]) == (200, "x...")


GOOD = by_hand("a", AN_INT)


@pytest.mark.parametrize(
    ("blob", "text"),
    [
        pytest.param(b"", "magic", id="nothing"),
        pytest.param(b"\x7fELF" + bytes(60), "magic", id="an object file"),
        pytest.param(GOOD[:20], "ends after 20", id="half a header"),
        pytest.param(GOOD[:2] + b"\2" + GOOD[3:], "version 2", id="another version"),
        pytest.param(GOOD[:4] + bytes(4) + GOOD[8:], "header of 0", id="a header without size"),
        pytest.param(GOOD[:-1], "beyond its end", id="cut by a byte"),
        pytest.param(GOOD[:-1] + b"x", "NUL", id="strings without an end"),
        pytest.param(by_hand("a", AN_INT[:3]), "cut short", id="a type without its last word"),
        pytest.param(by_hand("a", (A, info(btf.STRUCT, 2), 8, A, 0, 0)), "short", id="a member"),
        pytest.param(by_hand("", AN_INT), "name lies beyond", id="a name that is not there"),
        pytest.param(by_hand("", (0, info(0), 0)), "kind 0", id="void as a type"),
        pytest.param(by_hand("", (0, info(20), 0)), "kind 20", id="a kind of the future"),
        pytest.param(by_hand("", (0, info(btf.PTR), 2)), "type 2 of 1", id="a type beyond"),
        pytest.param(
            by_hand("a", (0, info(btf.STRUCT, 1), 4, A, 9, 0)), "type 9 of 1", id="a member beyond"
        ),
        pytest.param(
            by_hand("a", (0, info(btf.ARRAY), 0, 7, 0, 1)), "type 7 of 1", id="an element beyond"
        ),
    ],
)
def test_what_is_wrong_with_a_blob_is_said(blob: bytes, text: str) -> None:
    with pytest.raises(BtfError, match=text):
        Btf.parse(blob)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((A, info(btf.FWD), 0), r"type 1 \(struct a\) has no size"),
        ((A, info(btf.FWD, flag=True), 0), r"type 1 \(union a\) has no size"),
        ((A, info(btf.TYPEDEF), 0), r"type 1 \(void\) has no size"),
        ((A, info(btf.TYPEDEF), 1), "type 1 is made of itself"),
        ((0, info(btf.ARRAY), 0, 1, 1, 2), "type 1 is made of itself"),
    ],
)
def test_a_type_without_a_size_is_said(words: tuple[int, ...], text: str) -> None:
    with pytest.raises(BtfError, match=text):
        Btf.parse(by_hand("a", words)).size_of(1)


def test_types_that_are_made_of_themselves_end() -> None:
    loops = Btf.parse(
        by_hand(
            "a",
            (A, info(btf.STRUCT, 1), 4, A, 1, 0),
            (0, info(btf.PTR), 2),
            (0, info(btf.ARRAY), 0, 3, 3, 2),
            (A, info(btf.TYPEDEF), 4),
        )
    )
    for type_id in (1, 2, 3):
        assert loops.same_type(type_id, loops, type_id)
        assert len(loops.describe(type_id)) <= 200
    for ask in (loops.describe, loops.size_of, lambda one: loops.same_type(one, loops, one)):
        with pytest.raises(BtfError, match="itself"):
            ask(4)


@pytest.mark.parametrize("type_id", [-1, 2])
def test_an_id_that_is_not_there_is_said(type_id: int) -> None:
    types = Btf.parse(GOOD)
    for ask in (types.describe, types.size_of, lambda one: types.same_type(1, types, one)):
        with pytest.raises(BtfError, match="not among its 1 types"):
            ask(type_id)


def test_only_btf_errors_come_out_of_damaged_blobs() -> None:
    dice = random.Random(7)
    read = 0
    for blob in (compiled(FLOW).blob, OTHER_KINDS):
        for _round in range(1500):
            damaged = bytearray(blob[: dice.choice([len(blob), dice.randrange(len(blob))])])
            for _byte in range(dice.randrange(1, 4)):
                if damaged:
                    damaged[dice.randrange(len(damaged))] = dice.choice(
                        [0, 1, 255, dice.randrange(256)]
                    )
            try:
                types = Btf.parse(bytes(damaged))
            except BtfError:
                continue
            read += 1
            for type_id in range(len(types.types)):
                for ask in (types.describe, types.size_of):
                    try:
                        ask(type_id)
                        types.same_type(type_id, types, dice.randrange(len(types.types)))
                    except BtfError:
                        continue
    assert 100 < read < 3000


@pytest.mark.parametrize("size", [1, 20, 2**20])
def test_the_smallest_one_has_an_int_and_as_many_bytes_as_asked(size: int) -> None:
    blob, key, value = minimal(size)
    types = {found["id"]: found for found in as_bpftool_reads(blob).types}
    assert (types[key]["size"], types[key]["encoding"]) == (4, "SIGNED")
    assert types[value]["nr_elems"] == size
    assert types[types[value]["type_id"]]["size"] == 1
    assert Btf.parse(blob).size_of(value) == size


def test_names_that_overlap_by_the_thousand_are_refused() -> None:
    """Each name is the tail of the one before: together they are far larger than the blob."""
    count, text = 4000, b"\0" + b"x" * 200_000 + b"\0"
    members = b"".join(struct.pack("<III", at + 1, 0, 0) for at in range(count))
    types = struct.pack("<III", 0, btf.STRUCT << 24 | count, 4) + members
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(text))
    with pytest.raises(BtfError, match="overlap"):
        Btf.parse(header + types + text)
