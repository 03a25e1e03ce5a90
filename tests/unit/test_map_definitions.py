# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Map definitions as clang writes them, right and wrong. The oracle is libbpf."""

from __future__ import annotations

import random
import re
from typing import Any, NamedTuple

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_types import (
    ENUM,
    ENUM64,
    STRUCT,
    Part,
    Type,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import map_type_name
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.definitions import (
    Definition,
    check_shareable,
    read_definitions,
    types_to_describe,
)
from ansible_collections.ebpf.pinning.plugins.plugin_utils._elf import read_object
from bpf_objects import as_libbpf_reads, object_file, section

A_HASH = "__uint(type, HASH); __uint(max_entries, 2);"
TYPED = f"{A_HASH} __type(key, u32); __type(value, u64);"


def one_map(fields: str, variable: str = "flows") -> str:
    return f'struct {{ {fields} }} {variable} SEC(".maps");'


# Those that cannot be declared, too: a damaged object may name any.
NUMBERS = {map_type_name(number): number for number in range(2**16)}


def read(path: str) -> dict[str, Definition]:
    found = read_object(path)
    assert found is not None
    return read_definitions(found.types, found.hidden)


def told(definition: Definition) -> dict[str, Any]:
    """A definition in the words of define.c; type ids are compared as they are in the object."""
    return {
        "type": NUMBERS[definition.type],
        "key_size": definition.key_size,
        "value_size": definition.value_size,
        "max_entries": definition.max_entries,
        "flags": definition.map_flags,
        "map_extra": definition.map_extra,
        "numa_node": definition.numa_node,
        "pin_path": "/sys/fs/bpf/flows" if definition.pinning else "",
        "key": definition.key,
        "value": definition.value,
        "inner_map": told(definition.inner) if definition.inner else None,
    }


INNER = (
    "struct { __uint(type, ARRAY); __uint(max_entries, 3); __type(key, u32); __type(value, u64); }"
)
SIZES = "__uint(key_size, 3); __uint(value_size, 5);"
GOOD = {
    "types of key and value": one_map(TYPED),
    "sizes": one_map(f"{A_HASH} {SIZES}"),
    "sizes and types that agree": one_map(f"{TYPED} __uint(key_size, 4); __uint(value_size, 8);"),
    "a size before its type": one_map(f"{A_HASH} __uint(value_size, 8); __type(value, u64);"),
    "pinned by name": one_map(f"{TYPED} __uint(pinning, BY_NAME);"),
    "not pinned, explicitly": one_map(f"{TYPED} __uint(pinning, 0);"),
    "flags": one_map(f"{TYPED} __uint(map_flags, 0x20001);"),
    "the largest number": one_map("__uint(type, HASH); __uint(max_entries, 0xffffffff);"),
    "a NUMA node": one_map(f"{TYPED} __uint(map_flags, 4); __uint(numa_node, 3);"),
    "a NUMA node, but not the flag": one_map(f"{TYPED} __uint(numa_node, 3);"),
    "map_extra": one_map("__uint(type, BLOOM); __type(value, u64); __uint(map_extra, 7);"),
    "nothing but a type": one_map("__uint(type, ARENA);"),
    "zeros": one_map("__uint(type, HASH); __uint(max_entries, 0); __uint(key_size, 0);"),
    "a struct with a name": f'struct def {{ {TYPED} }}; struct def flows SEC(".maps");',
    "a typedef of a typedef": (
        f'typedef struct {{ {TYPED} }} one; typedef one two; two flows SEC(".maps");'
    ),
    "a qualifier": f'typedef volatile struct {{ {TYPED} }} one; one flows SEC(".maps");',
    "a number by way of a typedef": (
        'typedef int (*two)[2]; struct { __uint(type, HASH); two max_entries; } flows SEC(".maps");'
    ),
    "a type that is qualified": one_map(f"{A_HASH} __type(key, const volatile u32);"),
    "an array of arrays": one_map(f"{A_HASH} __type(value, u32[2][3]);"),
    "a pointer": one_map(f"{A_HASH} __type(value, struct far *);"),
    "a type of no bytes": one_map(f"{A_HASH} __type(value, struct {{}});"),
    "an inner map": one_map(
        "__uint(type, OF_MAPS); __uint(max_entries, 9); __type(key, u32); "
        f"__array(values, {INNER});"
    ),
    "an inner map, the size of its descriptor": one_map(
        f"__uint(type, OF_MAPS); __uint(value_size, 4); __array(values, {INNER});"
    ),
    "a map of maps that does not say of which": one_map(
        "__uint(type, OF_MAPS); __uint(key_size, 4); __uint(value_size, 4);"
    ),
    "programs": one_map("__uint(type, PROG_ARRAY); __uint(key_size, 4); __array(values, int ());"),
}


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_a_definition_is_read_as_libbpf_reads_it(source: str) -> None:
    path = object_file(source)
    theirs = as_libbpf_reads(path)
    assert theirs is not None
    assert {name: told(each) for name, each in read(path).items()} == theirs


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD)
def test_the_byte_order_of_the_object_does_not_matter(source: str) -> None:
    """libbpf takes only objects of its own byte order, so there is no witness for the other."""
    little, big = (object_file(source, "-target", target) for target in ("bpfel", "bpfeb"))
    assert {section(path, ".BTF")[:2] for path in (little, big)} == {b"\x9f\xeb", b"\xeb\x9f"}
    assert read(little) == read(big)


