# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pin of another shape: told in full and left alone, or replaced at once as a whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from harness.site import ADM_GROUP, DAEMON

Fields = dict[str, Any]


@dataclass(frozen=True)
class Misfit:
    """`there` is what another tool pinned (see Host.make_pin), `drift` is field, want, have."""

    name: str  # of the pin
    about: str
    there: Fields
    declared: Fields
    drift: list[tuple[str, Any, Any]]
    then: list[str] = field(default_factory=list)  # bpftool words to run on the pin

    @property
    def path(self) -> str:
        return f"{BPFFS}/{self.name}"

    @property
    def item(self) -> Fields:
        """The declaration as an item of `maps`."""
        return {"name": self.name, **self.declared}


def _hash(**other: Any) -> Fields:
    return {"type": 1, "key_size": 4, "value_size": 8, "max_entries": 16, **other}


_FLOW_TO_COUNT = (
    "struct flow { unsigned int source; unsigned int target; } -> "
    "struct count { unsigned long long packets; unsigned long long bytes; }"
)

MISFITS = [
    Misfit(
        "other_type",
        "another type",
        _hash(type=9),
        HASH,
        [("type", "hash", "lru_hash")],
    ),
    Misfit("other_key", "key_size", _hash(key_size=6), HASH, [("key_size", 4, 6)]),
    Misfit("other_value", "value_size", _hash(value_size=9), HASH, [("value_size", 8, 9)]),
    Misfit("other_entries", "max_entries", _hash(max_entries=15), HASH, [("max_entries", 16, 15)]),
    Misfit(
        "flag_missing",
        "a flag that is not there",
        _hash(),
        {**HASH, "flags": ["rdonly_prog", "no_prealloc"]},
        [("flags", ["no_prealloc", "rdonly_prog"], [])],
    ),
    Misfit(
        "flag_extra",
        "a flag that is there and not declared",
        _hash(flags=0x81),
        {**HASH, "flags": ["no_prealloc"]},
        [("flags", ["no_prealloc"], ["no_prealloc", "rdonly_prog"])],
    ),
    Misfit(
        "numa_flag",
        "a NUMA node where there is none",
        _hash(),
        {**HASH, "numa_node": 0},
        [("flags", ["numa_node"], [])],
    ),
    Misfit(
        "other_extra",
        "map_extra",
        dict(type=30, key_size=0, value_size=8, max_entries=16, map_extra=3),
        dict(type="bloom_filter", value_size=8, max_entries=16, map_extra=4),
        [("map_extra", 4, 3)],
    ),
    Misfit(
        "devmap_entries",
        "what the kernel adds is no drift",
        dict(type=14, value_size=4, max_entries=2),
        dict(type="devmap", value_size=4, max_entries=4),
        [("max_entries", 4, 2)],
    ),
    Misfit(
        "small_ring",
        "a size is compared after rounding",
        dict(type=27, key_size=0, value_size=0, max_entries=65536),
        dict(type="ringbuf", max_entries=65537),
        [("max_entries", 131072, 65536)],
    ),
    Misfit(
        "frozen_for_good",
        "a frozen map that is to be writable",
        _hash(),
        {**HASH, "frozen": False},
        [("frozen", False, True)],
        then=["map", "freeze"],
    ),
    Misfit(
        "without_btf",
        "a map without the declared BTF",
        _hash(key_size=8, value_size=16),
        {**HASH, "key_size": 8, "value_size": 16, "btf": "flow -> count"},
        [("btf", _FLOW_TO_COUNT, "none")],
    ),
    Misfit(
        "hash_of_others",
        "the kernel would not take the declared inner map",
        dict(type=13, key_size=4, value_size=4, max_entries=2, inner=f"{BPFFS}/template"),
        dict(
            type="hash_of_maps",
            key_size=4,
            max_entries=2,
            inner_map={**HASH, "value_size": 9},
        ),
        [
            (
                "inner_map",
                "hash key_size=4 value_size=9 max_entries=16",
                "another shape, or values with other locks, timers or kptrs",
            )
        ],
    ),
    Misfit(
        "array_of_others",
        "a map that is in there shows what it takes",
        dict(type=12, key_size=4, value_size=4, max_entries=2, inner=f"{BPFFS}/template"),
        dict(
            type="array_of_maps",
            max_entries=2,
            inner_map={**HASH, "flags": ["no_prealloc"]},
        ),
        [
            (
                "inner_map",
                "hash key_size=4 value_size=8 max_entries=16 flags=no_prealloc",
                "hash key_size=4 value_size=8 max_entries=16",
            )
        ],
        then=["map", "update", "key 1 0 0 0", f"value pinned {BPFFS}/template"],
    ),
    Misfit(
        "all_other",
        "all at once",
        dict(type=1, key_size=5, value_size=6, max_entries=7, flags=1),
        dict(
            type="bloom_filter",
            value_size=8,
            max_entries=16,
            map_extra=2,
            flags=["zero_seed"],
            frozen=False,
        ),
        [
            ("type", "bloom_filter", "hash"),
            ("key_size", 0, 5),
            ("value_size", 8, 6),
            ("max_entries", 16, 7),
            ("flags", ["zero_seed"], ["no_prealloc"]),
            ("map_extra", 2, 0),
            ("frozen", False, True),
        ],
        then=["map", "freeze"],
    ),
]


