# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table: each map type as a user declares it, and what bpftool then says about it.

The expectations are written down from the kernel's behaviour, not computed by the collection.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
# "0-3" and the like; gaps in the numbering are not known in the wild.
CPUS = int(Path("/sys/devices/system/cpu/possible").read_text().split("-")[-1]) + 1
_RELEASE = re.findall(r"\d+", os.uname().release)
LINUX = (int(_RELEASE[0]), int(_RELEASE[1]))

# include/uapi/linux/bpf.h
NO_PREALLOC, NO_COMMON_LRU, NUMA_NODE, STACK_BUILD_ID = 0x1, 0x2, 0x4, 0x20
ZERO_SEED, RDONLY_PROG, WRONLY_PROG, CLONE = 0x40, 0x80, 0x100, 0x200
MMAPABLE, PRESERVE_ELEMS, INNER_MAP = 0x400, 0x800, 0x1000
SEGV_ON_FAULT, NO_USER_CONV, RB_OVERWRITE = 0x20000, 0x40000, 0x80000


@dataclass(frozen=True)
class Row:
    """`seen` is key_size, value_size, max_entries, flags as reported; `number` the map type."""

    name: str  # of the pin
    about: str
    declared: dict[str, Any]
    number: int
    seen: tuple[int, int, int, int]
    extra: int = 0
    unverified: list[str] = field(default_factory=list)
    has_btf: bool = False
    since: tuple[int, int] = (0, 0)  # the first Linux that makes it

    @property
    def item(self) -> dict[str, Any]:
        """The declaration as an item of `maps`."""
        return {"name": self.name, **self.declared}


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


_INNER_HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
_INNER_ARRAY = {"type": "array", "value_size": 8, "max_entries": 16}
_ADDRESS = 0x1000 * PAGE


def _sized(kind: str, key: int, value: int, entries: int, **more: Any) -> dict[str, Any]:
    return dict(type=kind, key_size=key, value_size=value, max_entries=entries, **more)


def _of_entries(kind: str, entries: int, **more: Any) -> dict[str, Any]:
    return dict(type=kind, max_entries=entries, **more)


