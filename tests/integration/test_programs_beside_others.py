# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/programs.md: one test for each row, by bpftool, xdp-loader and our modules."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result
from harness.site import CHECKOUT

DIRECTORY = f"{BPFFS}/app"
MAP = f"{BPFFS}/maps/counts"
BOTH = ["beside_first", "beside_other"]
TAKEN = "File exists"
BUSY = "Device or resource busy"


@pytest.fixture(autouse=True)
def _own_run(host: Host) -> None:
    host.shell(f"mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects {BPFFS}/maps")


def put(host: Host, *options: str) -> str:
    """An object file where only root writes, in another version by options of the compiler."""
    host.shell(f"cp {host.site.bpf_variant('beside', *options)} /run/objects/beside.bpf.o")
    return "/run/objects/beside.bpf.o"


def ours(host: Host, path: str, **words: Any) -> Result:
    maps = {"counts": MAP}
    return host.module("bpf_program_pinned", object=path, directory=DIRECTORY, maps=maps, **words)


def by_bpftool(host: Host, path: str, directory: str = DIRECTORY, *words: str) -> str:
    """What it complains of; nothing if it loads them."""
    command = ("bpftool", "prog", "loadall", path, directory, *words)
    done = host.run(*command, check=False)
    return done.stderr if done.returncode else ""


def on_an_interface(host: Host, script: str) -> list[str]:
    """Run a script in a network with the interface `v0`; what it prints, line by line."""
    make = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up"
    words = host.scratch / "on_an_interface.sh"
    words.write_text(f"set -u\n{make}\n{script}")
    return host.shell(f"unshare --net sh {words} 2>&1 || true").splitlines()


def below(host: Host, directory: str = BPFFS) -> set[str]:
    shown = host.shell(f"cd {directory} && find . -mindepth 1").split()
    return {each[2:] for each in shown} - {"maps.debug", "progs.debug"}


def ids(host: Host, directory: str = DIRECTORY) -> list[int]:
    return [host.bpftool("prog", "show", "pinned", f"{directory}/{name}")["id"] for name in BOTH]


def xlated(host: Host, name: str) -> str:
    return host.run("bpftool", "prog", "dump", "xlated", "pinned", f"{DIRECTORY}/{name}").stdout


def test_a_first_load(host: Host) -> None:
    path = put(host)
    assert not by_bpftool(host, path, f"{BPFFS}/theirs", "pinmaps", f"{BPFFS}/their_maps")
    assert {"theirs/beside_first", "theirs/beside_other", "their_maps/counts"} <= below(host)
    before = below(host)
    status = on_an_interface(
        host, f"xdp-loader load v0 {path} -n beside_first && bpftool -j net show"
    )
    (attached,) = json.loads(status[-1])[0]["xdp"]
    assert attached["devname"] == "v0"
    assert below(host) - before == {"xdp"}  # a directory for dispatchers
    assert ours(host, path).good().changed
    assert below(host) - before == {
        "xdp",
        "app",
        "app/beside_first",
        "app/beside_other",
        "maps/counts",
    }


def test_a_second_load_of_the_same_file(host: Host) -> None:
    path = put(host)
    words = (f"{BPFFS}/theirs", "pinmaps", f"{BPFFS}/their_maps")
    assert not by_bpftool(host, path, *words)
    before = ids(host, f"{BPFFS}/theirs")
    assert TAKEN in by_bpftool(host, path, *words)
    assert ids(host, f"{BPFFS}/theirs") == before
    load = f"xdp-loader load v0 {path} -n beside_first"
    assert BUSY in on_an_interface(host, f"{load} && {load}")[-1]
    ours(host, path).good()
    before = ids(host)
    assert not ours(host, path).good().changed
    assert ids(host) == before


def test_a_changed_file(host: Host) -> None:
    path = put(host)
    assert not by_bpftool(host, path, f"{BPFFS}/theirs")
    theirs = ids(host, f"{BPFFS}/theirs")
    ours(host, path).good()
    before, map_id = ids(host), host.map_at(MAP)["id"]
    path = put(host, "-DRETURNED=XDP_DROP")
    assert TAKEN in by_bpftool(host, path, f"{BPFFS}/theirs")
    assert ids(host, f"{BPFFS}/theirs") == theirs
    load = "xdp-loader load v0 {} -n beside_first"
    old = host.site.bpf_object("beside")
    assert BUSY in on_an_interface(host, f"{load.format(old)} && {load.format(path)}")[-1]
    with host.reading(f"{DIRECTORY}/beside_first") as seen:
        assert ours(host, path).good().changed
    assert seen["misses"] == 0
    assert not set(ids(host)) & set(before)
    assert host.map_at(MAP)["id"] == map_id
    assert "r0 = 1\n" in xlated(host, "beside_other")  # XDP_DROP


