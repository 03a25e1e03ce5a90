# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays by Mitogen, which runs the modules of all tasks of a host in one process that stays.

The settings are those of docs/runners.md, but for where Mitogen is.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from harness.drift import read_json, states
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.playbook import Result, Run, read_results, task
from harness.samples import AGENT, APP, HASH
from map_types import ROWS

MAPS = {"directory": f"{BPFFS}/types", "maps": [row.item for row in ROWS]}
KEYS = {"key_format": "u32", "value_format": "u64"}
FULL = {**HASH, **KEYS, "entries": [{"key": key, "value": key * 7} for key in range(16)]}


def by_mitogen(host: Host, *arguments: str) -> Run:
    """Run ansible-playbook with Mitogen's strategy, in the namespace of the host."""
    package = importlib.util.find_spec("ansible_mitogen")
    assert package is not None
    lines = host.scratch / f"mitogen.{len(list(host.scratch.iterdir()))}"
    lines.touch()
    (text,) = Guide(host, "runners.md").blocks("ini")
    here = str(Path(str(package.origin)).parent)
    configuration = host.scratch / "ansible.cfg"
    configuration.write_text(text.replace("/usr/lib/python3/dist-packages/ansible_mitogen", here))
    settings = {
        "ANSIBLE_ACTION_PLUGINS": f"{here}/plugins/action",  # for `playbook` below
        "ANSIBLE_BECOME_METHOD": "su",  # Mitogen becomes root also where it is
        "ANSIBLE_CONFIG": str(configuration),
        "RESULT_LINES": str(lines),
    }
    done = host.run(
        *("env", *(f"{name}={value}" for name, value in settings.items())),
        *(host.site.playbook_command, "-i", str(host.inventory_file()), *arguments),
        check=False,
    )
    return Run(done.returncode, read_results(lines.read_text()), done.stdout + done.stderr)


def playbook(host: Host, *tasks: dict[str, Any]) -> list[Result]:
    """The results of these tasks, once Mitogen says that it was there."""
    run = by_mitogen(host, host.play([*tasks, {"name": "stack", "mitogen_get_stack": {}}]))
    assert len(run) == len(tasks) + 1, run.output
    assert run["stack"]["result"][0]["method"] == "local"
    return list(run)[:-1]


def test_every_map_type_is_made_and_found_unchanged(host: Host, subtests: pytest.Subtests) -> None:
    checked, made, again = playbook(
        host,
        task("bpf_map_pinned", check=True, **MAPS),
        task("bpf_map_pinned", **MAPS),
        task("bpf_map_pinned", **MAPS),
    )
    assert checked.good()["counts"] == made.good()["counts"]
    assert not again.good().changed
    for row in ROWS:
        with subtests.test(row.about):
            shown = host.map_at(f"{BPFFS}/types/{row.name}")
            sizes = (shown["bytes_key"], shown["bytes_value"], shown["max_entries"], shown["flags"])
            assert sizes == row.seen


def test_a_task_leaves_nothing_to_the_next(host: Host) -> None:
    """Not a check, nor one that failed, forked, or opened maps that are gone then."""
    host.shell("mount -t tmpfs -o mode=0755 run /run")
    program = "/run/counted.bpf.o"
    host.run("cp", host.site.bpf_object("counted"), program)
    flows = f"{AGENT}/flows"
    shrunk, grown = {**HASH, "max_entries": 4}, {**HASH, "max_entries": 64}
    made, refused, migrated, pinned, checked, loaded, removed, asked, smaller = playbook(
        host,
        task("bpf_map_pinned", path=flows, **FULL),
        task("bpf_map_pinned", path=flows, **shrunk),
        task("bpf_map_pinned", path=flows, on_mismatch="migrate", **grown),
        task("bpf_object_pinned", path=f"{APP}/second", source=flows),
        task("bpf_pin_absent", check=True, path=[flows]),
        task("bpf_program_pinned", object=program, directory=APP),
        task("bpf_pin_absent", path=[flows]),
        task("bpf_pin_info", path=[flows, f"{APP}/second", f"{APP}/count_all"]),
        task("bpf_map_pinned", path=flows, **shrunk),
    )
    assert refused.failed
    assert refused.msg.startswith(f"{flows}: the pinned map")
    assert "max_entries: want 4, have 16" in refused.msg
    for result in (made, migrated, pinned, checked, loaded, removed, smaller):
        assert result.good().changed, result
    assert asked.good()["missing"] == [flows], "the check removed nothing, the task after it did"
    second = host.map_at(f"{APP}/second")
    assert [second["max_entries"], second["id"]] == [64, pinned["objects"][0]["id"]]
    assert len(host.bpftool("map", "dump", "pinned", f"{APP}/second")) == 16
    shown = host.bpftool("prog", "show", "pinned", f"{APP}/count_all")
    assert shown["id"] in [each["id"] for each in loaded["programs"]]
    assert host.map_at(flows)["max_entries"] == 4


@pytest.mark.every_core
def test_a_whole_host_is_provisioned_and_compared(host: Host) -> None:
    variables = {
        "bpffs_opts": [],
        "bpf_maps_directory": AGENT,
        "bpf_maps": [{"name": name, **HASH} for name in ("counts", "flows")],
        "drift_json": str(host.scratch / "drift.json"),
    }
    words = ("-e", json.dumps(variables))
    for changed in (1, 0):
        run = by_mitogen(host, "ebpf.pinning.provision", *words)
        assert (run.code, f"changed={changed} " in run.output) == (0, True), run.output
        assert host.map_at(f"{AGENT}/flows")["max_entries"] == HASH["max_entries"]
    host.run("rm", f"{AGENT}/flows")
    there = host.inventory()
    run = by_mitogen(host, "ebpf.pinning.drift", *words)
    assert (run.code, host.inventory()) == (2, there), run.output
    report = read_json((host.scratch / "drift.json").read_text())
    (compared,) = report["report"]
    assert states(compared)[f"{AGENT}/flows"] == "missing"
    assert states(compared)[f"{AGENT}/counts"] == "in_place"
