# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries of every type of map, each mode beside a dict that says what is to be there.

The oracle is c/entries.c, which dumps all keys and values, and bpftool, which others write with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from entries_table import ROWS, Content, Fields, Row, dump, put, spaced
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from map_types import CPUS
from map_types import ROWS as ALL_TYPES


def declare(host: Host, content: Mapping[str, Fields], **more: Any) -> Result:
    """One task for all rows that `content` has the options of, by name."""
    maps = [row.declared(**content[row.name]) for row in ROWS if row.name in content]
    return host.module("bpf_map_pinned", maps=maps, **more).good()


def twice(host: Host, content: Mapping[str, Fields]) -> tuple[Result, Result]:
    maps = [row.declared(**content[row.name]) for row in ROWS if row.name in content]
    first, again = host.playbook([task("bpf_map_pinned", maps=maps)] * 2)
    return first.good(), again.good()


def of_all(rows: Iterable[Row], content: Mapping[int, Any], **more: Any) -> dict[str, Fields]:
    return {row.name: {"entries": row.entries_of(content), **more} for row in rows}


def told(result: Result) -> dict[str, tuple[int, int, int]]:
    """How many were added, updated, removed, by the name of the map."""
    words = ("added", "updated", "removed")
    return {each["name"]: tuple(each["entries"][word] for word in words) for each in result["maps"]}


TWO = {1: 11, 2: 12}


@pytest.mark.every_python
@pytest.mark.parametrize("mode", [None, "present", "exact", "initial"])
def test_a_new_map_of_any_type_has_what_is_declared(
    host: Host, mode: str | None, subtests: pytest.Subtests
) -> None:
    """An array, too, whose slots are there from the start."""
    wanted = of_all(ROWS, TWO, **({"entries_mode": mode} if mode else {}))
    first, again = twice(host, wanted)
    for row in ROWS:
        with subtests.test(row.name):
            assert dump(host, row.path) == row.seen(TWO)
    assert {*told(first).values()} == {(2, 0, 0)}
    assert not again.changed


def test_each_mode_makes_of_what_is_there_what_it_says(
    host: Host, subtests: pytest.Subtests
) -> None:
    """Others write meanwhile: another value, an entry more, and one goes."""
    declare(host, of_all(ROWS, TWO))

    def disturb(row: Row) -> None:
        put(host, row, {1: 99, 5: 95}, bits=7 if row.is_trie else 0)
        if not row.is_array:
            host.shell(
                f"bpftool map delete pinned {row.path} key hex {spaced(row.key_hex(2))} || true"
            )

    for mode in ("present", "exact", "initial"):
        for row in ROWS:
            disturb(row)
        before = {row.name: dump(host, row.path) for row in ROWS}
        wanted = of_all(ROWS, TWO, entries_mode=mode)
        check = declare(host, wanted, check=True)
        assert {row.name: dump(host, row.path) for row in ROWS} == before
        first, again = twice(host, wanted)
        assert told(first) == told(check)
        assert not again.changed
        for row in ROWS:
            two = {2: 12}
            model = {
                "present": {1: 11, **two, 5: 95},
                "exact": {1: 11, **two},
                "initial": {1: 99, **two, 5: 95},
            }[mode]
            with subtests.test(f"{mode} {row.name}"):
                found = dump(host, row.path)
                if row.is_trie:
                    found = masked(found)
                assert found == row.seen(model)
                added = 0 if row.is_array else 1
                updated, removed = int(mode != "initial"), int(mode == "exact")
                assert told(first)[row.name] == (added, updated, removed)


def masked(content: Content) -> Content:
    """Host bits of a key of 24 bits mean nothing to the kernel."""
    return {f"{key[:-2]}00": value for key, value in content.items()}


def test_what_is_to_be_absent_goes_whatever_host_bits_it_was_stored_with(
    host: Host, subtests: pytest.Subtests
) -> None:
    rows = [row for row in ROWS if not row.is_array]
    declare(host, of_all(rows, TWO))
    for row in rows:
        put(host, row, {3: 3, 4: 4}, bits=9 if row.is_trie else 0)
    absent = {
        row.name: {
            "entries": row.entries_of({2: 12}),
            "entries_absent": [row.key_of(1), row.key_of(3), row.key_of(7)],
        }
        for row in rows
    }
    first, again = twice(host, absent)
    assert not again.changed
    for row in rows:
        with subtests.test(row.name):
            assert masked_if(row, dump(host, row.path)) == row.seen({2: 12, 4: 4})
            assert told(first)[row.name] == (0, 0, 2)


def masked_if(row: Row, content: Content) -> Content:
    return masked(content) if row.is_trie else content


def test_a_per_cpu_map_takes_one_value_or_one_for_each_cpu(
    host: Host, subtests: pytest.Subtests
) -> None:
    rows = [row for row in ROWS if row.cpus > 1]
    each = {1: [20 + cpu for cpu in range(CPUS)], 2: 12}
    first, again = twice(host, of_all(rows, each))
    assert first.changed
    assert not again.changed
    for row in rows:
        with subtests.test(row.name):
            assert dump(host, row.path) == row.seen(each)
            host.run(host.site.program("entries"), row.path, "put", "6", "1", "5")
    with subtests.test("what pads a value is no difference"):
        # c/entries.c fills the padding of what it writes with 0xff.
        told_of = {row.name: dump(host, row.path) for row in rows}
        same = {
            row.name: {
                "key_format": "hex",
                "value_format": "hex",
                "entries": [
                    {
                        "key": row.key_hex(6),
                        "value": told_of[row.name][row.key_hex(6)].split(" "),
                    }
                ],
            }
            for row in rows
            if row.key_hex(6) in told_of[row.name]
        }
        assert len(same) == len(rows)
        assert not declare(host, same).changed
    with subtests.test("a list of another length is refused"):
        row = rows[0]
        bad = row.declared(entries=row.entries_of({1: [1] * (CPUS + 1)}))
        refused = host.module("bpf_map_pinned", **bad)
        assert refused.failed
        assert "entries[0].value" in refused.msg


