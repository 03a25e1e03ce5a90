# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On a bpffs that all may write to, another user was first: with the pin, or with its directory."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.samples import STAGING
from harness.site import DAEMON
from harness.together import at_once
from strangers import STRANGER, Strangers, writes

Fields = dict[str, Any]
HASH: Fields = {"type": "hash", "key_size": 4, "value_size": 64, "max_entries": 16}
LARGER: Fields = {**HASH, "max_entries": 32}
FLOWS = f"{BPFFS}/flows"
AS_NEW = ("0600", 0, 0)


@pytest.fixture
def strangers(host: Host) -> Strangers:
    """Root lets all read a map; the stranger has pinned it as `flows`, which a playbook declares.

    So it goes on every kernel: making a map of one's own takes privileges on most.
    """
    strangers = Strangers(host)
    host.make_pin(f"{BPFFS}/public", value_size=64, max_entries=16)
    host.shell(f"chmod 0644 {BPFFS}/public")
    assert strangers.does("alias", "read", f"{BPFFS}/public", FLOWS) == "ok"
    return strangers


def _access(host: Host, path: str) -> tuple[str, int, int]:
    entry = host.inventory()[path]
    return entry["bits"], entry["owner"], entry["group"]


def _drift(result: Result) -> list[tuple[str, str, str]]:
    (item,) = result.get("maps") or result["objects"]
    return [(each["field"], each["want"], each["have"]) for each in item["drift"]]


# Pins

REFUSED: dict[str, Fields] = {
    "as it is": HASH,
    "another mode": {"mode": "0640", **HASH},
    "what fits is not replaced for its owner alone": {"on_mismatch": "replace", **HASH},
    "nor migrated": {"on_mismatch": "migrate", **HASH},
    "another size": LARGER,
    "frozen": {"frozen": True, **HASH},
}


@pytest.mark.parametrize("about", REFUSED)
def test_the_pin_of_a_stranger_is_refused_and_named(
    host: Host, strangers: Strangers, about: str
) -> None:
    del strangers
    words = {"path": FLOWS, **REFUSED[about]}
    before = host.inventory()
    run = host.playbook([task("bpf_map_pinned", check=is_check, **words) for is_check in (1, 0)])
    assert host.inventory() == before
    for result in run:
        assert result.failed
        assert not result.changed
        assert result["counts"]["incompatible"] == 1
        assert ("owner", "root", str(STRANGER)) in _drift(result)
        assert result.msg.startswith(f"{FLOWS}: ")
        assert f"the pin belongs to {STRANGER}" in result.msg
        assert f"If it is meant, declare owner: {STRANGER}" in result.msg
    assert run[0].msg == run[1].msg


def test_who_is_declared_may_own_it(host: Host, strangers: Strangers) -> None:
    del strangers
    before = host.inventory()
    result = host.module("bpf_map_pinned", path=FLOWS, owner=str(STRANGER), **HASH).good()
    assert result["counts"]["unchanged"] == 1
    assert host.inventory() == before


@dataclass(frozen=True)
class Taken:
    """How root gets a map of its own in the place of the stranger's."""

    words: Fields
    action: str
    access: tuple[str, int, int] = AS_NEW
    keeps_entries: bool = False


TAKEN = {
    "replaced, as it is another": Taken({"on_mismatch": "replace", **LARGER}, "replaced"),
    "migrated, as it is another": Taken(
        {"on_mismatch": "migrate", **LARGER}, "migrated", keeps_entries=True
    ),
    "replaced, as its owner is": Taken(
        {"on_mismatch": "replace", "owner": "root", **HASH}, "replaced"
    ),
    "migrated, as its owner is": Taken(
        {"on_mismatch": "migrate", "owner": "root", **HASH}, "migrated", keeps_entries=True
    ),
    "with the mode that is declared": Taken(
        {"on_mismatch": "replace", "group": "daemon", "mode": "0660", **LARGER},
        "replaced",
        ("0660", 0, DAEMON),
    ),
}


