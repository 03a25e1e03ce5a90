# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_link_pinned: a pinned program is attached, changed in place, attached anew, detached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from absence_table import inventory_task, taken
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import CHECKOUT
from link_table import LINKS, LOADED, ROWS, UNTRIED, Hooks, hooks_of


@pytest.fixture
def hooks(host: Host) -> Iterator[Hooks]:
    with hooks_of(host) as hooks:
        yield hooks


def checked_and_done(host: Host, **words: Any) -> Result:
    """Of a check run that changes nothing, a run that does the same, and one without a change."""
    before = host.inventory()
    predicted, seen, done, again = host.playbook(
        [
            task("bpf_link_pinned", check=True, diff=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_link_pinned", diff=True, **words),
            task("bpf_link_pinned", diff=True, **words),
        ]
    )
    assert taken(seen) == before
    for key in ("changed", "counts", "directories", "leftovers", "diff"):
        assert done.good()[key] == predicted.good()[key], key
    told = [
        [{**each, "id": None, "prog_id": None} for each in result["links"]]
        for result in (predicted, done)
    ]
    assert told[0] == told[1]
    assert done.warnings == predicted.warnings
    assert not again.good().changed
    assert again["diff"] == []
    return done


def xdp(hooks: Hooks, program: str = "xdp_old", **more: Any) -> dict[str, Any]:
    attach = {"type": "xdp", "interface": "v0", "namespace": hooks.network}
    return {"path": f"{LINKS}/v0", "program": f"{LOADED}/{program}", "attach": attach, **more}


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
    named = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
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


# Others on the hook

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
