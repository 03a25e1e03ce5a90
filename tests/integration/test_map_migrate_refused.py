# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be migrated: said with the reason, for every map, before anything changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from map_types import ALL_ROWS, CPUS, ROWS
from migrate_table import NUMBERS, Gate, Put, Shape, dump, fill, put_script

Fields = dict[str, Any]
HASH = Shape("hash", 4, 8, 16)
ARRAY = Shape("array", 4, 8, 16)
TRIE = Shape("lpm_trie", 8, 8, 16)
INNER = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}


@dataclass(frozen=True)
class Refusal:
    """`reasons` are texts that must be in the message for this map."""

    about: str
    old: Shape
    declared: Fields
    reasons: tuple[str, ...]
    puts: tuple[Put, ...] = ()


def _too_many(old: Shape, **other: Any) -> Refusal:
    """Ten entries, and room for nine."""
    return Refusal(
        f"too many entries: {old.kind}, {other or 'shrunk'}",
        old,
        old.but(entries=9, **other).declared,
        ("it holds 10 entries, and max_entries 9 is too small",),
        ((0, 10, 1),),
    )


def _occupied(old: Shape) -> Refusal:
    return Refusal(
        f"an entry in a slot that would be gone: {old.kind}",
        old,
        old.but(entries=7).declared,
        ("its slot 7 is not empty, and max_entries 7 is too small",),
        ((7, 1, 1), (12, 1, 0)),
    )


def _strangers(old: Shape, new: str, **declared: Any) -> Refusal:
    shape = old.but(kind=new).declared if new in NUMBERS else {"type": new}
    return Refusal(
        f"a {old.kind} that is to be a {new}",
        old,
        {**shape, **declared},
        (f"entries of a {old.kind} do not go into a {new}",),
        ((0, 3, 1),),
    )


REFUSALS = [
    _too_many(HASH),
    _too_many(HASH, value=12),
    _too_many(HASH, kind="lru_hash"),
    _too_many(HASH.but(kind="percpu_hash")),
    _too_many(HASH.but(kind="lru_hash", entries=10 + 128 * CPUS)),
    _too_many(HASH.but(kind="lru_percpu_hash", entries=10 + 128 * CPUS), kind="percpu_hash"),
    _too_many(TRIE),
    _occupied(ARRAY),
    _occupied(ARRAY.but(value=1)),
    _occupied(ARRAY.but(kind="percpu_array", value=3)),
    # More than one batch of 256 KiB beyond the end.
    Refusal(
        "the last of many slots",
        ARRAY.but(value=1000, entries=2000),
        ARRAY.but(value=1000).declared,
        ("its slot 1999 is not empty",),
        ((3, 1, 1), (1999, 1, 1)),
    ),
    Refusal(
        "longer values, and nobody said how",
        HASH,
        HASH.but(value=9).declared,
        ("values would grow from 8 to 9 bytes", "value_growth: zero_pad", "is not set"),
    ),
    Refusal(
        "longer values, expressly not",
        ARRAY,
        {**ARRAY.but(value=16).declared, "value_growth": "refuse"},
        ("values would grow from 8 to 16 bytes",),
    ),
    Refusal(
        "shorter values",
        HASH,
        {**HASH.but(value=7).declared, "value_growth": "zero_pad"},
        ("values of 8 bytes do not go into 7",),
    ),
    Refusal(
        "shorter values of a CPU, within 8 bytes",
        ARRAY.but(kind="percpu_array"),
        ARRAY.but(kind="percpu_array", value=7).declared,
        ("values of 8 bytes do not go into 7",),
    ),
    Refusal(
        "longer keys",
        HASH,
        HASH.but(key=8).declared,
        ("keys of 4 bytes do not go where keys have 8",),
    ),
    Refusal(
        "shorter keys, of an empty map",
        TRIE,
        TRIE.but(key=5).declared,
        ("keys of 8 bytes do not go where keys have 5",),
    ),
    Refusal(
        "all at once",
        HASH,
        HASH.but(key=3, value=9, entries=1).declared,
        (
            "keys of 4 bytes do not go where keys have 3",
            "values would grow from 8 to 9 bytes",
            "it holds 4 entries, and max_entries 1 is too small",
        ),
        ((0, 4, 1),),
    ),
    _strangers(HASH, "array"),
    _strangers(HASH, "percpu_hash"),
    _strangers(HASH, "hash_of_maps", key_size=4, max_entries=16, inner_map=INNER),
    _strangers(HASH, "queue", value_size=8, max_entries=16),
    _strangers(HASH.but(kind="lru_hash"), "lru_percpu_hash"),
    _strangers(HASH.but(kind="percpu_hash"), "percpu_array"),
    _strangers(ARRAY, "percpu_array"),
    _strangers(ARRAY, "hash"),
    _strangers(ARRAY.but(value=4), "array_of_maps", max_entries=16, inner_map=INNER),
    _strangers(ARRAY.but(value=4), "prog_array", max_entries=16),
    _strangers(ARRAY.but(kind="percpu_array"), "percpu_hash"),
    _strangers(TRIE, "hash"),
    _strangers(HASH.but(key=8), "lpm_trie"),
]

