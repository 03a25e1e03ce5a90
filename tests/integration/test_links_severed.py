# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that outlive what they attached their program to: told, and not said to detach anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from test_links import World, awaited, world

__all__ = ["world"]  # a fixture

DETACH = "bpftool link detach pinned $PIN"


@dataclass(frozen=True)
class End:
    """How a link of a program of c/links.bpf.c comes to be attached to nothing."""

    program: str
    script: str  # that makes it so
    kind: str
    field: str  # of `target`, which is 0 then
    in_network: bool = False  # whether the script runs there


ENDS: Mapping[str, End] = {
    "the device of an XDP program": End("on_xdp", "ip link del v0", "xdp", "ifindex", True),
    "the device of a tcx program": End("on_tcx", "ip link del v0", "tcx", "ifindex", True),
    "a control group": End("on_cgroup", "rmdir $CGROUP", "cgroup", "cgroup_id"),
    "an XDP program that was detached": End("on_xdp", DETACH, "xdp", "ifindex"),
    "a tcx program that was detached": End("on_tcx", DETACH, "tcx", "ifindex"),
    "a cgroup program that was detached": End("on_cgroup", DETACH, "cgroup", "cgroup_id"),
    "a netns program that was detached": End("on_netns", DETACH, "netns", "netns_ino"),
    "a struct_ops map that was detached": End("on_struct_ops", DETACH, "struct_ops", "map_id"),
    "a sockmap program that was detached": End("on_sockmap", DETACH, "sockmap", "map_id"),
}


def _shown(host: Host, path: str, field: str) -> object:
    """What bpftool says of a link: 0, "(detached)" or nothing where it is attached to nothing."""
    (link,) = [
        each for each in host.bpftool("-f", "link", "show") if path in each.get("pinned", ())
    ]
    return link.get(field)


@pytest.mark.parametrize("about", ENDS)
def test_a_link_that_is_attached_to_nothing_is_told_of(world: World, about: str) -> None:
    host, end, path = world.host, ENDS[about], f"{BPFFS}/link"
    ids = world.attach(end.program, path)
    look = task("bpf_pin_info", path=[path])
    keep = task("bpf_object_pinned", path=path, link_id=ids["link"])
    before, kept = host.playbook([look, keep])
    assert before.good()["pins"][0]["link"]["attached"] is True
    assert before["pins"][0]["link"]["target"][end.field] != 0
    assert kept.good().warnings == []
    script = end.script.replace("$PIN", path).replace("$CGROUP", world.cgroup)
    command = ["sh", "-ec", script]
    host.run(*(world.inside(*command) if end.in_network else command))
    try:
        awaited(lambda: _shown(host, path, end.field) in (0, None), True)
        seen, again, predicted, gone = host.playbook(
            [
                look,
                keep,
                task("bpf_pin_absent", check=True, path=[path]),
                task("bpf_pin_absent", path=[path]),
            ]
        )
    finally:
        host.run("mkdir", "-p", world.cgroup)  # the fixture removes it
    link = seen.good()["pins"][0]["link"]
    assert (link["type"], link["attached"]) == (end.kind, False)
    assert link["target"][end.field] == 0
    assert again.good()["counts"]["unchanged"] == 1
    (warning,) = again.warnings
    assert warning.startswith(f"{path}: link {ids['link']} ({end.kind}) is attached to nothing")
    for result in (predicted.good(), gone.good()):
        (warning,) = result.warnings
        assert warning.startswith(f"{path}: when the pin is gone, nothing changes for ")
        assert f"link {ids['link']} ({end.kind}) is attached to nothing any more" in warning
        assert "is detached" not in warning
        if ids["prog"]:
            assert f"program {ids['prog']}" in warning
        else:
            assert "program 0" not in warning
    assert gone["pins"][0]["last_reference"] is True


def test_a_link_of_a_network_that_is_gone_is_told_of(host: Host) -> None:
    path = f"{BPFFS}/link"
    with host.running("unshare", "--net", "sh", "-c", "echo ready; exec cat") as network:
        assert network.stdout is not None
        assert network.stdout.readline() == "ready\n"
        there = World(host, f"/proc/{network.pid}/ns/net", "")
        ids = there.attach("on_netns", path)
    awaited(lambda: _shown(host, path, "netns_ino") in (0, None), True)
    seen, gone = host.playbook(
        [task("bpf_pin_info", path=[path]), task("bpf_pin_absent", path=[path])]
    )
    assert seen.good()["pins"][0]["link"]["attached"] is False
    (warning,) = gone.good().warnings
    assert f"nothing changes for program {ids['prog']}: link {ids['link']} (netns)" in warning


def test_a_pin_of_another_link_is_told_with_what_it_is_attached_to(world: World) -> None:
    host, path = world.host, f"{BPFFS}/link"
    old = world.attach("on_xdp", path)
    host.run("bpftool", "link", "detach", "pinned", path)
    with world.attached("on_xdp_anew") as new:
        words = {"path": path, "link_id": new["link"]}
        refused, drift, replaced = host.playbook(
            [
                task("bpf_object_pinned", **words),
                task("bpf_object_pinned", check=True, on_mismatch="replace", **words),
                task("bpf_object_pinned", on_mismatch="replace", **words),
            ]
        )
    held = f"a link of type xdp (id {old['link']}, program {old['prog']}, attached to nothing)"
    assert f"the pin holds {held}, not a link of type xdp (id {new['link']}" in refused.msg
    assert drift.good()["objects"][0]["drift"][0]["have"] == held
    for result in (drift, replaced.good()):
        (warning,) = result.warnings
        assert f"nothing changes for program {old['prog']}: link {old['link']} (xdp)" in warning
