# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ebpf.pinning.adopt: from fleets with pins of others to files with which drift finds nothing."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.fleet import Fleet
from harness.host import BPFFS
from harness.site import Site

# As if they were not set.
BLANK = {
    "adopt_directory": None,
    "adopt_directories": "",
    "adopt_overwrite": "",
    "adopt_objects": None,
    "adopt_entries": None,
    "adopt_formats": "",
}
FLOWS = "type lru_hash key 4 value 8 entries 64 name flows"


class Adopted:
    """A fleet, and ansible-playbook for it."""

    def __init__(self, fleet: Fleet, site: Site, folder: Path) -> None:
        self.fleet = fleet
        self.site = site
        self.folder = folder

    def group(self, **groups: list[str]) -> None:
        """Put the hosts into groups."""
        inventory = json.loads(self.fleet.inventory.read_text())
        children = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in groups.items()}
        inventory["all"]["children"] = children
        (self.folder / "hosts.yml").write_text(json.dumps(inventory))

    def run(self, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self.site.playbook_command, "-i", str(self.folder / "hosts.yml"), playbook]
        environment = self.site.environment(**self.fleet.environment())
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        return subprocess.run(
            [*command, *words],
            env=environment,
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )

    def adopt(self, *words: str) -> str:
        done = self.run("ebpf.pinning.adopt", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def assert_no_drift(self) -> None:
        done = self.run("ebpf.pinning.drift", "-e", "bpf_maps_report_undeclared=true")
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def files(self) -> dict[str, Any]:
        """What was written, by path."""
        found = [
            *self.folder.glob("group_vars/**/*.yml"),
            *self.folder.glob("host_vars/**/*.yml"),
        ]
        return {
            str(path.relative_to(self.folder)): yaml.load(path.read_text(), _Loader)
            for path in found
        }


class _Loader(yaml.SafeLoader):
    """Reads what is marked as no template, too."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


@pytest.fixture
def fleet(
    site: Site, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[Adopted]:
    # Sockets of ssh want a short path.
    with site.fleet(tmp_path_factory.mktemp("fleet"), 3) as three:
        yield Adopted(three, site, tmp_path)


@pytest.mark.every_core
def test_what_a_group_has_in_common_is_written_once(fleet: Adopted) -> None:
    one, two, three = fleet.fleet.names
    fleet.group(edge=[one, two], core=[three])
    for name in (one, two):
        fleet.fleet.run(name, f"bpftool map create {BPFFS}/flows {FLOWS}")
    fleet.fleet.run(two, f"bpftool map create {BPFFS}/ports {FLOWS}; chmod 0640 {BPFFS}/ports")
    fleet.fleet.run(three, f"bpftool map create {BPFFS}/flows {FLOWS.replace('64', '65')}")
    said = fleet.adopt("--check", "--diff", "-e", json.dumps(BLANK))
    assert fleet.files == {}
    assert "name: flows" in said
    fleet.adopt()
    shape = {"type": "lru_hash", "key_size": 4, "value_size": 8, "max_entries": 64}
    assert fleet.files == {
        "group_vars/all.yml": _mount(),
        "group_vars/edge.yml": {"bpf_maps__edge": [{"name": "flows", **shape}]},
        f"host_vars/{two}.yml": {"bpf_maps__host": [{"name": "ports", **shape, "mode": "0640"}]},
        f"host_vars/{three}.yml": {
            "bpf_maps__host": [{"name": "flows", **shape, "max_entries": 65}]
        },
    }
    fleet.assert_no_drift()


def _mount() -> Mapping[str, Any]:
    """How the harness mounts: as mount(8) does without options."""
    return {"bpffs_opts": [], "bpffs_mode": "1777"}


def test_btf_is_in_files_beside_the_variables(fleet: Adopted) -> None:
    fleet.group(edge=fleet.fleet.names)
    load = [fleet.site.program("load"), fleet.site.bpf_object("rules"), f"{BPFFS}/app"]
    for name in fleet.fleet.names:
        fleet.fleet.run(name, f"mkdir {BPFFS}/app; {shlex.join(load)}")
    fleet.adopt()
    maps = fleet.files["group_vars/edge.yml"]["bpf_maps"]
    typed = [item for item in maps if "btf" in item]
    written = list(fleet.folder.glob("bpf_btf/*.b64"))
    assert len(written) == len({item["btf"]["data"] for item in typed}) > 0
    assert all("lookup('file'" in item["btf"]["data"] for item in typed)
    fleet.assert_no_drift()
    fleet.fleet.run(fleet.fleet.names[0], f"rm {BPFFS}/app/{typed[0]['name']}")
    assert fleet.run("ebpf.pinning.provision").returncode == 0
    shown = fleet.fleet.run(
        fleet.fleet.names[0], f"bpftool -j map show pinned {BPFFS}/app/{typed[0]['name']}"
    )
    assert json.loads(shown)["btf_id"]


def test_no_name_of_a_host_is_a_template_on_the_controller(fleet: Adopted) -> None:
    one, *others = fleet.fleet.names
    fleet.group(edge=[one, *others])
    names = ["{{ 7 }}", "{{ lookup('pipe', 'touch witness') }}", "{% raw %}", "a\nb"]
    for number, name in enumerate(names, 1):
        script = (
            f"bpftool map create {BPFFS}/m type array key 4 value 4 entries {number} name m\n"
            f"mv {BPFFS}/m {BPFFS}/{shlex.quote(name)}"
        )
        fleet.fleet.run(one, script)
    fleet.adopt()
    written = fleet.files[f"host_vars/{one}.yml"]["bpf_maps__host"]
    assert {item["name"]: item["max_entries"] for item in written} == {
        name: number for number, name in enumerate(names, 1)
    }
    fleet.assert_no_drift()
    assert list(fleet.folder.rglob("witness")) == []


def test_a_file_that_is_there_stays_unless_it_is_said(fleet: Adopted) -> None:
    fleet.group(edge=fleet.fleet.names)
    fleet.adopt()
    assert "unchanged" in fleet.adopt("-v")
    file = fleet.folder / "group_vars" / "edge.yml"
    file.write_text("bpf_maps: []\n")
    fleet.fleet.run(fleet.fleet.names[0], f"bpftool map create {BPFFS}/flows {FLOWS}")
    refused = fleet.run("ebpf.pinning.adopt")
    assert refused.returncode == 2
    assert f"{file} is there already" in " ".join((refused.stdout + refused.stderr).split())
    assert file.read_text() == "bpf_maps: []\n"
    assert not (fleet.folder / "host_vars").exists()
    fleet.adopt("-e", "adopt_overwrite=true")
    assert fleet.files["group_vars/edge.yml"] == _mount()
    fleet.assert_no_drift()


def test_no_group_is_written_of_which_a_host_does_not_answer(fleet: Adopted) -> None:
    one, two, three = fleet.fleet.names
    fleet.group(edge=[one, two], core=[two, three])
    fleet.fleet.stop(three)
    done = fleet.run("ebpf.pinning.adopt")
    assert done.returncode == 4
    assert f"nothing is known of {three}" in " ".join((done.stdout + done.stderr).split())
    assert fleet.files == {"group_vars/edge.yml": _mount()}
