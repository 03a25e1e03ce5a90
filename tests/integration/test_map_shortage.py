# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating while the kernel is short of memory, for a moment or for good.

Types that make each entry when it is written take it from a reserve, refilled a moment later.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from migrate_table import Gate, Rule, Shape, differences, fill, has, put_script
from test_links import awaited

Fields = dict[str, Any]
ENOMEM, EAGAIN, EBUSY, EDEADLK, ETIMEDOUT = 12, 11, 16, 35, 110

NAME = f"{BPFFS}/flows"
OLD = f"{BPFFS}/old"  # keeps the old map, to compare with
LAZY = ("no_prealloc",)
KINDS = {
    "a hash": Shape("hash", 8, 8, 512, LAZY),
    "a hash of each CPU": Shape("percpu_hash", 8, 8, 512, LAZY),
    "a trie": Shape("lpm_trie", 8, 8, 512, LAZY),
    "an LRU map": Shape("lru_hash", 8, 8, 4096),
}
HELD = 300


def _refusals(call: str, error: int, times: int) -> list[Rule]:
    return [(call, 1, error)] * times


# What the kernel says, and to which calls, before it says yes.
PASSING: dict[str, Sequence[Rule]] = {
    "the batch": _refusals("MAP_UPDATE_BATCH", ENOMEM, 1),
    "the batch, and the first entry some times": [
        *_refusals("MAP_UPDATE_BATCH", ENOMEM, 1),
        *_refusals("MAP_UPDATE_ELEM", ENOMEM, 5),
    ],
    "the batch, and entries here and there": [
        *_refusals("MAP_UPDATE_BATCH", ENOMEM, 1),
        *[("MAP_UPDATE_ELEM", number, ENOMEM) for number in (3, 7, 1, 1, 100)],
    ],
    "the look at the old map": _refusals("MAP_LOOKUP_BATCH", EAGAIN, 3),
    "a batch that is not there, and an entry": [
        ("MAP_UPDATE_BATCH", 0, 22),
        *_refusals("MAP_UPDATE_ELEM", ENOMEM, 3),
    ],
    **{
        f"the batch, and an entry, with errno {error}": [
            *_refusals("MAP_UPDATE_BATCH", error, 1),
            *_refusals("MAP_UPDATE_ELEM", error, 3),
        ]
        for error in (EAGAIN, EBUSY, EDEADLK, ETIMEDOUT)
    },
}


def _pin(host: Host, name: str, shape: Shape, held: int = HELD) -> None:
    fill(host, f"{BPFFS}/{name}", shape, [(0, held, 1)])
    host.run("ln", f"{BPFFS}/{name}", f"{BPFFS}/{name}_old")


def _larger(shape: Shape) -> Fields:
    return shape.but(entries=2 * shape.entries).declared


@pytest.fixture(autouse=True)
def _private_root(host: Host) -> None:
    """Where others may write, the second names that these tests give old maps are warned of."""
    host.shell(f"chmod 0755 {BPFFS}")


@pytest.mark.parametrize("about", PASSING)
def test_what_is_refused_for_a_moment_is_migrated_whole(
    host: Host, about: str, subtests: pytest.Subtests
) -> None:
    gates, tasks = [], []
    for number, shape in enumerate(KINDS.values()):
        _pin(host, str(number), shape)
        gate = Gate(host, str(number), *PASSING[about])
        words = {"name": str(number), "on_mismatch": "migrate", **_larger(shape)}
        tasks.append(task("bpf_map_pinned", keywords=gate.keywords, **words))
        gates.append(gate)
    results = host.playbook(tasks)
    for number, (kind, gate, result) in enumerate(zip(KINDS, gates, results, strict=True)):
        with subtests.test(kind):
            assert 0 not in gate.times
            assert result.good()["maps"][0]["copied"] == HELD
            assert result.warnings == []
            path = f"{BPFFS}/{number}"
            assert host.map_at(path)["max_entries"] == 2 * KINDS[kind].entries
            assert len(host.bpftool("map", "dump", "pinned", path)) == HELD
            assert has(host, path, (0, HELD, 1)) == HELD
            assert differences(host, [(f"{path}_old", path)]) == [0]


