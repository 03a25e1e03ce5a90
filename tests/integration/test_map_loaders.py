# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps whose size loaders make something of: each reuses what is provisioned for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from harness import golang
from harness.host import BPFFS, Host
from harness.playbook import task
from test_elf_maps import compiled, lookup, show

SOURCE = """
#define __uint(name, val) int (*name)[val]
struct {
    __uint(type, %d);
    __uint(key_size, 4);
    __uint(value_size, 4);
    __uint(max_entries, %d);
    __uint(pinning, 1);
} slots __attribute__((section(".maps"), used));
char _license[] __attribute__((section("license"), used)) = "GPL";
"""
PERF_EVENT_ARRAY, CPUMAP = 4, 16


def possible_cpus() -> int:
    last = Path("/sys/devices/system/cpu/possible").read_text().replace(",", "-").split("-")[-1]
    return int(last) + 1


CPUS = possible_cpus()
# What the object says of a perf_event_array: nothing, fewer and as many as there are CPUs, more.
SIZES = [0, 1, CPUS, CPUS + 1, 1024]


def load(host: Host, loader: str, path: str, place: str, *, check: bool = True) -> int | None:
    """The id of the map that the loader then uses; None if it uses none."""
    program = golang.loader(host.site) if loader == "cilium" else host.site.program("load")
    done = host.run(program, path, place, check=check)
    if done.returncode:
        assert "incompatible" in done.stderr or "mismatch" in done.stderr
        return None
    found = json.loads(done.stdout)
    number: int = found["maps"]["slots"] if loader == "cilium" else found["slots"]
    return number


def objects(host: Host, map_type: int, sizes: Sequence[int]) -> dict[int, str]:
    return {
        size: compiled(host, f"{map_type}-{size}.bpf.o", SOURCE % (map_type, size))
        for size in sizes
    }


@pytest.mark.parametrize("loader", ["libbpf", "cilium"])
def test_a_loader_reuses_what_is_provisioned_for_it(host: Host, loader: str) -> None:
    paths = objects(host, PERF_EVENT_ARRAY, SIZES)
    run = host.playbook(
        [
            task("bpf_map_pinned", directory=f"{BPFFS}/{size}", maps=lookup(path, loader=loader))
            for size, path in paths.items()
        ]
    )
    for (size, path), made in zip(paths.items(), run, strict=True):
        (item,) = made.good()["maps"]
        assert load(host, loader, path, f"{BPFFS}/{size}") == item["id"], size


@pytest.mark.parametrize("loader", ["libbpf", "cilium"])
def test_what_a_loader_pinned_is_found_as_declared(host: Host, loader: str) -> None:
    paths = objects(host, PERF_EVENT_ARRAY, SIZES)
    ids = {}
    for size, path in paths.items():
        host.run("mkdir", f"{BPFFS}/{size}")
        ids[size] = load(host, loader, path, f"{BPFFS}/{size}")
    run = host.playbook(
        [
            task("bpf_map_pinned", directory=f"{BPFFS}/{size}", maps=lookup(path, loader=loader))
            for size, path in paths.items()
        ]
    )
    for size, found in zip(paths, run, strict=True):
        assert found.good()["counts"]["unchanged"] == 1, size
        assert found["maps"][0]["id"] == ids[size]


def test_no_map_serves_both_if_the_object_says_more_than_there_are_cpus(host: Host) -> None:
    """So it is that an option is needed; with 0 entries, or few, it is not."""
    paths = objects(host, PERF_EVENT_ARRAY, SIZES)
    for loader, other in (("libbpf", "cilium"), ("cilium", "libbpf")):
        for size, path in paths.items():
            place = f"{BPFFS}/{loader}_{size}"
            host.run("mkdir", place)
            made = load(host, loader, path, place)
            reused = load(host, other, path, place, check=False)
            assert reused == (None if size > CPUS else made), (loader, size)


def test_a_cpumap_is_cut_for_newer_versions_of_cilium_ebpf(host: Host) -> None:
    """That of this system leaves it as it is, so it takes no more part in this."""
    sizes = [1, CPUS, 64]
    paths = objects(host, CPUMAP, sizes)
    for loader, wanted in (("libbpf", sizes), ("cilium", [1, CPUS, CPUS])):
        places = [f"{BPFFS}/{loader}_{size}" for size in sizes]
        for result in host.playbook(
            [
                task("bpf_map_pinned", directory=place, maps=lookup(path, loader=loader))
                for place, path in zip(places, paths.values(), strict=True)
            ]
        ):
            result.good()
        assert [host.map_at(f"{place}/slots")["max_entries"] for place in places] == wanted


def test_a_map_with_an_entry_for_each_cpu_needs_no_number(host: Host) -> None:
    maps = [
        {"name": name, "type": name, "value_size": 4} for name in ("cpumap", "perf_event_array")
    ]
    host.module("bpf_map_pinned", maps=maps).good()
    for each in maps:
        assert host.map_at(f"{BPFFS}/{each['name']}")["max_entries"] == CPUS


def test_only_maps_of_which_loaders_differ_are_told_of_the_loader(host: Host) -> None:
    path = compiled(host, "hash.bpf.o", SOURCE % (1, 1024))
    run = host.playbook([show(lookup(path, loader=loader)) for loader in ("libbpf", "cilium")])
    one, two = (result.good()["msg"] for result in run)
    assert one == two