@pytest.fixture
def declared(host: Host) -> list[Fields]:
    """A host where every row's misfit is pinned; the declarations."""
    host.make_pin(f"{BPFFS}/template", **_hash())
    for row in MISFITS:
        host.make_pin(row.path, **row.there)
        if row.then:
            command, verb, *words = row.then
            host.run("bpftool", command, verb, "pinned", row.path, *" ".join(words).split())
    items = [row.item for row in MISFITS]
    for item in items:
        if "btf" in item:
            item["btf"] = host.site.btf("types", *item["btf"].split(" -> "))
    return items


def _drifts(found: Fields) -> list[tuple[str, Any, Any]]:
    return [(drift["field"], drift["want"], drift["have"]) for drift in found["drift"]]


@pytest.mark.every_python
def test_every_field_that_differs_is_told_and_nothing_changes(
    host: Host, declared: list[Fields], subtests: pytest.Subtests
) -> None:
    # One that could be made, one that fits, one that could be adjusted: all are left alone.
    others = [
        {"name": "new", "directory": f"{BPFFS}/new", **HASH},
        {"name": "template", **HASH},
        {"name": "template", "path": f"{BPFFS}/also", "mode": "0666", **HASH},
    ]
    del others[2]["name"]
    host.make_pin(f"{BPFFS}/also", **_hash())
    before = host.inventory()
    batch = {"maps": [*others, *declared]}
    single = declared[-1]
    results = host.playbook(
        [
            task("bpf_map_pinned", **batch),
            task("bpf_map_pinned", check=True, diff=True, **batch),
            task("bpf_map_pinned", **single),
        ]
    )
    assert host.inventory() == before
    for result in results:
        assert result.failed
        assert not result.changed
    whole, checked, alone = results
    assert checked.msg == whole.msg
    for result in (whole, checked):
        assert result["counts"]["incompatible"] == len(MISFITS)
        assert [each["action"] for each in result["maps"][:3]] == [
            "created",
            "unchanged",
            "adjusted",
        ]
        assert result["directories"] == []
    assert _drifts(alone["maps"][0]) == MISFITS[-1].drift
    lines = whole.msg.splitlines()
    for row, found, line in zip(MISFITS, whole["maps"][3:], lines, strict=True):
        with subtests.test(row.about):
            assert found["path"] == row.path
            assert found["action"] == "incompatible"
            assert found["id"] == host.map_at(row.path)["id"]
            assert _drifts(found) == row.drift
            assert line.startswith(f"{row.path}: ")
            assert "on_mismatch: replace" in line
            for name, want, have in row.drift:
                assert f"{name}: want {_spelled(want)}, have {_spelled(have)}" in line


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.every_python
def test_replace_makes_them_as_declared(
    host: Host, declared: list[Fields], subtests: pytest.Subtests
) -> None:
    # What is not declared of owner and mode is kept from the pin before, declared is as declared.
    host.shell(f"chown 0:3 {BPFFS}/other_type; chmod 0606 {BPFFS}/other_type")
    host.shell(f"chown 2:3 {BPFFS}/other_key; chmod 0606 {BPFFS}/other_key")
    declared[1] = {**declared[1], "owner": "daemon", "group": str(ADM_GROUP), "mode": "0640"}
    batch = {"on_mismatch": "replace", "maps": declared}
    before = host.inventory()
    predicted = host.module("bpf_map_pinned", check=True, diff=True, **batch).good()
    assert host.inventory() == before
    assert predicted["counts"]["replaced"] == len(MISFITS)
    replaced = host.module("bpf_map_pinned", diff=True, **batch).good()
    assert replaced["counts"] == predicted["counts"]
    assert replaced["diff"] == predicted["diff"]
    after = host.inventory()
    assert set(after) == set(before)  # the staging directory is gone
    again = host.module("bpf_map_pinned", **batch).good()
    assert again["counts"]["unchanged"] == len(MISFITS)
    assert host.inventory() == after
    assert _access(after, "other_type") == ("0606", 0, 3)
    assert _access(after, "other_key") == ("0640", DAEMON, ADM_GROUP)
    assert _access(after, "other_value") == ("0600", 0, 0)
    for row, found, diff in zip(MISFITS, replaced["maps"], replaced["diff"], strict=True):
        with subtests.test(row.about):
            drift = [each for each in _drifts(found) if each[0] not in ("owner", "group", "mode")]
            assert drift == row.drift
            now, old = after[row.path]["object"], before[row.path]["object"]
            assert now["id"] != old["id"]
            assert found["id"] == now["id"]
            assert now["frozen"] == 0
            assert host.run("bpftool", "map", "show", "id", str(old["id"]), check=False).returncode
            for name, want, _have in row.drift:
                if name in ("key_size", "value_size", "max_entries", "map_extra"):
                    assert now[name] == want
                if not isinstance(want, list):
                    assert f"{name}: {_spelled(want)}\n" in diff["after"]
            assert row.path in diff["before_header"]
    flags = {row.name: after[row.path]["object"]["flags"] for row in MISFITS}
    assert (flags["flag_missing"], flags["flag_extra"], flags["numa_flag"]) == (0x81, 0x1, 0x4)
    assert (flags["devmap_entries"], flags["all_other"]) == (0x80, 0x40)


