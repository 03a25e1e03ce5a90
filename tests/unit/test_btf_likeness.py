# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same source by other compilers, and with other headers, gives the same types.

That the layout is the same is told by the compilers: sizeof in the source.
"""

from __future__ import annotations

from itertools import permutations

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import btf_types as btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from test_btf import AN_INT, COMPILERS, A, B, Sample, by_hand, compiled, compiled_by, info

# What compilers write in different ways; each a member of struct flow.
MEMBERS = {
    "bytes": "char a; signed char b; unsigned char c; char name[5]; unsigned char key[3];",
    "truth": "_Bool a, b[3]; _Bool bit : 1;",
    "numbers": "short a; unsigned short b; int c; long d; unsigned long long e; long long f;",
    "fractions": "float a; double b;",
    "an enum": "enum color { RED, GREEN = 7 } color; enum color two[2];",
    "an enum with a sign": "enum color { RED = -1, GREEN = 7 } color;",
    "an enum of 64 bits": "enum huge { HUGE = 0x1122334455667788ULL, SMALL = 1 } huge;",
    "an enum of 64 bits with a sign": "enum huge { HUGE = -0x112233445566LL, SMALL = 1 } huge;",
    "an enum without a name": "enum { OFF, ON } state;",
    "bits": "int a : 3; unsigned b : 5, c : 27; unsigned long long d : 40, e : 24; char f : 2;",
    "bits of an enum": "enum color { RED, GREEN } color : 4; unsigned rest : 28;",
    "a gap between bits": "unsigned a : 3; unsigned : 5; unsigned b : 8;",
    "bits that are a whole": "unsigned a : 32; unsigned long long b : 64;",
    "an array of arrays": "int grid[2][3]; char names[4][8][2];",
    "an array at the end": "int count; int rest[];",
    "an array by typedef": "typedef int row[4]; ",
    "no name": "union { int a; struct { char low, high; }; }; struct { int deep; } in;",
    "pointers": "void *any; struct far *far; union far2 *either; const char *text; int **deep;",
    "a pointer to an enum": "enum color { RED } *color;",
    "a pointer to itself": "struct flow *next, *all[2];",
    "a function": "int (*call)(int, struct flow *); void (*many)(const char *format, ...);",
    "qualifiers": "const int a; volatile unsigned b; const volatile char c[4]; int *const d;",
    "nothing": "struct { } none; int a[0]; int b;",
    "packed": "struct { char a; int b; } __attribute__((packed)) in; short c;",
    "aligned": "char a __attribute__((aligned(8))); int b;",
}
SOURCE = """
struct far;
{typedef}
struct flow {{ {members} }};
struct flow flow;
char size[sizeof(struct flow)];
int look(struct flow *flow) {{ return sizeof(*flow); }}
"""


def flow_of(compiler: str, members: str) -> tuple[Sample, int]:
    typedef = ""
    if members.startswith("typedef"):
        typedef, members = members, "row rows[2]; const row one;"
    sample = compiled_by(compiler, SOURCE.format(typedef=typedef, members=members))
    return sample, sample.id("STRUCT", "flow")


def length(sample: Sample) -> int:
    """What the compiler says of sizeof(struct flow)."""
    array = sample.types[sample.id("VAR", "size") - 1]["type_id"]
    found: int = sample.types[array - 1]["nr_elems"]
    return found


@pytest.mark.parametrize("members", MEMBERS.values(), ids=MEMBERS)
def test_compilers_agree(members: str) -> None:
    for one, two in permutations(COMPILERS, 2):
        (left, here), (right, there) = flow_of(one, members), flow_of(two, members)
        assert length(left) == length(right) == left.btf.size_of(here) == right.btf.size_of(there)
        assert left.btf.same_type(here, right.btf, there), (one, two)


@pytest.mark.parametrize("compilers", list(permutations(COMPILERS, 2)), ids="-".join)
def test_what_differs_differs_by_any_compilers(compilers: tuple[str, str]) -> None:
    """One member of one kind in place of each other."""
    kinds = [
        *("char a;", "unsigned char a;", "_Bool a;", "short a;", "unsigned short a;"),
        *("int a;", "unsigned a;", "float a;", "int a : 31;", "int a : 5;", "unsigned a : 5;"),
        *("enum color { RED } a;", "enum color { GREEN } a;", "int a[2][3];", "int a[2][4];"),
        *("int a[6];", "long a;", "double a;", "void *a;", "struct far *a;", "struct near *a;"),
        *("struct { int b; } a;", "union { int b; } a;", "struct { int c; } a;", "int b;"),
    ]
    for one, two in permutations(kinds, 2):
        (left, here), (right, there) = flow_of(compilers[0], one), flow_of(compilers[1], two)
        assert not left.btf.same_type(here, right.btf, there), (one, two)


# Structs that the kernel knows by name, as old and as new headers have them.
KNOWN = {
    "bpf_timer": ("__u64 : 64; __u64 : 64;", "__u64 __opaque[2];"),
    "bpf_wq": ("__u64 : 64; __u64 : 64;", "__u64 __opaque[2];"),
    "bpf_task_work": ("__u64 : 64;", "__u64 __opaque;"),
    "bpf_spin_lock": ("__u32 val;", "__u32 __opaque[1];"),
    "bpf_res_spin_lock": ("__u32 val;", "__u32 __opaque;"),
    "bpf_list_head": ("__u64 : 64; __u64 : 64;", "__u64 __opaque[2];"),
    "bpf_list_node": ("__u64 : 64; __u64 : 64; __u64 : 64;", "__u64 __opaque[3];"),
    "bpf_rb_root": ("__u64 : 64; __u64 : 64;", "__u64 __opaque[2];"),
    "bpf_rb_node": ("__u64 : 64; __u64 : 64; __u64 : 64; __u64 : 64;", "__u64 __opaque[4];"),
    "bpf_refcount": ("__u32 : 32;", "__u32 __opaque[1];"),
    "bpf_dynptr": ("__u64 : 64; __u64 : 64;", "__u64 __opaque[2];"),
}
ENTRY = """
typedef unsigned int __u32; typedef unsigned long long __u64;
struct {name} {{ {members} }} __attribute__((aligned({align})));
struct inner {{ struct {name} owned; }};
struct entry {{ __u64 since; struct inner inner[2]; struct {name} owned; }};
struct entry entry;
"""


def entries(name: str, *members: str) -> list[tuple[Btf, int]]:
    align = 4 if "__u32" in members[0] else 8
    samples = [compiled(ENTRY.format(name=name, members=each, align=align)) for each in members]
    return [(each.btf, each.id("STRUCT", "entry")) for each in samples]


@pytest.mark.parametrize("name", KNOWN)
def test_members_of_a_struct_that_the_kernel_knows_by_name_do_not_count(name: str) -> None:
    (old, here), (new, there) = entries(name, *KNOWN[name])
    assert old.size_of(here) == new.size_of(there)
    assert old.same_type(here, new, there)
    assert new.same_type(there, old, here)


@pytest.mark.parametrize("name", KNOWN)
def test_its_size_does(name: str) -> None:
    first, _second = KNOWN[name]
    (old, here), (new, there) = entries(name, first, f"{first} __u64 more;")
    assert not old.same_type(here, new, there)


@pytest.mark.parametrize("name", KNOWN)
def test_so_do_members_of_a_struct_of_about_that_name(name: str) -> None:
    for other in (f"my_{name}", f"{name}_t", name.upper()):
        (old, here), (new, there) = entries(other, *KNOWN[name])
        assert not old.same_type(here, new, there)


def test_bits_are_the_same_in_the_old_way_and_the_new() -> None:
    """Before Linux 4.20 a bitfield was an integer of so many bits, and its struct had no flag."""
    old = Btf.parse(
        by_hand(
            "ab",
            AN_INT,
            (A, info(btf.INT), 4, 1 << 24 | 5),
            (A, info(btf.INT), 4, 1 << 24 | 7 << 16 | 3),
            (B, info(btf.STRUCT, 2), 4, A, 2, 0, B, 3, 0),
        )
    )
    new = Btf.parse(
        by_hand(
            "ab", AN_INT, (B, info(btf.STRUCT, 2, flag=True), 4, A, 1, 5 << 24, B, 1, 3 << 24 | 7)
        )
    )
    assert old.same_type(4, new, 2)
    assert new.same_type(2, old, 4)
