# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of maps, each with what is pinned under its name: what loaders may stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

_POSSIBLE = Path("/sys/devices/system/cpu/possible").read_text()
CPUS = int(_POSSIBLE.replace(",", "-").split("-")[-1]) + 1
PAGE = 4096

# As bpf_helpers.h has them.
HEADER = """
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __ulong(name, val) enum { ___unique_value = val } name
#define __array(name, val) typeof(val) *name[]
#define SEC(name) __attribute__((section(name), used))
typedef unsigned long long __u64;
typedef unsigned int __u32;
struct plain { __u64 packets; __u64 bytes; };
"""
FOOTER = """
SEC("classifier") int nothing(void *context) { asm volatile("" : : "r"(&%s)); return 0; }
char _license[] SEC("license") = "GPL";
"""
HASH = "__uint(type, 1); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 16);"
HASH_PIN = {"type": 1, "key_size": 4, "value_size": 8, "max_entries": 16}
ARRAY = "__uint(type, 2); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 4);"
ARRAY_PIN = {"type": 2, "key_size": 4, "value_size": 8, "max_entries": 4}
INNER = (
    "struct { __uint(type, 1); __uint(key_size, 4); __uint(value_size, %d); "
    "__uint(max_entries, 1); }"
)
NO_PREALLOC, NO_COMMON_LRU, NUMA_NODE, ZERO_SEED = 1, 2, 4, 0x40
RDONLY_PROG, WRONLY_PROG, MMAPABLE, PRESERVE_ELEMS = 0x80, 0x100, 0x400, 0x800


class Case(NamedTuple):
    """One map. `pin` has the fields of c/make.c, or is a shell script that makes $PIN."""

    fields: str
    pin: dict[str, int | str] | str | None
    before: str = ""  # of the struct, in the source
    directory: str = ""  # below that of the loader; it is not made


def lru(entries: int, flags: int = 0) -> str:
    return (
        "__uint(type, 9); __uint(key_size, 4); __uint(value_size, 8); "
        f"__uint(max_entries, {entries}); __uint(map_flags, {flags});"
    )


def of(fields: str, **changed: int) -> str:
    """The definition of a hash or an array with other fields."""
    for name, value in changed.items():
        start = fields.index(f"__uint({name},") if f"__uint({name}," in fields else len(fields)
        end = fields.find(";", start) + 1 or len(fields)
        fields = f"{fields[:start]}__uint({name}, {value});{fields[end:]}"
    return fields


def ring(entries: int, number: int = 27) -> str:
    return f"__uint(type, {number}); __uint(max_entries, {entries});"


def perf(entries: int) -> str:
    return (
        "__uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); "
        f"__uint(max_entries, {entries});"
    )


def like(
    kind: int, value_size: int = 4, entries: int = 4, **flags: int
) -> tuple[str, dict[str, int | str]]:
    fields = (
        f"__uint(type, {kind}); __uint(key_size, 4); __uint(value_size, {value_size}); "
        f"__uint(max_entries, {entries});"
    )
    pin: dict[str, int | str] = {
        "type": kind,
        "key_size": 4,
        "value_size": value_size,
        "max_entries": entries,
        **flags,
    }
    return fields, pin


RING_PIN: dict[str, int | str] = {"type": 27, "key_size": 0, "value_size": 0, "max_entries": PAGE}
BLOOM = "__uint(type, 30); __uint(value_size, 8); __uint(max_entries, 16); __uint(map_extra, %d);"
BLOOM_PIN: dict[str, int | str] = {"type": 30, "key_size": 0, "value_size": 8, "max_entries": 16}
OUTER = (
    "__uint(type, 13); __uint(key_size, 4); __uint(max_entries, 4); __array(values, "
    + INNER % 8
    + ");"
)
OUTER_OF = "make $PIN-inner type=1 value_size=%d >/dev/null; " + (
    "make $PIN type=13 key_size=4 value_size=4 max_entries=4 inner=$PIN-inner; rm $PIN-inner"
)

# The pin is made by libbpf, of the same source with the fields of its struct in another order.
BY_AN_OLDER_OBJECT = "by an older object"

