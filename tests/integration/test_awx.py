# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: ansible-runner, in folders of which most can only be read.

What docs/runners.md says of AWX holds here: playbooks of a line each, which can only be read.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.drift import read_json, states
from harness.guide import Guide
from harness.host import Host
from harness.samples import AGENT, HASH

VARIABLES = {
    "bpffs_opts": [],
    "bpf_maps_directory": AGENT,
    "bpf_maps": [{"name": name, **HASH} for name in ("counts", "flows")],
}
READ_ONLY = ("home", "inventory", "project", "requirements_collections")


@dataclass(frozen=True)
class Job:
    """How a job ended: its exit code, its output, and the events that AWX reads."""

    code: int
    output: str
    events: list[dict[str, Any]]

    @property
    def changed(self) -> int:
        """How many tasks changed something, as the last event has it."""
        (stats,) = (each for each in self.events if each["event"] == "playbook_on_stats")
        return sum(stats["event_data"]["changed"].values())


@dataclass(frozen=True)
class Awx:
    """A controller in the namespace of a host."""

    host: Host

    @property
    def folder(self) -> Path:
        """What is /runner in an execution environment."""
        return self.host.scratch / "runner"

    def lay_out(self) -> None:
        host, folder = self.host, self.folder
        for name in ("env", *READ_ONLY):
            (folder / name).mkdir(parents=True)
        (provision,) = Guide(host, "runners.md").blocks("yaml")
        for name in ("provision", "drift"):
            line = provision.replace("provision", name)
            (folder / "project" / f"{name}.yml").write_text(line)
        collections = folder / "requirements_collections" / "ansible_collections"
        shutil.copytree(host.site.scratch / "ansible_collections", collections)
        variables = {
            **VARIABLES,
            "ansible_connection": "local",
            "ansible_python_interpreter": host.site.python,
        }
        inventory = {
            "all": {"hosts": ["edge"], "vars": {}},
            "_meta": {"hostvars": {"edge": variables}},
        }
        script = folder / "inventory" / "hosts"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(inventory)}\nEND\n")
        script.chmod(0o755)
        settings = {"job_timeout": 300, "pexpect_timeout": 5}
        (folder / "env" / "settings").write_text(json.dumps(settings))
        for name in READ_ONLY:
            mount = f"mount --bind {folder}/{name} {folder}/{name}"
            host.shell(f"{mount}; mount -o remount,bind,ro {folder}/{name}")

    def run(self, playbook: str, number: int, *words: str, **extra: Any) -> Job:
        """Job NUMBER of a template with this playbook; `extra` are its variables."""
        bin_folder, folder = Path(sys.executable).parent, self.folder
        (folder / "env" / "extravars").unlink(missing_ok=True)
        (folder / "env" / "extravars").write_text(json.dumps({"awx_job_id": number, **extra}))
        # As AWX's BaseTask and RunJob have them, and an execution environment.
        environment = {
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": f"{folder}/artifacts/{number}/fact_cache",
            "ANSIBLE_COLLECTIONS_PATH": f"{folder}/requirements_collections",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            "ANSIBLE_LOCAL_TEMP": f"{folder}/tmp",
            "ANSIBLE_REMOTE_TEMP": f"{folder}/tmp",
            "ANSIBLE_UNSAFE_WRITES": "1",
            "AWX_PRIVATE_DATA_DIR": str(folder),
            "HOME": f"{folder}/home",
            "JOB_ID": str(number),
            "LC_ALL": "C.UTF-8",
            "PATH": f"{bin_folder}:{self.host.site.environment()['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = self.host.run(
            *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
            *(str(bin_folder / "ansible-runner"), "run", str(folder)),
            *("--playbook", f"{playbook}.yml", "--ident", str(number)),
            *("--cmdline", " ".join(["--limit edge", *words])),
            check=False,
        )
        events = (folder / "artifacts" / str(number) / "job_events").glob("*.json")
        read = sorted((json.loads(each.read_text()) for each in events), key=lambda e: e["counter"])
        return Job(done.returncode, done.stdout + done.stderr, read)


@pytest.fixture
def awx(host: Host) -> Awx:
    awx = Awx(host)
    awx.lay_out()
    return awx


def test_jobs_of_a_project_that_can_only_be_read(awx: Awx, subtests: pytest.Subtests) -> None:
    host = awx.host
    empty = host.inventory()
    with subtests.test("a check job changes nothing"):
        job = awx.run("provision", 1, "--check")
        assert (job.code, job.changed > 0, host.inventory()) == (0, True, empty), job.output
    with subtests.test("a job provisions"):
        job = awx.run("provision", 2)
        assert (job.code, job.changed > 0) == (0, True), job.output
        shown = host.map_at(f"{AGENT}/flows")
        assert shown["max_entries"] == HASH["max_entries"]
    with subtests.test("the next one finds all in place"):
        job = awx.run("provision", 3)
        assert (job.code, job.changed) == (0, 0), job.output
    host.run("rm", f"{AGENT}/flows")
    there = host.inventory()
    report = awx.folder / "artifacts" / "drift.json"
    job = awx.run("drift", 4, drift_html="drift.html", drift_json=str(report))
    with subtests.test("a drift job compares, changes nothing and fails"):
        assert (job.code, host.inventory()) == (2, there), job.output
        assert states(read_json(report.read_text())["report"][0])[f"{AGENT}/flows"] == "missing"
    with subtests.test("what AWX shows, which is made of events, ends with the table"):
        shown = "\n".join(event["stdout"] for event in job.events)
        assert re.search(rf"^DRIFT \*+.*^.*edge  missing  {AGENT}/flows", shown, re.M | re.S), shown
    with subtests.test("a report that would lie in the project is an error that names it"):
        where = awx.folder / "project" / "drift.html"
        assert f"drift_html {where} cannot be written: Read-only file system" in shown
