# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and second pins come back at boot, each before what needs it."""

from __future__ import annotations

import os
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.samples import AGENT, HASH
from harness.site import ADM_GROUP, DAEMON
from mount_table import access, mounts_at
from restoring import GOOD, TROUBLE, Restorer, capabilities_of_the_unit, restart

POINT = "/run/agent/bpffs"
# In an order in which nothing could be made: maps and pins lie in what is declared last.
WHOLE: dict[str, Any] = {
    "objects": [
        {"path": f"{BPFFS}/flows", "source": f"{AGENT}/deep/flows", "mode": "0604"},
        {"path": f"{POINT}/counts", "source": f"{POINT}/open/counts"},
    ],
    "maps": [
        {"path": f"{AGENT}/deep/flows", **HASH},
        {"path": f"{POINT}/open/counts", **HASH, "group": "adm", "mode": "0640"},
    ],
    "directories": [
        {"path": f"{AGENT}/deep", "owner": "daemon", "mode": "1700"},
        {"path": AGENT, "group": "adm", "mode": "2750"},
        {"path": f"{POINT}/open", "mode": "0777"},
    ],
    "mounts": [{"path": POINT, "mode": "0751"}],
}
PATHS = [item["path"] for items in WHOLE.values() for item in items]


def seen(host: Host) -> dict[str, str]:
    """What stat says of all that is declared: mode, owner and group."""
    return {path: access(host, path) for path in PATHS}


def ids(host: Host, *paths: str) -> set[int]:
    return {host.map_at(path)["id"] for path in paths}


def test_all_of_a_declaration_comes_back_in_its_order(
    restorer: Restorer, subtests: pytest.Subtests
) -> None:
    host = restorer.host
    restorer.declare(**WHOLE)
    check = restorer.json("check")
    with subtests.test("a look misses all of it"):
        assert {check.states[path] for path in PATHS} <= {"missing", "failed"}
        assert not mounts_at(host, POINT)
        assert AGENT not in host.inventory()
    done = restorer.json("restore")
    with subtests.test("a restore brings all of it back, as declared"):
        assert (done.code, set(done.states.values())) == (GOOD, {"restored"}), done.output
        assert seen(host) == {
            f"{BPFFS}/flows": "604 0 0",
            f"{POINT}/counts": "600 0 0",
            f"{AGENT}/deep/flows": "600 0 0",
            f"{POINT}/open/counts": f"640 0 {ADM_GROUP}",
            f"{AGENT}/deep": f"1700 {DAEMON} {ADM_GROUP}",
            AGENT: f"2750 0 {ADM_GROUP}",
            f"{POINT}/open": "777 0 0",
            POINT: "1751 0 0",
        }
    with subtests.test("a second pin is of the map that came back"):
        assert len(ids(host, f"{BPFFS}/flows", f"{AGENT}/deep/flows")) == 1
        assert len(ids(host, f"{POINT}/counts", f"{POINT}/open/counts")) == 1
    there = host.inventory()
    again = restorer.json("restore")
    with subtests.test("a second restore finds all in place"):
        assert (again.code, set(again.states.values())) == (GOOD, {"in place"})
        assert host.inventory() == there


def test_the_unit_may_do_it(restorer: Restorer) -> None:
    restorer.declare(**{**WHOLE, "mounts": []}, directory=BPFFS)
    restorer.host.shell(f"mkdir -p {POINT}; mount -t bpf bpf {POINT}")
    done = restorer.json("restore", "--part", "maps", before=capabilities_of_the_unit())
    assert (done.code, set(done.states.values())) == (GOOD, {"restored"}), done.output


def test_a_second_pin_of_what_is_not_there_fails_alone(restorer: Restorer) -> None:
    host, name = restorer.host, f"own{os.getpid()}"  # by name, the kernel has those of all hosts
    restorer.declare(
        maps=[{"name": name, **HASH}],
        objects=[
            {"name": "first", "source": f"{BPFFS}/{name}"},
            {"name": "lost", "source": f"{BPFFS}/no_such_pin"},
            {"name": "gate", "prog_name": "no_such_program"},
            {"name": "last", "map_name": name},
        ],
    )
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert done.states == {
        f"{BPFFS}/{name}": "restored",
        f"{BPFFS}/first": "restored",
        f"{BPFFS}/lost": "failed",
        f"{BPFFS}/gate": "failed",
        f"{BPFFS}/last": "restored",
    }
    assert "no_such_pin" in done.line(f"{BPFFS}/lost")["detail"]
    assert len(ids(host, f"{BPFFS}/{name}", f"{BPFFS}/first", f"{BPFFS}/last")) == 1


def test_what_is_there_in_another_way_stays_and_is_told(restorer: Restorer) -> None:
    host = restorer.host
    for name in ("flows", "other"):
        words = f"map create {BPFFS}/{name} type array key 4 value 8 entries 1 name {name}"
        host.run("bpftool", *words.split())
    host.shell(f"mkdir {AGENT} && chmod 711 {AGENT}")
    restorer.declare(
        directories=[{"path": f"{BPFFS}/flows"}, {"path": AGENT, "mode": "0750"}],
        objects=[{"name": "other", "source": f"{BPFFS}/flows"}],
    )
    before = ids(host, f"{BPFFS}/flows", f"{BPFFS}/other")
    check = restorer.json("check")
    assert check.states == {
        f"{BPFFS}/flows": "failed",
        AGENT: "different",
        f"{BPFFS}/other": "different",
    }
    assert "flows is not a directory" in check.line(f"{BPFFS}/flows")["detail"]
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert done.states == {**check.states, AGENT: "restored"}
    assert access(host, AGENT) == "750 0 0"
    assert ids(host, f"{BPFFS}/flows", f"{BPFFS}/other") == before


def test_a_directory_of_its_owner_is_no_strangers(restorer: Restorer) -> None:
    """Its owner is declared, in the same manifest or in another: maps may be pinned in it."""
    restorer.declare("a", directories=[{"path": AGENT, "owner": "daemon", "mode": "0700"}])
    restorer.declare("b", maps=[{"path": f"{AGENT}/flows", **HASH}])
    for _time in range(2):
        assert restorer.json("restore").code == GOOD
        restart(restorer.host)
