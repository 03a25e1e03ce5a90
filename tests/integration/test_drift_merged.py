# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fleet, several controllers: runs by ansible-runner, which AWX runs, and one report of all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.drift import FORMS, Json, by_host, read_all, read_json, states
from harness.fleet import Fleet
from harness.samples import AGENT, MADE
from harness.site import Site
from harness.terminal import PATIENCE, seen

DECLARED = {
    "bpffs_opts": [],
    "bpf_maps_directory": AGENT,
    "bpf_maps_report_undeclared": True,
    "bpf_maps": [{"name": name, **MADE} for name in ("counts", "flows")],
}


@dataclass(frozen=True)
class Place:
    """The fleet, and where reports go."""

    site: Site
    fleet: Fleet
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        environment = self.site.environment(**self.fleet.environment())
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        return environment

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        """Start a drift run by ansible-runner, whose report is NAME.json."""
        (self.folder / name).mkdir()
        cmdline = " ".join(["-e", f"drift_json={self.folder}/{name}.json", *words])
        command = [
            *(Path(sys.executable).with_name("ansible-runner"), "run", self.folder / name),
            *("--playbook", "ebpf.pinning.drift", "--inventory", self.fleet.inventory),
            *("--cmdline", cmdline, "--ident", name),
        ]
        bin_first = {"PATH": f"{Path(sys.executable).parent}:{self.environment['PATH']}"}
        return subprocess.Popen(
            list(map(str, command)),
            env={**self.environment, **bin_first},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def all(self, runs: Sequence[tuple[str, ...]]) -> dict[str, str]:
        """Have these run at the same time; what each says to its terminal."""
        started = {words[0]: self.start(*words) for words in runs}
        outputs = {}
        for name, process in started.items():
            outputs[name], _none = process.communicate(timeout=PATIENCE)
            assert process.returncode == 2, outputs[name]
        return outputs

    def report(self, *reports: str, **more: str) -> tuple[int, str]:
        """Merge reports by the playbook, into all forms; its exit code, and what it said."""
        forms = {f"drift_{form}": f"{self.folder}/drift.{end}" for form, end in FORMS.items()}
        said = json.dumps({**forms, "drift_reports": reports})
        command = [self.site.playbook_command, "ebpf.pinning.report", "-e", said]
        return seen(command, {**self.environment, **more})

    @property
    def merged(self) -> Json:
        """The merged report, once all its forms are sound and say the same."""
        return read_all(self.folder)


@pytest.fixture(scope="module")
def fleet(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with site.fleet(tmp_path_factory.mktemp("fleet"), 12) as fleet:
        yield fleet


@pytest.fixture
def place(site: Site, fleet: Fleet, tmp_path: Path) -> Place:
    """Of twelve hosts, some are not as declared, each in a way of its own."""
    make = site.program("make")
    for name in fleet.names:
        fleet.run(
            name, f"rm -rf {AGENT}; mkdir {AGENT}; {make} {AGENT}/counts; {make} {AGENT}/flows"
        )
    fleet.run(fleet.names[1], f"rm {AGENT}/flows")
    fleet.run(fleet.names[4], f"{make} {AGENT}/more")
    fleet.run(fleet.names[10], f"rm {AGENT}/flows {AGENT}/counts")
    fleet.write_inventory(DECLARED, **{fleet.names[7]: {"bpf_maps": "flows"}})
    return Place(site, fleet, tmp_path)


def alike(report: Json) -> Json:
    """What has to be the same in a merged report and in that of one run."""
    hosts = [{**host, "made": None} for host in report["report"]]
    return {**report, "made": None, "seconds": None, "merged": [], "report": hosts}


def test_four_slices_at_once_are_the_report_of_one_run(place: Place) -> None:
    names = place.fleet.names
    slices = [(f"slice{n}", "--limit", ":".join(names[n * 3 : n * 3 + 3])) for n in range(4)]
    outputs = place.all(slices)
    assert all(re.search(r"^DRIFT \*+", text, re.M) for text in outputs.values()), outputs
    place.all([("whole",)])
    code, output = place.report(f"{place.folder}/slice*.json")
    assert code == 2, output
    whole = read_json((place.folder / "whole.json").read_text())
    assert len(whole["report"]) == 12
    assert [each["state"] for each in whole["report"]].count("in_place") == 8
    assert alike(place.merged) == alike(whole)
    assert [each["hosts"] for each in place.merged["merged"]] == [3, 3, 3, 3]
    assert "12 hosts: 8 in place, 3 in drift, 1 failed, 0 unreachable\n" in output
    assert "Merged from 4 reports; seen longest ago: " in output
    assert output.splitlines()[-1].startswith("Written: ")


def test_two_controllers_a_second_apart_lose_nothing(place: Place) -> None:
    """Both look at all hosts. What is put right in between is told by the later one."""
    first = place.start("first")
    second = place.start("second")
    for process in (first, second):
        output, _none = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2, output
    make = place.site.program("make")
    place.fleet.run(place.fleet.names[1], f"{make} {AGENT}/flows")
    place.all([("third", "--limit", ":".join(place.fleet.names[:6]))])
    code, output = place.report(*(f"{place.folder}/{n}.json" for n in ("first", "second", "third")))
    assert code == 2, output
    assert "tell of the same hosts (6, such as host" in " ".join(output.split())
    hosts = by_host(place.merged)
    assert set(hosts) == set(place.fleet.names)
    assert hosts[place.fleet.names[1]]["state"] == "in_place"
    third = read_json((place.folder / "third.json").read_text())["made"]
    assert [hosts[name]["made"] == third for name in place.fleet.names] == [True] * 6 + [False] * 6
    assert states(hosts[place.fleet.names[10]])[f"{AGENT}/flows"] == "missing"


def test_what_cannot_be_merged_is_named_and_the_rest_is_merged(
    place: Place, subtests: pytest.Subtests
) -> None:
    place.all([("some", "--limit", place.fleet.names[1])])
    some, bad = place.folder / "some.json", place.folder / "bad.json"
    newer = json.loads(some.read_text()) | {"version": 7}
    for content, why in (
        ("no report", "it is no JSON: "),
        (json.dumps(newer), "it is a drift report of version 7, and the ebpf.pinning that is"),
    ):
        with subtests.test(why):
            bad.write_text(content)
            code, output = place.report(str(some), str(bad))
            assert code == 3, output
            said = " ".join(output.split())
            assert f"[ERROR]: drift_reports: {bad} cannot be used: {why}" in said
            assert set(by_host(place.merged)) == {place.fleet.names[1]}
    with subtests.test("nothing at all"):
        (place.folder / "drift.json").write_text("old")
        code, output = place.report(str(bad))
        assert code == 3, output
        assert "no report tells of any host: nothing is merged" in " ".join(output.split())
        assert (place.folder / "drift.json").read_text() == "old"


NAMED = {
    "one file": ("{}/some.json", 0),
    "a list as Ansible hands it on": ('["{}/some.json","{}/more.json"]', 0),
    "a list without quotes": ("[{}/some.json,{}/more.json]", 0),
    "a pattern": ("{}/*.json", 0),
    "half a list": ('["{}/some.json", "{}/more.json"]', 3),
    "nothing": ("", 3),
    "a pattern that matches nothing": ("{}/none/*.json", 3),
}


@pytest.mark.every_core
@pytest.mark.parametrize("what", NAMED)
def test_reports_are_named(site: Site, tmp_path: Path, what: str) -> None:
    named, code = NAMED[what]
    made = "2026-11-24T17:00:00Z"
    report = {"version": 1, "made": made, "playbook": "p", "inventory": [], "previous": None}
    for name in ("some", "more"):
        host = {"host": name, "state": "in_place", "problems": [], "pins": [], "in_place": ["/b"]}
        content = {**report, "report": [{**host, "gone": []}]}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    said = f"drift_reports={named.format(tmp_path, tmp_path)}"
    written = f"drift_json={tmp_path}/merged"
    command = [site.playbook_command, "ebpf.pinning.report", "-e", said, "-e", written]
    done, output = seen(command, site.environment())
    assert done == code, output
    if code:
        assert "[ERROR]: drift_reports" in output
        assert not (tmp_path / "merged").exists()
    else:
        hosts = set(by_host(read_json((tmp_path / "merged").read_text())))
        assert hosts == ({"some"} if what == "one file" else {"some", "more"})
