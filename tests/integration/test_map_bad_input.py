# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps that cannot be: each a message with the culprit and what to do; nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from bad_table import Bad, assert_told
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH

INNER = {"type": "array", "value_size": 8, "max_entries": 16}
OUTER = {"type": "hash_of_maps", "key_size": 4, "max_entries": 2}


def _named(name: str, *texts: str, about: str) -> Bad:
    return Bad(about, {"name": name, **HASH}, texts)


def _shaped(about: str, *texts: str, **shape: Any) -> Bad:
    return Bad(about, {"name": "culprit", **shape}, ["culprit: ", *texts])


def _hash(about: str, *texts: str, **other: Any) -> Bad:
    return _shaped(about, *texts, **{**HASH, **other})


NAMES = [
    _named("flows.v4", "flows.v4", "dot", "use `_`", about="a name with a dot"),
    _named("..", "'..'", "dot", about="the parent directory as a name"),
    _named("", "empty", "needs one", about="an empty name"),
    _named("x" * 256, "256 bytes", "255 is the longest", about="a name of 256 characters"),
    _named("ä" * 128, "256 bytes", "255 is the longest", about="a name of 256 bytes"),
    _named("a/b", "a/b", "`directory`", about="a name with a slash"),
    _named("ebpf-pinning~staging", "reserved", "choose another", about="the staging directory"),
    Bad("no name", {**HASH}, ["name", "path"]),
    Bad(
        "no name in a list",
        {"maps": [HASH, {"name": "b", **HASH}]},
        ["maps[0]: ", "neither name nor path", "say where"],
    ),
    Bad(
        "a name and another path",
        {"name": "a", "path": f"{BPFFS}/b", **HASH},
        [f"{BPFFS}/b", "'a'", "only one of them"],
    ),
    Bad(
        "a list and a name",
        {"name": "a", "maps": [{"name": "b", **HASH}]},
        ["mutually exclusive", "maps"],
    ),
    Bad(
        "a relative directory",
        {"name": "a", "directory": "sys/fs/bpf", **HASH},
        ["directory", "sys/fs/bpf", "not absolute", "whole path"],
    ),
    Bad(
        "a directory with ..",
        {"name": "a", "directory": f"{BPFFS}/../bpf", **HASH},
        ["directory", f"{BPFFS}/../bpf", "`..`", "write the path that is meant"],
    ),
    Bad(
        "a path with ..",
        {"path": f"{BPFFS}/x/../a", **HASH},
        ["path", f"{BPFFS}/x/../a", "`..`", "write the path that is meant"],
    ),
    Bad(
        "a path with a dot in its last part",
        {"path": f"{BPFFS}/x/a.b", **HASH},
        ["'a.b'", "dot", "use `_`"],
    ),
    Bad(
        "a policy that is still to come",
        {"name": "a", "on_mismatch": "overwrite", **HASH},
        ["on_mismatch", "fail, replace, migrate", "overwrite"],
    ),
    Bad(
        "one path twice",
        {"maps": [{"name": "a", **HASH}, {"path": f"{BPFFS}//a", **HASH}]},
        ["maps[1]", f"{BPFFS}/a", "maps[0]", "keep one"],
    ),
]

