# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ebpf.pinning.drift with drift_health and drift_count_entries, over hosts that are not well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from drift_runs import Done, ansible_playbook, by_environment
from harness.host import Host
from harness.samples import AGENT
from test_links import World, world
from unused import held, see_all_processes

__all__ = ["world"]  # a fixture

FLOWS = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 4}


def drift(host: Host, folder: Path, **variables: Any) -> Done:
    declared = {"bpffs_opts": [], "bpf_maps_directory": AGENT, "bpf_maps": [FLOWS], **variables}
    words = ["ebpf.pinning.drift", "-e", json.dumps(declared)]
    return ansible_playbook(host, folder, words, {"one": {}}, **by_environment(folder))


def test_the_report_tells_what_is_the_matter(world: World, tmp_path: Path) -> None:
    host = world.host
    see_all_processes(host)
    host.run("mkdir", AGENT)
    host.make_pin(f"{AGENT}/flows", max_entries=4)
    for number in range(4):
        words = f"key {number} 0 0 0 value 0 0 0 0 0 0 0 0".split()
        host.run("bpftool", "map", "update", "pinned", f"{AGENT}/flows", *words)
    world.attach("on_cgroup", f"{AGENT}/severed")
    host.run("bpftool", "link", "detach", "pinned", f"{AGENT}/severed")
    before = host.inventory()

    with held(host, "open", f"{AGENT}/flows"):
        done = drift(host, tmp_path / "held", drift_health=True, drift_count_entries=True)
    health = done.hosts["one"]["health"]
    assert done.code == 0, done.output
    assert health["unused"] == [f"{AGENT}/severed"]
    assert health["severed"] == [f"{AGENT}/severed"]
    shown = host.map_at(f"{AGENT}/flows")
    assert health["pins"] == [
        {
            "path": f"{AGENT}/flows",
            "type": "map",
            "memlock": shown["bytes_memlock"],
            "entries": 4,
            "max_entries": 4,
            "has_more_entries": False,
        }
    ]
    assert f"{AGENT}/severed  severed: it is attached to nothing any more" in done.table
    assert "4 of 4 entries" in done.table

    alone = drift(host, tmp_path / "alone", drift_health=True)
    health = alone.hosts["one"]["health"]
    assert f"{AGENT}/flows" in health["unused"]
    assert health["pins"][0]["entries"] is None
    assert host.inventory() == before


def test_nothing_is_looked_at_that_was_not_asked_for(host: Host, tmp_path: Path) -> None:
    host.run("mkdir", AGENT)
    host.make_pin(f"{AGENT}/flows", max_entries=4)
    done = drift(host, tmp_path / "off")
    assert done.hosts["one"]["health"] is None
    assert "health" not in done.output


def test_a_host_whose_pins_differ_has_its_health_told_too(host: Host, tmp_path: Path) -> None:
    see_all_processes(host)
    host.run("mkdir", AGENT)
    host.make_pin(f"{AGENT}/flows", max_entries=5)
    done = drift(host, tmp_path / "differs", drift_health=True)
    assert done.code == 2, done.output
    assert done.hosts["one"]["state"] == "drift"
    assert done.hosts["one"]["health"]["unused"] == [f"{AGENT}/flows"]


def test_bpf_host_tells_the_health_after_what_it_did(host: Host) -> None:
    see_all_processes(host)
    declared = {"directory": AGENT, "maps": [FLOWS]}
    result = host.module("bpf_host", **declared, health=True).good()
    assert result["health"]["unused"] == [f"{AGENT}/flows"]
    refused = host.module("bpf_host", **declared, count_entries=True, count_limit=0)
    assert refused.failed
    assert "count_limit must be 1 or greater, got 0" in refused.msg
