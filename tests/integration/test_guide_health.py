# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/health.md: what it asks and what it does, as it stands."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from harness.host import BPFFS, Host
from harness.samples import AGENT
from test_examples import blocks
from unused import held, see_all_processes


@pytest.fixture
def tasks(host: Host) -> list[Any]:
    """The tasks of the page, block by block."""
    see_all_processes(host)
    host.run("mkdir", AGENT)
    return [yaml.safe_load(block) for block in blocks("docs/health.md")]


def test_the_page_asks_and_removes(host: Host, tasks: list[Any]) -> None:
    host.make_pin(f"{AGENT}/old")
    host.make_pin(f"{AGENT}/held")
    ask, remove, _repair = tasks
    with held(host, "open", f"{AGENT}/held"):
        told, shown = host.playbook(ask)
        assert told.good()["health"]["unused"] == [f"{AGENT}/old"]
        assert shown.good()["bpf.health"] == told["health"]
        (young,) = host.playbook(remove)
        reasons = {each["path"]: each["reason"] for each in young.good()["spared"]}
        assert "old, not older than 1w" in reasons[f"{AGENT}/old"]
        del remove[0]["ebpf.pinning.bpf_pin_absent"]["older_than"]
        (done,) = host.playbook(remove)
        assert [each["path"] for each in done.good()["pins"]] == [f"{AGENT}/old"]


def test_the_page_tells_what_is_stacked(host: Host, tasks: list[Any]) -> None:
    host.make_pin(f"{AGENT}/map")
    *_others, repair = tasks
    assert not host.playbook(repair)[0].good().changed
    host.run("mount", "-t", "bpf", "bpf", BPFFS)
    told = host.playbook(repair)[0]
    assert told.failed
    assert "has 1 pin (agent/map)" in told.msg
    repair[0]["ebpf.pinning.bpffs_mount"]["force"] = True
    assert host.playbook(repair)[0].good().changed
    assert host.map_at(f"{AGENT}/map")