def _access(inventory: dict[str, Fields], name: str) -> tuple[str, int, int]:
    entry = inventory[f"{BPFFS}/{name}"]
    return entry["bits"], entry["owner"], entry["group"]


def test_an_item_decides_for_itself_whether_it_may_be_replaced(host: Host) -> None:
    kept = host.make_pin(f"{BPFFS}/kept", **_hash(max_entries=1))
    lost = host.make_pin(f"{BPFFS}/lost", **_hash(max_entries=1))
    items = [
        {"name": "lost", "on_mismatch": "replace", **HASH},
        {"name": "kept", "on_mismatch": "fail", **HASH},
    ]
    before = host.inventory()
    refused, refused_too, replaced = host.playbook(
        [
            task("bpf_map_pinned", maps=items),
            task("bpf_map_pinned", on_mismatch="replace", maps=items),
            task("bpf_map_pinned", maps=items[:1]),
        ]
    )
    assert host.map_at(f"{BPFFS}/kept")["id"] == kept
    assert host.map_at(f"{BPFFS}/lost")["id"] != lost
    for result in (refused, refused_too):
        assert result.failed
        assert [each["action"] for each in result["maps"]] == ["replaced", "incompatible"]
        assert result["maps"][0]["id"] == lost
    assert replaced.good()["counts"]["replaced"] == 1
    assert host.inventory()[f"{BPFFS}/kept"] == before[f"{BPFFS}/kept"]