ALL_ROWS = [
    Row("hash", "any sizes", _sized("hash", 5, 7, 3), 1, (5, 7, 3, 0)),
    Row(
        "hash_flags",
        "flags are reported as declared",
        _sized("hash", 4, 8, 3, flags=["zero_seed", "no_prealloc", "rdonly_prog"]),
        1,
        (4, 8, 3, NO_PREALLOC | ZERO_SEED | RDONLY_PROG),
    ),
    Row(
        "hash_numa",
        "a NUMA node implies its flag and is not reported",
        _sized("hash", 4, 8, 3, numa_node=0),
        1,
        (4, 8, 3, NUMA_NODE),
        unverified=["numa_node"],
    ),
    Row(
        "hash_whose_name_is_longer_than_the_kernel_keeps",
        "the kernel's name is cut, the pin's is not",
        _sized("hash", 4, 8, 3),
        1,
        (4, 8, 3, 0),
    ),
    Row(
        "array",
        "the key is an index",
        dict(type="array", value_size=3, max_entries=2),
        2,
        (4, 3, 2, 0),
    ),
    Row(
        "array_flags",
        "flags of an array",
        _sized("array", 4, 8, 2, flags=["mmapable", "wronly_prog"]),
        2,
        (4, 8, 2, MMAPABLE | WRONLY_PROG),
    ),
    Row(
        "array_inner",
        "an array of any length inside a map of maps",
        _sized("array", 4, 8, 2, flags=["inner_map"]),
        2,
        (4, 8, 2, INNER_MAP),
    ),
    Row("prog_array", "of one entry", _of_entries("prog_array", 1), 3, (4, 4, 1, 0)),
    Row("perf_8", "as many as declared", _of_entries("perf_event_array", 8), 4, (4, 4, 8, 0)),
    Row(
        "perf_0",
        "0 entries mean one per possible CPU",
        _of_entries("perf_event_array", 0, flags=["preserve_elems"]),
        4,
        (4, 4, CPUS, PRESERVE_ELEMS),
    ),
    Row("perf_unset", "and so does none", dict(type="perf_event_array"), 4, (4, 4, CPUS, 0)),
    Row(
        "percpu_hash",
        "the size is that of one CPU's value",
        _sized("percpu_hash", 4, 12, 3),
        5,
        (4, 12, 3, 0),
    ),
    Row(
        "percpu_array",
        "the largest value",
        dict(type="percpu_array", value_size=32768, max_entries=1),
        6,
        (4, 32768, 1, 0),
    ),
    Row(
        "stack_trace",
        "a number of entries that is no power of two",
        dict(type="stack_trace", value_size=127 * 8, max_entries=5),
        7,
        (4, 127 * 8, 5, 0),
    ),
    Row(
        "stack_build_id",
        "build ids need 32 bytes a frame",
        dict(type="stack_trace", value_size=96, max_entries=5, flags=["stack_build_id"]),
        7,
        (4, 96, 5, STACK_BUILD_ID),
    ),
    Row("cgroup_array", "of one entry", _of_entries("cgroup_array", 1), 8, (4, 4, 1, 0)),
    Row("lru_hash", "one list for all CPUs", _sized("lru_hash", 4, 8, 11), 9, (4, 8, 11, 0)),
    Row(
        "lru_hash_per_cpu",
        "a list per CPU is rounded up to the CPUs",
        _sized("lru_hash", 4, 8, 11, flags=["no_common_lru"]),
        9,
        (4, 8, _up(11, CPUS), NO_COMMON_LRU),
    ),
    Row(
        "lru_percpu_hash",
        "one list for all CPUs",
        _sized("lru_percpu_hash", 4, 8, 13),
        10,
        (4, 8, 13, 0),
    ),
    Row(
        "lru_percpu_lists",
        "a list per CPU is rounded up to the CPUs",
        _sized("lru_percpu_hash", 4, 8, 13, flags=["no_common_lru", "zero_seed"]),
        10,
        (4, 8, _up(13, CPUS), NO_COMMON_LRU | ZERO_SEED),
    ),
    Row(
        "lpm_v4", "no_prealloc is implied", _sized("lpm_trie", 8, 1, 9), 11, (8, 1, 9, NO_PREALLOC)
    ),
    Row(
        "lpm_longest",
        "the longest key, with the flag declared",
        _sized("lpm_trie", 260, 4, 9, flags=["no_prealloc"]),
        11,
        (260, 4, 9, NO_PREALLOC),
    ),
    Row(
        "array_of_maps",
        "empty, so that the inner shape cannot be verified",
        _of_entries("array_of_maps", 2, inner_map=_INNER_ARRAY),
        12,
        (4, 4, 2, 0),
        unverified=["inner_map"],
    ),
    Row(
        "hash_of_maps",
        "of arrays",
        dict(type="hash_of_maps", key_size=8, max_entries=2, inner_map=_INNER_ARRAY),
        13,
        (8, 4, 2, 0),
    ),
    Row(
        "hash_of_maps_lazy",
        "of hashes with flags, and flags of its own",
        dict(
            type="hash_of_maps",
            key_size=16,
            max_entries=2,
            flags=["no_prealloc"],
            inner_map=dict(_INNER_HASH, flags=["no_prealloc"]),
        ),
        13,
        (16, 4, 2, NO_PREALLOC),
    ),
    Row(
        "hash_of_lpm",
        "the inner map's implied flags",
        dict(
            type="hash_of_maps",
            key_size=4,
            max_entries=2,
            inner_map=_sized("lpm_trie", 8, 4, 9),
        ),
        13,
        (4, 4, 2, 0),
    ),
    Row(
        "devmap",
        "the kernel adds a flag",
        dict(type="devmap", value_size=4, max_entries=4),
        14,
        (4, 4, 4, RDONLY_PROG),
    ),
    Row(
        "devmap_prog",
        "with a program per device",
        _sized("devmap", 4, 8, 4),
        14,
        (4, 8, 4, RDONLY_PROG),
    ),
    Row("sockmap", "with socket cookies", _sized("sockmap", 4, 8, 4), 15, (4, 8, 4, 0)),
    Row("cpumap", "of few entries", _sized("cpumap", 4, 4, 2), 16, (4, 4, 2, 0)),
    Row("cpumap_prog", "with a program per CPU", _sized("cpumap", 4, 8, 1), 16, (4, 8, 1, 0)),
    Row("xskmap", "sizes left out", _of_entries("xskmap", 4), 17, (4, 4, 4, 0)),
    Row("sockhash", "the longest key", _sized("sockhash", 512, 8, 4), 18, (512, 8, 4, 0)),
    Row(
        "cgroup_storage",
        "by cgroup and attach type",
        dict(type="cgroup_storage", key_size=16, value_size=12),
        19,
        (16, 12, 0, 0),
    ),
    Row(
        "reuseport",
        "of sockets",
        _sized("reuseport_sockarray", 4, 8, 4),
        20,
        (4, 8, 4, 0),
    ),
    Row(
        "percpu_cgroup",
        "by cgroup alone",
        _sized("percpu_cgroup_storage", 8, 8, 0),
        21,
        (8, 8, 0, 0),
    ),
    Row("queue", "without keys", dict(type="queue", value_size=3, max_entries=5), 22, (0, 3, 5, 0)),
    Row("stack", "key_size 0 declared", _sized("stack", 0, 3, 5), 23, (0, 3, 5, 0)),
    Row(
        "sk_storage",
        "flag and BTF are implied",
        dict(type="sk_storage", value_size=12),
        24,
        (4, 12, 0, NO_PREALLOC),
        has_btf=True,
    ),
    Row(
        "sk_storage_clone",
        "cloned with the socket",
        dict(type="sk_storage", value_size=8, flags=["clone"]),
        24,
        (4, 8, 0, NO_PREALLOC | CLONE),
        has_btf=True,
    ),
    Row(
        "devmap_hash",
        "the kernel adds a flag, on a NUMA node too",
        _sized("devmap_hash", 4, 8, 4, numa_node=0),
        25,
        (4, 8, 4, RDONLY_PROG | NUMA_NODE),
        unverified=["numa_node"],
    ),
    Row(
        "ringbuf",
        "a size that the kernel takes",
        _of_entries("ringbuf", 4 * PAGE),
        27,
        (0, 0, 4 * PAGE, 0),
    ),
    Row(
        "ringbuf_5_pages",
        "rounded up to a power of two of pages",
        _of_entries("ringbuf", 4 * PAGE + 1),
        27,
        (0, 0, 8 * PAGE, 0),
    ),
    Row("ringbuf_byte", "one page at least", _of_entries("ringbuf", 1), 27, (0, 0, PAGE, 0)),
    Row(
        "inode_storage",
        "flag and BTF are implied",
        dict(type="inode_storage", value_size=1),
        28,
        (4, 1, 0, NO_PREALLOC),
        has_btf=True,
    ),
    Row(
        "task_storage",
        "all declared",
        _sized("task_storage", 4, 8, 0, flags=["no_prealloc"]),
        29,
        (4, 8, 0, NO_PREALLOC),
        has_btf=True,
    ),
    Row(
        "bloom",
        "number of hash functions",
        dict(type="bloom_filter", value_size=8, max_entries=100, map_extra=3),
        30,
        (0, 8, 100, 0),
        extra=3,
    ),
    Row(
        "bloom_default",
        "the default number is reported as 0",
        dict(type="bloom_filter", value_size=8, max_entries=100, flags=["zero_seed"]),
        30,
        (0, 8, 100, ZERO_SEED),
    ),
    Row(
        "user_ringbuf",
        "rounded up to a power of two of pages",
        _of_entries("user_ringbuf", 3 * PAGE),
        31,
        (0, 0, 4 * PAGE, 0),
    ),
    Row(
        "cgrp_storage",
        "flag and BTF are implied",
        dict(type="cgrp_storage", value_size=24),
        32,
        (4, 24, 0, NO_PREALLOC),
        has_btf=True,
    ),
    Row("arena", "mmapable is implied", _of_entries("arena", 3), 33, (0, 0, 3, MMAPABLE)),
    Row(
        "arena_at",
        "at an address",
        _of_entries("arena", 1, map_extra=_ADDRESS, flags=["segv_on_fault", "no_user_conv"]),
        33,
        (0, 0, 1, MMAPABLE | SEGV_ON_FAULT | NO_USER_CONV),
        extra=_ADDRESS,
    ),
    Row(
        "ringbuf_overwritten",
        "the oldest makes room for the newest",
        _of_entries("ringbuf", PAGE, flags=["rb_overwrite"], numa_node=0),
        27,
        (0, 0, PAGE, RB_OVERWRITE | NUMA_NODE),
        unverified=["numa_node"],
        since=(6, 19),
    ),
    Row(
        "rhash",
        "no_prealloc is implied",
        _sized("rhash", 5, 7, 3),
        35,
        (5, 7, 3, NO_PREALLOC),
        since=(7, 2),
    ),
    Row(
        "rhash_hinted",
        "the longest key, with a size to begin with",
        _sized("rhash", 65535, 8, 70000, map_extra=65535, flags=["no_prealloc", "rdonly_prog"]),
        35,
        (65535, 8, 70000, NO_PREALLOC | RDONLY_PROG),
        extra=65535,
        since=(7, 2),
    ),
]
ROWS = [row for row in ALL_ROWS if row.since <= LINUX]
YOUNGER = [row for row in ALL_ROWS if row.since > LINUX]