@pytest.mark.parametrize("about", TAKEN)
def test_what_takes_its_place_is_out_of_the_strangers_reach(
    host: Host, strangers: Strangers, about: str
) -> None:
    row = TAKEN[about]
    host.shell(f"chmod 0666 {FLOWS}")  # the stranger may do that, too
    predicted = host.module("bpf_map_pinned", check=True, path=FLOWS, **row.words).good()
    with strangers.holding(FLOWS) as holder:
        assert writes(holder) == "ok"
        result = host.module("bpf_map_pinned", path=FLOWS, **row.words).good()
        entries = len(host.bpftool("map", "dump", "pinned", FLOWS))
        assert entries == int(row.keeps_entries)
        host.shell(f"bpftool map delete pinned {FLOWS} key 0x9a 0x02 0 0 || true")
        assert writes(holder) == "ok"  # into the old map
    assert host.bpftool("map", "dump", "pinned", FLOWS) == []
    for each in (predicted, result):
        assert each["counts"][row.action] == 1
        assert ("owner", "root", str(STRANGER)) in _drift(each)
    assert predicted.warnings == result.warnings
    assert any(f"the pin belongs to {STRANGER}, from whom" in text for text in result.warnings)
    assert _access(host, FLOWS) == row.access
    assert strangers.does("write", FLOWS) == "open: EACCES"
    again = host.module("bpf_map_pinned", path=FLOWS, **row.words).good()
    assert again["counts"]["unchanged"] == 1
    assert again.warnings == []


def test_setting_the_owner_alone_warns_that_the_stranger_may_hold_it_open(
    host: Host, strangers: Strangers
) -> None:
    words = {"path": FLOWS, "owner": "root", "mode": "0600", **HASH}
    with strangers.holding(FLOWS) as holder:
        predicted = host.module("bpf_map_pinned", check=True, **words).good()
        adjusted = host.module("bpf_map_pinned", **words).good()
        assert writes(holder) == "ok"
    assert len(host.bpftool("map", "dump", "pinned", FLOWS)) == 1  # the warning is right
    assert strangers.does("write", FLOWS) == "open: EACCES"
    for result in (predicted, adjusted):
        assert result["counts"]["adjusted"] == 1
        (said,) = result.warnings
        assert f"{FLOWS}: {STRANGER} could open the pin until now" in said
        assert "keeps it open" in said
        assert "on_mismatch: migrate" in said
        assert "replace" in said


WIDER: dict[str, tuple[str, Fields, str]] = {
    # how the pin is, what is declared, and who is warned of; empty: nobody
    "all could write": ("chmod 0666", {"mode": "0600"}, "all users"),
    "a group could": ("chgrp daemon $P; chmod 0660", {"mode": "0600"}, "group daemon"),
    "another group can": ("chgrp daemon $P; chmod 0640", {"group": "adm"}, "group daemon"),
    "root's group could": ("chmod 0660", {"mode": "0600"}, ""),
    "more can": ("chmod 0600", {"mode": "0660"}, ""),
    "root gives it away": ("chmod 0600", {"owner": "daemon"}, ""),
}


@pytest.mark.parametrize("about", WIDER)
def test_who_could_open_a_pin_until_now_is_told_of(host: Host, about: str) -> None:
    script, declared, who = WIDER[about]
    path = f"{BPFFS}/closed/flows"
    host.shell(f"chmod 0711 {BPFFS}; mkdir {BPFFS}/closed")
    host.make_pin(path, value_size=64, max_entries=16)
    host.shell(f"P={path}; {script} {path}")
    result = host.module("bpf_map_pinned", path=path, **declared, **HASH).good()
    said = [text for text in result.warnings if "until now" in text]
    assert [f"{path}: {who} could open the pin until now" in text for text in said] == (
        [True] if who else []
    )
    assert all("remove the pin" in text for text in said)


