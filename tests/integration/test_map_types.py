# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every map type: made as declared, found unchanged by the second run."""

from __future__ import annotations

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from map_types import ALL_ROWS, LINUX, ROWS, YOUNGER

DECLARED = [row.item for row in ROWS]


@pytest.mark.every_python
def test_every_type_is_made_as_declared_and_found_unchanged(
    host: Host, subtests: pytest.Subtests
) -> None:
    batch = {"directory": f"{BPFFS}/types", "maps": DECLARED}
    empty = host.inventory()
    predicted = host.module("bpf_map_pinned", check=True, **batch).good()
    assert predicted.changed
    assert predicted["counts"]["created"] == len(ROWS)
    assert predicted["directories"] == [f"{BPFFS}/types"]
    assert host.inventory() == empty

    made = host.module("bpf_map_pinned", **batch).good()
    assert made.changed
    assert made["counts"] == predicted["counts"]
    assert made["directories"] == predicted["directories"]

    before = host.inventory()
    again = host.playbook([task("bpf_map_pinned", check=check, **batch) for check in (False, True)])
    assert host.inventory() == before
    for run in again:
        run.good()
        assert not run.changed, run
        assert run["counts"]["unchanged"] == len(ROWS)

    reported = zip(ROWS, made["maps"], again[0]["maps"], strict=True)
    for row, first, second in reported:
        with subtests.test(f"{row.name}: {row.about}"):
            path = f"{BPFFS}/types/{row.name}"
            assert [first["path"], second["path"]] == [path, path]
            assert [first["action"], second["action"]] == ["created", "unchanged"]
            shown = host.map_at(path)
            assert (
                shown["bytes_key"],
                shown["bytes_value"],
                shown["max_entries"],
                shown["flags"],
            ) == row.seen
            assert shown["name"] == row.name[:15]
            assert shown["frozen"] == 0
            info = before[path]["object"]
            assert info["type"] == row.number
            assert info["map_extra"] == row.extra
            assert bool(info["btf_id"]) == row.has_btf
            assert [first["id"], second["id"]] == [shown["id"], shown["id"]]
            assert first["shape"] == second["shape"]
            shape = second["shape"]
            assert shape["name"] == row.name[:15]
            assert (shape["key_size"], shape["value_size"], shape["max_entries"]) == row.seen[:3]
            assert shape["map_extra"] == row.extra
            assert second["unverified"] == row.unverified


def test_every_type_that_can_be_declared_is_in_the_table(host: Host) -> None:
    """The types are listed to whoever declares one that there is not."""
    refused = host.module("bpf_map_pinned", name="a", type="none_such")
    listed = refused.msg.partition("use one of ")[2].split(", ")
    assert set(listed) == {row.declared["type"] for row in ALL_ROWS}


def test_what_this_kernel_is_too_old_for_is_told_by_its_version(
    host: Host, subtests: pytest.Subtests
) -> None:
    if not YOUNGER:
        pytest.skip("this kernel has all types and flags")
    before = host.inventory()
    made = host.playbook([task("bpf_map_pinned", **row.item) for row in YOUNGER])
    for row, result in zip(YOUNGER, made, strict=True):
        with subtests.test(row.name):
            assert result.failed
            needed = f"needs Linux {row.since[0]}.{row.since[1]}, this is {LINUX[0]}.{LINUX[1]}."
            assert "MAP_CREATE: EINVAL: this kernel does not make a map" in result.msg
            assert needed in result.msg
    assert host.inventory() == before


def test_the_kernel_s_own_reason_is_told_where_it_has_one(host: Host) -> None:
    """Linux logs since 7.2 what of a map it refuses; here a NUMA node that no machine has."""
    fields = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
    (real,) = host.playbook([task("bpf_map_pinned", name="far", numa_node=1023, **fields)])
    assert real.failed
    assert "MAP_CREATE: EINVAL: this kernel does not make a map" in real.msg
    assert ("(the kernel says: Invalid numa_node.)" in real.msg) == (LINUX >= (7, 2))
    assert "needs Linux" not in real.msg


def test_bpftool_calls_each_type_as_it_is_declared(host: Host) -> None:
    """The names are bpftool's; a type that is younger than this bpftool is a number to it."""
    host.module("bpf_map_pinned", maps=DECLARED).good()
    for row in ROWS:
        name = host.map_at(f"{BPFFS}/{row.name}")["type"]
        assert name in (row.declared["type"], row.number), row.name


TEMPLATES = [
    # what is declared, what the kernel must then take, what it must refuse
    (
        dict(type="array", value_size=8, max_entries=16),
        dict(type=2, value_size=8, max_entries=16),
        dict(type=2, value_size=8, max_entries=17),
    ),
    (
        dict(type="hash", key_size=6, value_size=8, max_entries=16, flags=["no_prealloc"]),
        dict(type=1, key_size=6, value_size=8, max_entries=99, flags=1),
        dict(type=1, key_size=6, value_size=8, max_entries=99),
    ),
    (
        dict(type="array", value_size=8, max_entries=16, flags=["inner_map"]),
        dict(type=2, value_size=8, max_entries=99, flags=0x1000),
        dict(type=2, value_size=4, max_entries=16, flags=0x1000),
    ),
]


@pytest.mark.every_python
def test_a_map_of_maps_takes_what_inner_map_declares_and_nothing_else(host: Host) -> None:
    outer = [
        dict(name=f"{kind}_{number}", type=kind, key_size=4, max_entries=1, inner_map=inner)
        for number, (inner, _fit, _misfit) in enumerate(TEMPLATES)
        for kind in ("array_of_maps", "hash_of_maps")
    ]
    made = host.module("bpf_map_pinned", maps=outer).good()
    assert made["counts"]["created"] == len(outer)

    def put(inner: str, into: str) -> int:
        words = f"map update pinned {BPFFS}/{into} key 0 0 0 0 value pinned {BPFFS}/{inner}"
        return host.run("bpftool", *words.split(), check=False).returncode

    for number, (_inner, fit, misfit) in enumerate(TEMPLATES):
        host.make_pin(f"{BPFFS}/fit_{number}", **{"key_size": 4, **fit})
        host.make_pin(f"{BPFFS}/misfit_{number}", **{"key_size": 4, **misfit})
        for kind in ("array_of_maps", "hash_of_maps"):
            assert put(f"misfit_{number}", into=f"{kind}_{number}")
            assert not put(f"fit_{number}", into=f"{kind}_{number}")

    # With a map in it, what an array_of_maps takes can be verified.
    again = host.module("bpf_map_pinned", maps=outer).good()
    assert again["counts"]["unchanged"] == len(outer)
    assert [found["unverified"] for found in again["maps"]] == [[] for _map in outer]


def test_every_type_can_be_frozen_and_stays_so(host: Host) -> None:
    maps = [dict(item, frozen=True) for item in DECLARED]
    first, second = host.playbook([task("bpf_map_pinned", maps=maps) for _run in range(2)])
    assert first.good()["counts"]["created"] == len(maps)
    assert second.good()["counts"]["unchanged"] == len(maps)
    for row in ROWS:
        assert host.map_at(f"{BPFFS}/{row.name}")["frozen"] == 1, row.name
