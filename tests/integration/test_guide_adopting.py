# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/adopting.md: two commands, from a host full of hand-made pins to a declared one."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from harness.fleet import Fleet
from harness.site import CHECKOUT, Site

TEXT = (CHECKOUT / "docs" / "adopting.md").read_text()
BLOCKS = {
    language: re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)
    for language in ("console", "yaml")
}
COMMANDS = re.findall(r"^    (ansible-playbook .*)$", TEXT, re.M)


@pytest.fixture
def fleet(site: Site, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Fleet]:
    with site.fleet(tmp_path_factory.mktemp("fleet"), 2) as fleet:
        inventory = json.loads(fleet.inventory.read_text())["all"]
        hosts = dict(zip(("edge-1", "edge-2"), inventory["hosts"].values(), strict=True))
        folder = tmp_path / "inventory"
        folder.mkdir()
        written = {"edge": {"hosts": hosts, "vars": inventory["vars"]}}
        (folder / "hosts.yml").write_text(json.dumps(written))
        yield fleet


def run(fleet: Fleet, site: Site, folder: Path, command: str) -> str:
    environment = site.environment(**fleet.environment())
    del environment["ANSIBLE_CALLBACKS_ENABLED"]
    environment["PATH"] = f"{Path(site.playbook_command).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hand_made_pins_are_declared_in_two_commands(
    fleet: Fleet, site: Site, tmp_path: Path
) -> None:
    made, debugging = BLOCKS["console"]
    of_group, of_host, of_entries = BLOCKS["yaml"]
    adopt, drift = COMMANDS
    for name in fleet.names:
        fleet.run(name, made)
    fleet.run(fleet.names[1], debugging)
    run(fleet, site, tmp_path, f"{adopt} --check --diff")
    names = ("group_vars/edge.yml", "host_vars/edge-2.yml")
    places = {name: tmp_path / "inventory" / name for name in names}
    assert not any(place.exists() for place in places.values())
    run(fleet, site, tmp_path, adopt)
    assert {path: place.read_text() for path, place in places.items()} == {
        "group_vars/edge.yml": of_group,
        "host_vars/edge-2.yml": of_host,
    }
    assert all(path in TEXT for path in places)
    run(fleet, site, tmp_path, drift)
    # With entries, and in other words.
    blocked = "key hex 18 00 00 00 c6 33 64 00 value hex 01"
    for name in fleet.names:
        fleet.run(name, f"bpftool map update pinned /sys/fs/bpf/agent/blocked {blocked}")
    (tmp_path / "entries.yml").write_text(of_entries)
    run(fleet, site, tmp_path, f"{adopt} -e @entries.yml -e adopt_overwrite=true")
    group = places["group_vars/edge.yml"]
    maps = yaml.safe_load(group.read_text())["bpf_maps"]
    assert maps[0]["entries"] == [{"key": "198.51.100.0/24", "value": 1}]
    assert group.stat().st_mode & 0o777 == 0o600
    run(fleet, site, tmp_path, drift)
