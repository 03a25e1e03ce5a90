# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `ebpf-pinning` with programs and links: what it puts back, and what it leaves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.site import Site
from link_table import Hooks, hooks
from restoring import DRIFT, GOOD, TROUBLE, Fields, Restorer

__all__ = ["hooks"]  # a fixture

APP = f"{BPFFS}/app"


@pytest.fixture
def folder(host: Host) -> Path:
    """Where object files are kept, which only root writes to; /run is the host's own, too."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/kept")
    return Path("/run/kept")


def _kept(host: Host, file: str, folder: Path, name: str = "counted") -> Fields:
    """An object file as a manifest declares it."""
    host.shell(f"cp {file} {folder}/{name}.bpf.o")
    return {
        "object": f"{folder}/{name}.bpf.o",
        "digest": hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        "shown": f"{name}.bpf.o",
        "programs": [{"name": "count_all"}, {"name": "drop_all"}],
    }


def _link(**attach: Any) -> Fields:
    return {"name": "link", "program": f"{APP}/count_all", "attach": {"type": "xdp", **attach}}


def _manifest(restorer: Restorer, **lists: Any) -> None:
    whole = {"version": 2, "defaults": {"directory": APP}, **lists}
    restorer.write("app", json.dumps(whole).encode())


@pytest.fixture
def counted(host: Host, site: Site, folder: Path) -> Fields:
    return _kept(host, site.bpf_object("counted"), folder)


def _id(host: Host, name: str) -> int:
    return int(host.bpftool("prog", "show", "pinned", f"{APP}/{name}")["id"])


def test_all_programs_of_a_file_come_back_with_their_maps(
    host: Host, restorer: Restorer, counted: Fields, subtests: pytest.Subtests
) -> None:
    _manifest(restorer, programs=[counted])
    before = restorer.json("check")
    with subtests.test("before, all is missing"):
        assert before.code == DRIFT
        assert {*before.states.values()} == {"missing"}
    done = restorer.json("restore")
    with subtests.test("and then it is there"):
        assert done.code == GOOD
        assert done.states == {
            f"{APP}/{name}": "restored" for name in ("counts", "count_all", "drop_all")
        }
        shared = host.map_at(f"{APP}/counts")["id"]
        for name in ("count_all", "drop_all"):
            assert shared in host.bpftool("prog", "show", "pinned", f"{APP}/{name}")["map_ids"]
    ids = [_id(host, name) for name in ("count_all", "drop_all")]
    again = restorer.json("restore")
    with subtests.test("once"):
        assert {*again.states.values()} == {"in place"}
        assert ids == [_id(host, name) for name in ("count_all", "drop_all")]


def test_what_is_there_is_never_replaced(
    host: Host, restorer: Restorer, counted: Fields, site: Site, subtests: pytest.Subtests
) -> None:
    _manifest(restorer, programs=[counted])
    host.shell(f"mkdir {APP}")
    theirs = site.bpf_variant("counted", "-DSTEP=2")
    host.bpftool("prog", "load", theirs, f"{APP}/count_all", "type", "xdp")
    host.shell(f"rm -f {BPFFS}/counts")
    there = _id(host, "count_all")
    for command, code in (("check", DRIFT), ("restore", TROUBLE)):
        done = restorer.json(command)
        with subtests.test(command):
            assert done.code == code
            assert done.line(f"{APP}/count_all")["state"] == "different"
            detail = done.line(f"{APP}/count_all")["detail"]
            assert "What is there is not replaced by a restore: run the playbook" in detail
            rest = done.line(f"{APP}/drop_all")
            assert "all of a file are loaded together: run the playbook" in rest["detail"]
            assert _id(host, "count_all") == there
            assert host.run("test", "-e", f"{APP}/drop_all", check=False).returncode


@pytest.mark.parametrize("what", ["gone", "cut", "exchanged", "theirs", "refused"])
def test_a_file_that_cannot_be_used_stops_no_other(
    host: Host, restorer: Restorer, site: Site, folder: Path, counted: Fields, what: str
) -> None:
    bad = _kept(host, site.bpf_object("counted"), folder, "bad")
    bad["directory"] = bad["maps_directory"] = f"{BPFFS}/bad"
    _manifest(restorer, programs=[bad, counted])
    file = bad["object"]
    if what == "gone":
        host.shell(f"rm {file}")
    elif what == "cut":
        host.shell(f"truncate -s 100 {file}")
    elif what == "exchanged":
        host.shell(f"cp {site.bpf_variant('counted', '-DSTEP=2')} {file}")
    elif what == "theirs":
        host.shell(f"chown daemon {file}")
    else:
        refused = _kept(host, site.bpf_variant("counted", "-DREFUSED"), folder, "bad")
        _manifest(restorer, programs=[{**bad, "digest": refused["digest"]}, counted])
    done = restorer.json("restore")
    assert done.code == TROUBLE
    reason = {
        "gone": "does not exist",
        "cut": "is not the file that was declared: run the playbook again",
        "exchanged": "is not the file that was declared: run the playbook again",
        "theirs": "belongs to user id 1, who decides what would be loaded",
        "refused": "program count_all was refused",
    }[what]
    for name in ("count_all", "drop_all"):
        line = done.line(f"{BPFFS}/bad/{name}")
        assert line["state"] == "failed"
        assert reason in line["detail"]
        assert done.line(f"{APP}/{name}")["state"] == "restored"
        assert host.run("test", "-e", f"{BPFFS}/bad/{name}", check=False).returncode


def test_entries_that_name_programs_follow_them(
    host: Host, restorer: Restorer, counted: Fields
) -> None:
    jumps = {
        "name": "jumps",
        "type": "prog_array",
        "key_size": 4,
        "value_size": 4,
        "max_entries": 4,
        "key_format": "u32",
        "entries": [{"key": 1, "value": "drop_all"}],
    }
    _manifest(restorer, maps=[jumps], programs=[counted])
    done = restorer.json("restore")
    assert done.code == GOOD, done.report
    (entry,) = host.bpftool("map", "dump", "pinned", f"{APP}/jumps")
    assert int.from_bytes(bytes(int(each, 16) for each in entry["value"]), "little") == _id(
        host, "drop_all"
    )


def test_links_wait_for_what_they_are_attached_to(
    hooks: Hooks, restorer: Restorer, counted: Fields, subtests: pytest.Subtests
) -> None:
    host = hooks.host
    _manifest(restorer, programs=[counted], links=[_link(interface="late0")])
    inside = hooks.inside()
    first = restorer.json("restore", before=inside)
    with subtests.test("without waiting, the link is told to be missing, and why"):
        assert first.code == TROUBLE
        assert first.line(f"{APP}/count_all")["state"] == "restored"
        line = first.line(f"{APP}/link")
        assert (line["state"], line["declared"]) == ("missing", "xdp")
        assert "interface late0 does not exist" in line["detail"]
    make = "sleep 1; ip link add late0 type veth peer name late1"
    with host.running(*hooks.inside("sh", "-ec", make)):
        done = restorer.json("restore", "--part", "links", "--wait", "30", before=inside)
    with subtests.test("an interface that comes in time is waited for"):
        assert done.code == GOOD
        assert done.states == {f"{APP}/link": "restored"}
        assert hooks.on("late0")["xdp"]["prog"]["id"] == _id(host, "count_all")
    with subtests.test("other interfaces, and what has none, are left to others"):
        for name in ("v0", ""):
            none = restorer.json("restore", "--part", "links", "--interface", name, before=inside)
            assert none.states == {}
    host.run(*hooks.inside("sh", "-ec", "ip link del late0; ip link add late0 type veth"))
    severed = restorer.json("check", before=inside)
    healed = restorer.json("restore", "--interface", "late0", "--part", "links", before=inside)
    with subtests.test("a severed link is attached anew"):
        assert severed.line(f"{APP}/link")["state"] == "different"
        assert "severed" in severed.line(f"{APP}/link")["detail"]
        assert healed.states == {f"{APP}/link": "restored"}
        assert hooks.on("late0")["xdp"]["prog"]["id"] == _id(host, "count_all")


def test_what_is_attached_is_left(hooks: Hooks, restorer: Restorer, counted: Fields) -> None:
    host = hooks.host
    _manifest(restorer, programs=[counted], links=[_link(interface="v0")])
    assert restorer.json("restore", before=hooks.inside()).code == GOOD
    other = {**_link(interface="v0"), "program": f"{APP}/drop_all"}
    _manifest(restorer, programs=[counted], links=[other])
    done = restorer.json("restore", before=hooks.inside())
    line = done.line(f"{APP}/link")
    assert (done.code, line["state"]) == (TROUBLE, "different")
    assert "What is attached is not changed by a restore: run the playbook" in line["detail"]
    assert hooks.on("v0")["xdp"]["prog"]["id"] == _id(host, "count_all")
