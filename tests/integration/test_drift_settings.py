# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the variables drift_* may be set, and what the end of a run shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from drift_runs import Done, ansible_playbook, by_environment, look, playbook
from harness.drift import FORMS, Json, read_json
from harness.host import Host
from harness.samples import MADE
from harness.site import CHECKOUT

# Drift on two hosts.
DECLARED = {"bpffs_opts": [], "bpf_maps": [{"name": "a", **MADE}]}


@dataclass
class Setting:
    """A run of the drift playbook to be, and what is set for it in which place."""

    folder: Path
    words: list[str] = field(default_factory=lambda: ["ebpf.pinning.drift"])
    hosts: dict[str, Json] = field(default_factory=lambda: {"one": {}, "two": {}})
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, host: Host) -> Done:
        words = [*self.words, "-e", json.dumps(DECLARED)]
        return ansible_playbook(host, self.folder, words, self.hosts, **self.environment)


def _by_word(run: Setting, values: Json) -> None:
    run.words += ["-e", json.dumps(values)]


def _by_import(run: Setting, values: Json) -> None:
    imported: Json = {"import_playbook": "ebpf.pinning.drift", "vars": values}
    run.words[0] = playbook(run.folder, imported)


def _by_play(run: Setting, values: Json) -> None:
    run.words[0] = playbook(run.folder, look("a") | {"vars": values})


def _by_group(run: Setting, values: Json) -> None:
    (run.folder / "group_vars").mkdir()
    (run.folder / "group_vars" / "all.json").write_text(json.dumps(values))


def _by_hosts(run: Setting, values: Json) -> None:
    for variables in run.hosts.values():
        variables.update(values)


def _by_one_host(run: Setting, values: Json) -> None:
    run.hosts["two"].update(values)


def _by_environment(run: Setting, values: Json) -> None:
    for name, value in values.items():
        run.environment[f"EBPF_PINNING_{name.upper()}"] = str(value or "")


def _by_configuration(run: Setting, values: Json) -> None:
    lines = [f"{name} = {value or ''}" for name, value in values.items()]
    run.environment["ANSIBLE_CONFIG"] = str(run.folder / "ansible.cfg")
    (run.folder / "ansible.cfg").write_text("\n".join(["[ebpf_pinning]", *lines, ""]))


PLACES: dict[str, Callable[[Setting, Json], None]] = {
    "-e": _by_word,
    "import_playbook": _by_import,
    "a play": _by_play,
    "group_vars": _by_group,
    "hosts of the inventory": _by_hosts,
    "one host of the inventory": _by_one_host,
    "the environment": _by_environment,
    "ansible.cfg": _by_configuration,
}
SETTINGS = ("the environment", "ansible.cfg")


@pytest.fixture
def run(host: Host) -> Setting:
    folder = host.scratch / "out"
    folder.mkdir()
    return Setting(folder)


@pytest.mark.every_core
@pytest.mark.parametrize("place", PLACES)
def test_a_report_is_asked_for_in_any_place(host: Host, run: Setting, place: str) -> None:
    paths = {f"drift_{form}": f"{run.folder}/drift.{end}" for form, end in FORMS.items()}
    PLACES[place](run, paths)
    done = run.run(host)
    assert {each["state"] for each in done.hosts.values()} == {"drift"}
    assert "[ERROR]: drift_" not in done.output


@pytest.mark.parametrize("place", [*list(PLACES)[:6], "no variable"])
def test_what_is_blank_is_not_set(host: Host, run: Setting, place: str) -> None:
    if place in PLACES:
        names = [f"drift_{form}" for form in (*FORMS, "previous", "table", "fail", "hosts")]
        blank = {name: None if number % 2 else "" for number, name in enumerate(names)}
        PLACES[place](run, blank)
        run.environment |= by_environment(run.folder)
    else:
        for each in SETTINGS:
            PLACES[each](run, {f"drift_{form}": "" for form in (*FORMS, "previous", "table")})
    done = run.run(host)
    assert done.code == (0 if place == "a play" else 2), done.output
    assert "DRIFT **" in done.output
    assert "[ERROR]: drift_" not in done.output
    if place in PLACES:
        assert len(done.hosts) == 2
    else:
        assert "cannot be written" not in done.output
        assert not list(run.folder.glob("drift.*"))


