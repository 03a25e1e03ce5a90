# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that is built again, with newer headers or by another compiler, keeps its maps."""

from __future__ import annotations

import json
import subprocess

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from test_elf_maps import lookup

HEADERS = {
    "old": "struct bpf_timer { __u64 : 64; __u64 : 64; } __attribute__((aligned(8)));"
    "struct bpf_spin_lock { __u32 val; };",
    "new": "struct bpf_timer { __u64 __opaque[2]; } __attribute__((aligned(8)));"
    "struct bpf_spin_lock { __u32 __opaque; };",
}
# Without linux/bpf.h, which has these structs in the way of this machine.
SOURCE = """
typedef unsigned int __u32; typedef unsigned long long __u64; typedef long long __s64;
typedef unsigned short __u16; typedef unsigned char __u8; typedef int __s32;
typedef __u16 __be16; typedef __u32 __be32; typedef __u32 __wsum;
#include <bpf/bpf_helpers.h>
struct __sk_buff { __u32 len; };
enum { HASH = 1 };
#define MAP(name, entry) struct { __uint(type, HASH); __uint(max_entries, 16); __type(key, __u32); \
    __type(value, entry); __uint(pinning, LIBBPF_PIN_BY_NAME); } name SEC(".maps")
struct timed { __u64 since; struct bpf_timer timer; };
struct locked { struct bpf_spin_lock lock; __u32 count; };
MAP(timers, struct timed);
MAP(locks, struct locked);
static int fired(void *map, __u32 *key, struct timed *entry) { return 0; }
SEC("tc") int arm(struct __sk_buff *packet)
{
    __u32 key = packet->len;
    struct timed *entry = bpf_map_lookup_elem(&timers, &key);
    struct locked *cell = bpf_map_lookup_elem(&locks, &key);
    if (!entry || !cell)
        return -1;
    if (!bpf_timer_init(&entry->timer, &timers, 1)) {
        bpf_timer_set_callback(&entry->timer, fired);
        bpf_timer_start(&entry->timer, 1000000, 0);
    }
    bpf_spin_lock(&cell->lock);
    cell->count++;
    bpf_spin_unlock(&cell->lock);
    return -1;
}
char _license[] SEC("license") = "GPL";
"""


def built(host: Host, with_headers: str, compiler: str = "clang") -> str:
    path = str(host.scratch / f"{with_headers}.bpf.o")
    command = [compiler, "-g", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", path]
    # The structs are made of types that come after them.
    source = (
        "#define __u32 unsigned int\n#define __u64 unsigned long long\n" + HEADERS[with_headers]
    )
    source += "\n#undef __u32\n#undef __u64\n" + SOURCE
    subprocess.run(command, input=source.encode(), check=True)
    return path


@pytest.mark.parametrize("before", ["old", "new"])
def test_a_program_built_with_other_headers_keeps_its_timers_and_locks(
    host: Host, before: str
) -> None:
    first, second = (
        built(host, before),
        built(host, "new" if before == "old" else "old", "clang-19"),
    )
    batch = [task("bpf_map_pinned", maps=lookup(path)) for path in (first, second)]
    batch.append(task("bpf_map_pinned", maps=lookup(second), on_mismatch="migrate", check=True))
    made, *found = host.playbook(batch)
    assert made.good()["counts"]["created"] == 2
    for each in found:
        assert each.good()["counts"]["unchanged"] == 2
    ids = {each["name"]: each["id"] for each in made["maps"]}
    for path in (first, second):
        assert json.loads(host.run(host.site.program("load"), path, BPFFS).stdout) == ids


def test_objects_built_with_other_headers_do_not_contradict_each_other(host: Host) -> None:
    maps = lookup(built(host, "old"), built(host, "new"))
    made = host.module("bpf_map_pinned", maps=maps).good()
    assert made["counts"]["created"] == 2
