# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs change under traffic: each packet is seen by the old or the new one, never by none."""

from __future__ import annotations

from typing import Any

import pytest
from harness.playbook import task
from link_table import LINKS, LOADED, Hooks, hooks

__all__ = ["hooks"]  # a fixture

CHANGES = 50
FRAMES = ("frames", "v1", "v0")
CGROUP = "$cgroup"
CONNECTIONS = ("connections", CGROUP)
DATAGRAMS = ("datagrams",)
# Attach type: program, what is sent, numbers for the loader, whether the link takes another one.
UNDER_TRAFFIC = {
    "xdp": ("xdp", FRAMES, (), True),
    "tcx_ingress": ("tc", FRAMES, (), True),
    "cgroup_inet4_connect": ("inet4_connect", CONNECTIONS, (), True),
    "netfilter": ("netfilter", DATAGRAMS, (32, 45), False),
}


@pytest.mark.parametrize("name", UNDER_TRAFFIC)
def test_each_packet_is_seen_by_the_old_program_or_the_new_one(hooks: Hooks, name: str) -> None:
    host = hooks.host
    program, sending, numbers, in_place = UNDER_TRAFFIC[name]
    seen = f"{LOADED}/seen"
    for each in ("old", "new"):
        hooks.load(f"{program}_{each}", *numbers)

    def declared(which: str) -> dict[str, Any]:
        return {
            "path": f"{LINKS}/{name}",
            "program": f"{LOADED}/{program}_{which}",
            "attach": hooks.declared(name),
        }

    host.module("bpf_link_pinned", **declared("old")).good()
    changes = ("new", "old") * (CHANGES // 2)
    with hooks.traffic(*(hooks.cgroup if each == CGROUP else each for each in sending)) as there:
        run = host.playbook([task("bpf_link_pinned", **declared(each)) for each in changes])
    word = "updated" if in_place else "replaced"
    assert [each.good()["links"][0]["action"] for each in run] == [word] * CHANGES
    (sent,) = there
    entries = host.bpftool("map", "dump", "pinned", seen)
    old, new = (int(each["formatted"]["value"]) for each in entries)
    assert sent > 1000
    assert min(old, new) > 0
    if in_place:
        assert old + new == sent
    else:
        assert old + new >= sent  # for a moment both see them
