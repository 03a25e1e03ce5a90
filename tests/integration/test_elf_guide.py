# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/elf-maps.md and the examples of the lookup, as they stand."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.site import CHECKOUT

LOOKUP = (CHECKOUT / "plugins" / "lookup" / "elf_maps.py").read_text()


@pytest.fixture
def guide(host: Host) -> Guide:
    """The guide, on a host of group edge, and files/agent.bpf.o as it says."""
    guide = Guide(host, "elf-maps.md")
    (source,) = guide.blocks("c")
    (guide.folder / "agent.bpf.c").write_text(source)
    host.shell(f"cd {guide.folder}; {guide.blocks('console')[0]}")
    return guide


def test_the_guide_leads_where_it_says(guide: Guide) -> None:
    host = guide.host
    plain, overridden, variables = guide.blocks("yaml")
    guide.play_twice(plain)
    assert host.shell(f"ls {BPFFS}/agent").split() == ["events", "flows"]

    update, dump = re.split(r"\n(?=bpftool)", guide.blocks("console")[1])
    host.shell(update)
    entries = json.loads(guide.blocks("json")[0])
    assert json.loads(host.shell(dump)) == entries

    bpf_object = str(guide.folder / "files" / "agent.bpf.o")
    loaded = host.run(host.site.program("load"), bpf_object, f"{BPFFS}/agent")
    for name in ("flows", "events"):
        assert json.loads(loaded.stdout)[name] == host.map_at(f"{BPFFS}/agent/{name}")["id"]

    guide.play_twice(overridden)
    assert host.map_at(f"{BPFFS}/agent/flows")["max_entries"] == 131072
    assert json.loads(host.shell(dump)) == entries

    guide.provision_twice(variables)
    assert host.map_at(f"{BPFFS}/agent/flows")["max_entries"] == 65536
    assert json.loads(host.shell(dump)) == entries


@pytest.mark.every_core
def test_the_examples_of_the_lookup_run_and_then_change_nothing(guide: Guide) -> None:
    host, files = guide.host, guide.folder / "files"
    for name in ("ingress.bpf.o", "egress.bpf.o"):
        (files / name).write_bytes((files / "agent.bpf.o").read_bytes())
    match = re.search(r'^EXAMPLES = r"""\n(.*?)^"""', LOOKUP, re.M | re.S)
    assert match is not None
    tasks = yaml.safe_load(match[1])
    first, second = (host.playbook(tasks) for _twice in range(2))
    for run in (first, second):
        made, shared, shown = (result.good() for result in run)
        assert [made.changed, shared.changed] == [run is first] * 2
        assert {item["name"] for item in shown["msg"]} == {"events", "flows", "scratch"}
    assert host.map_at(f"{BPFFS}/mesh/flows")["max_entries"] == 131072
