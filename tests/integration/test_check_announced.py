# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays whose earlier tasks make what later ones need: a check warns where a run succeeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Task, task
from harness.samples import APP
from object_table import unique
from restoring import keep_apart

HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}


def shell(script: str) -> Task:
    """A task of others, which does nothing in a check."""
    return {"ansible.builtin.command": {"argv": ["sh", "-ec", script]}}


@dataclass(frozen=True)
class Row:
    """`before` makes what `after` needs; `warning` is what a check says of that."""

    about: str
    before: Task
    after: Task
    warning: str


GROUP = "echo agents:x:4711: >> /etc/group"
USER = "echo agent:x:4711:0::/:/bin/false >> /etc/passwd"
NAME = unique()
FLOWS = task("bpf_map_pinned", path=f"{APP}/flows", **HASH)
LIST = {
    "key_format": "ipv4",
    "value_format": "u64",
    "entries_mode": "exact",
    "entries_from": {"src": "/etc/listed", "remote_src": True, "value": 1},
}
WRITE_LIST = shell("echo 10.0.0.1 > /etc/listed")
NO_LIST = "/etc/listed does not exist: declare the path of the list, or have it written before"
ROWS = [
    Row(
        "the group of a map",
        shell(GROUP),
        task("bpf_map_pinned", path=f"{APP}/flows", group="agents", **HASH),
        "group 'agents' is not a group of this host",
    ),
    Row(
        "the owner of one of many maps",
        shell(USER),
        task("bpf_map_pinned", directory=APP, maps=[{"name": "a", "owner": "agent", **HASH}]),
        "owner 'agent' is not a user of this host",
    ),
    Row(
        "the group of a mount",
        shell(GROUP),
        task("bpffs_mount", path=BPFFS, group="agents"),
        "group 'agents' is not a group of this host",
    ),
    Row(
        "the owner of a second pin",
        shell(USER),
        task("bpf_object_pinned", path=f"{APP}/again", source=f"{BPFFS}/there", owner="agent"),
        "owner 'agent' is not a user of this host",
    ),
    Row(
        "the group in a manifest",
        shell(GROUP),
        task("bpf_restore", name="app", group="agents", maps=[{"name": "a", **HASH}]),
        "group 'agents' is not a group of this host",
    ),
    Row(
        "the interpreter of the command",
        shell("ln -s /usr/bin/python3 /usr/local/lib/python"),
        task("bpf_restore", name="app", python="/usr/local/lib/python"),
        "python /usr/local/lib/python is not a program on this host",
    ),
    Row(
        "the pin that another one is to be made of",
        FLOWS,
        task("bpf_object_pinned", path=f"{APP}/again", source=f"{APP}/flows"),
        f"source {APP}/flows does not exist",
    ),
    Row(
        "one of them in a batch",
        FLOWS,
        task(
            "bpf_object_pinned",
            directory=APP,
            objects=[
                {"name": "one", "source": f"{APP}/flows"},
                {"name": "two", "source": f"{BPFFS}/there"},
            ],
        ),
        f"source {APP}/flows does not exist",
    ),
    Row(
        "a map that is found by its name",
        task("bpf_map_pinned", path=f"{APP}/{NAME}", **HASH),
        task("bpf_object_pinned", path=f"{APP}/again", map_name=NAME),
        f"map_name {NAME} is nowhere in the kernel",
    ),
    Row(
        "a directory that the task is not to make",
        shell(f"mkdir {APP}"),
        task("bpf_map_pinned", path=f"{APP}/flows", parents=False, **HASH),
        f"{APP} does not exist",
    ),
    Row(
        "the same for a second pin",
        shell(f"mkdir {APP}"),
        task("bpf_object_pinned", path=f"{APP}/again", source=f"{BPFFS}/there", parents=False),
        f"{APP} does not exist",
    ),
    Row(
        "a bpffs that is writable by then",
        task("bpffs_mount", path=BPFFS, opts=["rw"]),
        FLOWS,
        f"{APP} is on a bpffs that is mounted read-only",
    ),
    Row(
        "the list of what is in a new map",
        WRITE_LIST,
        task("bpf_map_pinned", path=f"{APP}/flows", **HASH, **LIST),
        NO_LIST,
    ),
    Row(
        "the list of what is in a map",
        WRITE_LIST,
        task("bpf_map_pinned", path=f"{BPFFS}/there", **HASH, **LIST),
        NO_LIST,
    ),
    Row(
        "the list of what is in a map of others",
        WRITE_LIST,
        task("bpf_map_entries", path=f"{BPFFS}/there", **LIST),
        NO_LIST,
    ),
    Row(
        "a list in the declaration of a host",
        WRITE_LIST,
        task("bpf_host", maps=[{"path": f"{BPFFS}/there", **HASH, **LIST}]),
        NO_LIST,
    ),
]