def test_an_object_is_pinned_anew_where_a_stranger_pinned_it(
    host: Host, strangers: Strangers
) -> None:
    public = host.map_at(f"{BPFFS}/public")["id"]
    other = host.make_pin(f"{BPFFS}/other")
    same, another = {"path": FLOWS, "map_id": public}, {"path": FLOWS, "map_id": other}
    before = host.inventory()
    refused, predicted = host.playbook(
        [
            task("bpf_object_pinned", **same),
            task("bpf_object_pinned", check=True, owner="root", **same),
        ]
    )
    assert host.inventory() == before
    assert refused.failed
    assert f"the pin belongs to {STRANGER}" in refused.msg
    assert _drift(refused) == [("owner", "root", str(STRANGER))]
    adjusted = host.module("bpf_object_pinned", owner="root", **same).good()
    for result in (predicted.good(), adjusted):
        assert result["counts"]["adjusted"] == 1
        (said,) = result.warnings
        assert f"{FLOWS}: {STRANGER} could open the pin until now" in said
    host.shell(f"chown {STRANGER}:{STRANGER} {FLOWS}; chmod 0666 {FLOWS}")
    replaced = host.module("bpf_object_pinned", on_mismatch="replace", **another).good()
    assert replaced["counts"]["replaced"] == 1
    assert _access(host, FLOWS) == AS_NEW
    assert strangers.does("write", FLOWS) == "open: EACCES"


def test_a_hard_link_of_a_stranger_is_told_of(host: Host) -> None:
    strangers = Strangers(host)
    host.make_pin(f"{BPFFS}/public", value_size=64, max_entries=16)
    host.shell(f"chmod 0666 {BPFFS}/public")
    strangers.shell(f"ln {BPFFS}/public {FLOWS}")
    (said,) = host.module("bpf_map_pinned", path=FLOWS, **HASH).good().warnings
    assert f"{FLOWS}: the pin has 2 names (hard links)" in said
    command = said.partition("`")[2].partition("`")[0]
    assert sorted(host.shell(command).split()) == [FLOWS, f"{BPFFS}/public"]
    host.shell(f"mkdir {BPFFS}/closed; ln {BPFFS}/public {BPFFS}/closed/flows")
    closed = host.module("bpf_map_pinned", path=f"{BPFFS}/closed/flows", **HASH).good()
    assert closed.warnings == []


# Directories

DIRECTORIES: dict[str, tuple[str, str]] = {
    # what is made, by root; the directory that is declared, below /sys/fs/bpf
    "the directory": (f"mkdir app; chown {STRANGER} app", "app"),
    "one above it": (f"mkdir -p up/app; chown {STRANGER} up", "up/app"),
    "one above what is still to be made": (f"mkdir up; chown {STRANGER} up", "up/new/app"),
    "the root": (f"mkdir app; chown {STRANGER} .", "app"),
    "one that only its group and others may write to": (
        f"mkdir app; chmod 0077 app; chown {STRANGER} app",
        "app",
    ),
}


@pytest.mark.parametrize("about", DIRECTORIES)
def test_nothing_is_pinned_in_the_directory_of_a_stranger(host: Host, about: str) -> None:
    script, directory = DIRECTORIES[about]
    host.shell(f"cd {BPFFS}; {script}")
    theirs = {"up/app": "/up", "up/new/app": "/up"}.get(directory, "/app")
    if about == "the root":
        theirs = ""
    map_id = host.make_pin(f"{BPFFS}/other")
    words = {"directory": f"{BPFFS}/{directory}", "name": "flows"}
    before = host.inventory()
    run = host.playbook(
        [
            task("bpf_map_pinned", check=True, **words, **HASH),
            task("bpf_map_pinned", **words, **HASH),
            task("bpf_map_pinned", owner="daemon", **words, **HASH),
            task("bpf_object_pinned", map_id=map_id, **words),
        ]
    )
    assert host.inventory() == before
    for result in run:
        assert result.failed
        assert not result.changed
        assert f"the directory {BPFFS}{theirs} belongs to {STRANGER}" in result.msg
        assert f"declare owner: {STRANGER}" in result.msg
        assert "chown" in result.msg
        (drift,) = _drift(result)
        assert drift[0] == "directory"
        assert drift[2] == f"{BPFFS}{theirs} of {STRANGER}"
    mine = host.module("bpf_map_pinned", owner=str(STRANGER), **words, **HASH).good()
    assert mine["counts"]["created"] == 1


