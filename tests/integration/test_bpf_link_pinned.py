# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_link_pinned: a pinned program is attached, changed in place, and detached."""

from __future__ import annotations

import re
from typing import Any

import pytest
from harness.playbook import task
from harness.site import ADM_GROUP, CHECKOUT, DAEMON
from link_table import LINKS, LOADED, ROWS, UNTRIED, Hooks, checked_and_done, hooks, xdp

__all__ = ["hooks"]  # a fixture


@pytest.mark.every_python
def test_a_program_is_attached_changed_in_place_and_detached(hooks: Hooks) -> None:
    host = hooks.host
    old, new = hooks.load("xdp_old"), hooks.load("xdp_new")
    made = checked_and_done(host, **xdp(hooks))
    (told,) = made["links"]
    link = hooks.link(f"{LINKS}/v0")
    assert made["directories"] == [LINKS]
    assert (told["action"], told["type"]) == ("created", "xdp")
    assert (told["id"], told["prog_id"]) == (link["id"], old) == (link["id"], link["prog_id"])
    assert hooks.xdp() == old
    changed = checked_and_done(host, **xdp(hooks, "xdp_new"))
    assert changed["links"][0]["action"] == "updated"
    (drift,) = changed["links"][0]["drift"]
    assert (drift["field"], drift["have"]) == ("program", f"program {old}")
    assert f"(id {new})" in drift["want"]
    assert hooks.link(f"{LINKS}/v0") == {**link, "prog_id": new}
    assert hooks.xdp() == new
    gone = checked_and_done(host, path=f"{LINKS}/v0", state="absent")
    assert gone["links"][0]["action"] == "removed"
    assert hooks.xdp() is None
    assert f"{LINKS}/v0" not in host.inventory()
    assert link["id"] not in [each["id"] for each in host.bpftool("link", "show")]


@pytest.mark.every_python
def test_every_attach_type_is_attached_changed_and_detached(
    hooks: Hooks, subtests: pytest.Subtests
) -> None:
    host = hooks.host
    ids: dict[str, list[int]] = {}
    for name, row in ROWS.items():
        with subtests.test(f"{name} is loaded"):
            pins = [f"{LOADED}/{name}_{number}" for number in range(2)]
            ids[name] = [
                hooks.load(program, *row.numbers, pin=pin)
                for program, pin in zip(row.programs, pins, strict=True)
            ]
    hooks.make_maps()
    tried = {name: row for name, row in ROWS.items() if name in ids}

    def links(number: int) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "program": f"{LOADED}/{name}_{number}",
                "attach": hooks.declared(name),
            }
            for name in tried
        ]

    made = checked_and_done(host, directory=LINKS, links=links(0))
    first = {name: hooks.link(f"{LINKS}/{name}") for name in tried}
    on_hooks = [{name: hooks.programs(name) for name in tried}]
    changed = checked_and_done(host, directory=LINKS, links=links(1))
    second = {name: hooks.link(f"{LINKS}/{name}") for name in tried}
    on_hooks.append({name: hooks.programs(name) for name in tried})
    absent = [{"name": name, "state": "absent"} for name in tried]
    gone = checked_and_done(host, directory=LINKS, links=absent)
    on_hooks.append({name: hooks.programs(name) for name in tried})
    left = {each["id"] for each in host.bpftool("link", "show")}
    for index, name in enumerate(tried):
        with subtests.test(name):
            before, after = first[name], second[name]
            assert made["links"][index]["action"] == "created"
            assert made["links"][index]["id"] == before["id"]
            assert (before["prog_id"], after["prog_id"]) == tuple(ids[name])
            listed = [each[name] for each in on_hooks]
            assert listed in ([[ids[name][0]], [ids[name][1]], []], [None] * 3)
            assert (listed[0] is None) is (
                name in UNLISTED | NEW_LINKS or name.startswith("cgroup_unix")
            )
            in_place = before["id"] == after["id"]
            assert in_place is (name not in NEW_LINKS)
            assert changed["links"][index]["action"] == ("updated" if in_place else "replaced")
            shown = hooks.shown(ROWS[name])
            assert {key: before.get(key) for key in shown} == shown
            assert {key: after.get(key) for key in shown} == shown
            assert gone["links"][index]["action"] == "removed"
            assert not {before["id"], after["id"]} & left


def test_every_attach_type_of_the_table_is_tried() -> None:
    page = (CHECKOUT / "docs" / "links.md").read_text()
    _told, _heading, declared = page.partition("## Attach types")
    named = re.findall(r"^\| `(\w+)` \|", declared, re.MULTILINE)
    assert len(named) > 50
    assert {*ROWS} | UNTRIED | {"struct_ops"} == {*named}


UNLISTED = {
    *("cgroup_inet_sock_release", "lsm_cgroup", "iter"),
    *("cgroup_inet4_getpeername", "cgroup_inet6_getpeername"),
    *("cgroup_inet4_getsockname", "cgroup_inet6_getsockname"),
}  # and NEW_LINKS: of these nobody tells what is on the hook
# Of these the kernel changes no program in place.
NEW_LINKS = {
    *("netfilter", "tracepoint", "raw_tracepoint", "uprobe", "uretprobe"),
    *("tp_btf", "fentry", "fexit", "fmod_ret", "lsm"),
}