@pytest.mark.every_python
def test_a_reader_never_finds_the_name_missing_while_the_map_is_replaced(host: Host) -> None:
    path = f"{BPFFS}/busy"
    first = host.make_pin(path, **_hash(max_entries=1))
    # A pause after each call that could take the name away: any gap would be wide open.
    calls = "?link,?linkat,?unlink,?unlinkat,?rename,?renameat,?renameat2"
    slow = host.tampered(calls, "delay_exit=30000")
    sizes = [16, 17, 16, 17]
    with host.reading(path) as seen:
        run = host.playbook(
            [
                task(
                    "bpf_map_pinned",
                    keywords=slow,
                    path=path,
                    on_mismatch="replace",
                    mode="0640",
                    **{**HASH, "max_entries": size},
                )
                for size in sizes
            ]
        )
    ids = [first, *(result.good()["maps"][0]["id"] for result in run)]
    assert seen["ids"] == ids
    assert seen["misses"] == 0
    assert seen["reads"] > 1000


@pytest.mark.every_python
def test_programs_that_hold_the_old_map_are_named(host: Host) -> None:
    ids = host.load("pins", BPFFS, f"{BPFFS}/program")
    program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/program")
    counters = dict(name="counters", type="percpu_array", value_size=16, max_entries=17)
    unused = dict(name="blocked", type="lpm_trie", key_size=8, value_size=8, max_entries=64)
    batch = {"on_mismatch": "replace", "maps": [counters, unused]}
    predicted, replaced, again = host.playbook(
        [task("bpf_map_pinned", check=check, **batch) for check in (True, False, False)]
    )
    for result in (predicted, replaced):
        (warning,) = result.good().warnings
        assert warning.startswith(f"{BPFFS}/counters: ")
        assert re.search(rf"\bprogram {program['id']} \(socket_filter count_packets\)", warning)
    assert again.good().warnings == []
    # It does go on: the old map is there as long as the program is.
    assert (
        host.bpftool("prog", "show", "pinned", f"{BPFFS}/program")["map_ids"] == program["map_ids"]
    )
    assert host.bpftool("map", "show", "id", str(ids["counters"]))["max_entries"] == 16
    assert host.map_at(f"{BPFFS}/counters")["max_entries"] == 17


def test_pins_that_hold_no_map_are_never_replaced(host: Host) -> None:
    host.load("linked", BPFFS, f"{BPFFS}/program", f"{BPFFS}/link")
    host.run("mkdir", f"{BPFFS}/folder")
    host.run("ln", "-s", f"{BPFFS}/program", f"{BPFFS}/symlink")
    kinds = {
        "program": "program",
        "link": "link",
        "folder": "a directory",
        "symlink": f"a symlink to {BPFFS}/program",
    }
    before = host.inventory()
    run = host.playbook(
        [task("bpf_map_pinned", name=name, on_mismatch="replace", **HASH) for name in kinds]
    )
    for (name, what), result in zip(kinds.items(), run, strict=True):
        assert result.failed
        assert not result.changed
        assert result.msg.startswith(f"{BPFFS}/{name}: ")
        assert what in result.msg
        assert "declare another name" in result.msg
    assert host.inventory() == before


@pytest.mark.every_core
def test_results_are_plain_for_a_user_to_read(host: Host) -> None:
    """The same declaration as a single map and in a list comes back the same."""
    host.make_pin(f"{BPFFS}/flows", **_hash(max_entries=1))
    single, listed = host.playbook(
        [
            task("bpf_map_pinned", check=True, name="flows", on_mismatch="replace", **HASH),
            task(
                "bpf_map_pinned",
                check=True,
                maps=[{"path": f"{BPFFS}/flows", "on_mismatch": "replace", **HASH}],
            ),
        ]
    )
    assert single["maps"] == listed["maps"]
    assert single["counts"] == listed["counts"]