def test_a_pin_in_the_directory_of_a_stranger_is_drift(host: Host) -> None:
    """Root's own pin, as declared: but the stranger may exchange it at any time."""
    host.shell(f"mkdir {BPFFS}/app")
    words = {"directory": f"{BPFFS}/app", "name": "flows", **HASH}
    host.module("bpf_map_pinned", **words).good()
    host.shell(f"chown {STRANGER} {BPFFS}/app")
    found = host.module("bpf_map_pinned", check=True, **words)
    assert found.failed
    assert found["maps"][0]["action"] == "incompatible"
    assert _drift(found) == [("directory", "of root", f"{BPFFS}/app of {STRANGER}")]


OPEN: dict[str, tuple[str, Fields, str]] = {
    "all may write to it": ("chmod 0777 $D", {}, "all users"),
    "a group may": ("chgrp daemon $D; chmod 0770 $D", {}, "group daemon"),
    "a group for which the pins are": (
        "chgrp daemon $D; chmod 0770 $D",
        {"group": "daemon", "mode": "0660"},
        "",
    ),
    "root's group may": ("chmod 0775 $D", {}, ""),
    "all may, with the sticky bit": ("chmod 1777 $D", {}, ""),
}


@pytest.mark.parametrize("about", OPEN)
def test_a_directory_in_which_others_may_exchange_pins_is_told_of(host: Host, about: str) -> None:
    script, declared, who = OPEN[about]
    folder = f"{BPFFS}/app"
    host.shell(f"D={folder}; mkdir $D; {script}")
    words = {"directory": folder, "name": "flows", **declared, **HASH}
    for result in host.playbook([task("bpf_map_pinned", check=check, **words) for check in (1, 0)]):
        said = [text for text in result.good().warnings if "sticky" in text]
        assert [text.startswith(f"{folder}: the directory may be written to") for text in said] == (
            [True] if who else []
        )
        assert all(f"by {who} and" in text for text in said)
    strangers = Strangers(host)
    if who == "all users":
        strangers.shell(f"mv {folder}/flows {folder}/gone")


# A run that fails

FORGOTTEN: dict[str, Fields] = {
    "a directory": {"directory": f"{BPFFS}/app", "name": "flows"},
    "directories": {"directory": f"{BPFFS}/app/deep/er", "name": "flows"},
    "one that is made ready first": {"path": f"{BPFFS}/app/flows", "mode": "0640"},
}


@pytest.mark.parametrize("about", FORGOTTEN)
def test_a_run_that_fails_leaves_no_directory_behind(host: Host, about: str) -> None:
    """Somebody forgot `become` where all may make directories."""
    words = {**FORGOTTEN[about], **HASH}
    before = set(host.inventory())
    # Where users may make maps, this is one that takes CAP_NET_ADMIN.
    devmap = {**words, "type": "devmap", "value_size": 4}
    (failed,) = host.playbook([task("bpf_map_pinned", keywords=host.as_nobody(), **devmap)])
    assert failed.failed
    assert "become: true" in failed.msg
    assert not failed.changed
    assert failed["directories"] == []
    assert set(host.inventory()) == before
    made = host.module("bpf_map_pinned", **words).good()
    assert made["counts"]["created"] == 1
    assert host.inventory()[f"{BPFFS}/app"]["owner"] == 0


def test_what_was_done_before_it_failed_stays_with_its_directory(host: Host) -> None:
    arena = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 2**32 - 1}
    maps = [
        {"directory": f"{BPFFS}/one", "name": "done", **HASH},
        {"directory": f"{BPFFS}/two/deep", "name": "failed", **arena},
        {"directory": f"{BPFFS}/three", "name": "never", **HASH},
    ]
    result = host.module("bpf_map_pinned", maps=maps)
    assert result.failed
    assert result.changed
    assert result["directories"] == [f"{BPFFS}/one"]
    assert [each["action"] for each in result["maps"]] == ["created", "failed", "not_done"]
    there = {path for path in host.inventory() if "." not in path}
    assert there == {BPFFS, f"{BPFFS}/one", f"{BPFFS}/one/done"}