def test_a_map_of_struct_ops_is_attached_and_detached(hooks: Hooks) -> None:
    host, pin = hooks.host, f"{LOADED}/control"
    hooks.load_map(pin)
    words = {"path": f"{LINKS}/control", "program": pin, "attach": {"type": "struct_ops"}}
    made = checked_and_done(host, **words)
    link = hooks.link(f"{LINKS}/control")
    assert made["links"][0]["id"] == link["id"]
    assert link["type"] == "struct_ops"
    host.run("bpftool", "link", "detach", "pinned", f"{LINKS}/control")
    again = checked_and_done(host, **words)
    assert again["links"][0]["action"] == "replaced"
    assert hooks.link(f"{LINKS}/control")["id"] != link["id"]
    checked_and_done(host, path=f"{LINKS}/control", state="absent")


def test_owner_group_and_mode_are_as_declared(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("xdp_old")
    hooks.load("xdp_new")
    path = f"{LINKS}/v0"
    mine = {"owner": "daemon", "group": "adm", "mode": "0640"}
    checked_and_done(host, **xdp(hooks, **mine))
    kept = ("bits", "owner", "group")
    pin = host.inventory()[path]
    assert [pin[key] for key in kept] == ["0640", DAEMON, ADM_GROUP]
    changed = checked_and_done(host, **xdp(hooks, "xdp_new", **{**mine, "mode": "0600"}))
    assert changed["links"][0]["action"] == "updated"
    assert [each["field"] for each in changed["links"][0]["drift"]] == ["program", "mode"]
    now = host.inventory()[path]
    assert now["inode"] == pin["inode"]
    assert [now[key] for key in kept] == ["0600", DAEMON, ADM_GROUP]
    host.run("chown", "nobody", path)
    refused = host.module("bpf_link_pinned", **xdp(hooks, "xdp_new"))
    assert "the pin belongs to nobody" in refused.msg


def test_a_link_moves_to_another_interface_only_if_that_is_declared(hooks: Hooks) -> None:
    host = hooks.host
    old = hooks.load("xdp_old")
    host.module("bpf_link_pinned", **xdp(hooks)).good()
    before = host.inventory()
    there = {"type": "xdp", "interface": "v1", "namespace": hooks.network}
    refused = host.module("bpf_link_pinned", **xdp(hooks, attach=there))
    assert "the pin holds another one than declared (interface ifindex " in refused.msg
    assert host.inventory() == before
    moved = checked_and_done(host, **xdp(hooks, attach=there, on_mismatch="replace"))
    assert moved["links"][0]["action"] == "replaced"
    assert (hooks.xdp("v0"), hooks.xdp("v1")) == (None, old)


MOVED = {
    "tracepoint": [("tracepoint", {"tracepoint": "sched/sched_switch"})],
    "uprobe": [("uprobe", {"offset": 64}), ("uretprobe", {}), ("uprobe", {"binary": "/bin/sh"})],
}


@pytest.mark.parametrize("kind", MOVED)
def test_a_link_moves_to_another_event_only_if_that_is_declared(hooks: Hooks, kind: str) -> None:
    host = hooks.host
    hooks.load(f"{kind}_old")
    words = {"path": f"{LINKS}/a", "program": f"{LOADED}/{kind}_old"}
    host.module("bpf_link_pinned", **words, attach=hooks.declared(kind)).good()
    before, link = host.inventory(), hooks.link(f"{LINKS}/a")
    for name, more in MOVED[kind]:
        refused = host.module("bpf_link_pinned", **words, attach=hooks.declared(name, **more))
        assert "the pin holds another one than declared (" in refused.msg, (name, more)
        assert host.inventory() == before
    name, more = MOVED[kind][0]
    attach = hooks.declared(name, **more)
    moved = checked_and_done(host, **words, attach=attach, on_mismatch="replace")
    assert moved["links"][0]["action"] == "replaced"
    assert hooks.link(f"{LINKS}/a")["id"] != link["id"]


def test_a_mode_of_xdp_is_compared_if_it_is_declared(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("xdp_old")
    generic = {"type": "xdp", "interface": "v0", "namespace": hooks.network, "mode": "generic"}
    checked_and_done(host, **xdp(hooks, attach=generic))
    assert hooks.on("v0")["xdp"]["mode"] == 2  # XDP_ATTACHED_SKB
    refused, kept = host.playbook(
        [
            task(
                "bpf_link_pinned",
                **xdp(hooks, attach={**generic, "mode": "native"}, on_mismatch="replace"),
            ),
            task("bpf_link_pinned", **xdp(hooks)),
        ]
    )
    assert "attach.mode cannot be changed" in refused.msg
    assert not kept.good().changed


def test_who_else_holds_a_link_is_told_and_it_is_detached_all_the_same(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("xdp_old")
    host.module("bpf_link_pinned", **xdp(hooks)).good()
    holding = "import ctypes, sys; sys.stdin.read()"
    code = (
        "import ctypes, struct\n"
        f"path = ctypes.create_string_buffer(b'{LINKS}/v0')\n"
        "attr = ctypes.create_string_buffer(struct.pack('QII', ctypes.addressof(path), 0, 0))\n"
        "assert ctypes.CDLL(None).syscall(321, 7, attr, 16) > 0\n"
        "print('held', flush=True)\n"
    )
    with host.running("python3", "-c", code + holding) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        gone = host.module("bpf_link_pinned", path=f"{LINKS}/v0", state="absent").good()
        (warning,) = gone.warnings
        assert f"is held by process {holder.pid} (python3), too: it is detached" in warning
        assert hooks.xdp() is None