def test_hosts_that_disagree_about_a_report_are_told_of(host: Host, run: Setting) -> None:
    run.hosts["one"]["drift_json"] = "one.json"
    run.hosts["two"]["drift_json"] = "two.json"
    run.words += ["-e", "drift_html=drift.html"]
    done = run.run(host)
    assert "[ERROR]: drift_json is 'one.json' for one and 'two.json' for two" in " ".join(
        done.output.split()
    )
    assert sorted(path.name for path in run.folder.glob("*.json")) == []
    assert (run.folder / "drift.html").exists()


def test_a_path_may_be_a_template(host: Host, run: Setting) -> None:
    _by_group(run, {"there": str(run.folder), "drift_json": "{{ there }}/drift.json"})
    run.run(host)
    assert read_json((run.folder / "drift.json").read_text())["hosts"]["drift"] == 2


@pytest.mark.parametrize("value", ["{{ nobody_knows }}.json", ["a.json"], True])
def test_what_is_no_path_is_told_of(host: Host, run: Setting, value: object) -> None:
    _by_group(run, {"drift_json": value})
    done = run.run(host)
    assert "[ERROR]: drift_json" in done.output
    assert done.code == 2
    assert "DRIFT **" in done.output


@pytest.mark.parametrize("place", [each for each in PLACES if each != "a play"])
def test_whether_drift_is_a_failure_counts_or_is_told(host: Host, run: Setting, place: str) -> None:
    PLACES[place](run, {"drift_fail": "false"})
    done = run.run(host)
    said = " ".join(done.output.split())
    is_told = "drift_fail is set in" in said or "EBPF_PINNING_DRIFT_FAIL is set in" in said
    assert is_told == (place in SETTINGS)
    assert done.code == (2 if place in SETTINGS or place.startswith("one") else 0), done.output


@pytest.mark.parametrize("place", [each for each in PLACES if each != "a play"])
def test_which_hosts_are_looked_at_counts_or_is_told(host: Host, run: Setting, place: str) -> None:
    PLACES[place](run, {"drift_hosts": "two"})
    run.environment["EBPF_PINNING_DRIFT_JSON"] = "drift.json"
    done = run.run(host)
    report = read_json((run.folder / "drift.json").read_text())
    counts = place in ("-e", "import_playbook")
    assert [each["host"] for each in report["report"]] == (["two"] if counts else ["one", "two"])
    said = " ".join(done.output.split())
    is_told = "drift_hosts is set in" in said or "EBPF_PINNING_DRIFT_HOSTS is set in" in said
    assert is_told != counts


# What stands at the end of the run

JSON = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
LINES = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.jsonl"}
# Variables of the environment, further words, and whether there is a table.
SHOWN: dict[str, tuple[dict[str, str], list[str], bool]] = {
    "people read": ({}, [], True),
    "a program reads": (JSON, [], False),
    "a program reads line by line": (LINES, [], False),
    "a program reads, and a table is wanted": (JSON, ["-e", "drift_table=true"], True),
    "no table is wanted": ({}, ["-e", "drift_table=false"], False),
    "the environment wants none": ({"EBPF_PINNING_DRIFT_TABLE": "no"}, [], False),
    "a line for each host": ({"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.oneline"}, [], True),
}


@pytest.mark.every_core
@pytest.mark.parametrize("what", SHOWN)
def test_there_is_a_table_where_people_read(host: Host, run: Setting, what: str) -> None:
    environment, words, is_shown = SHOWN[what]
    run.run(host)  # writes the inventory
    rivals = CHECKOUT / ".cache" / "rivals"
    command = [host.site.playbook_command, "-i", "hosts.yml", "ebpf.pinning.drift", *words]
    extra = {**DECLARED, "drift_json": f"{run.folder}/drift.json"}
    done = subprocess.run(
        host.inside("env", "-C", str(run.folder), *command, "-e", json.dumps(extra)),
        env=host.site.environment(
            **environment, ANSIBLE_COLLECTIONS_PATH=f"{host.site.scratch}:{rivals}"
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert ("DRIFT ****" in done.stdout) == is_shown
    assert "DRIFT ****" not in done.stderr
    assert read_json((run.folder / "drift.json").read_text())["hosts"]["drift"] == 2
    if environment == JSON and not is_shown:
        assert json.loads(done.stdout)["stats"]["one"]["failures"] == 1
    if environment == LINES:
        assert all(map(json.loads, done.stdout.splitlines()))