def test_maps_of_maps_wait_as_well(host: Host) -> None:
    host.make_pin(f"{BPFFS}/inner", type=1, key_size=4, value_size=8, max_entries=16)
    fields = {"type": 13, "key_size": 4, "value_size": 4, "max_entries": 8, "flags": 1}
    host.make_pin(NAME, inner=f"{BPFFS}/inner", **fields)
    for key in (1, 2, 3):
        entry = f"key {key} 0 0 0 value pinned {BPFFS}/inner"
        host.run(*f"bpftool map update pinned {NAME} {entry}".split())
    gate = Gate(host, "gate", *_refusals("MAP_UPDATE_ELEM", ENOMEM, 4))
    inner = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
    words = {"type": "hash_of_maps", "key_size": 4, "max_entries": 16, "flags": ["no_prealloc"]}
    result = host.module(
        "bpf_map_pinned",
        keywords=gate.keywords,
        name="flows",
        on_mismatch="migrate",
        inner_map=inner,
        **words,
    )
    assert result.good()["maps"][0]["copied"] == 3
    assert gate.times == [1] * 4
    held = host.bpftool("map", "dump", "pinned", NAME)
    assert len(held) == 3


def test_what_was_written_meanwhile_is_taken_over_through_a_shortage(host: Host) -> None:
    shape = KINDS["a trie"]
    _pin(host, "flows", shape)
    rules = [
        ("rename", 1, put_script(host, NAME, [(0, 4, 2), (9000, 4, 1)])),
        *_refusals("MAP_UPDATE_ELEM", ENOMEM, 6),
    ]
    gate = Gate(host, "gate", *rules)
    words = {"name": "flows", "on_mismatch": "migrate", **_larger(shape)}
    result = host.module("bpf_map_pinned", keywords=gate.keywords, **words).good()
    assert gate.times == [1] * 7
    assert result["maps"][0]["caught_up"] == 8
    assert result.warnings == []
    assert differences(host, [(f"{BPFFS}/flows_old", NAME)]) == [0]


@pytest.mark.parametrize("kind", ["a hash", "a trie"])
def test_a_shortage_that_lasts_leaves_the_old_map_and_says_what_is_likely(
    host: Host, kind: str
) -> None:
    shape = KINDS[kind]
    name = f"s{os.getpid()}"  # no other map of this machine is called so
    path = f"{BPFFS}/{name}"
    _pin(host, name, shape)
    before = host.inventory()[path]
    for_good: list[Rule] = [("MAP_UPDATE_BATCH", 0, ENOMEM), ("MAP_UPDATE_ELEM", 0, ENOMEM)]
    gate = Gate(host, "gate", *for_good)
    words = {"name": name, "on_mismatch": "migrate", **_larger(shape)}
    refused = host.module("bpf_map_pinned", keywords=gate.keywords, **words)
    assert refused.failed
    assert not refused.changed
    batches, entries = gate.times
    assert batches == 1
    assert 10 < entries < 1000  # more than once, and not for ever
    assert refused.msg.startswith(f"{path}: MAP_UPDATE_ELEM: ENOMEM: ")
    assert "lower max_entries" not in refused.msg
    for text in ("memory.max", "MemAvailable", "run again"):
        assert text in refused.msg
    assert host.inventory()[path] == before
    assert awaited(lambda: _called(host, name), []) == []
    migrated = host.module("bpf_map_pinned", **words).good()
    assert migrated["counts"]["migrated"] == 1
    assert _called(host, name) == [migrated["maps"][0]["id"]]
    assert differences(host, [(f"{path}_old", path)]) == [0]


def _called(host: Host, name: str) -> list[int]:
    return [each["id"] for each in host.bpftool("map", "show") if each.get("name") == name]