# Why entries of a type cannot be copied, for all types that have no row in MOVES.
NEVER = {
    "perf_event_array": "perf events of processes",
    "stack_trace": "stacks that programs recorded",
    "cgroup_array": "cgroups, which the kernel does not show",
    "devmap": "devices of the network namespace",
    "devmap_hash": "devices of the network namespace",
    "sockmap": "sockets of processes",
    "sockhash": "sockets of processes",
    "xskmap": "sockets of processes",
    "reuseport_sockarray": "sockets of processes",
    "cpumap": "queues in the kernel",
    "cgroup_storage": "belong to cgroups",
    "percpu_cgroup_storage": "belong to cgroups",
    "queue": "reading it takes the entries out",
    "stack": "reading it takes the entries out",
    "sk_storage": "only programs add them",
    "inode_storage": "only programs add them",
    "task_storage": "only programs add them",
    "cgrp_storage": "only programs add them",
    "ringbuf": "on its way to a reader",
    "user_ringbuf": "on its way to a reader",
    "bloom_filter": "cannot be read back",
    "arena": "programs have pointers into",
}
HOLDERS = {"array_of_maps", "hash_of_maps", "prog_array"}  # of maps and programs


def _decisions(result: Result) -> list[Fields]:
    """What check mode tells, too, but for the number of entries."""
    return [{**each, "copied": None} for each in result["maps"]]


def _line(message: str, path: str) -> str:
    """What is said about one map."""
    (line,) = (each for each in message.splitlines() if each.startswith(f"{path}: "))
    return line


def test_each_obstacle_is_named_and_nothing_changes(host: Host, subtests: pytest.Subtests) -> None:
    for number, row in enumerate(REFUSALS):
        fill(host, f"{BPFFS}/{number}", row.old, row.puts)
    refused = [{"name": str(number), **row.declared} for number, row in enumerate(REFUSALS)]
    # One to make, one to migrate, one to adjust, one that fits: all are left alone.
    for name in ("outgrown", "other_mode", "as_declared"):
        fill(host, f"{BPFFS}/{name}", HASH, [(0, 3, 1)])
    good = [
        {"name": "new", "directory": f"{BPFFS}/new", **HASH.declared},
        {"name": "outgrown", **HASH.but(entries=17).declared},
        {"name": "other_mode", "mode": "0640", **HASH.declared},
        {"name": "as_declared", **HASH.declared},
    ]
    batch = {"on_mismatch": "migrate", "maps": [*good, *refused]}
    alone = [
        task("bpf_map_pinned", on_mismatch="migrate", check=check, **refused[-1])
        for check in (True, False)
    ]
    before = host.inventory()
    run = host.playbook(
        [task("bpf_map_pinned", check=check, **batch) for check in (True, False)] + alone
    )
    assert host.inventory() == before
    checked, whole, *single = run
    assert checked.msg == whole.msg
    assert _decisions(checked) == _decisions(whole)
    for result in run:
        assert result.failed
        assert not result.changed
    for result in single:
        assert REFUSALS[-1].reasons[0] in result.msg
    told = whole["maps"]
    assert [each["action"] for each in told[:4]] == ["created", "migrated", "adjusted", "unchanged"]
    assert whole["counts"]["incompatible"] == len(REFUSALS)
    for row, each in zip(REFUSALS, told[4:], strict=True):
        with subtests.test(row.about):
            assert each["action"] == "incompatible"
            assert each["id"] == before[each["path"]]["object"]["id"]
            assert each["copied"] is None
            line = _line(whole.msg, each["path"])
            assert "It cannot be migrated: " in line
            assert "on_mismatch: replace" in line
            for drift in each["drift"]:
                assert f"{drift['field']}: want " in line
            for reason in row.reasons:
                assert reason in line


