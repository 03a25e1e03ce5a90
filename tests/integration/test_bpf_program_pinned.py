# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_program_pinned: programs are loaded once, replaced whole, and never half."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.samples import HASH, SECRET
from harness.site import DAEMON, Site

APP = f"{BPFFS}/app"
BOTH = ["count_all", "drop_all"]
NOTES = "/run/ebpf-pinning/programs"


@pytest.fixture
def folder(host: Host) -> str:
    """Where object files are, which only root writes to; /run is the host's own, too."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    return "/run/objects"


def _put(host: Host, folder: str, source: str, name: str = "counted.bpf.o") -> str:
    host.shell(f"cp {source} {folder}/{name}.new; mv {folder}/{name}.new {folder}/{name}")
    return f"{folder}/{name}"


@pytest.fixture
def counted(host: Host, site: Site, folder: str) -> str:
    """c/counted.bpf.c on the host."""
    return _put(host, folder, site.bpf_object("counted"))


def _ids(host: Host, names: list[str] = BOTH) -> dict[str, int]:
    return {name: _program(host, name)["id"] for name in names}


def _program(host: Host, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")
    return found


def _loaded(host: Host, name: str = "count_all") -> int:
    """How many programs of this name there are in the kernel that tests of this file load."""
    return sum(each.get("name") == name for each in host.bpftool("prog", "show"))


def _pinned(host: Host, path: str, **words: Any) -> Result:
    return host.module("bpf_program_pinned", object=path, directory=APP, **words)


@pytest.mark.every_python
def test_programs_are_loaded_with_their_maps_and_not_again(host: Host, counted: str) -> None:
    done = _pinned(host, counted).good()
    assert done.changed
    assert [each["action"] for each in done["programs"]] == ["created", "created"]
    for each in done["programs"]:
        shown = _program(host, each["name"])
        assert (each["id"], each["type"], each["tag"]) == (shown["id"], "xdp", shown["tag"])
    counts = host.map_at(f"{APP}/counts")
    assert counts["max_entries"] == 4
    assert [each["id"] for each in done["maps"]] == [counts["id"]]
    for name in BOTH:
        assert counts["id"] in _program(host, name)["map_ids"]
    before, ids = host.inventory(), _ids(host)
    again = _pinned(host, counted).good()
    assert not again.changed
    assert [each["action"] for each in again["programs"]] == ["unchanged", "unchanged"]
    assert (host.inventory(), _ids(host)) == (before, ids)


def test_another_file_replaces_all_programs_and_keeps_the_maps(
    host: Host, site: Site, folder: str, counted: str
) -> None:
    _pinned(host, counted).good()
    before, map_id = _ids(host), host.map_at(f"{APP}/counts")["id"]
    _put(host, folder, site.bpf_variant("counted", "-DSTEP=5"))
    checked = host.module(
        "bpf_program_pinned", check=True, object=counted, directory=APP
    ).good()
    assert _ids(host) == before
    done = _pinned(host, counted).good()
    for result in (checked, done):
        assert [each["action"] for each in result["programs"]] == ["replaced", "replaced"]
        assert [each["drift"][0]["field"] for each in result["programs"]] == ["object", "object"]
        assert [each["action"] for each in result["maps"]] == ["unchanged"]
    after = _ids(host)
    assert not {*before.values()} & {*after.values()}
    assert host.map_at(f"{APP}/counts")["id"] == map_id
    assert not _pinned(host, counted).good().changed


def test_a_check_loads_nothing(host: Host, counted: str) -> None:
    before, loaded = host.inventory(), _loaded(host)
    done = host.module("bpf_program_pinned", check=True, object=counted, directory=APP).good()
    assert done.changed
    assert [each["action"] for each in done["programs"]] == ["created", "created"]
    assert (host.inventory(), _loaded(host)) == (before, loaded)
    host.shell("! test -e /run/ebpf-pinning")