@pytest.mark.every_core
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.about)
def test_what_a_task_before_makes_is_a_warning_in_a_check(host: Host, row: Row) -> None:
    keep_apart(host)
    host.make_pin(f"{BPFFS}/there")
    if "writable" in row.about:
        host.run("mount", "-o", "remount,ro", BPFFS)
    before = host.inventory()
    tasks = [row.before, row.after]
    _first, check = host.playbook(tasks, "--check")
    check.good()
    assert check.changed
    (warning,) = (text for text in check.warnings if row.warning in text)
    assert "until then a run that is not a check fails" in warning
    assert host.inventory() == before
    alone = host.playbook([row.after])[0]
    assert alone.failed
    assert row.warning in alone.msg
    assert host.inventory() == before
    _first, done = host.playbook(tasks)
    assert done.good().changed
    again = host.playbook(tasks, "--check")[1].good()
    assert not again.changed
    assert not [text for text in again.warnings if "is not a check" in text]


def test_how_many_entries_a_list_has_that_is_awaited_is_not_known(host: Host) -> None:
    keep_apart(host)
    host.make_pin(f"{BPFFS}/there")
    maps = [{"path": f"{BPFFS}/{name}", **HASH, **LIST} for name in ("there", "new")]
    check = host.module("bpf_map_pinned", check=True, diff=True, maps=maps).good()
    there, new = check["maps"]
    assert [there["action"], new["action"]] == ["adjusted", "created"]
    assert there["drift"] == [
        {"field": "entries", "want": "as declared (exact)", "have": "not known"}
    ]
    for each in (there, new):
        assert each["entries"] == dict.fromkeys(("declared", "added", "updated", "removed"))


def test_of_a_frozen_map_a_check_says_no_more_than_it_knows(host: Host) -> None:
    keep_apart(host)
    host.make_pin(f"{BPFFS}/there")
    host.run("bpftool", "map", "freeze", "pinned", f"{BPFFS}/there")
    for module, more in (("bpf_map_entries", {}), ("bpf_map_pinned", HASH)):
        check = host.module(module, check=True, path=f"{BPFFS}/there", **more, **LIST).good()
        assert not check.changed
        assert [text for text in check.warnings if NO_LIST in text]


@pytest.mark.every_core
def test_a_directory_that_a_task_before_makes_is_not_said_to_be_made(host: Host) -> None:
    arguments = {"path": f"{APP}/flows", "parents": False, **HASH}
    check = host.module("bpf_map_pinned", check=True, **arguments).good()
    assert check["directories"] == []
    assert check["maps"][0]["action"] == "created"


CANNOT: list[tuple[str, str, dict[str, Any], str]] = [
    ("a symlink", f"ln -s there {BPFFS}/link", {"source": f"{BPFFS}/link"}, "not a pin"),
    ("a directory", f"mkdir {BPFFS}/deep", {"source": f"{BPFFS}/deep"}, "not a pin"),
    ("below a pin", "true", {"source": f"{BPFFS}/there/deep"}, "is not a directory"),
    ("an id", "true", {"map_id": 2**31}, "nowhere in the kernel"),
    ("a name that is too long", "true", {"map_name": "sixteencharacter"}, "15 characters"),
    ("no tag", "true", {"prog_tag": "x"}, "prog_tag must be 16 hexadecimal digits"),
]


