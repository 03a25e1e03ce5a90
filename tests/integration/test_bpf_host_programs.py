# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs in the declaration of a whole host: after their maps, and tried before them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from drift_runs import ansible_playbook, by_environment
from harness.drift import Json
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import Site
from restoring import keep_apart, restart

APP = f"{BPFFS}/app"
COUNTS = {"name": "counts", "type": "array", "key_size": 4, "value_size": 8, "max_entries": 4}
ENTRIES = {"entries": [{"key": 1, "value": 5}], "key_format": "u32", "value_format": "u64"}


@pytest.fixture
def folder(host: Host) -> str:
    """Where object files are, which only root writes to; /run is the host's own, too."""
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    return "/run/objects"


@pytest.fixture
def counted(host: Host, site: Site, folder: str) -> str:
    """c/counted.bpf.c on the host."""
    host.shell(f"cp {site.bpf_object('counted')} {folder}/counted.bpf.o")
    return f"{folder}/counted.bpf.o"


def _host(host: Host, path: str, check: bool = False, **words: Any) -> Result:
    return host.module(
        "bpf_host", check=check, directory=APP, **{"programs": [{"object": path}], **words}
    )


def _program(host: Host, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")
    return found


def test_a_whole_host_is_declared_and_planned_as_one(host: Host, counted: str) -> None:
    """Even the bpffs is still to be mounted."""
    host.shell(f"umount {BPFFS}")
    words: dict[str, Any] = {
        "mounts": [{"path": BPFFS}],
        "directories": [{"path": APP, "group": "adm", "mode": "0750"}],
        "maps": [{**COUNTS, "mode": "0640", **ENTRIES}],
        "objects": [{"path": f"{BPFFS}/second", "source": f"{APP}/drop_all"}],
        "prune": {"directory": APP},
    }
    checked = _host(host, counted, check=True, **words).good()
    done = _host(host, counted, **words).good()
    for key in ("maps", "programs", "objects"):
        actions = [each["action"] for each in done[key]]
        assert actions == [each["action"] for each in checked[key]]
        assert {*actions} == {"created"}
    counts = host.map_at(f"{APP}/counts")
    assert [each["id"] for each in done["maps"]] == [counts["id"]]
    dumped = host.bpftool("map", "dump", "pinned", f"{APP}/counts")
    assert dumped[1]["value"] == ["0x05", *["0x00"] * 7]
    for name in ("count_all", "drop_all"):
        assert counts["id"] in _program(host, name)["map_ids"]
    second = host.bpftool("prog", "show", "pinned", f"{BPFFS}/second")
    assert second["id"] == _program(host, "drop_all")["id"]
    before = host.inventory()
    again = _host(host, counted, **words).good()
    assert not again.changed
    assert host.inventory() == before


def test_prune_keeps_programs_and_their_maps(host: Host, counted: str) -> None:
    host.shell(f"mkdir {APP}")
    host.make_pin(f"{APP}/stale")
    host.bpftool("prog", "load", counted, f"{APP}/count_all")
    host.shell(f"cp -l {APP}/count_all {APP}/of_before; rm {BPFFS}/counts")
    done = _host(host, counted, prune={"directory": APP}).good()
    assert {(each["path"], each["action"]) for each in done["absent"]} == {
        (f"{APP}/stale", "removed"),
        (f"{APP}/of_before", "removed"),
    }
    assert host.shell(f"ls {APP}").split() == ["count_all", "counts", "drop_all"]


@pytest.mark.parametrize("policy", ["replace", "migrate"])
def test_what_the_verifier_refuses_is_known_before_a_map_is_replaced(
    host: Host, site: Site, counted: str, policy: str
) -> None:
    declared = [{**COUNTS, **ENTRIES}]
    _host(host, counted, maps=declared).good()
    before = host.inventory()
    ids = [_program(host, name)["id"] for name in ("count_all", "drop_all")]
    host.shell(f"cp {site.bpf_variant('counted', '-DREFUSED')} {counted}")
    bigger = [{**COUNTS, **ENTRIES, "max_entries": 16}]
    refused = _host(host, counted, maps=bigger, on_mismatch=policy)
    assert refused.failed
    assert not refused.changed
    assert "program count_all was refused" in refused.msg
    assert [each["action"] for each in refused["maps"]] == ["not_done"]
    assert host.inventory() == before
    assert ids == [_program(host, name)["id"] for name in ("count_all", "drop_all")]
    host.shell(f"cp {site.bpf_object('counted')} {counted}")
    done = _host(host, counted, maps=bigger, on_mismatch=policy).good()
    assert [each["action"] for each in done["programs"]] == ["replaced", "replaced"]
    counts = host.map_at(f"{APP}/counts")
    assert counts["max_entries"] == 16
    for name in ("count_all", "drop_all"):
        assert counts["id"] in _program(host, name)["map_ids"]


def test_a_map_that_programs_could_not_use_is_refused(host: Host, counted: str) -> None:
    before = host.inventory()
    done = _host(host, counted, maps=[{**COUNTS, "value_size": 16}])
    assert done.failed
    assert "map counts is array key_size=4 value_size=8 max_entries=4, but" in done.msg
    assert f"{APP}/counts is to be array key_size=4 value_size=16" in done.msg
    assert host.inventory() == before


@pytest.mark.usefixtures("folder")
def test_an_object_file_is_sent_by_the_controller(host: Host, site: Site) -> None:
    """To whoever connects, who may not be the user that loads it."""
    there = site.bpf_object("counted")
    words = {"object": there, "remote_src": False, "directory": APP}
    checked, done, again = host.playbook(
        [
            task("bpf_program_pinned", check=True, **words),
            task("bpf_program_pinned", **words),
            task("bpf_host", programs=[words]),
        ]
    )
    for result in (checked, done):
        assert [each["action"] for each in result.good()["programs"]] == ["created", "created"]
        assert {each["object"] for each in result["programs"]} == {there}
    assert not again.good().changed
    name = _program(host, "count_all")["map_ids"]
    shown = [host.bpftool("map", "show", "id", str(each))["name"] for each in name]
    assert "counted.rodata" in shown
    missing = host.module("bpf_program_pinned", **{**words, "object": "nowhere.bpf.o"})
    assert missing.failed
    assert "object: nowhere.bpf.o is not on the controller" in missing.msg


def test_a_check_awaits_a_file_of_a_task_before(host: Host, folder: str) -> None:
    path = f"{folder}/to_come.bpf.o"
    done = _host(host, path, check=True).good()
    assert f"{path} does not exist" in done.warnings[0]
    assert done["programs"] == []
    named = _host(
        host, path, check=True, programs=[{"object": path, "programs": [{"name": "count_all"}]}]
    ).good()
    assert [each["action"] for each in named["programs"]] == ["created"]
    assert f"{path} does not exist" in _host(host, path).msg


def test_lists_of_groups_are_joined(host: Host, site: Site, counted: str) -> None:
    other = f"{Path(counted).parent}/other.bpf.o"
    host.shell(f"cp {site.bpf_object('tails')} {other}")
    variables = {
        "bpf_maps_directory": APP,
        "bpf_programs": [{"object": counted}],
        "bpf_programs__agent": [{"object": counted}, {"object": other}],
    }
    run = host.ansible_playbook(
        "ebpf.pinning.provision",
        "-e",
        json.dumps(variables),
    )
    assert not run[-1].failed, run[-1]
    assert host.shell(f"ls {APP}").split() == [
        "callee",
        "count_all",
        "counts",
        "drop_all",
        "jump",
        "jumps",
    ]


def test_drift_of_programs_is_in_every_form_of_the_report(
    host: Host, site: Site, counted: str, tmp_path: Path
) -> None:
    """The playbook looks, and says what is not as declared, and why."""
    variables = {"bpf_maps_directory": APP, "bpffs_opts": [], "bpf_programs": [{"object": counted}]}
    folder = tmp_path / "out"

    def look() -> dict[str, Json]:
        words = ["ebpf.pinning.drift", "-e", json.dumps(variables)]
        done = ansible_playbook(host, folder, words, {"one": {}}, **by_environment(folder))
        return done.hosts["one"]

    missing = {pin["path"]: pin for pin in look()["pins"]}
    assert {path: pin["state"] for path, pin in missing.items()} == {
        f"{APP}/{name}": "missing" for name in ("count_all", "counts", "drop_all")
    }
    _host(host, counted).good()
    assert look()["pins"] == []
    host.shell(f"cp {site.bpf_variant('counted', '-DSTEP=3')} {counted}; rm {APP}/drop_all")
    differing = {pin["path"]: pin for pin in look()["pins"]}
    assert {path: (pin["kind"], pin["state"]) for path, pin in differing.items()} == {
        f"{APP}/count_all": ("program", "different"),
        f"{APP}/drop_all": ("program", "missing"),
    }
    (field,) = differing[f"{APP}/count_all"]["fields"]
    assert field["field"] == "object"
    digest = host.shell(f"sha256sum {counted}").split()[0]
    assert field["want"] == f"sha256 {digest[:16]}"


def test_a_host_puts_back_programs_too(host: Host, site: Site) -> None:
    keep_apart(host)
    host.shell(f"mkdir /run/objects; cp {site.bpf_object('counted')} /run/objects")
    words = {"maps": [COUNTS], "at_boot": True}
    _host(host, "/run/objects/counted.bpf.o", **words).good()
    restart(host)
    host.run("ebpf-pinning", "restore")
    assert {*host.shell(f"ls {APP}").split()} == {"counts", "count_all", "drop_all"}
    again = _host(host, "/run/objects/counted.bpf.o", **words).good()
    assert not again.changed
