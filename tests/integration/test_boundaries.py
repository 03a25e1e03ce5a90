# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes that let others read a map and not write it, or the other way round, and who gets past."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drift_runs import ansible_playbook, by_environment, play, playbook
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import ADM_GROUP
from strangers import STRANGER, Strangers

Fields = dict[str, Any]
HASH = {"type": "hash", "key_size": 4, "value_size": 64, "max_entries": 16}
APP, OTHER = f"{BPFFS}/app", "/mnt/other"
READERS: Fields = {"group": "adm", "mode": "0640"}


@dataclass(frozen=True)
class Row:
    """Someone of the group adm opens the pin for `way` only, and pins that in `aims`."""

    about: str
    declared: Fields
    makes: str  # a script: the directories
    aims: str = BPFFS
    way: str = "read"
    says: list[str] = field(default_factory=list)  # of the warning; none: the attempt fails
    tries: bool = True


ROOT_OPEN, ROOT_CLOSED = f"chmod 1777 {BPFFS}", f"chmod 0711 {BPFFS}"
TABLE = [
    Row("a group that reads, and a root that all may write to", READERS, ROOT_OPEN,
        says=["mode 0640 lets group adm read the map, and not write it", f"{BPFFS} (mode 1777)"]),
    Row("a root that is closed, as advised", READERS, ROOT_CLOSED),
    Row("a map that is frozen, as advised", {**READERS, "frozen": True}, ROOT_OPEN),
    Row("all users read", {"mode": "0644"}, ROOT_OPEN, says=["mode 0644 lets all users read"]),
    Row("all users write", {"mode": "0602", "group": "daemon"}, ROOT_OPEN, way="write",
        says=["mode 0602 lets all users write the map, and not read it"]),
    Row("a frozen map, which a group may write only", {"mode": "0620", "group": "adm",
        "frozen": True}, ROOT_OPEN, way="write", tries=False, says=["not read it"]),
    Row("a group that may do both", {"mode": "0660", "group": "adm"}, ROOT_OPEN, tries=False),
    Row("nobody else", {"mode": "0600", "group": "adm"}, ROOT_OPEN),
    Row("the group of root", {"mode": "0640", "group": "root"}, ROOT_OPEN),
    Row("a directory deep inside that all may write to", READERS,
        f"{ROOT_CLOSED}; mkdir -p {BPFFS}/a/b; chmod 0733 {BPFFS}/a/b", f"{BPFFS}/a/b",
        says=[f"{BPFFS}/a/b (mode 0733)"]),
    Row("a directory that the group may write to", READERS,
        f"{ROOT_CLOSED}; mkdir -m 0770 {BPFFS}/a; chgrp adm {BPFFS}/a", f"{BPFFS}/a",
        says=[f"{BPFFS}/a (mode 0770)"]),
    Row("a directory of a user who may be in the group", READERS,
        f"{ROOT_CLOSED}; mkdir -m 0700 {BPFFS}/a; chown {STRANGER} {BPFFS}/a", f"{BPFFS}/a",
        says=[f"{BPFFS}/a (mode 0700)"]),
    Row("a directory of a user who is not in the group", READERS,
        f"{ROOT_CLOSED}; mkdir -m 0700 {BPFFS}/a; chown daemon {BPFFS}/a", f"{BPFFS}/a"),
    Row("an open directory behind one that is closed", READERS,
        f"{ROOT_CLOSED}; mkdir -p -m 0777 {BPFFS}/a/b; chmod 0777 {BPFFS}/a/b; chmod 0700 "
        f"{BPFFS}/a", f"{BPFFS}/a/b"),
    Row("a bpffs mounted elsewhere", READERS,
        f"{ROOT_CLOSED}; mkdir {OTHER}; mount -t bpf other {OTHER}", OTHER,
        says=[f"{OTHER} (mode 1777)"]),
    Row("one that is closed", READERS,
        f"{ROOT_CLOSED}; mkdir {OTHER}; mount -t bpf other {OTHER}; chmod 0700 {OTHER}", OTHER),
    Row("one behind a directory that is closed", READERS,
        f"{ROOT_CLOSED}; mkdir -p -m 0700 /mnt/closed; mkdir /mnt/closed/other; "
        "mount -t bpf other /mnt/closed/other", "/mnt/closed/other"),
    Row("a directory that gives its group to what is pinned in it", {"mode": "0640"},
        f"{ROOT_OPEN}; mkdir {APP}; chgrp adm {APP}; chmod 2755 {APP}",
        says=["mode 0640 lets group adm read"]),
    Row("an owner who may read only", {"owner": str(STRANGER), "mode": "0400"}, ROOT_CLOSED,
        tries=False, says=[f"mode 0400 lets {STRANGER} read", "they own the pin, and may set"]),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=[row.about for row in TABLE])