BAD = {
    # what is wrong: the source, and what the message says beside the name of the map
    "an unknown field": (one_map(f"{TYPED} __uint(max_entires, 4);"), "max_entires is not known"),
    "no type": (one_map("__uint(max_entries, 2);"), "type is missing"),
    "type 0": (one_map("__uint(type, 0);"), "type is missing"),
    "a number as itself": (one_map(f"{TYPED} int map_flags;"), "map_flags: .*__uint"),
    "a number that is a type": (one_map(f"{TYPED} __type(map_flags, u32);"), "map_flags: .*__uint"),
    "a number that is a struct": (one_map("struct {} type;"), "type: .*__uint"),
    "a type as itself": (one_map(f"{A_HASH} u32 key;"), "key: .*__type"),
    "a type without a size": (
        one_map(f"{A_HASH} __type(key, void);"),
        "key: .* has no size",
    ),
    "a type that is nowhere defined": (
        one_map(f"{A_HASH} __type(value, struct nowhere *) ; struct nowhere *key;"),
        "key: struct nowhere has no size here: .*define a variable",
    ),
    "a function": (one_map(f"{A_HASH} int (*value)(int);"), "value: .* has no size"),
    "key_size that disagrees": (
        one_map(f"{TYPED} __uint(key_size, 8);"),
        "key_size is 8, but its type has 4",
    ),
    "value_size that disagrees": (
        one_map(f"__uint(value_size, 4); {TYPED}"),
        "value_size is 4, but its type has 8",
    ),
    "another pinning": (one_map(f"{TYPED} __uint(pinning, 2);"), "pinning: it is 2"),
    "values of a hash": (one_map(f"{A_HASH} __array(values, {INNER});"), "not hash"),
    "values that are not last": (
        one_map("__uint(type, OF_MAPS); int (*values[0])(int); __uint(max_entries, 1);"),
        "values: it must be the last",
    ),
    "values with a length": (
        one_map(f"__uint(type, OF_MAPS); {INNER} *values[2];"),
        "values: .*__array",
    ),
    "values that are one": (one_map(f"__uint(type, OF_MAPS); {INNER} *values;"), "__array"),
    "values that are no maps": (
        one_map("__uint(type, OF_MAPS); __array(values, int);"),
        "write each as a struct",
    ),
    "values of functions of a map of maps": (
        one_map("__uint(type, OF_MAPS); __array(values, int (int));"),
        "write each as a struct",
    ),
    "values of maps in a prog_array": (
        one_map(f"__uint(type, PROG_ARRAY); __array(values, {INNER});"),
        "prog_array holds functions",
    ),
    "values that are no descriptors": (
        one_map(f"__uint(type, OF_MAPS); __uint(value_size, 8); __array(values, {INNER});"),
        "value_size is 8, but its type has 4",
    ),
    "an inner map of maps": (
        one_map(
            "__uint(type, OF_MAPS); __array(values, struct { __uint(type, OF_MAPS); "
            f"__array(values, {INNER}); }});"
        ),
        "values: field values is not known",
    ),
    "an inner map that is pinned": (
        one_map(
            "__uint(type, OF_MAPS); __array(values, struct { __uint(type, HASH); "
            "__uint(pinning, BY_NAME); });"
        ),
        "values: field pinning is not known",
    ),
    "an inner map without type": (
        one_map("__uint(type, OF_MAPS); __array(values, struct { __uint(max_entries, 1); });"),
        "values: type is missing",
    ),
    "a static map": (
        f'static struct {{ {TYPED} }} flows SEC(".maps"); void *use(void) {{ return &flows; }}',
        "static",
    ),
    "a hidden map": (
        one_map(TYPED).replace("SEC", "__hidden SEC"),
        "hidden visibility",
    ),
    "an array of maps": (one_map(TYPED, "flows[2]"), "one struct for each map"),
    "a union": (one_map(TYPED).replace("struct", "union"), "one struct for each map"),
    "a number": ('int flows SEC(".maps");', "one struct for each map"),
}


