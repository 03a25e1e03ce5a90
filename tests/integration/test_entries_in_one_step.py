# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps that nobody sees half filled: frozen ones, and those that take the place of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from entries_table import ROWS, dump
from harness.host import Host
from harness.playbook import task

ROW = ROWS[1]
PATH = ROW.path
OLD = {1: 91, 2: 2, 3: 3}
NEW = {1: 11, 2: 2, 4: 4}

# Opens the pin over and over until its standard input ends, and prints what it saw of the map, each
# sight once: how many entries, and whether the key 4 is there, by a dump of bpftool.
LOOKER = """
import json, select, subprocess, sys
print("looking", flush=True)
sights = set()
while True:
    is_last = bool(select.select([sys.stdin], [], [], 0)[0])
    done = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", sys.argv[1]],
                          capture_output=True, text=True)
    sights.add(done.stdout.strip() if not done.returncode else "none")
    if is_last:
        break
print(json.dumps(sorted(sights)))
"""


def declared(content: dict[int, int], **more: Any) -> dict[str, Any]:
    return ROW.declared(entries=ROW.entries_of(content), **{"entries_mode": "exact", **more})


def test_a_map_is_filled_and_then_frozen_in_one_step(host: Host, subtests: pytest.Subtests) -> None:
    frozen = declared(NEW, frozen=True)
    first, again = host.playbook([task("bpf_map_pinned", **frozen)] * 2)
    assert first.good()["maps"][0]["action"] == "created"
    assert not again.good().changed
    assert host.map_at(PATH)["frozen"] == 1
    assert dump(host, PATH) == ROW.seen(NEW)
    with subtests.test("one that is there, too"):
        host.shell(f"rm {PATH}")
        host.module("bpf_map_pinned", **declared(OLD)).good()
        first, again = host.playbook([task("bpf_map_pinned", **frozen)] * 2)
        assert first.good()["maps"][0]["action"] == "adjusted"
        assert not again.good().changed
        assert host.map_at(PATH)["frozen"] == 1
        assert dump(host, PATH) == ROW.seen(NEW)


def test_a_frozen_map_with_other_entries_is_a_mismatch(
    host: Host, subtests: pytest.Subtests
) -> None:
    host.module("bpf_map_pinned", **declared(OLD, frozen=True)).good()
    old = host.map_at(PATH)["id"]
    other = declared(NEW, frozen=True)
    with subtests.test("fail"):
        refused = host.module("bpf_map_pinned", **other)
        assert refused.failed
        assert "entries: want as declared (exact), have 1 missing, 1 different, 1 extra" in (
            refused.msg
        )
        assert host.map_at(PATH)["id"] == old
    with subtests.test("its own entries are none"):
        assert not host.module("bpf_map_pinned", **declared(OLD)).good().changed
        there = declared({1: 91}, entries_mode="present")
        assert not host.module("bpf_map_pinned", **there).good().changed
    for policy, mode, after in (
        ("replace", "present", NEW),
        ("migrate", "present", {**OLD, **NEW}),
        ("migrate", "exact", NEW),
        ("migrate", "initial", {**NEW, **OLD}),
    ):
        with subtests.test(f"{policy} {mode}"):
            host.shell(f"rm {PATH}")
            host.module("bpf_map_pinned", **declared(OLD, frozen=True)).good()
            words = declared(NEW, frozen=True, on_mismatch=policy, entries_mode=mode)
            first, again = host.playbook([task("bpf_map_pinned", **words)] * 2)
            assert first.good()["maps"][0]["action"] in ("replaced", "migrated")
            assert not again.good().changed
            assert host.map_at(PATH)["frozen"] == 1
            assert dump(host, PATH) == ROW.seen(after)


@pytest.mark.parametrize("policy", ["replace", "migrate"])
def test_who_opens_the_pin_meanwhile_never_sees_a_map_without_its_entries(
    host: Host, policy: str
) -> None:
    host.module("bpf_map_pinned", **declared(OLD, max_entries=4)).good()
    before = host.bpftool("map", "dump", "pinned", PATH)
    tasks = [
        task("bpf_map_pinned", **declared(NEW, max_entries=size, on_mismatch=policy))
        for size in (5, 6, 7)
    ]
    with host.reading(PATH) as seen, host.running("python3", "-c", LOOKER, PATH) as looker:
        assert looker.stdout is not None
        assert looker.stdout.readline() == "looking\n"
        run = host.playbook(tasks)
        output, _nothing = looker.communicate()
    assert all(result.good().changed for result in run)
    assert dump(host, PATH) == ROW.seen(NEW)
    after = host.bpftool("map", "dump", "pinned", PATH)
    assert seen["misses"] == 0
    assert len(seen["ids"]) == 4
    contents = [{tuple(each["key"]) for each in content} for content in (before, after)]
    sights = [{tuple(each["key"]) for each in json.loads(sight)} for sight in json.loads(output)]
    assert len(sights) >= 2
    assert all(sight in contents for sight in sights)