def test_a_map_of_another_shape(host: Host) -> None:
    path = put(host)
    made = host.make_pin(MAP, type=1, key_size=4, value_size=8, max_entries=999)
    assert not by_bpftool(host, path, f"{BPFFS}/theirs", "map", "name", "counts", "pinned", MAP)
    used = host.bpftool("prog", "show", "pinned", f"{BPFFS}/theirs/beside_first")["map_ids"]
    assert made in used
    refused = ours(host, path)
    assert refused.failed
    assert re.search(r"max_entries.*999", refused.msg)
    assert host.map_at(MAP)["id"] == made
    assert "app" not in below(host)


def test_a_file_that_the_verifier_refuses(host: Host) -> None:
    path = put(host)
    assert not by_bpftool(host, path, f"{BPFFS}/theirs")
    ours(host, path).good()
    before, theirs, there = ids(host), ids(host, f"{BPFFS}/theirs"), below(host)
    path = put(host, "-DREFUSED")
    assert "invalid access to packet" in by_bpftool(host, path, f"{BPFFS}/others")
    load = f"xdp-loader load v0 {path} -n beside_other; bpftool -j net show"
    *complaints, shown = on_an_interface(host, load)
    assert complaints == ["Couldn't attach XDP program on iface 'v0': Permission denied(-13)"]
    assert not json.loads(shown)[0]["xdp"]
    refused = ours(host, path)
    assert refused.failed
    assert "invalid access to packet" in refused.msg
    assert ids(host) == before
    assert ids(host, f"{BPFFS}/theirs") == theirs
    assert below(host) - {"xdp"} == there


def test_an_interface_that_is_removed_and_comes_back(host: Host) -> None:
    """What this collection does is in test_bpf_link_healed.py."""
    path = put(host)
    assert not by_bpftool(host, path, f"{BPFFS}/theirs")
    again = "ip link delete v0; ip link add v0 type veth peer name v1"
    script = f"bpftool -j net show; {again}; bpftool -j net show"
    attached = f"bpftool net attach xdp pinned {BPFFS}/theirs/beside_first dev v0"
    loaded = f"xdp-loader load v0 {path} -n beside_first"
    for how in (attached, loaded):
        before, after = on_an_interface(host, f"{how}\n{script}")
        assert json.loads(before)[0]["xdp"]
        assert not json.loads(after)[0]["xdp"]


def test_what_is_left_when_a_name_is_taken(host: Host) -> None:
    path = put(host)
    host.shell(f"mkdir {BPFFS}/their_maps")
    host.make_pin(f"{BPFFS}/their_maps/counts", type=1, max_entries=8)
    assert TAKEN in by_bpftool(host, path, f"{BPFFS}/theirs", "pinmaps", f"{BPFFS}/their_maps")
    assert "theirs" in below(host)  # an empty directory
    host.shell(f"mkdir {DIRECTORY} {DIRECTORY}/beside_other")
    before = host.inventory()
    refused = ours(host, path)
    assert refused.failed
    assert "beside_other" in refused.msg
    assert host.inventory() == before


def test_a_directory_that_is_in_no_bpffs(host: Host) -> None:
    path = put(host)
    host.shell("mkdir /run/plain; echo there > /run/plain/file")
    assert not by_bpftool(host, path, "/run/plain/theirs")
    assert below(host, "/run/plain") == {"theirs", "theirs/beside_first", "theirs/beside_other"}
    assert "/run/plain" in host.shell("findmnt -t bpf -n -o TARGET")
    host.shell("umount /run/plain")
    refused = host.module("bpf_program_pinned", object=path, directory="/run/plain/ours")
    assert refused.failed
    assert "is not on bpffs" in refused.msg
    assert host.shell("ls /run/plain").split() == ["file"]


def test_the_page_names_the_versions_that_were_tried(host: Host) -> None:
    page = (CHECKOUT / "docs" / "programs.md").read_text()
    for package in ("bpftool", "xdp-tools"):
        shown = host.shell(f"dpkg-query -W -f '${{Version}}' {package}")
        version = re.match(r"\d+\.\d+", shown)
        assert version
        assert f"{package} {version[0]}" in page
