# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others on the hook: never displaced, and named."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS
from harness.playbook import task
from link_table import LINKS, LOADED, Hooks, checked_and_done, hooks, xdp

__all__ = ["hooks"]  # a fixture

OTHERS = {
    "by a link": "xdp_old",
    "by netlink": "xdp_old",
    "by netlink, generic": "xdp_old",
    "by a dispatcher": "xdp_dispatcher",
    "by xdp-loader": "",
}


@pytest.mark.parametrize("how", OTHERS)
def test_xdp_of_others_is_never_displaced(hooks: Hooks, how: str) -> None:
    host, site = hooks.host, hooks.host.site
    hooks.load("xdp_new")
    program = OTHERS[how]
    if program:
        hooks.load(program)
    if how == "by a link":
        host.module("bpf_link_pinned", **{**xdp(hooks, program), "path": f"{BPFFS}/others"}).good()
    elif program:
        mode = "xdpgeneric" if "generic" in how else "xdp"
        words = ["ip", "link", "set", "dev", "v0", mode, "pinned", f"{LOADED}/{program}"]
        host.run(*hooks.inside(*words))
    else:
        # Where the kernel has no trampolines, it attaches the program itself, without a dispatcher.
        words = ["xdp-loader", "load", "-m", "skb", "-n", "xdp_old", "v0"]
        host.run(*hooks.inside(*words, site.bpf_object("hooked")))
    there = hooks.on("v0")["xdp"]["prog"]
    before = host.inventory()
    refused = host.module("bpf_link_pinned", **xdp(hooks, "xdp_new", on_mismatch="replace"))
    assert refused.failed
    assert f"program {there['id']} ({there['name']})" in refused.msg
    assert ("xdp-loader status" in refused.msg) is (there["name"] == "xdp_dispatcher")
    assert ("by link " in refused.msg) is (how == "by a link")
    assert refused["links"][0]["action"] == "incompatible"
    assert hooks.xdp() == there["id"]
    assert host.inventory() == before


def test_tcx_of_others_stays_in_its_order(hooks: Hooks) -> None:
    host = hooks.host
    first = {each: hooks.load("tc_old", pin=f"{LOADED}/{each}") for each in ("a", "b", "c", "d")}
    (a, b, c, d) = first.values()

    def link(name: str, **more: Any) -> dict[str, Any]:
        attach = hooks.declared("tcx_ingress", **more)
        return {"path": f"{LINKS}/{name}", "program": f"{LOADED}/{name}", "attach": attach}

    host.module("bpf_link_pinned", **link("a")).good()
    checked_and_done(host, **link("b", before=f"{LINKS}/a"))
    checked_and_done(host, **link("c", after=f"{LOADED}/b"))
    checked_and_done(host, **link("d"))
    assert hooks.programs("tcx_ingress") == [b, c, a, d]
    other = hooks.load("tc_new", pin=f"{LOADED}/other")
    checked_and_done(host, **{**link("c", after=f"{LOADED}/b"), "program": f"{LOADED}/other"})
    assert hooks.programs("tcx_ingress") == [b, other, a, d]
    moved, twice, gone = host.playbook(
        [
            task("bpf_link_pinned", **link("b", after=f"{LINKS}/d")),
            task("bpf_link_pinned", **{**link("d"), "path": f"{LINKS}/twice"}),
            task("bpf_link_pinned", path=f"{LINKS}/c", state="absent"),
        ]
    )
    assert "attach.after cannot be changed" in moved.msg
    assert "takes each program once" in twice.msg
    assert gone.good().changed
    assert hooks.programs("tcx_ingress") == [b, a, d]


def test_a_cgroup_with_a_program_that_bears_no_other_is_refused(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("inet4_connect_new")
    theirs = hooks.load("inet4_connect_old")
    attached = f"{hooks.cgroup} connect4 pinned {LOADED}/inet4_connect_old"
    host.shell(f"bpftool cgroup attach {attached}")
    words = {
        "path": f"{LINKS}/connect",
        "program": f"{LOADED}/inet4_connect_new",
        "attach": hooks.declared("cgroup_inet4_connect"),
    }
    refused = host.module("bpf_link_pinned", **words)
    assert f"program {theirs} (inet4_connect_o)" in refused.msg
    assert "BPF_F_ALLOW_MULTI" in refused.msg
    host.shell(f"bpftool cgroup detach {attached}; bpftool cgroup attach {attached} multi")
    checked_and_done(host, **words)
    listed = hooks.programs("cgroup_inet4_connect")
    assert listed is not None
    assert theirs in listed
    assert len(listed) == 2
    tree = host.bpftool("cgroup", "show", hooks.cgroup)
    assert {each["id"] for each in tree} == {*listed}
