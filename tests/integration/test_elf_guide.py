# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/elf-maps.md and the examples of the lookup, as they stand."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from harness.host import BPFFS, Host
from harness.site import CHECKOUT

GUIDE = (CHECKOUT / "docs" / "elf-maps.md").read_text()
LOOKUP = (CHECKOUT / "plugins" / "lookup" / "elf_maps.py").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.M | re.S)


@pytest.fixture
def agent(host: Host) -> Host:
    """A host of group edge, and files/agent.bpf.o as the guide says."""
    (source,) = blocks("c")
    (host.scratch / "agent.bpf.c").write_text(source)
    (host.scratch / "files").mkdir()
    (host.scratch / "groups.yml").write_text(json.dumps({"edge": {"hosts": {"localhost": {}}}}))
    host.shell(f"cd {host.scratch}; {blocks('console')[0]}")
    return host


def run_twice(host: Host, *arguments: str) -> None:
    groups = str(host.scratch / "groups.yml")
    first, second = (host.ansible_playbook("-i", groups, *arguments) for _twice in range(2))
    assert first.code == second.code == 0, first.output + second.output
    assert re.search(r" changed=[1-9]", first.output), first.output
    assert re.search(r" changed=0 ", second.output), second.output


def test_the_guide_leads_where_it_says(agent: Host) -> None:
    plain, overridden, variables = blocks("yaml")
    (agent.scratch / "plain.yml").write_text(plain)
    run_twice(agent, str(agent.scratch / "plain.yml"))
    assert agent.shell(f"ls {BPFFS}/agent").split() == ["events", "flows"]

    update, dump = re.split(r"\n(?=bpftool)", blocks("console")[1])
    agent.shell(update)
    entries = json.loads(blocks("json")[0])
    assert json.loads(agent.shell(dump)) == entries

    loaded = agent.run(
        agent.site.program("load"), str(agent.scratch / "files" / "agent.bpf.o"), f"{BPFFS}/agent"
    )
    for name in ("flows", "events"):
        assert json.loads(loaded.stdout)[name] == agent.map_at(f"{BPFFS}/agent/{name}")["id"]

    (agent.scratch / "overridden.yml").write_text(overridden)
    run_twice(agent, str(agent.scratch / "overridden.yml"))
    assert agent.map_at(f"{BPFFS}/agent/flows")["max_entries"] == 131072
    assert json.loads(agent.shell(dump)) == entries

    (agent.scratch / "variables.yml").write_text(variables)
    run_twice(agent, "ebpf.pinning.provision", "-e", f"@{agent.scratch}/variables.yml")
    assert agent.map_at(f"{BPFFS}/agent/flows")["max_entries"] == 65536
    assert json.loads(agent.shell(dump)) == entries


@pytest.mark.every_core
def test_the_examples_of_the_lookup_run_and_then_change_nothing(agent: Host) -> None:
    files = agent.scratch / "files"
    for name in ("ingress.bpf.o", "egress.bpf.o"):
        (files / name).write_bytes((files / "agent.bpf.o").read_bytes())
    match = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', LOOKUP, re.M | re.S)
    assert match is not None
    tasks = yaml.safe_load(match[1])
    first, second = (agent.playbook(tasks) for _twice in range(2))
    for run in (first, second):
        made, shared, shown = (result.good() for result in run)
        assert [made.changed, shared.changed] == [run is first] * 2
        assert {item["name"] for item in shown["msg"]} == {"events", "flows", "scratch"}
    assert agent.map_at(f"{BPFFS}/mesh/flows")["max_entries"] == 131072