def test_a_warning_says_so_where_and_only_where_a_boundary_is_none(host: Host, row: Row) -> None:
    strangers = Strangers(host)
    host.shell(f"{row.makes}; mkdir -p {APP}")
    words = {"directory": APP, "name": "flows", **HASH, **row.declared}
    run = host.playbook(
        [
            task("bpf_map_pinned", check=True, **words),
            task("bpf_map_pinned", **words),
            task("bpf_map_pinned", check=True, **words),
            task("bpf_map_pinned", **words),
        ]
    )
    for result in run:
        said = [text for text in result.good().warnings if "is no boundary" in text]
        assert len(said) == bool(row.says), result.warnings
        assert set(said) <= set(result["cautions"])  # for the drift report
        for words_of_it in row.says:
            assert words_of_it in said[0]
    assert [result.changed for result in run] == [True, True, False, False]
    if row.tries:
        got = strangers.does("alias", row.way, f"{APP}/flows", f"{row.aims}/mine", groups="adm")
        assert (got == "ok") == bool(row.says), got
        entries = host.bpftool("map", "dump", "pinned", f"{APP}/flows")
        assert len(entries) == (got == "ok")  # written by somebody who was to read only, or so


def test_many_maps_are_one_warning(host: Host) -> None:
    maps = [{"name": f"m{number}", **READERS, **HASH} for number in range(8)]
    (said,) = host.module("bpf_map_pinned", directory=APP, maps=maps).good().warnings
    assert f"{APP}/m0, {APP}/m1, {APP}/m2, and 5 more: mode 0640 lets group adm" in said


def test_a_declared_group_meets_the_mode_that_is_there(host: Host) -> None:
    path = f"{BPFFS}/flows"
    host.make_pin(path, value_size=64, max_entries=16)
    host.shell(f"chmod 0640 {path}")
    plain, adjusted = host.playbook(
        [
            task("bpf_map_pinned", path=path, **HASH),
            task("bpf_map_pinned", path=path, group=str(ADM_GROUP), **HASH),
        ]
    )
    assert plain.good().warnings == []  # not declared, so it is nobody's boundary
    (said,) = adjusted.good().warnings
    assert "mode 0640 lets group adm read the map, and not write it" in said


def test_pins_of_maps_that_are_in_the_kernel_have_the_same_boundary(host: Host) -> None:
    strangers = Strangers(host)
    map_id = host.make_pin(f"{BPFFS}/made", value_size=64, max_entries=16)
    words = {"path": f"{APP}/flows", "map_id": map_id, **READERS}
    host.shell(f"mkdir {APP}")
    (said,) = host.module("bpf_object_pinned", **words).good().warnings
    assert "mode 0640 lets group adm read the map, and not write it" in said
    assert strangers.does("alias", "read", f"{APP}/flows", f"{BPFFS}/mine", groups="adm") == "ok"


def test_a_look_for_open_directories_leaves_no_trace(host: Host) -> None:
    host.shell(f"{ROOT_CLOSED}; mkdir -p {APP} {BPFFS}/a/b {BPFFS}/c")
    host.module("bpf_map_pinned", directory=APP, name="flows", **READERS, **HASH).good()
    before = host.inventory()
    host.module("bpf_map_pinned", directory=APP, name="flows", **READERS, **HASH).good()
    assert host.inventory() == before


def test_the_drift_report_has_the_warning_and_no_drift(host: Host, tmp_path: Path) -> None:
    words = {"directory": APP, "name": "flows", **HASH, **READERS}
    host.module("bpf_map_pinned", **words).good()
    file = playbook(tmp_path, play(task("bpf_map_pinned", check=True, **words)))
    run = ansible_playbook(host, tmp_path, [file], {"edge": {}}, **by_environment(tmp_path))
    assert run.code == 0, run.output
    (said,) = run.hosts["edge"]["warnings"]
    assert said.startswith(f"{APP}/flows: mode 0640 lets group adm read the map, and not write it")
    assert run.hosts["edge"]["state"] == "in_place"
    for suffix in ("md", "html"):
        assert "lets group adm read" in (tmp_path / f"drift.{suffix}").read_text()