# The place where pins are made ready

SQUATS = {
    "a directory": f"mkdir {BPFFS}/{STAGING}",
    "a directory that is closed": f"mkdir -m 0700 {BPFFS}/{STAGING}",
    "a directory with something in it": f"mkdir -p {BPFFS}/{STAGING}/x",
    "a symlink": f"ln -s /etc {BPFFS}/{STAGING}",
    "many names": f"for n in 1 2 3; do mkdir {BPFFS}/{STAGING}~$n; done; mkdir {BPFFS}/{STAGING}",
}


@pytest.fixture
def staged(host: Host) -> Callable[[bool], Result]:
    """A batch whose pins are made ready first: a new one, one that is replaced, one migrated."""
    for name in ("replaced", "migrated"):
        host.make_pin(f"{BPFFS}/{name}", value_size=64, max_entries=1)
    maps = [
        {"name": "created", "mode": "0660", **HASH},
        {"name": "replaced", "on_mismatch": "replace", **HASH},
        {"name": "migrated", "on_mismatch": "migrate", **HASH},
    ]
    return lambda check: host.module("bpf_map_pinned", check=check, maps=maps)


@pytest.mark.parametrize("about", SQUATS)
def test_a_stranger_who_takes_the_staging_directory_stops_no_run(
    host: Host, staged: Callable[[bool], Result], about: str
) -> None:
    Strangers(host).shell(SQUATS[about])
    before = host.inventory()
    predicted = staged(True).good()
    assert host.inventory() == before
    done = staged(False).good()
    assert done["counts"] == predicted["counts"]
    assert [each["action"] for each in done["maps"]] == ["created", "replaced", "migrated"]
    after = host.inventory()
    assert set(after) - set(before) == {f"{BPFFS}/created"}
    assert set(before) - set(after) == set()
    theirs = [path for path in before if STAGING in path]
    assert theirs
    assert {path: after[path] for path in theirs} == {path: before[path] for path in theirs}
    assert not staged(False).good().changed


def test_what_a_killed_run_left_beside_a_stranger_is_cleared(
    host: Host, staged: Callable[[bool], Result]
) -> None:
    Strangers(host).shell(f"mkdir {BPFFS}/{STAGING}")
    left = f"{BPFFS}/{STAGING}~0123456789abcdef"
    host.shell(f"mkdir -m 0700 {left}")
    host.make_pin(f"{left}/created")
    before = host.inventory()
    predicted = staged(True).good()
    assert host.inventory() == before
    done = staged(False).good()
    assert predicted["leftovers"] == done["leftovers"] == [left]
    assert [path for path in host.inventory() if STAGING in path] == [f"{BPFFS}/{STAGING}"]


def test_a_killed_run_leaves_nothing_that_the_next_one_does_not_clear(
    host: Host, staged: Callable[[bool], Result]
) -> None:
    Strangers(host).shell(f"mkdir {BPFFS}/{STAGING}")
    killed = host.tampered("?link,?linkat", "signal=KILL")
    died = host.playbook(
        [task("bpf_map_pinned", name="created", mode="0660", keywords=killed, **HASH)]
    )[0]
    assert died.failed
    (left,) = (path for path in host.inventory() if re.fullmatch(f".*/{STAGING}~[0-9a-f]+", path))
    done = staged(False).good()
    assert done["leftovers"] == [left]
    assert [path for path in host.inventory() if STAGING in path] == [f"{BPFFS}/{STAGING}"]


