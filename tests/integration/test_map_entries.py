# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries: what is in a map afterwards, as bpftool dumps it."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

Fields = dict[str, Any]

PIN = f"{BPFFS}/blocked"
SHAPE: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 8}
MAP: Fields = {"name": "blocked", **SHAPE, "key_format": "ipv4", "value_format": "u32"}
TWO = [{"key": "10.0.0.1", "value": 1}, {"key": "10.0.0.2", "value": 2}]


def dump(host: Host, path: str = PIN) -> dict[bytes, bytes]:
    """What bpftool finds in a map."""
    told = host.bpftool("map", "dump", "pinned", path)
    return {raw(each["key"]): raw(each["value"]) for each in told}


def raw(numbers: list[str]) -> bytes:
    return bytes(int(each, 16) for each in numbers)


def entry(address: str, value: int) -> tuple[bytes, bytes]:
    return bytes(map(int, address.split("."))), value.to_bytes(4, "little")


def put(host: Host, address: str, value: int) -> None:
    """Write an entry as somebody else."""
    key, data = (" ".join(map(str, part)) for part in entry(address, value))
    host.shell(f"bpftool map update pinned {PIN} key {key} value {data}")


BOTH = dict([entry("10.0.0.1", 1), entry("10.0.0.2", 2)])


@pytest.mark.every_core
@pytest.mark.every_python
def test_a_new_map_has_its_entries_and_keeps_them(host: Host, subtests: pytest.Subtests) -> None:
    check = host.module("bpf_map_pinned", check=True, **MAP, entries=TWO).good()
    assert check.changed
    made, again = host.playbook([task("bpf_map_pinned", **MAP, entries=TWO)] * 2)
    assert made.good().changed
    assert dump(host) == BOTH
    with subtests.test("a second run writes nothing"):
        assert not again.good().changed
    put(host, "10.0.0.1", 9)
    put(host, "10.0.0.9", 9)
    host.shell(f"bpftool map delete pinned {PIN} key 10 0 0 2")
    there = dump(host)
    with subtests.test("a check tells what differs, and writes nothing"):
        check = host.module("bpf_map_pinned", check=True, diff=True, **MAP, entries=TWO).good()
        assert [each["have"] for each in check["maps"][0]["drift"]] == ["1 missing, 1 different"]
        assert dump(host) == there
    with subtests.test("present leaves others"):
        assert host.module("bpf_map_pinned", **MAP, entries=TWO).good().changed
        assert dump(host) == {**BOTH, **dict([entry("10.0.0.9", 9)])}
    with subtests.test("exact does not"):
        exact = {**MAP, "entries": TWO, "entries_mode": "exact"}
        done, again = host.playbook([task("bpf_map_pinned", **exact)] * 2)
        assert done.good()["maps"][0]["drift"][0]["have"] == "1 extra"
        assert dump(host) == BOTH
        assert not again.good().changed
    with subtests.test("initial leaves what a program has made of a value"):
        put(host, "10.0.0.1", 77)
        host.shell(f"bpftool map delete pinned {PIN} key 10 0 0 2")
        initial = {**MAP, "entries": TWO, "entries_mode": "initial"}
        done, again = host.playbook([task("bpf_map_pinned", **initial)] * 2)
        assert done.good().changed
        assert dump(host) == dict([entry("10.0.0.1", 77), entry("10.0.0.2", 2)])
        assert not again.good().changed
    with subtests.test("what is to be absent goes"):
        gone = {**MAP, "entries_absent": ["10.0.0.1", "10.0.0.200"]}
        done, again = host.playbook([task("bpf_map_pinned", **gone)] * 2)
        assert done.good().changed
        assert dump(host) == dict([entry("10.0.0.2", 2)])
        assert not again.good().changed


def test_entries_beside_a_list_of_maps_are_refused(host: Host) -> None:
    refused = host.module("bpf_map_pinned", maps=[{"name": "blocked", **SHAPE}], entries=TWO)
    assert refused.failed
    assert "mutually exclusive: maps|entries" in refused.msg
