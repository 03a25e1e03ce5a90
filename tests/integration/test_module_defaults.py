# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults that a play gives to several modules of the collection at once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from harness.host import BPFFS
from harness.playbook import task
from harness.site import CHECKOUT, Site
from link_table import LOADED, Hooks, hooks

__all__ = ["hooks"]  # a fixture

MAP = dict(name="flows", type="hash", key_size=4, value_size=8, max_entries=1)


SHARED = {
    "pins": {
        "directory": f"{BPFFS}/app",
        "owner": "daemon",
        "group": "adm",
        "mode": "0640",
        "on_mismatch": "replace",
        "parents": False,
    }
}
GROUPS = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text())["action_groups"]


@pytest.mark.every_core
@pytest.mark.parametrize("group", GROUPS)
def test_defaults_of_a_group_reach_each_of_its_modules_and_break_none(
    hooks: Hooks, group: str
) -> None:
    host = hooks.host
    folder = f"{BPFFS}/app"
    host.run("mkdir", folder)
    hooks.load("xdp_old")
    host.shell(f"mount -t tmpfs -o mode=755 run /run; cp {host.site.bpf_object('counted')} /run")
    tasks = {
        "bpf_map_pinned": task("bpf_map_pinned", label="bpf_map_pinned", **MAP),
        "bpf_object_pinned": task(
            "bpf_object_pinned", label="bpf_object_pinned", name="again", source=f"{folder}/flows"
        ),
        "bpf_program_pinned": task(
            "bpf_program_pinned", label="bpf_program_pinned", object="/run/counted.bpf.o"
        ),
        "bpf_link_pinned": task(
            "bpf_link_pinned",
            label="bpf_link_pinned",
            name="on_v0",
            program=f"{LOADED}/xdp_old",
            attach={"type": "xdp", "interface": "v0", "namespace": hooks.network},
        ),
        "bpf_host": task("bpf_host", label="bpf_host", maps=[{**MAP, "name": "whole"}]),
    }
    run = host.playbook(
        [tasks[module] for module in sorted(GROUPS[group], key=[*tasks].index)],
        module_defaults={f"group/ebpf.pinning.{group}": SHARED[group]},
    )
    assert [each.good().changed for each in run] == [True] * len(run)
    assert host.shell(f"cd {folder} && stat -c '%n %a %U %G' *").split("\n")[:7] == [
        "again 640 daemon adm",
        "count_all 640 daemon adm",
        "counts 600 root root",
        "drop_all 640 daemon adm",
        "flows 640 daemon adm",
        "on_v0 640 daemon adm",
        "whole 640 daemon adm",
    ]
    assert host.map_at(f"{folder}/again")["id"] == host.map_at(f"{folder}/flows")["id"]


@pytest.mark.parametrize("group", GROUPS)
def test_the_documentation_of_a_module_says_which_groups_it_is_in(site: Site, group: str) -> None:
    ansible_doc = str(Path(site.playbook_command).with_name("ansible-doc"))
    names = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py"))
    whole = [f"ebpf.pinning.{name}" for name in names]
    done = subprocess.run(
        [ansible_doc, "--json", *whole], env=site.environment(), check=True, capture_output=True
    )
    docs = json.loads(done.stdout)
    told = [
        name
        for name in names
        if f"ebpf.pinning.{group}"
        in docs[f"ebpf.pinning.{name}"]["doc"]["attributes"]
        .get("action_group", {})
        .get("membership", [])
    ]
    assert told == sorted(GROUPS[group])
