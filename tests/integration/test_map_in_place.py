# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group, mode and frozen are set on the pin that is there; check mode only predicts it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from harness.site import ADM_GROUP, DAEMON, DAEMON_GROUP

Fields = dict[str, Any]

ADJUSTMENTS = {
    # what is declared, and what then is there: bits, owner, group, frozen
    "owner by name": ({"owner": "daemon"}, ("0600", DAEMON, 0, 0)),
    "owner by number": ({"owner": str(DAEMON)}, ("0600", DAEMON, 0, 0)),
    "group by name": ({"group": "adm"}, ("0600", 0, ADM_GROUP, 0)),
    "group by number": ({"group": "4242"}, ("0600", 0, 4242, 0)),
    "mode": ({"mode": "0640"}, ("0640", 0, 0, 0)),
    "mode without permissions": ({"mode": "0"}, ("0000", 0, 0, 0)),
    "frozen": ({"frozen": True}, ("0600", 0, 0, 1)),
    "all at once": (
        {"owner": "daemon", "group": "daemon", "mode": "660", "frozen": True},
        ("0660", DAEMON, DAEMON_GROUP, 1),
    ),
}
DRIFT = {
    "owner by name": [("owner", "daemon", "root")],
    "owner by number": [("owner", "daemon", "root")],
    "group by name": [("group", "adm", "root")],
    "group by number": [("group", "4242", "root")],
    "mode": [("mode", "0640", "0600")],
    "mode without permissions": [("mode", "0000", "0600")],
    "frozen": [("frozen", True, False)],
    "all at once": [
        ("owner", "daemon", "root"),
        ("group", "daemon", "root"),
        ("mode", "0660", "0600"),
        ("frozen", True, False),
    ],
}
NAMES = {about: about.replace(" ", "_") for about in ADJUSTMENTS}


@pytest.mark.every_python
def test_the_pin_that_is_there_is_adjusted(host: Host, subtests: pytest.Subtests) -> None:
    for name in NAMES.values():
        host.make_pin(f"{BPFFS}/{name}", type=1, max_entries=16)
        _put(host, f"{BPFFS}/{name}")
    maps = [{"name": NAMES[about], **HASH, **what} for about, (what, _then) in ADJUSTMENTS.items()]
    before = host.inventory()
    predicted = host.module("bpf_map_pinned", check=True, diff=True, maps=maps).good()
    assert predicted.changed
    assert host.inventory() == before
    adjusted = host.module("bpf_map_pinned", diff=True, maps=maps).good()
    assert adjusted.changed
    assert adjusted["counts"]["adjusted"] == len(maps)
    assert adjusted["maps"] == predicted["maps"]
    assert adjusted["diff"] == predicted["diff"]
    after = host.inventory()
    again = host.module("bpf_map_pinned", maps=maps).good()
    assert not again.changed
    assert again["counts"]["unchanged"] == len(maps)
    assert host.inventory() == after
    assert set(after) == set(before)
    for (about, (_what, then)), result in zip(ADJUSTMENTS.items(), adjusted["maps"], strict=True):
        with subtests.test(about):
            path = f"{BPFFS}/{NAMES[about]}"
            old, new = before[path], after[path]
            now = (new["bits"], new["owner"], new["group"], new["object"]["frozen"])
            assert now == then
            assert new["inode"] == old["inode"]
            assert new["object"] == {**old["object"], "frozen": then[-1]}
            drift = [(each["field"], each["want"], each["have"]) for each in result["drift"]]
            assert drift == DRIFT[about]
            # The entry is still there: it is the same map.
            assert host.bpftool("map", "dump", "pinned", path)[0]["value"][0] == "0x2a"


def _put(host: Host, path: str) -> None:
    words = f"map update pinned {path} key 1 0 0 0 value 42 0 0 0 0 0 0 0"
    host.run("bpftool", *words.split())


def test_what_is_not_declared_is_left_as_it_is(host: Host) -> None:
    path = f"{BPFFS}/kept"
    host.make_pin(path, type=1, max_entries=16)
    host.shell(f"chown 0:3 {path}; chmod 0606 {path}; bpftool map freeze pinned {path}")
    before = host.inventory()
    found = host.module("bpf_map_pinned", path=path, **HASH).good()
    assert found["maps"][0]["action"] == "unchanged"
    assert host.inventory() == before