@pytest.mark.parametrize(("source", "text"), BAD.values(), ids=BAD)
def test_what_libbpf_refuses_is_refused_with_a_reason(source: str, text: str) -> None:
    path = object_file(source)
    assert as_libbpf_reads(path) is None
    with pytest.raises(PinningError, match=f"^map flows: .*{text}"):
        read(path)


def test_an_extern_map_is_refused_with_a_reason() -> None:
    """libbpf says the same of any symbol that is extern and in none of its sections."""
    path = object_file(
        f'extern struct {{ {TYPED} }} flows SEC(".maps"); void *use(void) {{ return &flows; }}'
        + one_map(TYPED, "here")
    )
    assert as_libbpf_reads(path) is None
    with pytest.raises(PinningError, match=r"^map flows: it is extern"):
        read(path)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    source = one_map(f"{A_HASH} int map_flags; __uint(sise, 4);", "one") + one_map("", "two")
    with pytest.raises(PinningError) as caught:
        read(object_file(source))
    lines = str(caught.value).splitlines()
    assert [re.sub(": it .*| is .*", "", line) for line in lines] == [
        "map one: map_flags",
        "map one: field sise",
        "map two: type",
    ]


# Which BTF goes along


class Described(NamedTuple):
    fields: str
    with_btf: bool


KEYS = "typedef enum { FIRST } slot; struct prefix { u32 length; char bytes[4]; };"
DESCRIBED = {
    # what the kernel then says to such a map is seen in tests/integration/test_elf_maps.py
    "a hash": Described(TYPED, True),
    "a hash with only a value": Described(f"{A_HASH} __type(value, u64);", False),
    "a hash with only a key": Described(f"{A_HASH} __type(key, u64);", False),
    "a hash by size": Described(f"{A_HASH} __uint(key_size, 4); __uint(value_size, 4);", False),
    "an array by int": Described("__uint(type, 2); __type(key, int); __type(value, u64);", True),
    "an array by enum": Described("__uint(type, 2); __type(key, slot); __type(value, u64);", False),
    "an array by bytes": Described(
        "__uint(type, 6); __type(key, char[4]); __type(value, u64);", False
    ),
    "a trie by struct": Described(
        "__uint(type, 11); __type(key, const struct prefix); __type(value, u64);", True
    ),
    "a trie by number": Described("__uint(type, 11); __type(key, u64); __type(value, u64);", False),
    "a filter": Described("__uint(type, 30); __type(value, u64);", True),
    "a queue": Described("__uint(type, 22); __type(value, u64);", False),
    "a ring": Described("__uint(type, 27);", False),
    "local storage": Described("__uint(type, 24); __type(key, int); __type(value, u64);", True),
    "of a cgroup by id": Described("__uint(type, 19); __type(key, u64); __type(value, u64);", True),
    "of a cgroup by key": Described(
        "__uint(type, 19); __type(key, struct { u64 id; u32 type; }); __type(value, u64);", True
    ),
    "a type newer than this collection": Described(
        "__uint(type, 99); __type(key, u32); __type(value, u64);", False
    ),
}