@pytest.mark.parametrize("row", CANNOT, ids=lambda row: row[0])
def test_what_cannot_be_is_an_error_in_a_check_too(host: Host, row: tuple[Any, ...]) -> None:
    _about, script, reference, text = row
    host.make_pin(f"{BPFFS}/there")
    host.shell(script)
    check = host.module("bpf_object_pinned", check=True, path=f"{APP}/again", **reference)
    assert check.failed
    assert text in check.msg


def test_a_name_that_is_taken_is_refused_whatever_is_to_come(host: Host) -> None:
    host.make_pin(f"{BPFFS}/there")
    words = {"path": f"{BPFFS}/there", "source": f"{APP}/flows"}
    check = host.module("bpf_object_pinned", check=True, **words)
    assert check.failed
    assert check.msg == host.module("bpf_object_pinned", **words).msg
    replaced = host.module("bpf_object_pinned", check=True, on_mismatch="replace", **words).good()
    assert replaced["counts"]["replaced"] == 1


@pytest.mark.parametrize("name", [" ", "agent ", "agent:x", "agent\nroot"])
@pytest.mark.parametrize("field", ["owner", "group"])
def test_a_name_that_no_user_can_have_is_an_error_in_a_check_too(
    host: Host, field: str, name: str
) -> None:
    words = {"path": f"{APP}/flows", field: name, **HASH}
    check, run = (host.module("bpf_map_pinned", check=each, **words) for each in (True, False))
    assert check.failed
    assert "of this host: create it first" in check.msg
    assert check.msg == run.msg


LARGER = {**HASH, "max_entries": 64}
REMOVALS = {
    "by its path": {"path": [f"{BPFFS}/there"]},
    "with others that do not exist": {"path": [f"{BPFFS}/nowhere", f"{BPFFS}/there"]},
    "by a prune": {"directory": BPFFS, "keep": ["other"], "prune_shared": True},
}
DECLARATIONS = {
    "map": ("bpf_map_pinned", {"path": f"{BPFFS}/there", **LARGER}),
    "maps": ("bpf_map_pinned", {"directory": BPFFS, "maps": [{"name": "there", **LARGER}]}),
    "object": ("bpf_object_pinned", {"path": f"{BPFFS}/there", "source": f"{BPFFS}/other"}),
}


@pytest.mark.every_core
@pytest.mark.parametrize("declaration", DECLARATIONS)
@pytest.mark.parametrize("removal", REMOVALS)
def test_a_check_knows_what_a_task_before_removes(
    host: Host, removal: str, declaration: str
) -> None:
    host.make_pin(f"{BPFFS}/there")
    host.make_pin(f"{BPFFS}/other")
    module, words = DECLARATIONS[declaration]
    absent, declare = task("bpf_pin_absent", **REMOVALS[removal]), task(module, **words)
    before = host.inventory()
    assert host.playbook([declare], "--check")[0].failed
    _first, check = host.playbook([absent, declare], "--check")
    assert check.good()["counts"]["created"] == 1
    assert host.inventory() == before
    look = {**absent, "check_mode": True}
    assert host.playbook([look, declare])[1].failed, "in a run, a look frees nothing"
    assert host.inventory() == before
    _first, done = host.playbook([absent, declare])
    assert done.good()["counts"]["created"] == 1


@pytest.mark.every_core
def test_an_owner_that_the_host_does_not_have_is_drift(host: Host) -> None:
    """The drift playbook is a check: what it warns of must not pass for in place."""
    host.run("mkdir", APP)
    host.make_pin(f"{APP}/flows")
    report = host.scratch / "drift.json"
    variables = f'{{"bpf_maps_directory": "{APP}", "bpf_maps_group": "agents", "bpffs_opts": [],'
    maps = '"bpf_maps": [{"name": "flows", "type": "hash", "key_size": 4, "value_size": 8,'
    whole = f'{variables} {maps} "max_entries": 1}}], "drift_json": "{report}"}}'
    run = host.ansible_playbook("ebpf.pinning.drift", "-e", whole)
    assert run.code == 2, run.output
    assert '"agents"' in report.read_text()
    assert f"{APP}/flows" in run.output.partition("\nDRIFT ")[2]
