# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md, searched by who has just seen a message."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Run, task
from harness.site import CHECKOUT

PAGE = (CHECKOUT / "docs" / "troubleshooting.md").read_text()
MOST = "The five most frequent"
WORDS = 4  # that somebody types into a search box

MAP = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}


def section(title: str) -> str:
    """A section of the page, without its subsections."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    return str(found)


def found_by_searching(shown: str) -> set[str]:
    """The messages of that section in which a search for words that stand in a line shown ends."""
    messages = {
        line
        for block in re.findall(r"```text\n(.*?)```", section(MOST), re.S)
        for line in block.splitlines()
    }
    found = set()
    for line in shown.splitlines():
        words = line.split()
        for first in range(len(words) - WORDS + 1):
            searched = " ".join(words[first : first + WORDS])
            found |= {message for message in messages if searched in message}
    return found


def without_privileges(host: Host) -> Run:
    map_task = task("bpf_map_pinned", name="flows", keywords=host.as_nobody(), **MAP)
    host.shell(f"chmod 1777 {BPFFS}")
    return host.playbook([map_task])


def outside_bpffs(host: Host) -> Run:
    return host.playbook([task("bpf_map_pinned", path=str(host.scratch / "flows"), **MAP)])


def of_another_shape(host: Host) -> Run:
    words = f"{BPFFS}/flows type hash key 4 value 8 entries 99 name flows"
    host.run("bpftool", "map", "create", *words.split())
    return host.playbook([task("bpf_map_pinned", name="flows", **MAP)])


def not_of_this_kernel(host: Host) -> Run:
    refused = host.tampered("bpf", "error=EINVAL")
    return host.playbook([task("bpf_map_pinned", name="flows", keywords=refused, **MAP)])


def with_programs(host: Host) -> Run:
    host.load("pins", BPFFS, f"{BPFFS}/program")
    words = {"name": "counters", "type": "percpu_array", "value_size": 16, "max_entries": 32}
    return host.playbook([task("bpf_map_pinned", on_mismatch="replace", **words)])


CASES = {
    without_privileges: "the task needs privileges",
    outside_bpffs: "is not on bpffs but on",
    of_another_shape: "is not as declared",
    not_of_this_kernel: "this kernel does not make a map of this type",
    with_programs: "still uses the old map; reload it to switch",
}


@pytest.mark.parametrize("provoke", CASES, ids=lambda provoke: provoke.__name__)
def test_what_is_shown_is_found(host: Host, provoke: Callable[[Host], Run]) -> None:
    run = provoke(host)
    assert any(CASES[provoke] in message for message in found_by_searching(run.output)), run.output
