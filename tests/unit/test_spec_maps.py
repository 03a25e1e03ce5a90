# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what people write to what the kernel will report, and what they are told if it cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    WantedPin,
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES, Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users

DEFAULTS = {"directory": "/sys/fs/bpf", "on_mismatch": "fail"}
HASH = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}


HOST = Host(page_size=4096, possible_cpus=6)


def read(host: Host = HOST, **fields: Any) -> WantedPin:
    return read_pins([{**HASH, **fields}], DEFAULTS, host, Users())[0]


def problems(*items: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(Problems) as raised:
        read_pins(items, DEFAULTS, HOST, Users())
    return raised.value.problems


# What the kernel makes of max_entries: type, flags, written, page size, possible CPUs, reported.
ROUNDED = [
    ("a hash has as many as declared", "hash", [], 5, 4096, 6, 5),
    ("a ring buffer smaller than a page has one page", "ringbuf", [], 1, 4096, 6, 4096),
    ("a ring buffer has a power of two of pages", "ringbuf", [], 5000, 4096, 6, 8192),
    ("a ring buffer of three pages gets four", "ringbuf", [], 12288, 4096, 6, 16384),
    ("a ring buffer that fits stays", "user_ringbuf", [], 8192, 4096, 6, 8192),
    ("pages may have 64 KiB", "ringbuf", [], 5000, 65536, 6, 65536),
    (
        "a perf event array without a size has one entry per CPU",
        "perf_event_array",
        [],
        0,
        4096,
        6,
        6,
    ),
    ("a perf event array with a size keeps it", "perf_event_array", [], 3, 4096, 6, 3),
    ("an LRU of one list keeps its size", "lru_hash", [], 11, 4096, 6, 11),
    ("an LRU list per CPU has equal parts", "lru_hash", ["no_common_lru"], 11, 4096, 6, 12),
    ("also per-CPU values", "lru_percpu_hash", ["no_common_lru"], 1, 4096, 6, 6),
    ("near 2^32 it is rounded down", "lru_hash", ["no_common_lru"], 2**32 - 1, 4096, 6, 2**32 - 4),
]


@pytest.mark.parametrize(
    ("kind", "flags", "written", "page_size", "cpus", "reported"),
    [row[1:] for row in ROUNDED],
    ids=[row[0] for row in ROUNDED],
)
def test_max_entries_is_what_the_kernel_will_report(
    kind: str, flags: list[str], written: int, page_size: int, cpus: int, reported: int
) -> None:
    sizes = (
        {}
        if kind in ("hash", "lru_hash", "lru_percpu_hash")
        else {"key_size": None, "value_size": None}
    )
    pin = read(Host(page_size, cpus), type=kind, flags=flags, max_entries=written, **sizes)
    assert pin.map.shape.max_entries == reported


# Bits of include/uapi/linux/bpf.h, written out.
FLAGS = [
    ("none", {}, 0),
    ("one", {"flags": ["no_prealloc"]}, 0x1),
    ("several", {"flags": ["zero_seed", "rdonly_prog"]}, 0xC0),
    ("a NUMA node brings its flag", {"numa_node": 0}, 0x4),
    ("implied", {"type": "lpm_trie", "key_size": 8}, 0x1),
    ("implied", {"type": "task_storage", "key_size": None, "max_entries": None}, 0x1),
    (
        "implied",
        {"type": "arena", "key_size": None, "value_size": None, "flags": ["no_user_conv"]},
        0x40400,
    ),
]


@pytest.mark.parametrize(("fields", "bits"), [row[1:] for row in FLAGS])
def test_flags_are_the_bits_of_the_kernel(fields: dict[str, Any], bits: int) -> None:
    assert read(**fields).map.shape.flags == bits


def test_sizes_that_a_type_leaves_no_choice_of_may_be_left_out() -> None:
    pin = read(type="percpu_cgroup_storage", key_size=16, max_entries=None)
    assert pin.map.shape.max_entries == 0
    pin = read(type="cgroup_array", key_size=None, value_size=None)
    assert (pin.map.shape.key_size, pin.map.shape.value_size) == (4, 4)


NAMES = [
    ("flows", b"flows"),
    ("a_name_of_twenty_one", b"a_name_of_twent"),
    ("with-dash and:colon", b"with_dash_and_c"),
    ("größe", b"gr____e"),
]


@pytest.mark.parametrize(("name", "kernel_name"), NAMES)
def test_the_kernel_gets_fifteen_characters_that_it_takes(name: str, kernel_name: bytes) -> None:
    assert read(name=name).kernel_name == kernel_name


def test_items_take_what_they_do_not_say_from_the_defaults() -> None:
    defaults = {**DEFAULTS, "directory": "/sys/fs/bpf/agent", "mode": "0640", "owner": "0"}
    first, second = read_pins(
        [HASH, {**HASH, "directory": "/run/bpf/", "mode": "0600"}],
        defaults,
        HOST,
        Users(),
    )
    assert (first.path, first.access.mode, first.access.owner) == (
        "/sys/fs/bpf/agent/flows",
        0o640,
        0,
    )
    assert (second.path, second.access.mode) == ("/run/bpf/flows", 0o600)


# A field, what is wrong with it, and words that the message must have.
REFUSED = [
    ({"name": "a.b"}, ["a.b", "dot", "`_`"]),
    ({"name": ""}, ["empty"]),
    ({"name": None}, ["name", "path"]),
    ({"name": "x" * 256}, ["256", "255"]),
    ({"name": "../x"}, ["`/`", "directory"]),
    ({"name": ".."}, ["dot"]),
    ({"name": "ebpf-pinning~staging"}, ["reserved"]),
    ({"directory": "sys/fs/bpf"}, ["not absolute"]),
    ({"directory": "/sys/fs/bpf/../x"}, ["`..`"]),
    ({"path": "/sys/fs/bpf/other"}, ["flows", "only one"]),
    ({"type": None}, ["type is missing", "lpm_trie"]),
    ({"type": "hsah"}, ["hsah", "unknown", "lpm_trie"]),
    ({"type": "struct_ops"}, ["struct_ops", "loader"]),
    ({"key_size": None}, ["key_size is missing", "1 or more"]),
    ({"key_size": 0}, ["key_size 0", "1 or more"]),
    ({"key_size": -4}, ["key_size -4"]),
    ({"max_entries": 2**32}, ["max_entries 4294967296"]),
    ({"type": "array", "key_size": 8}, ["key_size 8", "array", "takes 4"]),
    ({"type": "lpm_trie", "key_size": 261}, ["5 to 260"]),
    ({"type": "devmap", "key_size": 4, "value_size": 6}, ["4 or 8"]),
    ({"type": "stack_trace", "value_size": 12}, ["multiples of 8"]),
    ({"type": "stack_trace", "value_size": 8, "flags": ["stack_build_id"]}, ["multiples of 32"]),
    ({"type": "percpu_hash", "value_size": 32769}, ["1 to 32768"]),
    ({"type": "queue"}, ["key_size 4", "takes 0"]),
    ({"map_extra": 3}, ["map_extra 3", "hash"]),
    ({"type": "bloom_filter", "key_size": None, "map_extra": 16}, ["0 to 15"]),
    ({"flags": ["no_preallok"]}, ["no_preallok", "unknown", "no_prealloc"]),
    ({"flags": ["mmapable"]}, ["mmapable", "hash takes"]),
    ({"flags": ["rdonly"]}, ["file descriptor", "rdonly_prog"]),
    ({"flags": ["rdonly_prog", "wronly_prog"]}, ["exclude"]),
    ({"type": "percpu_hash", "numa_node": 0}, ["numa_node", "percpu_hash"]),
    ({"numa_node": -1}, ["numa_node must be 0 or greater, not -1"]),
    ({"type": "hash_of_maps", "value_size": None}, ["inner_map is missing"]),
    ({"inner_map": dict(HASH)}, ["inner_map is not for hash"]),
    ({"mode": 416}, ["quoted"]),
    ({"mode": "u=rw"}, ["octal"]),
    ({"mode": "4600"}, ["0777"]),
    ({"owner": "no-such-user"}, ["no-such-user", "create"]),
    ({"group": "no-such-group"}, ["no-such-group", "create"]),
    ({"btf": {"data": "!", "key_type_id": 1, "value_type_id": 2}}, ["btf"]),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_what_cannot_be_is_refused_with_what_may_be(
    fields: dict[str, Any], words: list[str]
) -> None:
    (problem,) = problems({**HASH, **fields})
    for word in words:
        assert word in problem


# A field, and which word is proposed for what stands in it.
NEARLY_RIGHT = [
    ({"type": "HASH"}, "hash"),
    ({"type": "BPF_MAP_TYPE_HASH"}, "hash"),
    ({"type": "bpf_map_type_lru_hash"}, "lru_hash"),
    ({"type": "BPF_MAP_TYPE_LRU_PERCPU_HASH"}, "lru_percpu_hash"),
    ({"type": "lru-hash"}, "lru_hash"),
    ({"type": "lru hash"}, "lru_hash"),
    ({"type": "lruhash"}, "lru_hash"),
    ({"type": "lru_hahs"}, "lru_hash"),
    ({"type": "percpu_lru_hash"}, "lru_percpu_hash"),
    ({"type": "per_cpu_array"}, "percpu_array"),
    ({"type": "hsah"}, "hash"),
    ({"type": "ringbuffer"}, "ringbuf"),
    ({"type": "ring_buf"}, "ringbuf"),
    ({"type": "lpm_tree"}, "lpm_trie"),
    ({"type": "array_of_map"}, "array_of_maps"),
    ({"type": "sock_map"}, "sockmap"),
    ({"flags": ["NO_PREALLOC"]}, "no_prealloc"),
    ({"flags": ["BPF_F_NO_PREALLOC"]}, "no_prealloc"),
    ({"flags": ["bpf_f_rdonly_prog"]}, "rdonly_prog"),
    ({"flags": ["no-prealloc"]}, "no_prealloc"),
    ({"flags": ["noprealloc"]}, "no_prealloc"),
    ({"flags": ["no_preallok"]}, "no_prealloc"),
    ({"flags": ["prog_rdonly"]}, "rdonly_prog"),
    ({"flags": ["zero_seed", "BPF_F_WRONLY_PROG"]}, "wronly_prog"),
    ({"type": "array", "flags": ["BPF_F_MMAPABLE"]}, "mmapable"),
    ({"type": "array", "flags": ["mmappable"]}, "mmapable"),
]


@pytest.mark.parametrize(
    ("fields", "meant"), NEARLY_RIGHT, ids=[str(row[0]) for row in NEARLY_RIGHT]
)
def test_a_type_or_flag_that_is_nearly_right_gets_the_word_that_was_meant(
    fields: dict[str, Any], meant: str
) -> None:
    (problem,) = problems({**HASH, **fields})
    assert f"is unknown: did you mean {meant}? " in problem


@pytest.mark.parametrize("meant", sorted(MAP_TYPES))
def test_every_type_as_the_header_has_it_gets_the_word_of_libbpf(meant: str) -> None:
    (problem,) = problems({**HASH, "type": f"BPF_MAP_TYPE_{meant.upper()}"})
    assert f"did you mean {meant}? " in problem


def test_an_inner_map_gets_the_word_that_was_meant() -> None:
    inner = {**HASH, "type": "BPF_MAP_TYPE_ARRAY"}
    outer = {**HASH, "type": "hash_of_maps", "value_size": None, "inner_map": inner}
    assert any("inner_map: type" in each and "mean array?" in each for each in problems(outer))


# What is like no word, or is a word as the header has it that does not go here.
NOT_NEARLY_RIGHT = [
    ({"type": "table"}, "type 'table' is unknown: use one of "),
    ({"type": ""}, "type '' is unknown: use one of "),
    ({"type": 1}, "type 1 is unknown: use one of "),
    ({"type": "BPF_MAP_TYPE_STRUCT_OPS"}, "type BPF_MAP_TYPE_STRUCT_OPS cannot be declared: "),
    ({"flags": ["huge"]}, "flag 'huge' is unknown: hash takes "),
    ({"flags": ["0x1"]}, "flag '0x1' is unknown: hash takes "),
    ({"flags": ["BPF_F_MMAPABLE"]}, "flag 'BPF_F_MMAPABLE' is not for hash: "),
    ({"flags": ["BPF_F_RDONLY"]}, "flag BPF_F_RDONLY belongs to a file descriptor "),
    (
        {"type": "queue", "key_size": None, "flags": ["no_preallok"]},
        "'no_preallok' is unknown: queue",
    ),
]


@pytest.mark.parametrize(
    ("fields", "words"), NOT_NEARLY_RIGHT, ids=[str(row[0]) for row in NOT_NEARLY_RIGHT]
)
def test_no_word_is_proposed_that_would_be_refused_as_well(
    fields: dict[str, Any], words: str
) -> None:
    (problem,) = problems({**HASH, **fields})
    assert words in problem
    assert "did you mean" not in problem


@pytest.mark.parametrize("inner", ["prog_array", "hash_of_maps", "cgroup_storage"])
def test_an_inner_map_that_the_kernel_refuses_is_refused(inner: str) -> None:
    shape = {"type": inner, "key_size": 8 if inner == "cgroup_storage" else 4, "value_size": 4}
    shape["max_entries"] = 0 if inner == "cgroup_storage" else 1
    outer = {**HASH, "type": "hash_of_maps", "value_size": None, "inner_map": shape}
    assert any(f"takes no {inner} as an inner map" in problem for problem in problems(outer))


def test_all_problems_of_all_items_are_told_at_once() -> None:
    told = problems(
        {**HASH, "key_size": 0, "value_size": None},
        HASH,
        {**HASH, "name": "a.b", "mode": "9"},
        {**HASH, "type": "array", "max_entries": 1},
    )
    assert [line.split(": ")[0] for line in told] == [
        "maps[0] flows",
        "maps[0] flows",
        "maps[2] a.b",
        "maps[2] a.b",
        "maps[3] flows",
    ]
    assert "declared by maps[1] too" in told[-1]