def test_beside_a_stranger_eight_runs_at_once_make_one_map(host: Host) -> None:
    Strangers(host).shell(f"mkdir {BPFFS}/{STAGING}")
    host.make_pin(f"{BPFFS}/outgrown", value_size=64, max_entries=1)
    maps = [
        {"name": "new", "mode": "0660", **HASH},
        {"name": "outgrown", "on_mismatch": "replace", **HASH},
    ]
    results = at_once(host, 8, "bpf_map_pinned", maps=maps)
    for number, change in enumerate(("created", "replaced")):
        actions = sorted(result["maps"][number]["action"] for result in results)
        assert actions == [change] + ["unchanged"] * 7
        assert len({result["maps"][number]["id"] for result in results}) == 1
    assert [path for path in host.inventory() if STAGING in path] == [f"{BPFFS}/{STAGING}"]


OBSTACLES = {
    # In a directory that only root may write to, whatever is there is for a person to look at.
    "open to others": "mkdir -m 0755 $S",
    "of another user": f"mkdir -m 0700 $S; chown {STRANGER} $S",
    "a symlink": "ln -s /etc $S",
    "with a directory in it": "mkdir -m 0700 $S; mkdir $S/x",
}


@pytest.mark.parametrize("about", OBSTACLES)
def test_check_mode_sees_what_would_stop_the_run(host: Host, about: str) -> None:
    folder = f"{BPFFS}/app"
    host.shell(f"mkdir {folder}; S={folder}/{STAGING}; {OBSTACLES[about]}")
    before = host.inventory()
    words = {"directory": folder, "name": "flows", "mode": "0660", **HASH}
    predicted, done = host.playbook(
        [task("bpf_map_pinned", check=check, **words) for check in (True, False)]
    )
    assert host.inventory() == before
    assert predicted.failed
    assert done.failed
    assert predicted.msg == done.msg
    assert f"{folder}/{STAGING}" in done.msg


# Between a look and a deed

_LATE = """
import os, sys
core = "ansible_collections.ebpf.pinning.plugins.module_utils._core"
from importlib import import_module as load
directory, script = sys.argv[1:]
item = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 64, "max_entries": 16}
defaults = {"directory": directory, "on_mismatch": "fail"}
host, users = load(f"{core}.host").this_host(), load(f"{core}.users").Users()
pins = load(f"{core}.kinds.maps.declaration").read_pins([item], defaults, host, users)
engine, kind = load(f"{core}.engine.run"), load(f"{core}.kinds.maps.apply").MapKind()
decided = engine.plan(kind, kind.observe(pins))
assert not decided.problems
assert os.system(script) == 0
result = engine.apply(kind, decided)
print(result.error or "done")
"""
LATE = {
    "the directory": (f"{BPFFS}/app", f"mkdir {BPFFS}/app", f"{BPFFS}/app was made by {STRANGER}"),
    "one above it": (f"{BPFFS}/up/app", f"mkdir {BPFFS}/up", f"{BPFFS}/up was made by {STRANGER}"),
    "the pin": (BPFFS, f"mv {BPFFS}/theirs {FLOWS}", f"{FLOWS}: the pin belongs to {STRANGER}"),
}


@pytest.mark.parametrize("about", LATE)
def test_a_stranger_who_comes_between_a_look_and_a_deed_is_found(host: Host, about: str) -> None:
    directory, script, says = LATE[about]
    strangers = Strangers(host)
    host.make_pin(f"{BPFFS}/public", value_size=64, max_entries=16)
    host.shell(f"chmod 0644 {BPFFS}/public")
    assert strangers.does("alias", "read", f"{BPFFS}/public", f"{BPFFS}/theirs") == "ok"
    as_stranger = f"setpriv --reuid={STRANGER} --regid={STRANGER} --clear-groups {script}"
    words = [sys.executable, "-c", _LATE, directory, as_stranger]
    told = host.run("env", f"PYTHONPATH={host.site.scratch}", *words).stdout
    assert told.startswith(says), told
    made = {path for path in host.inventory() if "." not in path}
    theirs = script.split()[-1]
    assert made <= {BPFFS, f"{BPFFS}/public", f"{BPFFS}/theirs", theirs}
