# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries by the types of an object file: declared, looked up, or found on the pin."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

Fields = dict[str, Any]

HASH: Fields = {"type": "hash", "max_entries": 8}
NESTED = {"from": {"x": -1, "y": 2}, "way": {"hops": 3, "via": {"x": 4, "y": -5}}, "last": 6}
LOCKED = {"before": 7, "count": 8}


def shown(host: Host, path: str) -> Any:
    """The values of a map as bpftool formats them by its BTF."""
    told = host.bpftool("map", "dump", "pinned", path)
    return {each["formatted"]["key"]: each["formatted"]["value"] for each in told}


def shape_of(host: Host, path: str) -> Fields:
    there = host.map_at(path)
    return {**HASH, "key_size": there["bytes_key"], "value_size": there["bytes_value"]}


def of_object(host: Host, name: str, **more: Any) -> str:
    """A map of an object file as the lookup elf_maps gives it, with more options."""
    found = f"lookup('ebpf.pinning.elf_maps', '{host.site.bpf_object('values')}')"
    chosen = f"{found} | selectattr('name', 'equalto', '{name}') | first"
    return f"{{{{ [{chosen} | combine({more})] }}}}"


def test_entries_are_written_by_the_types_that_the_pinned_map_has(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.load("values", BPFFS)
    path = f"{BPFFS}/m_nested"
    words = {"path": path, **shape_of(host, path), "entries": [{"key": 1, "value": NESTED}]}
    first, again = host.playbook([task("bpf_map_pinned", **words)] * 2)
    assert first.good().changed
    assert not again.good().changed
    assert shown(host, path) == {1: NESTED}
    with subtests.test("a field that there is not, or that is missing, is named"):
        for value, field in (
            ({**NESTED, "lost": 1}, "lost: is not one of the fields"),
            ({**NESTED, "from": {"x": 1}}, "from.y: must be given"),
            ({**NESTED, "last": 256}, "last: must be a whole number from 0 to 255"),
        ):
            bad = {**words, "entries": [{"key": 1, "value": value}]}
            refused = host.module("bpf_map_pinned", **bad)
            assert f"{path}: entries[0].value.{field}" in refused.msg
            assert shown(host, path) == {1: NESTED}
    with subtests.test("where the map is still to be made, nobody knows them"):
        host.shell(f"rm {path}")
        refused = host.module("bpf_map_pinned", **words)
        assert "as the map has no BTF that says its type" in refused.msg
        assert not refused.changed


def test_entries_are_written_by_the_types_of_an_object_file(host: Host) -> None:
    """The lookup elf_maps gives the map; the entries are added to it, with a format for a field."""
    entries = [{"key": 1, "value": {**NESTED, "last": "0x06"}}]
    declared = of_object(host, "m_nested", entries=entries, value_format={"last": "hex"})
    first, again = host.playbook([task("bpf_map_pinned", maps=declared)] * 2)
    assert first.good().changed
    assert not again.good().changed
    assert shown(host, f"{BPFFS}/m_nested") == {1: NESTED}


def test_values_with_a_lock_are_written_under_it(host: Host, subtests: pytest.Subtests) -> None:
    host.load("values", BPFFS)
    path = f"{BPFFS}/m_locked"
    btf = host.site.btf("values", "unsigned int", "locked")
    new = {"path": f"{BPFFS}/new/m_locked"}
    shape = {**shape_of(host, path), "entries_mode": "exact"}
    ways = {
        "found on the pin": {"path": path, **shape},
        "declared": {"path": path, **shape, "btf": btf},
        "in hexadecimal": {"path": path, **shape, "key_format": "u32", "value_format": "hex"},
        "of a new map": new,
    }
    for about, words in ways.items():
        with subtests.test(about):
            log = host.scratch / f"trace_{len(about)}"
            value: Any = LOCKED
            if about == "in hexadecimal":
                value = "07000000 00000000 0900000000000000"
            entries = [{"key": key, "value": value} for key in (1, 2, 3)]
            traced = host.strace("-o", str(log), "-e", "trace=bpf", "-X", "raw")
            declared = {**words, "entries": entries}
            if words is new:
                declared = {
                    "maps": of_object(host, "m_locked", entries=entries),
                    "directory": f"{BPFFS}/new",
                }
            run, again = host.playbook(
                [task("bpf_map_pinned", keywords=each, **declared) for each in (traced, None)]
            )
            assert run.good().changed
            assert not again.good().changed
            lines = [line for line in log.read_text().splitlines() if "bpf(0x1a" in line]
            assert lines
            assert all("elem_flags=0x4" in line for line in lines), lines
            count = 9 if about == "in hexadecimal" else 8
            seen = shown(host, words["path"])
            assert {(each["before"], each["count"]) for each in seen.values()} == {(7, count)}
            for key in (1, 2, 3):
                host.shell(f"bpftool map delete pinned {words['path']} key {key} 0 0 0")


def test_bytes_in_the_place_of_a_lock_are_refused(host: Host, subtests: pytest.Subtests) -> None:
    """The kernel drops them, so that the map would be found different by each run."""
    host.load("values", BPFFS)
    path = f"{BPFFS}/m_locked"
    btf = host.site.btf("values", "unsigned int", "locked")
    shape = {**shape_of(host, path), "key_format": "u32"}
    before = host.inventory()
    ways: dict[str, Any] = {
        "of a map that is there": {"path": path},
        "of a new map": {"path": f"{BPFFS}/new_locked", "btf": btf},
    }
    values = {
        "hex": "07000000 00010000 0900000000000000",
        "bytes": [7, *[0] * 6, 1, 9, *[0] * 7],
    }
    for about, words in ways.items():
        for notation, value in values.items():
            declared = {**shape, **words, "value_format": notation}
            entries = [{"key": 1, "value": value}]
            result = host.module("bpf_map_pinned", **declared, entries=entries)
            with subtests.test(f"{about}, {notation}"):
                assert result.failed
                text = "entries[0].value: must have zeros in bytes 4 to 7, where the lock is"
                assert text in result.msg
    assert host.inventory() == before
    assert shown(host, path) == {}


def test_values_with_what_only_programs_can_set_are_refused_by_its_name(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.load("owned", BPFFS)
    parts = {
        "timers": "struct bpf_timer",
        "deep_timers": "struct bpf_timer",
        "pointers": "a pointer of the kind kptr",
    }
    before = host.inventory()
    for name, part in parts.items():
        path = f"{BPFFS}/{name}"
        words = {"path": path, **shape_of(host, path)}
        zeros = {"key": "0x01 0x00 0x00 0x00", "value": "00" * words["value_size"]}
        for formats in ({"key_format": "hex", "value_format": "hex"}, {"value_format": "hex"}, {}):
            with subtests.test(f"{name} {len(formats)}"):
                refused = host.module("bpf_map_pinned", **words, **formats, entries=[zeros])
                assert refused.failed
                assert f"the values of the pinned map hold {part}" in refused.msg
                assert not refused.changed
                assert host.bpftool("map", "dump", "pinned", path) == []
    assert host.inventory() == before
