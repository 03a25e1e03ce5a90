# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ebpf.pinning.drift over hosts that are reached by ssh, each with its own bpffs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.drift import FORMS, Json, by_host, read_all, states
from harness.fleet import Fleet
from harness.host import BPFFS
from harness.samples import AGENT, MADE, SECRET
from harness.site import HERE, Site
from harness.terminal import seen

DECLARED = {
    "bpffs_opts": [],
    "bpf_maps_directory": AGENT,
    "bpf_maps_report_undeclared": True,
    "bpf_maps": [{"name": name, **MADE} for name in ("counts", "flows")],
}
AS_DECLARED = dict.fromkeys((BPFFS, f"{AGENT}/counts", f"{AGENT}/flows"), "in_place")


@dataclass(frozen=True)
class Place:
    """The fleet, and what is run against it from here."""

    site: Site
    fleet: Fleet
    folder: Path

    def settle(self) -> None:
        """Make every host as it is declared."""
        make = self.site.program("make")
        for name in self.fleet.names:
            script = f"rm -rf {AGENT}; mkdir {AGENT}; {make} {AGENT}/counts; {make} {AGENT}/flows"
            self.fleet.run(name, script)
        self.fleet.write_inventory(DECLARED)

    def inventory(self) -> dict[str, Json]:
        """Everything in the bpffs of every host."""
        script = str(HERE / "harness" / "inventory.py")
        command = [self.site.python, script, self.site.program("info"), BPFFS]
        return {
            name: json.loads(subprocess.check_output(self.fleet.inside(name, command)))
            for name in self.fleet.names
        }

    def drift(
        self, *words: str, playbook: str = "ebpf.pinning.drift", **more: str
    ) -> tuple[int, str]:
        """Run the playbook; its exit code, and what it said. It must change nothing."""
        extra = {f"drift_{form}": f"{self.folder}/drift.{end}" for form, end in FORMS.items()}
        for path in self.folder.glob("drift.*"):
            path.unlink()
        environment = self.site.environment(**self.fleet.environment())
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        before = self.inventory()
        command = [self.site.playbook_command, "-i", str(self.fleet.inventory), playbook]
        code, output = seen([*command, "-e", json.dumps(extra), *words], {**environment, **more})
        assert self.inventory() == before
        assert len(re.findall(r"^DRIFT \*+$", output, re.M)) == 1, output
        return code, output

    @property
    def hosts(self) -> dict[str, Json]:
        """What the report says."""
        return by_host(read_all(self.folder))


