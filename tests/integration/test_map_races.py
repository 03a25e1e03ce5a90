# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs at once, and runs that are killed: one map, whole, and the next run clears up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH, STAGING
from harness.site import DAEMON
from harness.together import at_once

Fields = dict[str, Any]
AT_ONCE = 8


@pytest.mark.every_python
def test_of_eight_runs_at_once_one_makes_it_and_all_succeed(host: Host) -> None:
    host.make_pin(f"{BPFFS}/outgrown", type=1, max_entries=1)
    maps = [
        {"name": "plain", **HASH},
        {"name": "with_access", "mode": "0640", "group": "adm", **HASH},
        {"name": "frozen", "frozen": True, **HASH},
        {"name": "outgrown", "on_mismatch": "replace", **HASH},
        {"name": "deep", "directory": f"{BPFFS}/new/folder", **HASH},
        {"name": "deep_with_access", "directory": f"{BPFFS}/new/folder", "mode": "0640", **HASH},
    ]
    results = at_once(host, AT_ONCE, "bpf_map_pinned", maps=maps)

    there = host.inventory()
    assert [path for path in there if STAGING in path] == []
    pins = {path: entry for path, entry in there.items() if "object" in entry and "." not in path}
    assert len(pins) == len(maps)
    by_map = zip(*(result["maps"] for result in results), strict=True)
    for item, outcomes in zip(maps, by_map, strict=True):
        path = outcomes[0]["path"]
        assert {outcome["id"] for outcome in outcomes} == {pins[path]["object"]["id"]}
        actions = sorted(outcome["action"] for outcome in outcomes)
        change = "replaced" if item["name"] == "outgrown" else "created"
        assert actions == [change] + ["unchanged"] * (AT_ONCE - 1), path
        assert pins[path]["bits"] == item.get("mode", "0600")
        assert pins[path]["links"] == 1
        assert pins[path]["object"]["frozen"] == int(item.get("frozen", False))
        assert pins[path]["object"]["max_entries"] == 16
    made = [path for result in results for path in result["directories"]]
    assert sorted(made) == [f"{BPFFS}/new", f"{BPFFS}/new/folder"]


@pytest.fixture
def leftover(host: Host) -> str:
    """The directory of a run that was killed, with a pin in it."""
    path = f"{BPFFS}/{STAGING}"
    host.run("mkdir", "-m", "0700", path)
    host.make_pin(f"{path}/flows", type=1, max_entries=1)
    return path


@pytest.mark.every_python
def test_leftovers_are_cleared_and_what_looks_alike_is_not(host: Host, leftover: str) -> None:
    similar = [
        f"{BPFFS}/{name}"
        for name in ("ebpf-pinning~stagin", f"{STAGING}2", f".{STAGING}"[1:] + "~")
    ]
    for path in similar:
        host.make_pin(path, type=1, max_entries=1)
    host.make_pin(f"{BPFFS}/flows", type=1, max_entries=16)
    host.run("mkdir", f"{BPFFS}/other")
    host.run("mkdir", "-m", "0700", f"{BPFFS}/other/{STAGING}")  # not a directory of this batch
    before = host.inventory()
    predicted = host.module("bpf_map_pinned", check=True, diff=True, name="flows", **HASH).good()
    assert host.inventory() == before
    cleared, again = host.playbook(
        [task("bpf_map_pinned", diff=True, name="flows", **HASH) for _run in range(2)]
    )
    for result in (predicted, cleared):
        assert result.good().changed
        assert result["leftovers"] == [leftover]
        assert result["counts"]["unchanged"] == 1
        assert [leftover in each["before_header"] for each in result["diff"]] == [True]
    assert not again.good().changed
    assert again["leftovers"] == []
    after = host.inventory()
    assert set(before) - set(after) == {leftover, f"{leftover}/flows"}
    for path in (*similar, f"{BPFFS}/flows", f"{BPFFS}/other/{STAGING}"):
        assert after[path] == before[path]


STRANGE = {
    "a pin": (
        "bpftool map create $S type hash key 4 value 4 entries 1 name x",
        "no BPF object|file",
    ),
    "a symlink": ("mkdir $D; ln -s $D $S", "symlink"),
    "open to others": ("mkdir -m 0755 $S", "mode 0755"),
    "of another user": ("mkdir -m 0700 $S; chown daemon $S", f"user id {DAEMON}"),
    "with a folder in it": ("mkdir -m 0700 $S; mkdir $S/folder", "directory"),
    "with a symlink in it": ("mkdir -m 0700 $S; ln -s /etc/passwd $S/link", "symlink"),
}


def test_what_is_not_a_leftover_of_ours_is_for_a_person_to_look_at(
    host: Host, subtests: pytest.Subtests
) -> None:
    tasks = []
    for number, (script, _what) in enumerate(STRANGE.values()):
        folder = f"{BPFFS}/strange_{number}"
        host.shell(f"mkdir {folder}; S={folder}/{STAGING} D={folder}/d; {script}")
        tasks.append(task("bpf_map_pinned", directory=folder, name="a", mode="0640", **HASH))
    before = host.inventory()
    run = host.playbook(tasks)
    after = host.inventory()
    for number, (about, (_script, what)) in enumerate(STRANGE.items()):
        with subtests.test(about):
            folder = f"{BPFFS}/strange_{number}"
            result = run[number]
            assert result.failed
            assert f"{folder}/{STAGING}" in result.msg
            assert re.search(what, result.msg)
            assert "remove it" in result.msg
            assert {p: e for p, e in after.items() if folder in p} == {
                p: e for p, e in before.items() if folder in p
            }


def test_a_run_waits_for_another_that_works_in_the_directory(host: Host, leftover: str) -> None:
    """Whoever holds the lock is alive: what lies there is no leftover."""
    done, waited = host.scratch / "done", host.scratch / "waited"
    batch = dict(name="a", mode="0640", **HASH)
    release = host.interpreter(
        f'(sleep 3; echo > {done}) & python "$@"; code=$?; [ ! -e {done} ] || echo > {waited}\n'
        "exit $code"
    )
    work = f"echo; until [ -e {done} ]; do sleep 0.01; done"
    with host.running("flock", "--no-fork", leftover, "sh", "-c", work) as other:
        assert other.stdout is not None
        other.stdout.readline()
        checked, made = host.playbook(
            [
                task("bpf_map_pinned", check=True, **batch),
                task("bpf_map_pinned", keywords=release, **batch),
            ]
        )
    assert checked.good()["leftovers"] == []
    assert made.good()["counts"]["created"] == 1
    assert waited.exists()
    assert [path for path in host.inventory() if STAGING in path] == []