def test_a_new_pin_has_its_owner_and_mode_from_the_start(host: Host) -> None:
    """Nobody may open it meanwhile: it comes to its name with them, as strace can see."""
    trace = host.scratch / "trace"
    calls = "bpf,/^(un)?link(at)?$,/^rename(at|at2)?$,/^(f)?ch(own|mod)(at)?$"
    host.module(
        "bpf_map_pinned",
        keywords=host.strace("-y", "-o", str(trace), "-e", f"trace={calls}"),
        name="secret",
        owner="daemon",
        group="adm",
        mode="0640",
        frozen=True,
        **HASH,
    ).good()
    entry = host.inventory()[f"{BPFFS}/secret"]
    assert (entry["bits"], entry["owner"], entry["group"]) == ("0640", DAEMON, ADM_GROUP)
    assert entry["links"] == 1
    lines = trace.read_text().splitlines()
    naming = re.compile(r'\b(link|linkat|rename\w*)\(.*"secret"')
    named = next(number for number, line in enumerate(lines) if naming.search(line))
    later = [line for line in lines[named:] if "chown" in line or "chmod" in line]
    assert later == []
    assert not any("FREEZE" in line for line in lines[named:])


def test_defaults_of_the_task_hold_for_items_that_say_nothing(host: Host) -> None:
    result = host.module(
        "bpf_map_pinned",
        directory=f"{BPFFS}/agent",
        owner="daemon",
        group="adm",
        mode="0640",
        maps=[
            {"name": "plain", **HASH},
            {"name": "own", "mode": "0600", "owner": "root", "group": "root", **HASH},
            {"name": "elsewhere", "directory": f"{BPFFS}/other/place", **HASH},
            {"path": f"{BPFFS}/other/whole_path", **HASH},
        ],
    ).good()
    there = host.inventory()
    access = {
        path: (entry["bits"], entry["owner"], entry["group"])
        for path, entry in there.items()
        if entry.get("object", {}).get("kind") == "map"
    }
    assert access == {
        f"{BPFFS}/agent/plain": ("0640", DAEMON, ADM_GROUP),
        f"{BPFFS}/agent/own": ("0600", 0, 0),
        f"{BPFFS}/other/place/elsewhere": ("0640", DAEMON, ADM_GROUP),
        f"{BPFFS}/other/whole_path": ("0640", DAEMON, ADM_GROUP),
    }
    assert {each["path"]: each["name"] for each in result["maps"]} == {
        path: path.rpartition("/")[2] for path in access
    }
    directories = [f"{BPFFS}/agent", f"{BPFFS}/other", f"{BPFFS}/other/place"]
    assert sorted(result["directories"]) == directories
    for path in directories:
        assert (there[path]["mode"], there[path]["owner"]) == ("drwxr-xr-x", 0)


@pytest.mark.every_core
def test_check_mode_predicts_what_a_run_does(host: Host) -> None:
    """One batch with every action, in directories that are there and that are not."""
    mixed = [
        {"name": "fits", **HASH},
        {"name": "is_opened", "mode": "0660", **HASH},
        {"name": "is_frozen", "frozen": True, **HASH},
        {"name": "is_larger", **HASH, "max_entries": 17},
        {"name": "is_new", **HASH},
        {"name": "is_new_too", "directory": f"{BPFFS}/a/b/c", "mode": "0644", **HASH},
        {"name": "in_there_as_well", "directory": f"{BPFFS}/a/b", **HASH},
    ]
    for name in ("fits", "is_opened", "is_frozen", "is_larger"):
        host.make_pin(f"{BPFFS}/{name}", type=1, max_entries=16)
    batch = {"on_mismatch": "replace", "maps": mixed}
    before = host.inventory()
    predicted = host.module("bpf_map_pinned", check=True, diff=True, **batch).good()
    assert host.inventory() == before
    done = host.module("bpf_map_pinned", diff=True, **batch).good()
    for key in ("changed", "counts", "directories", "leftovers", "diff"):
        assert done[key] == predicted[key], key
    for told, did in zip(predicted["maps"], done["maps"], strict=True):
        for key in ("path", "name", "action", "drift", "unverified"):
            assert did[key] == told[key], told["path"]
    assert done["counts"] == {
        "created": 3,
        "unchanged": 1,
        "adjusted": 2,
        "replaced": 1,
        "migrated": 0,
        "incompatible": 0,
    }
    headers = [each["before_header"] for each in done["diff"]]
    assert not any("fits" in header for header in headers)
    assert len(headers) == 3 + 6  # directories, and all maps but one
    after = host.inventory()
    again = host.playbook(
        [task("bpf_map_pinned", check=check, diff=True, **batch) for check in (True, False)]
    )
    for result in again:
        assert not result.good().changed
        assert result["counts"]["unchanged"] == len(mixed)
        assert result["diff"] == []
    assert host.inventory() == after
