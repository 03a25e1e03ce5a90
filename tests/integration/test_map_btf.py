# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""BTF of keys and values: made so that bpftool shows fields, compared by structure."""

from __future__ import annotations

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

FLOWS = dict(name="flows", type="hash", key_size=8, value_size=16, max_entries=4)


def test_bpftool_shows_entries_by_field(host: Host) -> None:
    btf = host.site.btf("types", "flow", "count")
    first, second = host.playbook([task("bpf_map_pinned", btf=btf, **FLOWS) for _run in range(2)])
    assert first.good()["counts"]["created"] == 1
    assert second.good()["counts"]["unchanged"] == 1
    key, value = "1 0 0 0 2 0 0 0", "3 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0"
    words = f"map update pinned {BPFFS}/flows key {key} value {value}"
    host.run("bpftool", *words.split())
    (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/flows")
    assert entry.get("formatted", entry) == {
        "key": {"source": 1, "target": 2},
        "value": {"packets": 3, "bytes": 4},
    }


@pytest.mark.every_python
def test_the_same_types_under_other_ids_are_the_same(host: Host) -> None:
    one = host.site.btf("types", "flow", "count")
    two = host.site.btf("types_shifted", "flow", "count")
    assert one["key_type_id"] != two["key_type_id"]
    made, found = host.playbook([task("bpf_map_pinned", btf=btf, **FLOWS) for btf in (one, two)])
    assert made.good()["counts"]["created"] == 1
    assert found.good()["counts"]["unchanged"] == 1


def test_a_type_of_the_same_size_with_other_fields_is_another(host: Host) -> None:
    one = host.site.btf("types", "flow", "count")
    two = host.site.btf("types", "flow", "other_count")
    made, found = host.playbook([task("bpf_map_pinned", btf=btf, **FLOWS) for btf in (one, two)])
    made.good()
    assert found.failed
    (drift,) = found["maps"][0]["drift"]
    assert drift["field"] == "btf"
    assert "drops" in drift["want"]
    assert "bytes" in drift["have"]


def test_btf_of_an_application_is_as_good_as_declared(host: Host) -> None:
    """libbpf pinned the map, with all the types of its object file."""
    host.load("pins", BPFFS)
    btf = host.site.btf("types", "flow", "count")
    declared = dict(FLOWS, name="flows_of_all_tenants", max_entries=128, flags=["no_prealloc"])
    found = host.module("bpf_map_pinned", btf=btf, **declared).good()
    assert found["counts"]["unchanged"] == 1


def test_types_without_keys_and_types_that_take_no_btf(host: Host) -> None:
    maps = [
        # The kernel takes BTF for the value alone.
        dict(
            name="seen",
            type="bloom_filter",
            value_size=16,
            max_entries=8,
            btf=host.site.btf("types", "", "count"),
        ),
        dict(
            name="counters",
            type="array",
            value_size=16,
            max_entries=8,
            btf=host.site.btf("types", "unsigned int", "count"),
        ),
        # Loaders leave BTF out for these: so do we.
        dict(
            name="fifo",
            type="queue",
            value_size=16,
            max_entries=8,
            btf=host.site.btf("types", "", "count"),
        ),
        # Instead of the one made by default.
        dict(
            name="per_socket",
            type="sk_storage",
            value_size=16,
            btf=host.site.btf("types", "int", "count"),
        ),
    ]
    first, second = host.playbook([task("bpf_map_pinned", maps=maps) for _run in range(2)])
    assert first.good()["counts"]["created"] == len(maps)
    assert second.good()["counts"]["unchanged"] == len(maps)
    values = [host.info(f"{BPFFS}/{item['name']}")["btf_value_type_id"] for item in maps]
    assert values == [maps[0]["btf"]["value_type_id"]] * 2 + [0, maps[0]["btf"]["value_type_id"]]


def test_btf_that_does_not_describe_the_map_is_refused(host: Host) -> None:
    good = host.site.btf("types", "flow", "count")
    bad = {
        "make them agree": {**good, "value_type_id": good["key_type_id"]},
        "is not among its": {**good, "key_type_id": 999},
        "give the BTF of an object file": {**good, "data": "bm90IEJURg=="},
        "base64": {**good, "data": "%%%"},
    }
    before = host.inventory()
    run = host.playbook([task("bpf_map_pinned", btf=btf, **FLOWS) for btf in bad.values()])
    for (advice, _btf), result in zip(bad.items(), run, strict=True):
        assert result.failed
        assert "flows" in result.msg
        assert advice in result.msg
    assert host.inventory() == before


def test_a_map_is_made_without_the_btf_that_a_kernel_does_not_take(host: Host) -> None:
    """As it comes from the compiler: its sections have no sizes yet, which no kernel takes."""
    btf = host.site.btf("pins", "flow", "count")
    predicted, made, found = host.playbook(
        [task("bpf_map_pinned", check=check, btf=btf, **FLOWS) for check in (True, False, False)]
    )
    assert predicted.good()["counts"]["created"] == 1
    (warning,) = made.good().warnings
    assert warning.startswith(f"{BPFFS}/flows: this kernel does not take the BTF")
    assert "btf_id" not in host.map_at(f"{BPFFS}/flows")
    assert found.good()["counts"]["unchanged"] == 1
    assert found["maps"][0]["unverified"] == ["btf"]