def test_lists_that_are_values_are_not_taken_for_one_value_for_each_cpu(host: Host) -> None:
    """A value of as many bytes as there are CPUs may be written as a list of bytes."""
    shape: Fields = {"type": "percpu_hash", "key_size": 4, "value_size": CPUS, "max_entries": 4}
    numbers = [*range(1, CPUS + 1)]
    words = {**shape, "name": "lists", "key_format": "u32", "value_format": "bytes"}
    entries = [
        {"key": 1, "value": numbers},
        {"key": 2, "value": [[cpu + byte for byte in range(CPUS)] for cpu in range(CPUS)]},
    ]
    host.module("bpf_map_pinned", **words, entries=entries).good()
    assert dump(host, f"{BPFFS}/lists") == {
        "01000000": " ".join([bytes(numbers).hex()] * CPUS),
        "02000000": " ".join(
            bytes(cpu + byte for byte in range(CPUS)).hex() for cpu in range(CPUS)
        ),
    }


# Ways to write a key of a trie beside cidr4, and the same with host bits.
PREFIX = (24).to_bytes(4, "little")
NOTATIONS: dict[str, tuple[Any, Any, Any]] = {
    "fields": (
        [{"name": "length", "format": "u32"}, {"name": "address", "format": "ipv4"}],
        {"length": 24, "address": "10.0.1.0"},
        {"length": 24, "address": "10.0.1.7"},
    ),
    "hex": ("hex", PREFIX.hex() + "0a000100", PREFIX.hex() + "0a000107"),
    "bytes": ("bytes", [*PREFIX, 10, 0, 1, 0], [*PREFIX, 10, 0, 1, 7]),
    "cidr4": ("cidr4", "10.0.1.0/24", "10.0.1.7/24"),
}


@pytest.mark.parametrize("about", NOTATIONS)
def test_host_bits_in_keys_of_tries_are_refused_or_masked_in_every_notation(
    host: Host, about: str, subtests: pytest.Subtests
) -> None:
    """The kernel takes them for the same prefix: compared as they are, each run would differ."""
    notation, plain, bits = NOTATIONS[about]
    row = ROWS[-2]
    words = row.declared(key_format=notation, entries_mode="exact")
    with subtests.test("refused"):
        refused = host.module("bpf_map_pinned", **words, entries=[{"key": bits, "value": 1}])
        assert refused.failed
        assert "entries[0].key: has bits set beyond the length of its prefix" in refused.msg
        gone = {key: value for key, value in words.items() if key != "entries_mode"}
        refused = host.module("bpf_map_pinned", **gone, entries_absent=[plain, bits])
        assert "entries_absent[1]: has bits set beyond the length" in refused.msg
        if about in ("fields", "bytes"):
            long = {**plain, "length": 33} if about == "fields" else [33, *plain[1:]]
            refused = host.module("bpf_map_pinned", **words, entries=[{"key": long, "value": 1}])
            assert "entries[0].key: must have a prefix length from 0 to 32" in refused.msg
    with subtests.test("masked"):
        masks = {**words, "host_bits": "mask", "entries": [{"key": bits, "value": 1}]}
        first, again = host.playbook([task("bpf_map_pinned", **masks)] * 2)
        assert first.good().changed
        assert not again.good().changed
        assert dump(host, row.path) == row.seen({1: 1})
        both = [{"key": bits, "value": 1}, {"key": plain, "value": 2}]
        twice = host.module("bpf_map_pinned", **{**masks, "entries": both})
        assert "entries[1]: its key is that of entries[0]: keep one" in twice.msg
    with subtests.test("those of others are not looked at"):
        put(host, row, {1: 1}, bits=9)
        plainly = {**words, "entries": [{"key": plain, "value": 1}]}
        assert not host.module("bpf_map_pinned", **plainly).good().changed
        assert dump(host, row.path) == {row.key_hex(1, 9): row.value_hex(1)}


OF_MAPS = {"array_of_maps", "hash_of_maps"}  # see test_entries_of_maps.py
PLAIN = {row.kind for row in ROWS} | OF_MAPS
MEANT = {
    *("prog_array", "devmap", "devmap_hash", "cpumap", "cgroup_array"),
    *("queue", "stack", "bloom_filter"),
}  # see test_entries_meant.py


def test_all_other_types_are_refused_with_the_reason_before_anything_changes(
    host: Host, subtests: pytest.Subtests
) -> None:
    every = {row.declared["type"]: row.declared for row in ALL_TYPES}
    others = {kind: declared for kind, declared in every.items() if kind not in PLAIN | MEANT}
    before = host.inventory()
    assert len(others) > 12
    good = ROWS[0].declared(entries=ROWS[0].entries_of(TWO))
    entries = [{"key": "0x00 0x00 0x00 0x00", "value": "0x00 0x00 0x00 0x00"}]
    tasks = [
        task("bpf_map_pinned", maps=[good, {"name": "other", **declared, "entries": entries}])
        for declared in others.values()
    ]
    for kind, result in zip(others, host.playbook(tasks), strict=True):
        with subtests.test(kind):
            assert result.failed
            assert not result.changed
            start = f"maps[1] other: entries of the type {kind} cannot be declared: "
            assert result.msg.startswith(start), result.msg
            assert len(result.msg) > len(start) + 20
    assert host.inventory() == before