@pytest.fixture(scope="module")
def fleet(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with site.fleet(tmp_path_factory.mktemp("fleet"), 3) as fleet:
        yield fleet


@pytest.fixture
def place(site: Site, fleet: Fleet, tmp_path: Path) -> Place:
    place = Place(site, fleet, tmp_path)
    place.settle()
    return place


def _break(place: Place) -> dict[str, dict[str, str]]:
    """Make the hosts differ from what is declared; what a report has to say."""
    one, two, three = place.fleet.names
    place.fleet.run(one, f"rm {AGENT}/flows")
    place.fleet.run(two, f"chmod 0666 {AGENT}/flows; {place.site.program('make')} {AGENT}/more")
    place.fleet.write_inventory({**DECLARED, "bpf_maps_mode": "0600"})
    return {
        one: {**AS_DECLARED, f"{AGENT}/flows": "missing"},
        two: {**AS_DECLARED, f"{AGENT}/flows": "access", f"{AGENT}/more": "undeclared"},
        three: AS_DECLARED,
    }


def answer(output: str) -> list[str]:
    """The lines below the table, once the run is said to have changed nothing."""
    below = output[output.rindex("\n3 hosts: ") + 1 :].splitlines()
    return [line for line in below if not line.startswith("Nothing was changed: ")]


def written(place: Place) -> str:
    return "Written: " + ", ".join(f"{place.folder}/drift.{end}" for end in FORMS.values())


def _found(place: Place) -> dict[str, dict[str, str]]:
    return {name: states(host) for name, host in place.hosts.items()}


def test_a_fleet_as_declared_is_a_success(place: Place) -> None:
    code, output = place.drift("--forks", "1")
    assert code == 0, output
    assert _found(place) == dict.fromkeys(place.fleet.names, AS_DECLARED)
    assert answer(output) == [
        "3 hosts: 3 in place, 0 in drift, 0 failed, 0 unreachable",
        "6 pins: 6 in place",
        "3 mounts: 3 in place",
        written(place),
    ]


WAYS = {
    "hosts in step": (["--forks", "5"], {}),
    "hosts one by one, each as fast as it can, and the callback enabled as well": (
        ["--forks", "1"],
        {
            "ANSIBLE_STRATEGY": "free",
            "ANSIBLE_ANY_ERRORS_FATAL": "true",
            "ANSIBLE_CALLBACKS_ENABLED": "ebpf.pinning.drift_report",
        },
    ),
    "a check": (["--check", "--diff"], {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_drift_is_told_of_each_host_and_is_a_failure(place: Place, way: str) -> None:
    wanted = _break(place)
    words, environment = WAYS[way]
    code, output = place.drift(*words, **environment)
    assert code == 2, output
    assert _found(place) == wanted
    assert answer(output) == [
        "3 hosts: 1 in place, 2 in drift, 0 failed, 0 unreachable",
        "7 pins: 4 in place, 1 missing, 1 owner or mode off, 1 undeclared",
        "3 mounts: 3 in place",
        written(place),
    ]


def test_drift_is_no_failure_where_that_is_said_and_limits_hold(place: Place) -> None:
    wanted = _break(place)
    one, two, _three = place.fleet.names
    code, output = place.drift("--limit", two, "-e", "drift_fail=false")
    assert code == 0, output
    assert _found(place) == {two: wanted[two]}
    code, output = place.drift("-e", "drift_fail=false", "-e", f"drift_hosts={one}")
    assert code == 0, output
    assert _found(place) == {one: wanted[one]}


def test_failed_and_unreachable_hosts_are_counted_apart_and_stop_nothing(
    place: Place, tmp_path: Path
) -> None:
    """One host has a wrong variable, one is cut off by its module. Secrets stay secret."""
    _break(place)
    one, two, three = place.fleet.names
    flaky = tmp_path / "flaky"
    # With pipelining: sshd, a shell, this. The shell's parent is killed.
    flaky.write_text(
        "#!/bin/sh\nwhile read -r name value; do\n"
        '  if [ "$name" = PPid: ]; then kill "$value"; fi\n'
        "done </proc/$PPID/status\nexit 255\n"
    )
    flaky.chmod(0o755)
    place.fleet.write_inventory(
        DECLARED,
        **{one: {"bpf_maps": "flows"}, three: {"ansible_python_interpreter": str(flaky)}},
    )
    password, vaulted = tmp_path / "password", tmp_path / "vaulted.yml"
    password.write_text("of the vault")
    vaulted.write_text(
        json.dumps({"ansible_become_password": SECRET, "api": SECRET, "bpf_maps_owner": "root"})
    )
    vault = Path(place.site.playbook_command).with_name("ansible-vault")
    command = [vault, "encrypt", "--vault-password-file", password, vaulted]
    subprocess.run(command, check=True, env=place.site.environment(), capture_output=True)
    words = ["--vault-password-file", str(password), "-e", f"@{vaulted}"]
    code, output = place.drift(*words)
    assert code == 4, output
    hosts = place.hosts
    assert {name: host["state"] for name, host in hosts.items()} == {
        one: "failed",
        two: "drift",
        three: "unreachable",
    }
    assert hosts[one]["problems"], "what is wrong is said"
    assert states(hosts[three]) == {}
    assert "ssh" in hosts[three]["problems"][0]
    assert answer(output)[0] == "3 hosts: 0 in place, 1 in drift, 1 failed, 1 unreachable"
    for end in FORMS.values():
        assert SECRET not in (place.folder / f"drift.{end}").read_text()
    assert SECRET not in output


def test_a_playbook_of_the_user_may_import_it(place: Place, tmp_path: Path) -> None:
    wanted = _break(place)
    mine = tmp_path / "mine.yml"
    mine.write_text('[{"import_playbook": "ebpf.pinning.drift"}]')
    code, output = place.drift(playbook=str(mine))
    assert code == 2, output
    assert _found(place) == wanted