def test_types_that_cannot_be_copied_say_why(host: Host, subtests: pytest.Subtests) -> None:
    types = {row.declared["type"] for row in ALL_ROWS}
    assert types == NEVER.keys() | NUMBERS.keys() | HOLDERS
    rows = {row.declared["type"]: row for row in reversed(ROWS) if row.declared["type"] in NEVER}
    others = []
    for row in rows.values():
        item = dict(row.item)
        if item.get("max_entries"):
            item["max_entries"] *= 2
        else:
            item["value_size"] += 8
        others.append(item)
    made, refused = host.playbook(
        [
            task("bpf_map_pinned", maps=[row.item for row in rows.values()]),
            task("bpf_map_pinned", on_mismatch="migrate", maps=others),
        ]
    )
    assert made.good()["counts"]["created"] == len(NEVER)
    assert refused.failed
    assert refused["counts"]["incompatible"] == len(NEVER)
    there = host.inventory()
    for each in made["maps"]:
        assert there[each["path"]]["object"]["id"] == each["id"]
    for row in rows.values():
        with subtests.test(row.declared["type"]):
            reason = NEVER[row.declared["type"]]
            assert re.search(
                f"It cannot be migrated: .*{reason}", _line(refused.msg, f"{BPFFS}/{row.name}")
            )


