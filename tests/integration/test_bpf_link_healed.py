# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A link that was severed is told of, and its program attached anew."""

from __future__ import annotations

import pytest
from harness.playbook import task
from link_table import LINKS, LOADED, ROWS, Hooks, checked_and_done, hooks, xdp

__all__ = ["hooks"]  # a fixture

BETWEEN = "ip link add b0 type veth peer name b1"  # so that what comes back has another number
# What severs a link, and what brings its target back. $LINK is its pin.
SEVERED = {
    "the interface": ("xdp", f"ip link del v0\n{BETWEEN}", "ip link add v0 type veth peer name v1"),
    "the interface of tcx": (
        "tcx_ingress",
        f"ip link del v0\n{BETWEEN}",
        "ip link add v0 type veth peer name v1",
    ),
    "the cgroup": ("cgroup_inet4_connect", "rmdir $CGROUP", "mkdir $CGROUP"),
    "somebody, of XDP": ("xdp", "bpftool link detach pinned $LINK", ""),
    "somebody, of tcx": ("tcx_egress", "bpftool link detach pinned $LINK", ""),
    "somebody, of a cgroup": ("cgroup_inet_egress", "bpftool link detach pinned $LINK", ""),
    "somebody, of a network": ("sk_lookup", "bpftool link detach pinned $LINK", ""),
}


@pytest.mark.parametrize("by", SEVERED)
def test_a_severed_link_is_told_of_and_made_anew(hooks: Hooks, by: str) -> None:
    host = hooks.host
    name, cut, mend = SEVERED[by]
    row = ROWS[name]
    path, bystander = f"{LINKS}/{name}", f"{LINKS}/bystander"
    for program in row.programs:
        hooks.load(program, *row.numbers)
    hooks.load("sk_msg_old")
    hooks.make_maps()
    other = {
        "name": "bystander",
        "program": f"{LOADED}/sk_msg_old",
        "attach": hooks.declared("sk_msg_verdict"),
    }
    declared = {
        "name": name,
        "program": f"{LOADED}/{row.programs[0]}",
        "attach": hooks.declared(name),
        "mode": "0640",
        "group": "adm",
    }
    words = {"directory": LINKS, "links": [declared, other]}
    host.module("bpf_link_pinned", **words).good()
    before, first = host.inventory(), hooks.link(path)
    index = hooks.on("v0")["ifindex"]
    script = f"{cut}\n{mend}".replace("$LINK", path).replace("$CGROUP", hooks.cgroup)
    host.run(*hooks.inside("sh", "-ec", script))
    assert (hooks.on("v0")["ifindex"] != index) is ("interface" in by)
    done = checked_and_done(host, **words)
    told = done["links"][0]
    assert told["action"] == "replaced"
    (drift,) = told["drift"]
    assert drift["field"] == "attached"
    assert drift["have"].startswith("severed")
    assert done["links"][1]["action"] == "unchanged"
    after = host.inventory()
    assert after[bystander] == before[bystander]
    kept = ("bits", "owner", "group")
    assert [after[path][key] for key in kept] == [before[path][key] for key in kept]
    second = hooks.link(path)
    assert second["prog_id"] == first["prog_id"]
    assert second["id"] != first["id"]
    assert hooks.programs(name) == [first["prog_id"]]


def test_a_link_of_a_target_that_is_gone_says_what_is_missing(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("xdp_old")
    words = xdp(hooks)
    host.module("bpf_link_pinned", **words).good()
    host.run(*hooks.inside("ip", "link", "del", "v0"))
    before = host.inventory()
    drift, refused = host.playbook(
        [
            task("bpf_link_pinned", check=True, **words),
            task("bpf_link_pinned", **words),
        ]
    )
    assert "interface v0 does not exist" in "\n".join(drift.good().warnings)
    assert refused.failed
    assert "interface v0 does not exist" in refused.msg
    assert refused["links"][0]["drift"][0]["have"].startswith("severed")
    assert host.inventory() == before