CASES: dict[str, Case] = {
    "nothing is pinned": Case(HASH, None),
    "the same map": Case(HASH, HASH_PIN),
    "another name in the kernel": Case(HASH, {**HASH_PIN, "name": "a_name_of_15_ch"}),
    "another type": Case(HASH, {**HASH_PIN, "type": 9}),
    "a type that is alike": Case(HASH, {**HASH_PIN, "type": 5}),
    "a longer key": Case(HASH, {**HASH_PIN, "key_size": 8}),
    "a shorter key": Case(of(HASH, key_size=8), HASH_PIN),
    "a longer value": Case(HASH, {**HASH_PIN, "value_size": 16}),
    "a shorter value": Case(of(HASH, value_size=16), HASH_PIN),
    "more entries": Case(HASH, {**HASH_PIN, "max_entries": 17}),
    "fewer entries": Case(HASH, {**HASH_PIN, "max_entries": 15}),
    "everything is another": Case(HASH, {"type": 2, "value_size": 1, "max_entries": 1}),
    "no_prealloc in the pin": Case(HASH, {**HASH_PIN, "flags": NO_PREALLOC}),
    "no_prealloc in the object": Case(of(HASH, map_flags=NO_PREALLOC), HASH_PIN),
    "no_prealloc in both": Case(
        of(HASH, map_flags=NO_PREALLOC), {**HASH_PIN, "flags": NO_PREALLOC}
    ),
    "zero_seed in the pin": Case(HASH, {**HASH_PIN, "flags": ZERO_SEED}),
    "zero_seed in the object": Case(of(HASH, map_flags=ZERO_SEED), HASH_PIN),
    "rdonly_prog in the pin": Case(HASH, {**HASH_PIN, "flags": RDONLY_PROG}),
    "rdonly_prog in the object": Case(of(HASH, map_flags=RDONLY_PROG), HASH_PIN),
    "wronly_prog in the pin": Case(ARRAY, {**ARRAY_PIN, "flags": WRONLY_PROG}),
    "mmapable in the pin": Case(ARRAY, {**ARRAY_PIN, "flags": MMAPABLE}),
    "mmapable in the object": Case(of(ARRAY, map_flags=MMAPABLE), ARRAY_PIN),
    "inner_map in the pin": Case(ARRAY, {**ARRAY_PIN, "flags": 0x1000}),
    "preserve_elems in the pin": Case(
        perf(CPUS),
        {"type": 4, "key_size": 4, "value_size": 4, "max_entries": CPUS, "flags": PRESERVE_ELEMS},
    ),
    "numa_node in the pin": Case(HASH, {**HASH_PIN, "flags": NUMA_NODE}),
    "numa_node in the object": Case(of(HASH, map_flags=NUMA_NODE, numa_node=0), HASH_PIN),
    "numa_node in both": Case(
        of(HASH, map_flags=NUMA_NODE, numa_node=0), {**HASH_PIN, "flags": NUMA_NODE}
    ),
    "an lru_hash": Case(lru(16), {**HASH_PIN, "type": 9}),
    "an lru_hash, rounded by the kernel": Case(
        lru(CPUS * 8 + 1, NO_COMMON_LRU),
        {**HASH_PIN, "type": 9, "max_entries": CPUS * 8 + 1, "flags": NO_COMMON_LRU},
    ),
    "an lru_hash, rounded already": Case(
        lru(CPUS * 8, NO_COMMON_LRU),
        {**HASH_PIN, "type": 9, "max_entries": CPUS * 8, "flags": NO_COMMON_LRU},
    ),
    "a ring buffer": Case(ring(PAGE), RING_PIN),
    "a ring buffer of another size": Case(ring(2 * PAGE), RING_PIN),
    "a ring buffer, rounded by loaders": Case(ring(PAGE - 1), RING_PIN),
    "a ring buffer that no kernel makes": Case(ring(PAGE - 1), None),
    "a ring buffer, rounded far": Case(ring(5000), {**RING_PIN, "max_entries": 2 * PAGE}),
    "a user_ringbuf, rounded by loaders": Case(ring(PAGE - 1, 31), {**RING_PIN, "type": 31}),
    "a ring buffer with a type of values": Case(
        ring(PAGE) + " __type(value, struct plain);", RING_PIN
    ),
    "a new ring buffer with a type of values": Case(
        ring(PAGE) + " __type(value, struct plain);", None
    ),
    "an entry for each CPU": Case(
        perf(0), {"type": 4, "key_size": 4, "value_size": 4, "max_entries": CPUS}
    ),
    "one entry for all CPUs": Case(
        perf(0), {"type": 4, "key_size": 4, "value_size": 4, "max_entries": CPUS + 3}
    ),
    "more entries than CPUs in the object": Case(
        perf(1024), {"type": 4, "key_size": 4, "value_size": 4, "max_entries": CPUS}
    ),
    "more entries than CPUs in both": Case(
        perf(1024), {"type": 4, "key_size": 4, "value_size": 4, "max_entries": 1024}
    ),
    "perf events without sizes": Case(
        "__uint(type, 4);", {"type": 4, "key_size": 4, "value_size": 4, "max_entries": CPUS}
    ),
    "new perf events without sizes": Case("__uint(type, 4); __uint(max_entries, 1);", None),
    "a devmap": Case(*like(14)),
    "a devmap of another size": Case(like(14)[0], {**like(14)[1], "max_entries": 5}),
    "a devmap_hash": Case(*like(25)),
    "a cpumap": Case(*like(16, entries=1)),
    "a devmap with longer values": Case(like(14, 8)[0], like(14, 4)[1]),
    "a bloom_filter": Case(BLOOM % 3, {**BLOOM_PIN, "map_extra": 3}),
    "another map_extra": Case(BLOOM % 3, {**BLOOM_PIN, "map_extra": 4}),
    "map_extra in the pin": Case(
        (BLOOM % 0).replace("__uint(map_extra, 0);", ""), {**BLOOM_PIN, "map_extra": 4}
    ),
    "a map of maps": Case(OUTER, OUTER_OF % 8),
    "a map of maps for others": Case(OUTER, OUTER_OF % 16),
    "a frozen map": Case(ARRAY, "make $PIN type=2 max_entries=4; bpftool map freeze pinned $PIN"),
    "a map with BTF, pinned without": Case(
        "__uint(type, 1); __type(key, __u32); __type(value, struct plain); "
        "__uint(max_entries, 16);",
        {**HASH_PIN, "value_size": 16},
    ),
    "fields in another order": Case(
        "__uint(type, 1); __type(key, __u32); __type(value, struct plain); "
        "__uint(max_entries, 16);",
        BY_AN_OLDER_OBJECT,
    ),
    "a name that the kernel cuts": Case(HASH, HASH_PIN),
    "a mode that keeps others out": Case(HASH, "make $PIN max_entries=16; chmod 0400 $PIN"),
    "a program": Case(HASH, "cp_program $PIN"),
    "a directory": Case(HASH, "mkdir $PIN"),
    "a map of no entries": Case(of(HASH, max_entries=0), None),
    "a key that no kernel takes": Case(of(ARRAY, key_size=8), None),
    "a flag that no kernel takes": Case(of(ARRAY, map_flags=NO_COMMON_LRU), None),
    "a missing directory": Case(HASH, None, directory="new"),
    "two missing directories": Case(HASH, None, directory="newer/newest"),
    "a file where a directory is to be": Case(
        HASH, "make ${PIN%/*} max_entries=16", directory="taken"
    ),
}


def name_of(about: str, number: int) -> str:
    """The name of the map of a case."""
    name = f"m{number}"
    return f"{name}_longer_than_15_characters" if about == "a name that the kernel cuts" else name


def older(source: str) -> str:
    return source.replace("__u64 packets; __u64 bytes;", "__u64 bytes; __u64 packets;")


def source_of(about: str, number: int) -> str:
    case = CASES[about]
    pinned = f"{case.fields} __uint(pinning, 1);"
    if "__array(values" in pinned:  # the last field, for libbpf
        start = pinned.index("__array(values")
        end = pinned.rindex("__uint(pinning")
        pinned = pinned[:start] + pinned[end:] + pinned[start:end]
    name = name_of(about, number)
    return f'{HEADER}{case.before}struct {{ {pinned} }} {name} SEC(".maps");{FOOTER % name}'