def test_values_that_only_programs_can_write_are_known_by_their_btf(host: Host) -> None:
    host.load("owned", BPFFS)
    sizes = {"timers": 24, "deep_timers": 32, "pointers": 16, "locks": 16}
    maps = {
        name: dict(name=name, type="hash", key_size=4, value_size=size, max_entries=17)
        for name, size in sizes.items()
    }
    lock = maps.pop("locks")
    entry = "key 1 0 0 0 value 1 0 0 0 0 0 0 0 9 9 9 9 7 0 0 0"
    host.run("bpftool", *f"map update pinned {BPFFS}/locks {entry}".split())
    before = host.inventory()
    refused, done = host.playbook(
        [
            task("bpf_map_pinned", on_mismatch="migrate", maps=batch)
            for batch in ([lock, *maps.values()], [lock])
        ]
    )
    after = host.inventory()
    assert [path for path in before if after[path] != before[path]] == [BPFFS, f"{BPFFS}/locks"]
    assert refused.failed
    assert refused["counts"]["incompatible"] == 3
    for name, part in (
        ("timers", "struct bpf_timer"),
        ("deep_timers", "struct bpf_timer"),
        ("pointers", "a pointer of the kind kptr"),
    ):
        reason = f"It cannot be migrated: its values hold {part}, which only programs can put there"
        assert reason in _line(refused.msg, f"{BPFFS}/{name}")
    # A lock is no matter: that of a copy is free.
    assert done.good()["maps"][0]["copied"] == 1
    (found,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/locks")
    assert found.get("formatted", found) == {
        "key": 1,
        "value": {"count": 1, "lock": {"val": 0}, "rest": 7},
    }


def test_maps_and_programs_that_have_no_place_or_are_others(host: Host) -> None:
    host.load("tails", BPFFS, f"{BPFFS}/jump")
    host.make_pin(f"{BPFFS}/inner", type=1, key_size=4, value_size=8, max_entries=16)
    for name, number in (("slots", 12), ("names", 13), ("other", 13)):
        host.make_pin(
            f"{BPFFS}/{name}",
            type=number,
            key_size=4,
            value_size=4,
            max_entries=8,
            inner=f"{BPFFS}/inner",
        )
    update = "bpftool map update pinned"
    host.shell(
        f"{update} {BPFFS}/jumps key 6 0 0 0 value pinned {BPFFS}/jump\n"
        f"{update} {BPFFS}/slots key 5 0 0 0 value pinned {BPFFS}/inner\n"
        f"{update} {BPFFS}/names key 5 0 0 0 value pinned {BPFFS}/inner\n"
        f"{update} {BPFFS}/names key 6 0 0 0 value pinned {BPFFS}/inner\n"
        f"{update} {BPFFS}/other key 6 0 0 0 value pinned {BPFFS}/inner\n"
    )
    names = dict(type="hash_of_maps", key_size=4, inner_map=INNER)
    maps = [
        dict(name="jumps", type="prog_array", max_entries=6),
        dict(name="slots", type="array_of_maps", max_entries=5, inner_map=INNER),
        dict(name="names", max_entries=1, **names),
        dict(name="other", max_entries=8, **{**names, "inner_map": {**INNER, "value_size": 9}}),
    ]
    reasons = [
        "its slot 6 is not empty, and max_entries 6 is too small",
        "its slot 5 is not empty, and max_entries 5 is too small",
        "it holds 2 entries, and max_entries 1 is too small",
        "the maps in it are not as inner_map declares",
    ]
    before = host.inventory()
    refused = host.module("bpf_map_pinned", on_mismatch="migrate", maps=maps)
    assert host.inventory() == before
    assert refused.failed
    assert refused["counts"]["incompatible"] == len(maps)
    for item, reason in zip(maps, reasons, strict=True):
        assert f"It cannot be migrated: {reason}" in _line(refused.msg, f"{BPFFS}/{item['name']}")


def test_what_is_no_map_is_never_migrated(host: Host) -> None:
    host.load("pins", f"{BPFFS}", f"{BPFFS}/program")
    host.run("mkdir", f"{BPFFS}/folder")
    maps = [{"name": name, **HASH.declared} for name in ("program", "folder")]
    before = host.inventory()
    result = host.module("bpf_map_pinned", on_mismatch="migrate", maps=maps)
    assert host.inventory() == before
    assert result.failed
    for item in maps:
        assert "only maps are replaced" in _line(result.msg, f"{BPFFS}/{item['name']}")


def test_without_cap_sys_admin_what_cannot_be_known_is_refused(host: Host) -> None:
    """BTF, and maps that are in maps, are open to nobody else."""
    host.load("owned", BPFFS)
    fill(host, f"{BPFFS}/plain", HASH, [(0, 16, 1)])
    host.make_pin(f"{BPFFS}/slots", type=12, value_size=4, max_entries=4, inner=f"{BPFFS}/plain")
    slot = "key 1 0 0 0 value pinned"
    host.run("bpftool", *f"map update pinned {BPFFS}/slots {slot} {BPFFS}/plain".split())
    locks = dict(name="locks", type="hash", key_size=4, value_size=16, max_entries=17)
    slots = dict(name="slots", type="array_of_maps", max_entries=8, inner_map=INNER)
    plain = dict(HASH.but(entries=17).declared, name="plain")
    less = host.interpreter(
        f'exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {host.site.python} "$@"'
    )
    before, entries = host.inventory(), dump(host, f"{BPFFS}/plain")
    hidden, held, copied = host.playbook(
        [
            task("bpf_map_pinned", on_mismatch="migrate", keywords=less, **item)
            for item in (locks, slots, plain)
        ]
    )
    after = host.inventory()
    assert hidden.failed
    assert "It cannot be migrated: its BTF cannot be read" in hidden.msg
    assert held.failed
    assert "EPERM" in held.msg
    assert held["counts"]["migrated"] == 0
    for name in ("locks", "slots"):
        assert after[f"{BPFFS}/{name}"] == before[f"{BPFFS}/{name}"]
    assert copied.good()["counts"]["migrated"] == 1
    assert any("does not say which programs" in warning for warning in copied.warnings)
    assert dump(host, f"{BPFFS}/plain") == entries
    assert set(after) == set(before)


# What is written after the module has looked, and before it copies.
TOO_LATE: dict[str, tuple[Shape, Shape, Put]] = {
    "a hash that fills up": (HASH, HASH.but(entries=8), (8, 1, 1)),
    "an entry beyond the new end of an array": (ARRAY, ARRAY.but(entries=8), (12, 1, 1)),
}


def test_what_has_no_place_any_more_when_it_is_copied_stays_in_the_old_map(
    host: Host, subtests: pytest.Subtests
) -> None:
    gates, tasks = [], []
    for number, (old, new, late) in enumerate(TOO_LATE.values()):
        path = f"{BPFFS}/{number}"
        fill(host, path, old, [(0, 8, 1)])
        gate = Gate(host, str(number), ("MAP_CREATE", 1, put_script(host, path, [late])))
        words = dict(name=str(number), on_mismatch="migrate", **new.declared)
        tasks.append(task("bpf_map_pinned", keywords=gate.keywords, **words))
        gates.append(gate)
    before = host.inventory()
    results = host.playbook(tasks)
    after = host.inventory()
    assert set(after) == set(before)
    for number, (about, gate, result) in enumerate(zip(TOO_LATE, gates, results, strict=True)):
        with subtests.test(about):
            assert gate.times == [1]
            assert result.failed
            assert not result.changed
            assert result["maps"][0]["action"] == "failed"
            assert "max_entries" in result.msg
            assert after[f"{BPFFS}/{number}"] == before[f"{BPFFS}/{number}"]
