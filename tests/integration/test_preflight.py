# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bpf_preflight tells of a host, before anything is loaded there."""

from __future__ import annotations

from harness.host import BPFFS, Host
from test_elf_maps import compiled

HASH = """
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
struct value { long packets; long bytes; };
struct {
    __uint(type, 1);
    __type(key, int);
    __type(value, struct value);
    __uint(max_entries, 16);
    __uint(pinning, 1);
} flows __attribute__((section(".maps"), used));
char _license[] __attribute__((section("license"), used)) = "GPL";
"""


def test_nothing_pinned_is_missing_and_good(host: Host) -> None:
    path = compiled(host, "flows.bpf.o", HASH)
    before = host.inventory()
    result = host.module("bpf_preflight", object=path).good()
    assert result["ok"] is True
    (found,) = result["maps"]
    assert (found["name"], found["path"], found["verdict"]) == ("flows", f"{BPFFS}/flows", "missing")
    assert host.inventory() == before


def test_a_map_of_another_size_is_refused(host: Host) -> None:
    path = compiled(host, "flows.bpf.o", HASH)
    host.make_pin(f"{BPFFS}/flows", max_entries=8)
    result = host.module("bpf_preflight", object=path)
    assert result.failed
    print(result.msg)
    (found,) = result["maps"]
    print(found)
    assert found["verdict"] == "refused"