SHAPES = [
    _shaped("no type", "type is missing", "hash", "ringbuf", key_size=4),
    _hash("an unknown type", "'hashmap'", "unknown", "use one of", "lru_hash", type="hashmap"),
    _hash("a type in capitals", "'HASH'", "unknown", "use one of", type="HASH"),
    _hash("struct_ops", "struct_ops", "cannot be declared", "loader", type="struct_ops"),
    _hash("an unknown flag", "'lazy'", "unknown", "no_prealloc", flags=["lazy"]),
    _shaped(
        "a flag of other types",
        "'no_prealloc'",
        "not for array",
        "mmapable",
        type="array",
        value_size=8,
        max_entries=1,
        flags=["no_prealloc"],
    ),
    _hash(
        "a flag that is lost when pinned",
        "rdonly",
        "file descriptor",
        "rdonly_prog",
        flags=["rdonly"],
    ),
    _hash("the other one", "wronly", "file descriptor", "wronly_prog", flags=["wronly"]),
    _hash(
        "flags that exclude each other",
        "rdonly_prog",
        "wronly_prog",
        "keep one",
        flags=["rdonly_prog", "wronly_prog"],
    ),
    _hash("no key", "key_size 0", "1 or more", key_size=0),
    _hash("a negative size", "value_size -1", "1 or more", value_size=-1),
    _hash("more entries than 32 bits", "max_entries 4294967296", max_entries=2**32),
    _shaped(
        "no size", "max_entries", "missing", "1 or more", type="hash", key_size=4, value_size=8
    ),
    _shaped(
        "key of an array",
        "key_size 8",
        "takes 4",
        type="array",
        key_size=8,
        value_size=1,
        max_entries=1,
    ),
    _shaped(
        "key of a ringbuf", "key_size 4", "takes 0", type="ringbuf", key_size=4, max_entries=4096
    ),
    _shaped(
        "value of a ringbuf",
        "value_size 4",
        "takes 0",
        type="ringbuf",
        value_size=4,
        max_entries=4096,
    ),
    _shaped(
        "a ringbuf of nothing", "max_entries 0", "1 to 2147483648", type="ringbuf", max_entries=0
    ),
    _shaped(
        "entries of local storage",
        "max_entries 5",
        "takes 0",
        type="sk_storage",
        value_size=8,
        max_entries=5,
    ),
    _shaped(
        "a short prefix",
        "key_size 4",
        "5 to 260",
        type="lpm_trie",
        key_size=4,
        value_size=1,
        max_entries=1,
    ),
    _shaped(
        "half a frame",
        "value_size 12",
        "multiples of 8",
        type="stack_trace",
        value_size=12,
        max_entries=1,
    ),
    _shaped(
        "half a build id",
        "value_size 40",
        "multiples of 32",
        type="stack_trace",
        value_size=40,
        max_entries=1,
        flags=["stack_build_id"],
    ),
    _shaped(
        "a large value per CPU",
        "value_size 32769",
        "1 to 32768",
        type="percpu_array",
        value_size=32769,
        max_entries=1,
    ),
    _shaped(
        "a device and a half", "value_size 6", "4 or 8", type="devmap", value_size=6, max_entries=1
    ),
    _shaped(
        "a short cgroup", "key_size 4", "8 or 16", type="cgroup_storage", key_size=4, value_size=8
    ),
    _shaped(
        "too many hash functions",
        "map_extra 16",
        "0 to 15",
        type="bloom_filter",
        value_size=8,
        max_entries=1,
        map_extra=16,
    ),
    _hash("map_extra of a hash", "map_extra 1", "takes 0", map_extra=1),
    _shaped(
        "an odd address",
        "map_extra 5",
        "multiples of 4096",
        type="arena",
        max_entries=1,
        map_extra=5,
    ),
    _shaped(
        "a node for what has none",
        "numa_node",
        "percpu_hash",
        "drop it",
        **{**HASH, "type": "percpu_hash"},
        numa_node=0,
    ),
    _hash("a negative node", "not -1", "numa_node must be 0 or greater", numa_node=-1),
    _hash("an inner map of a hash", "inner_map is not for hash", "drop it", inner_map=INNER),
    _shaped("no inner map", "inner_map is missing", "needs the shape", **OUTER),
    _shaped(
        "maps of maps of maps",
        "inner_map",
        "array_of_maps",
        "choose another",
        **OUTER,
        inner_map={
            "type": "array_of_maps",
            "max_entries": 1,
        },
    ),
    _shaped(
        "inner program array",
        "inner_map",
        "prog_array",
        "choose another",
        **OUTER,
        inner_map={"type": "prog_array", "max_entries": 1},
    ),
    _shaped(
        "inner map of a wrong size",
        "inner_map: ",
        "key_size 8",
        "takes 4",
        **OUTER,
        inner_map={**INNER, "key_size": 8},
    ),
    _hash("an unknown user", "owner 'nemo'", "not a user", "create it first", owner="nemo"),
    _hash("an unknown group", "group 'nemo'", "not a group", "create it first", group="nemo"),
    _hash("a mode that is not octal", "not '0999'", "must be octal", '"0640"', mode="0999"),
    _hash("a mode in letters", "not 'u=rw'", "must be octal", '"0640"', mode="u=rw"),
    _hash("a mode that YAML has read", "not 416", "quoted", '"0640"', mode=0o640),
    _hash("a mode with more bits", "mode '1640'", "bits beyond 0777", mode="1640"),
    # What only this kernel can tell, when it is asked to make the map.
    _shaped(
        "more CPUs than any kernel has",
        f"{BPFFS}/culprit: ",
        "E2BIG",
        "lower max_entries",
        type="cpumap",
        value_size=4,
        max_entries=2**20,
    ),
    _shaped(
        "a stack deeper than the kernel walks",
        f"{BPFFS}/culprit: ",
        "EINVAL",
        "docs/map-types.md",
        type="stack_trace",
        value_size=2**16,
        max_entries=1,
    ),
]


@pytest.mark.parametrize("table", [NAMES, SHAPES], ids=["names", "shapes"])
def test_a_declaration_that_cannot_be(
    host: Host, table: Sequence[Bad], subtests: pytest.Subtests
) -> None:
    before = host.inventory()
    run = host.playbook([task("bpf_map_pinned", **bad.arguments) for bad in table])
    assert host.inventory() == before
    for bad, result in zip(table, run, strict=True):
        with subtests.test(bad.about):
            assert_told(result, bad.texts)


def test_all_that_is_wrongassert_told_at_once(host: Host) -> None:
    before = host.inventory()
    batch = [
        {"name": "good", **HASH},
        {"name": "bad.name", "type": "hush", "mode": "0999"},
        {"name": "bad_sizes", "type": "array", "key_size": 8, "flags": ["lazy"], "owner": "nemo"},
    ]
    result = host.module("bpf_map_pinned", maps=batch)
    assert_told(result, [])
    told = result.msg.splitlines()
    assert [line.split(": ")[0] for line in told] == ["maps[1] bad.name"] * 3 + [
        "maps[2] bad_sizes"
    ] * 5
    whole = " ".join(told)
    for text in ("dot", "hush", "0999", "nemo", "lazy", "key_size 8", "value_size", "max_entries"):
        assert text in whole
    assert host.inventory() == before