@pytest.mark.parametrize(("fields", "with_btf"), DESCRIBED.values(), ids=DESCRIBED)
def test_types_go_along_where_the_kernel_takes_them(fields: str, with_btf: bool) -> None:
    path = object_file(KEYS + one_map(fields))
    found = read_object(path)
    assert found is not None
    (definition,) = tuple(read_definitions(found.types, found.hidden).values())
    ids = types_to_describe(found.types, definition)
    assert ids == ((definition.key, definition.value) if with_btf else None)


@pytest.mark.parametrize("held", ["bpf_list_head", "bpf_rb_root"])
def test_a_map_with_a_graph_of_objects_is_no_good_for_other_programs(held: str) -> None:
    graph = f"struct {held} {{ u64 opaque[2]; }}; struct held {{ struct {held} all[2]; int n; }};"
    for value, good in (("struct held", False), ("struct held *", True), ("u64", True)):
        found = read_object(
            object_file(f"{graph} struct held held;" + one_map(f"{A_HASH} __type(value, {value});"))
        )
        assert found is not None
        (definition,) = tuple(read_definitions(found.types, found.hidden).values())
        if good:
            check_shareable(found.types, definition)
        else:
            with pytest.raises(PinningError, match=f"have a {held}"):
                check_shareable(found.types, definition)


def with_enum(kind: int, size: int, *values: int) -> Btf:
    """A map with map_extra by __ulong, which libbpf knows since 1.5 and clang 14 writes wrong."""
    found = Btf.parse(section(object_file(one_map(f"{TYPED} __ulong(map_extra, 7);")), ".BTF"))
    parts = tuple(Part(f"value_{number}", 0, (number,)) for number in values)
    enum = Type(kind, "", False, size, 0, (), parts)
    types = [enum if each.kind == ENUM else each for each in found.types]
    assert types.count(enum) == 1
    return Btf(b"", found.byte_order, types)


@pytest.mark.parametrize(
    ("kind", "size", "number"), [(ENUM, 4, 7), (ENUM64, 8, 0x1122334455667788)]
)
def test_a_long_number_is_the_value_of_an_enum(kind: int, size: int, number: int) -> None:
    (definition,) = tuple(read_definitions(with_enum(kind, size, number), ()).values())
    assert definition.map_extra == number


@pytest.mark.parametrize(
    ("enum", "text"),
    [
        pytest.param((ENUM, 8, 7), "cut it to 32 bits", id="by an old clang"),
        pytest.param((ENUM, 4), "__ulong", id="without a value"),
        pytest.param((ENUM, 4, 1, 2), "__ulong", id="with two values"),
        pytest.param((STRUCT, 4), "__ulong", id="that is none"),
    ],
)
def test_a_long_number_is_refused(enum: tuple[int, ...], text: str) -> None:
    with pytest.raises(PinningError, match=f"^map flows: map_extra: .*{text}"):
        read_definitions(with_enum(*enum), ())


def test_only_our_own_errors_come_out_of_damaged_definitions() -> None:
    dice = random.Random(11)
    source = one_map(TYPED, "one") + GOOD["an inner map"] + one_map(f"{A_HASH} {SIZES}", "two")
    blob = section(object_file(source), ".BTF")
    read_well = refused = 0
    for _round in range(4000):
        damaged = bytearray(blob)
        for _byte in range(dice.randrange(1, 4)):
            damaged[dice.randrange(24, len(blob))] = dice.choice([0, 1, 255, dice.randrange(256)])
        try:
            types = Btf.parse(bytes(damaged))
            for definition in read_definitions(types, ()).values():
                types_to_describe(types, definition)
                check_shareable(types, definition)
        except PinningError:
            refused += 1
        else:
            read_well += 1
    assert read_well > 500
    assert refused > 500
