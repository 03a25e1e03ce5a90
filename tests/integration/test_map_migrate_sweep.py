# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The old map is written to while it is copied: the second sweep takes that over, and no more.

The module stands still at a chosen call while entries change: see c/gate.c. Each old map has a
second pin, so that it can be looked at afterwards.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from map_types import CPUS, LINUX
from migrate_table import (
    Gate,
    Move,
    Put,
    Rule,
    Shape,
    delete_script,
    differences,
    dump,
    dumps,
    fill,
    has,
    put_script,
)

Fields = dict[str, Any]
Window = Callable[[str], Sequence[Rule]]

HASH = Shape("hash", 8, 248, 4096)  # 1,024 entries a batch of 256 KiB
NAME, OLD = f"{BPFFS}/flows", f"{BPFFS}/flows_old"


@dataclass(frozen=True)
class Change:
    """What is done to the old map, in this order."""

    about: str
    puts: tuple[Put, ...] = ()  # changed and new entries
    deletions: tuple[tuple[int, int, int], ...] = ()  # first, how many, every how manieth

    def script(self, host: Host, which: str) -> str:
        """As a shell script."""
        deletions = (delete_script(host, which, *deletion) for deletion in self.deletions)
        return put_script(host, which, self.puts) + "".join(deletions)

    @property
    def count(self) -> int:
        """How many entries are not as they were."""
        changed = sum(count for _first, count, _tag in self.puts)
        return changed + sum(-(-count // step) for _first, count, step in self.deletions)


# The map has the entries 0 to 3499 with tag 1, in an order that only the kernel knows.
CHANGES = [
    Change("nothing at all"),
    Change("one update", ((17, 1, 2),)),
    Change("updates in all batches", ((0, 3500, 2),)),
    Change("one addition, which moves the ends of batches", ((9000, 1, 2),)),
    Change("many additions", ((9000, 500, 2),)),
    Change("one deletion", (), ((17, 1, 1),)),
    Change("every second is deleted", (), ((0, 3500, 2),)),
    Change("all are deleted", (), ((0, 3500, 1),)),
    Change("all are deleted, and there are others", ((9000, 500, 2),), ((0, 3500, 1),)),
    Change("most are deleted, and the others updated", ((0, 200, 2),), ((200, 3300, 1),)),
    Change("all at once", ((0, 1000, 2), (9000, 500, 2)), ((1000, 2000, 2),)),
]


def _after_the_copy(script: str) -> Sequence[Rule]:
    return [("rename", 1, script)]


def _before_the_sweep(script: str) -> Sequence[Rule]:
    return [("rename", 1, "true"), ("MAP_LOOKUP_BATCH", 1, script)]


def _while_copying(script: str) -> Sequence[Rule]:
    return [("MAP_UPDATE_BATCH", 3, script), ("rename", 1, "true")]


def _pin_twice(host: Host, name: str, shape: Shape, puts: Sequence[Put]) -> None:
    """An old map with these entries under two names."""
    fill(host, f"{BPFFS}/{name}", shape, puts)
    host.run("bpftool", "map", "pin", "pinned", f"{BPFFS}/{name}", f"{BPFFS}/{name}_old")


def _migrate(host: Host, rules: Sequence[Rule], maps: Sequence[Fields]) -> Result:
    gate = Gate(host, "gate", *rules)
    batch = {"on_mismatch": "migrate", "maps": maps}
    result = host.module("bpf_map_pinned", keywords=gate.keywords, **batch)
    assert all(gate.times), result
    return result


_BY_KEY: list[Rule] = [
    ("MAP_LOOKUP_BATCH", 0, errno.EINVAL),
    ("MAP_UPDATE_BATCH", 0, errno.EINVAL),
]
WINDOWS: dict[str, tuple[Window, list[Rule]]] = {
    "after the copy": (_after_the_copy, []),
    "before the sweep": (_before_the_sweep, []),
    "while copying": (_while_copying, []),
    "after the copy, which went key by key": (_after_the_copy, _BY_KEY),
}


def test_changes_in_the_old_map_are_taken_over(host: Host, subtests: pytest.Subtests) -> None:
    gates, tasks = [], []
    cases = [(when, change) for when in WINDOWS for change in CHANGES]
    names = [f"map_{number}" for number in range(len(cases))]
    for name in names:
        _pin_twice(host, name, HASH, [(0, 3500, 1)])
    grown = HASH.but(entries=8192).declared
    for number, (window, always) in enumerate(WINDOWS.values()):
        batch = names[number * len(CHANGES) :][: len(CHANGES)]
        rules = list(always)
        for name, change in zip(batch, CHANGES, strict=True):
            rules += window(change.script(host, f"{BPFFS}/{name}_old"))
        gates.append(Gate(host, f"gate_{number}", *rules))
        words = {"on_mismatch": "migrate", "maps": [{"name": name, **grown} for name in batch]}
        tasks.append(task("bpf_map_pinned", keywords=gates[-1].keywords, **words))
    results = [result.good() for result in host.playbook(tasks)]
    assert all(min(gate.times) > 0 for gate in gates)
    pairs = [(f"{BPFFS}/{name}", f"{BPFFS}/{name}_old") for name in names]
    told = [each for result in results for each in result["maps"]]
    for case, each, differing in zip(cases, told, differences(host, pairs), strict=True):
        when, change = case
        with subtests.test(f"{change.about}, {when}"):
            assert differing == 0
            if when == "while copying":
                assert each["caught_up"] <= change.count
            else:
                assert each["copied"] == 3500
                assert each["caught_up"] == change.count
    assert [result.warnings for result in results] == [[]] * len(WINDOWS)


def _grown(*old_shape: Any, **other: Any) -> tuple[Shape, Shape]:
    old = Shape(*old_shape)
    return old, old.but(entries=2 * old.entries, **other)


_ROOMY = 1500 + 128 * CPUS
_EVERYWHERE = Change("", ((0, 1000, 2), (9000, 200, 2)), ((1000, 300, 3),))
_IN_SLOTS = Change("", ((0, 1000, 2), (1200, 10, 0)))

# Entries 0 to 1299, of several batches.
KINDS = [
    (Move("a hash, to longer values", *_grown("hash", 5, 700, 2000, value=708)), _EVERYWHERE),
    (Move("an LRU hash", *_grown("lru_hash", 8, 700, _ROOMY)), _EVERYWHERE),
    (
        Move("a hash that becomes an LRU hash", *_grown("hash", 8, 700, _ROOMY, kind="lru_hash")),
        _EVERYWHERE,
    ),
    (Move("a per-CPU hash", *_grown("percpu_hash", 8, 350, 2000)), _EVERYWHERE),
    (
        Move(
            "a per-CPU hash, to longer values within 8 bytes",
            *_grown("percpu_hash", 8, 353, 2000, value=359),
        ),
        _EVERYWHERE,
    ),
    (Move("a trie", *_grown("lpm_trie", 8, 700, 2000)), _EVERYWHERE),
    (Move("an array", *_grown("array", 4, 700, 1300)), _IN_SLOTS),
    (
        Move("a shrunk array", Shape("array", 4, 700, 2000), Shape("array", 4, 704, 1300)),
        _IN_SLOTS,
    ),
    (Move("a per-CPU array", *_grown("percpu_array", 4, 350, 1300, value=360)), _IN_SLOTS),
]


@pytest.mark.every_python
def test_changes_are_taken_over_in_maps_of_every_kind(
    host: Host, subtests: pytest.Subtests
) -> None:
    maps, rules = [], []
    for number, (move, change) in enumerate(KINDS):
        _pin_twice(host, f"map_{number}", move.old, [(0, 1300, 1)])
        maps.append({"name": f"map_{number}", **move.item})
        rules += _before_the_sweep(change.script(host, f"{BPFFS}/map_{number}_old"))
    result = _migrate(host, rules, maps).good()
    old = dumps(host, [f"{BPFFS}/map_{number}_old" for number in range(len(KINDS))])
    new = dumps(host, [f"{BPFFS}/map_{number}" for number in range(len(KINDS))])
    for row, told, before, after in zip(KINDS, result["maps"], old, new, strict=True):
        move, change = row
        with subtests.test(move.about):
            assert after == move.expected(before)
            assert told["caught_up"] == change.count
    assert result.warnings == []


def test_two_threads_that_look_up_keys_do_not_disturb_each_other(host: Host) -> None:
    """Without batches both the copy and the second sweep do, and each call takes its time here."""
    shape = Shape("hash", 4, 8192, 512)
    _pin_twice(host, "flows", shape, [(0, 400, 1)])
    change = Change("", ((0, 400, 2),))
    rules: list[Rule] = [
        ("MAP_LOOKUP_BATCH", 0, errno.EINVAL),
        ("MAP_LOOKUP_ELEM", 0, 0),
        ("MAP_GET_NEXT_KEY", 0, 0),
        *_after_the_copy(change.script(host, OLD)),
    ]
    result = _migrate(host, rules, [{"name": "flows", **shape.but(entries=600).declared}]).good()
    assert dump(host, NAME) == dump(host, OLD)
    assert result["maps"][0]["caught_up"] == 400
    assert result.warnings == []


def test_what_is_written_under_the_name_is_never_overwritten(host: Host) -> None:
    """Neither what others wrote there meanwhile, nor what they changed in both maps."""
    shape = Shape("hash", 8, 248, 4096)
    _pin_twice(host, "flows", shape, [(0, 3500, 1)])
    script = (
        # Under the name only: updated, added, deleted.
        put_script(host, NAME, [(0, 100, 3), (9000, 100, 3)])
        + delete_script(host, NAME, 100, 100)
        # In the old map only.
        + put_script(host, OLD, [(200, 100, 2), (9100, 100, 2)])
        + delete_script(host, OLD, 300, 100)
        # In both: updated in both; updated and deleted, deleted and updated; added in both.
        + put_script(host, NAME, [(400, 30, 3), (430, 20, 3), (9200, 10, 3)])
        + put_script(host, OLD, [(400, 30, 2), (450, 20, 2), (9200, 10, 2)])
        + delete_script(host, OLD, 430, 20)
        + delete_script(host, NAME, 450, 20)
        # In both, but the same.
        + put_script(host, NAME, [(500, 10, 2), (9300, 10, 2)])
        + put_script(host, OLD, [(500, 10, 2), (9300, 10, 2)])
        + delete_script(host, NAME, 510, 10)
        + delete_script(host, OLD, 510, 10)
    )
    maps = [{"name": "flows", **shape.but(entries=8192).declared}]
    result = _migrate(host, _before_the_sweep(script), maps).good()
    stayed = [(0, 100, 3), (9000, 100, 3), (400, 30, 3), (430, 20, 3), (9200, 10, 3)]
    taken = [(200, 100, 2), (9100, 100, 2), (500, 10, 2), (9300, 10, 2)]
    taken += [(470, 30, 1), (520, 2980, 1)]  # those that nobody touched
    for put in stayed + taken:
        assert has(host, NAME, put) == put[1], put
    assert len(dump(host, NAME)) == sum(count for _first, count, _tag in stayed + taken)
    assert result["maps"][0]["caught_up"] == 300
    (warning,) = result.warnings
    assert warning.startswith(f"{NAME}: 80 entries of the old map changed while it was copied")
    assert "not so in the new one" in warning


def test_what_does_not_fit_into_the_new_map_any_more_is_told(host: Host) -> None:
    old = Shape("hash", 8, 8, 64)
    _pin_twice(host, "flows", old, [(0, 32, 1)])
    change = Change("", ((9000, 10, 2),))
    rules = _before_the_sweep(change.script(host, OLD))
    maps = [{"name": "flows", **old.but(entries=36).declared}]
    result = _migrate(host, rules, maps).good()
    assert has(host, NAME, (0, 32, 1)) == 32
    assert has(host, NAME, (9000, 10, 2)) == 4
    assert result["maps"][0]["caught_up"] == 4
    (warning,) = result.warnings
    assert warning.startswith(f"{NAME}: 6 entries of the old map changed while it was copied")
    assert "E2BIG" in warning
    assert "raise max_entries" in warning


def test_maps_and_programs_that_change_are_taken_over(host: Host) -> None:
    host.load("tails", BPFFS, f"{BPFFS}/jump")
    host.load("pins", BPFFS, f"{BPFFS}/count")
    ids = {}
    for name in ("one", "two"):
        path = f"{BPFFS}/{name}"
        host.make_pin(path, type=1, key_size=4, value_size=8, max_entries=16)
        ids[name] = host.map_at(path)["id"]
    for name in ("jump", "count"):
        ids[name] = host.bpftool("prog", "show", "pinned", f"{BPFFS}/{name}")["id"]
    outer = dict(key_size=4, value_size=4, max_entries=8, inner=f"{BPFFS}/one")
    host.make_pin(f"{BPFFS}/slots", type=12, **outer)
    host.make_pin(f"{BPFFS}/names", type=13, **outer)
    pairs = {"slots": ("one", "two"), "names": ("one", "two"), "jumps": ("jump", "count")}
    prepare, rules = "", []
    for name, (first, second) in pairs.items():
        new, old = f"{BPFFS}/{name}", f"{BPFFS}/{name}_old"
        prepare += f"bpftool map pin pinned {new} {old}\n"
        prepare += "".join(_hold(old, key, first) for key in (0, 2, 5))
        # One stays, one is another by then, one is gone, one is new.
        change = _hold(old, 2, second) + _hold(old, 7, second)
        change += f"bpftool map delete pinned {old} key 5 0 0 0\n"
        rules += _after_the_copy(change)
    host.shell(prepare)
    inner = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
    maps = [
        dict(name="slots", type="array_of_maps", max_entries=16, inner_map=inner),
        dict(name="names", type="hash_of_maps", key_size=4, max_entries=16, inner_map=inner),
        dict(name="jumps", type="prog_array", max_entries=16),
    ]
    result = _migrate(host, rules, maps).good()
    for (name, (first, second)), told in zip(pairs.items(), result["maps"], strict=True):
        held = {0: first, 2: second, 7: second}
        wanted = {_u32(key): [_u32(ids[each])] for key, each in held.items()}
        assert dump(host, f"{BPFFS}/{name}") == wanted == dump(host, f"{BPFFS}/{name}_old")
        assert told["copied"] == 3
        assert told["caught_up"] == 3


def _hold(which: str, key: int, pin: str) -> str:
    return f"bpftool map update pinned {which} key {key} 0 0 0 value pinned {BPFFS}/{pin}\n"


def _u32(number: int) -> str:
    return number.to_bytes(4, "little").hex()


def test_a_sweep_that_fails_does_not_hide_that_the_map_was_migrated(host: Host) -> None:
    shape = Shape("hash", 8, 8, 64)
    _pin_twice(host, "flows", shape, [(0, 32, 1)])
    rules: list[Rule] = [("rename", 1, "true"), ("MAP_LOOKUP_BATCH", 1, errno.ENOMEM)]
    item = {"name": "flows", **shape.but(entries=65).declared}
    result = _migrate(host, rules, [item])
    assert result.failed
    assert result.changed
    assert result["counts"]["migrated"] == 1
    assert result["maps"][0]["copied"] == 32
    assert "ENOMEM" in result["maps"][0]["error"]
    assert result.msg.startswith(f"{NAME}: MAP_LOOKUP_BATCH: ENOMEM: ")
    assert has(host, NAME, (0, 32, 1)) == 32
    assert host.module("bpf_map_pinned", **item).good()["counts"]["unchanged"] == 1


# More than the 32 MiB of keys and values that are remembered, in 157 batches.
MANY = 80_000
LARGE = Shape("hash", 8, 504, 100_000)


def test_changes_in_a_large_map_are_taken_over(host: Host) -> None:
    _pin_twice(host, "flows", LARGE, [(0, MANY, 1)])
    # While it is copied the first time: of what was copied already, and of what was not.
    updates = [(0, 1000, 2), (30_000, 1000, 2), (900_000, 1000, 2)]
    change = Change("", tuple(updates), ((10_000, 1000, 1),))
    # After the copy, only what is new is sure to be taken over.
    later: Put = (910_000, 1000, 2)
    rules: list[Rule] = [
        ("MAP_UPDATE_BATCH", 60, change.script(host, OLD)),
        ("rename", 1, put_script(host, OLD, [later])),
    ]
    maps = [{"name": "flows", **LARGE.but(entries=110_000).declared}]
    result = _migrate(host, rules, maps).good()
    left = [(1000, 9000, 1), (11_000, 19_000, 1), (31_000, MANY - 31_000, 1)]
    for which in (NAME, OLD):
        for put in [*updates, later, *left]:
            assert has(host, which, put) == put[1], (which, put)
        assert has(host, which, (10_000, 1000, 1)) == 0, which
    assert result["maps"][0]["caught_up"] == 1000
    assert result.warnings == []


def test_what_of_a_large_map_is_not_taken_over_is_told(host: Host) -> None:
    _pin_twice(host, "flows", LARGE, [(0, MANY, 1)])
    script = put_script(host, OLD, [(0, MANY, 2)])
    maps = [{"name": "flows", **LARGE.but(entries=110_000).declared}]
    result = _migrate(host, _after_the_copy(script), maps).good()
    taken = has(host, NAME, (0, MANY, 2))
    assert taken > 60_000  # those that were remembered, and not much fewer
    assert result["maps"][0]["caught_up"] == taken
    assert has(host, NAME, (0, MANY, 1)) == MANY - taken
    (warning,) = result.warnings
    assert f"{MANY - taken} entries of the old map changed" in warning


@pytest.mark.skipif(LINUX < (7, 2), reason="this kernel has no rhash")
def test_a_hash_that_grows_and_shrinks_while_it_is_read_is_migrated_whole(host: Host) -> None:
    """Its entries move to another table meanwhile, so that a look may miss some."""
    shape = Shape("rhash", 8, 248, 65536)
    _pin_twice(host, "flows", shape, [(0, 3500, 1)])
    rules: list[Rule] = [
        ("MAP_LOOKUP_BATCH", 2, put_script(host, NAME, [(9000, 20000, 1)])),
        ("MAP_LOOKUP_BATCH", 3, delete_script(host, NAME, 9000, 20000)),
        ("rename", 1, put_script(host, NAME, [(9000, 20000, 2)])),
        ("MAP_LOOKUP_BATCH", 3, delete_script(host, NAME, 9000, 20000)),
    ]
    gate = Gate(host, "gate", *rules)
    words = {"name": "flows", "on_mismatch": "migrate", **shape.but(kind="hash").declared}
    result = host.module("bpf_map_pinned", keywords=gate.keywords, **words).good()
    assert gate.times[:3] == [1] * 3
    assert result.warnings == []
    assert has(host, NAME, (0, 3500, 1)) == 3500
    assert differences(host, [(OLD, NAME)]) == [0]