def test_a_shortage_that_lasts_is_waited_for_once_after_the_swap(host: Host) -> None:
    shape = KINDS["a trie"]
    _pin(host, "flows", shape)
    gate = Gate(
        host,
        "gate",
        ("rename", 1, put_script(host, NAME, [(9000, 40, 1)])),
        ("MAP_UPDATE_ELEM", 0, ENOMEM),
    )
    words = {"name": "flows", "on_mismatch": "migrate", **_larger(shape)}
    result = host.module("bpf_map_pinned", keywords=gate.keywords, **words).good()
    assert gate.times[1] < 200
    (warning,) = result.warnings
    assert warning.startswith(f"{NAME}: 40 entries of the old map changed while it was copied")
    assert "MAP_UPDATE_ELEM: ENOMEM" in warning


# A real shortage: the map belongs to a control group that is full by the time it is filled. Its
# maker has left that group, so nobody is killed; then the limit is raised, or is not.
MANY = 40_000


@pytest.mark.parametrize("kind", ["a hash", "a trie"])
def test_a_control_group_that_is_full_for_a_while(host: Host, kind: str) -> None:
    shape = KINDS[kind].but(entries=2 * MANY, value=64)
    _pin(host, "flows", shape, MANY)
    before = host.inventory()[NAME]
    words = {"name": "flows", "on_mismatch": "migrate", **_larger(shape)}
    with _memory_group() as group:
        refused = _migrate_in(host, group, "", words)
        assert refused.failed
        assert not refused.changed
        assert refused.msg.startswith(f"{NAME}: MAP_UPDATE_ELEM: ENOMEM: ")
        assert host.inventory()[NAME] == before
        migrated = _migrate_in(host, group, group.lift, words)
    assert migrated.good()["maps"][0]["copied"] == MANY
    assert len(host.bpftool("map", "dump", "pinned", NAME)) == MANY
    assert differences(host, [(f"{BPFFS}/flows_old", NAME)]) == [0]


class _Group:
    """A control group of the memory controller, of one of its two versions."""

    def __init__(self, parent: Path, limit: str, used: str, name: str) -> None:
        self.path = parent / name
        self._parent, self._limit, self._used = parent, limit, used

    @property
    def lift(self) -> str:
        """A script that takes the limit away."""
        none = "max" if self._limit == "memory.max" else "-1"
        return f"echo {none} >{self.path}/{self._limit}"

    @property
    def leave(self) -> str:
        """A script that fills the group but for a megabyte, and lets its only process leave."""
        return (
            f"echo $(($(cat {self.path}/{self._used}) + 1048576)) >{self.path}/{self._limit}\n"
            f"for each in $(cat {self.path}/cgroup.procs); do\n"
            f"    echo $each >{self._parent}/cgroup.procs || true  # `cat` has ended by then\n"
            "done"
        )


def _migrate_in(host: Host, group: _Group, later: str, words: Fields) -> Result:
    """Migrate; when the first entry is refused, do what the script `later` says."""
    rules: list[Rule] = [("MAP_UPDATE_BATCH", 1, group.leave)]
    if later:
        rules.append(("MAP_UPDATE_ELEM", 3, later))
    gate = Gate(host, f"gate_{bool(later)}", *rules)
    (script,) = gate.keywords["vars"].values()
    enter = host.interpreter(f'echo $$ >{group.path}/cgroup.procs; exec {script} "$@"')
    host.shell(group.lift)
    result = host.module("bpf_map_pinned", keywords=enter, **words)
    assert gate.times == [1] * len(rules)
    return result


@contextmanager
def _memory_group() -> Iterator[_Group]:
    """A control group with a limit of memory, to be entered by one process at a time."""
    root = Path("/sys/fs/cgroup")
    for parent, limit, used in (
        (root, "memory.max", "memory.current"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        group = _Group(parent, limit, used, f"ebpf_pinning_{os.getpid()}")
        if not (parent / "cgroup.procs").exists():
            continue
        try:
            group.path.mkdir()
        except OSError:
            continue
        try:
            if (group.path / limit).exists():
                yield group
                return
        finally:
            group.path.rmdir()
    pytest.skip("no control group with a limit of memory can be made here")
