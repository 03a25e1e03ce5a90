# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be attached is refused with its reason, and nothing is changed."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from harness.host import BPFFS
from harness.playbook import task
from harness.site import DAEMON
from link_table import LINKS, LOADED, ROWS, Hooks, hooks, xdp

__all__ = ["hooks"]  # a fixture


class Refused(NamedTuple):
    """An attach type, its program, what is declared otherwise, and what is said of it."""

    type: str
    program: str
    attach: dict[str, Any]
    says: str
    is_planned: bool = True  # a check says the same


# $L is where programs are pinned, $N where namespaces of the network are, $T the test's folder.
REFUSED = {
    "no such interface": Refused(
        "xdp", "xdp_old", {"interface": "v7"}, "interface v7 does not exist in /proc/"
    ),
    "no such interface, with a long name": Refused(
        "xdp", "xdp_old", {"interface": "v7" * 20}, "does not exist in /proc/"
    ),
    "no such namespace": Refused(
        "xdp", "xdp_old", {"namespace": "nowhere"}, "namespace /run/netns/nowhere does not exist"
    ),
    "another namespace": Refused(
        "xdp", "xdp_old", {"namespace": "$N/mnt"}, "is not a network namespace"
    ),
    "a file for a namespace": Refused(
        "xdp", "xdp_old", {"namespace": "/etc/passwd"}, "is not a network namespace"
    ),
    "a symlink for a namespace": Refused(
        "xdp", "xdp_old", {"namespace": "$T/network"}, "symlinks are never followed"
    ),
    "no such cgroup": Refused(
        "cgroup_sock_ops", "sock_ops_old", {"cgroup": "/sys/fs/nowhere"}, "cgroup /sys/fs/nowhere"
    ),
    "no cgroup": Refused(
        "cgroup_sock_ops", "sock_ops_old", {"cgroup": "/etc"}, "is not a cgroup of version 2"
    ),
    "a symlink for a cgroup": Refused(
        "cgroup_sock_ops", "sock_ops_old", {"cgroup": "$T/cgroup"}, "symlinks are never followed"
    ),
    "another map": Refused(
        "sk_msg_verdict", "sk_msg_old", {"map": "$L/seen"}, "name one of a sockmap or sockhash"
    ),
    "no such map": Refused(
        "sk_msg_verdict", "sk_msg_old", {"map": "$L/none"}, "map $L/none does not exist"
    ),
    "no such tracepoint": Refused(
        "tracepoint", "tracepoint_old", {"tracepoint": "sched/none"}, "is not in /sys/kernel/trac"
    ),
    "no such raw tracepoint": Refused(
        "raw_tracepoint",
        "raw_tracepoint_old",
        {"tracepoint": "none"},
        "RAW_TRACEPOINT_OPEN: ENOENT: the kernel has no such tracepoint",
        is_planned=False,
    ),
    "no such binary": Refused(
        "uprobe", "uprobe_old", {"binary": "/bin/nowhere"}, "binary /bin/nowhere does not exist"
    ),
    "nothing to be before": Refused(
        "tcx_ingress", "tc_old", {"before": "$L/none"}, "before $L/none does not exist: pin it"
    ),
    "to be before what is not there": Refused(
        "tcx_ingress",
        "tc_old",
        {"before": "$L/xdp_old"},
        "LINK_CREATE: ",
        is_planned=False,
    ),
    "a program of another type": Refused(
        "xdp", "tc_old", {}, "is of type sched_cls, and attach type xdp takes one of type xdp"
    ),
    "a map for a program": Refused("xdp", "seen", {}, "is the pin of a map of type array"),
    "no such program": Refused("xdp", "none", {}, "program $L/none does not exist: pin it first"),
    "a directory for a program": Refused("xdp", "", {}, "is a directory, not a pin"),
    "a program for a map": Refused(
        "struct_ops", "xdp_old", {}, "takes a map of type struct_ops: name the pin of that"
    ),
    "a program for another attach type": Refused(
        "cgroup_inet4_bind",
        "inet4_connect_old",
        {},
        "program $L/inet4_connect_old was loaded for another attach type than cgroup_inet4_bind",
    ),
    "a mode that a device does not have": Refused(
        "xdp",
        "xdp_old",
        {"mode": "offload"},
        "LINK_CREATE: ",
        is_planned=False,
    ),
}


@pytest.fixture
def loaded(hooks: Hooks) -> Hooks:
    """With the programs of the table, and what it names in a folder."""
    names = {each.program for each in REFUSED.values()}
    for name in sorted(names):
        if name.endswith("_old"):
            hooks.load(name)
    scratch = hooks.host.scratch
    hooks.host.shell(
        f"ln -s {hooks.network} {scratch}/network; ln -s {hooks.cgroup} {scratch}/cgroup"
    )
    return hooks


def hooks_are_free(hooks: Hooks) -> bool:
    types = {each.type for each in REFUSED.values()} & ROWS.keys() - {"sk_msg_verdict"}
    return not any(hooks.programs(each) for each in types)


def test_what_cannot_be_attached_is_refused(loaded: Hooks, subtests: pytest.Subtests) -> None:
    host = loaded.host
    before = host.inventory()

    def say(text: str) -> str:
        namespaces = loaded.network.rpartition("/")[0]
        text = text.replace("$L", LOADED).replace("$N", namespaces)
        return text.replace("$T", str(host.scratch))

    tasks = []
    for about, row in REFUSED.items():
        usual = {} if row.type == "struct_ops" else loaded.declared(row.type)
        said = {
            key: say(each) if isinstance(each, str) else each for key, each in row.attach.items()
        }
        words = {
            "path": f"{LINKS}/link",
            "program": f"{LOADED}/{row.program}".rstrip("/"),
            "attach": {**usual, "type": row.type, **said},
        }
        tasks += [
            task("bpf_link_pinned", label=about, **words),
            task("bpf_link_pinned", label=f"check: {about}", check=True, **words),
        ]
    run = host.playbook(tasks)
    for about, row in REFUSED.items():
        with subtests.test(about):
            result, checked = run[about], run[f"check: {about}"]
            assert result.failed
            assert say(row.says) in result.msg
            assert "this is rare" not in result.msg
            assert not result.changed
            told = checked.msg if checked.failed else "\n".join(checked.warnings)
            assert (say(row.says) in told) is row.is_planned
    after = host.inventory()
    assert {path for path in after if path.startswith(f"{LINKS}/")} == set()
    assert {path: each for path, each in after.items() if path in before} == {
        **before,
        BPFFS: after[BPFFS],
    }
    assert hooks_are_free(loaded)


def test_a_link_takes_no_program_of_another_attach_type(hooks: Hooks) -> None:
    host = hooks.host
    old = hooks.load("inet4_connect_old")
    hooks.load("inet4_bind_old")
    attach = hooks.declared("cgroup_inet4_connect")
    words = {"path": f"{LINKS}/link", "attach": attach}
    host.module("bpf_link_pinned", program=f"{LOADED}/inet4_connect_old", **words).good()
    before = host.inventory()
    refused = host.module("bpf_link_pinned", program=f"{LOADED}/inet4_bind_old", **words)
    assert "was loaded for another attach type than cgroup_inet4_connect" in refused.msg
    assert refused["links"][0]["action"] == "incompatible"
    assert host.inventory() == before
    assert hooks.programs("cgroup_inet4_connect") == [old]


def test_two_links_where_one_can_be_are_refused_before_anything_changes(
    hooks: Hooks, subtests: pytest.Subtests
) -> None:
    host = hooks.host
    one = ("xdp", "flow_dissector", "netfilter", "sk_msg_verdict")
    each_once = ("tcx_ingress", "tracepoint")
    for name in (*one, *each_once):
        for program in ROWS[name].programs:
            hooks.load(program, *ROWS[name].numbers)
    hooks.make_maps()
    host.run("mkdir", LINKS)
    before = host.inventory()

    def links(name: str, *ages: int) -> list[dict[str, object]]:
        programs = [f"{LOADED}/{ROWS[name].programs[age]}" for age in ages]
        return [
            {"path": f"{LINKS}/{name}{number}", "program": each, "attach": hooks.declared(name)}
            for number, each in enumerate(programs)
        ]

    cases = [(name, links(name, 0, 1)) for name in one]
    cases += [(name, links(name, 0, 0)) for name in each_once]
    for name, declared in cases:
        with subtests.test(name):
            checked, refused = host.playbook(
                [task("bpf_link_pinned", check=check, links=declared) for check in (True, False)]
            )
            assert checked.msg == refused.msg
            assert f"{LINKS}/{name}0 is declared to " in refused.msg
            assert ": keep one" in refused.msg
            assert host.inventory() == before
    # Beside each other they are good, and neither then takes the program of the other.
    for name in each_once:
        with subtests.test(f"{name}, later"):
            made, checked, refused = host.playbook(
                [
                    task("bpf_link_pinned", links=links(name, 0, 1)),
                    task("bpf_link_pinned", links=links(name, 0, 0), check=True),
                    task("bpf_link_pinned", links=links(name, 0, 0)),
                ]
            )
            assert made.good()["counts"]["created"] == 2
            assert checked.msg == refused.msg
            assert "each program once" in refused.msg
            assert not refused.changed


def test_two_pins_of_one_link_may_both_be_declared(hooks: Hooks) -> None:
    host = hooks.host
    ids = [hooks.load("xdp_old"), hooks.load("xdp_new")]
    host.module("bpf_link_pinned", **xdp(hooks)).good()
    second = {**xdp(hooks), "path": f"{LINKS}/second"}
    host.module("bpf_object_pinned", path=second["path"], source=f"{LINKS}/v0").good()
    kept = host.module("bpf_link_pinned", links=[xdp(hooks), second])
    assert not kept.good().changed
    new = [{**each, "program": f"{LOADED}/xdp_new"} for each in (xdp(hooks), second)]
    host.module("bpf_link_pinned", links=new).good()
    assert hooks.xdp() == ids[1]


def test_a_link_takes_no_program_that_another_link_has_on_the_hook(hooks: Hooks) -> None:
    host = hooks.host
    ids = [hooks.load("tc_old"), hooks.load("tc_new")]
    attach = hooks.declared("tcx_ingress")
    old, new = (
        {"path": f"{LINKS}/{age}", "program": f"{LOADED}/tc_{age}", "attach": attach}
        for age in ("old", "new")
    )
    host.module("bpf_link_pinned", links=[old, new]).good()
    same = {**new, "program": old["program"]}
    checked, refused, swapped = host.playbook(
        [
            task("bpf_link_pinned", check=True, **same),
            task("bpf_link_pinned", **same),
            task("bpf_link_pinned", links=[{**old, "program": new["program"]}, same]),
        ]
    )
    assert checked.msg == refused.msg
    assert "and the kernel takes each program once" in refused.msg
    assert swapped.failed
    assert hooks.programs("tcx_ingress") == ids
    # What the first one lets go of the second one takes.
    third = hooks.load("tc_old", pin=f"{LOADED}/third")
    links = [{**old, "program": f"{LOADED}/third"}, same]
    host.module("bpf_link_pinned", links=links).good()
    assert hooks.programs("tcx_ingress") == [third, ids[0]]


def test_the_program_of_a_stranger_is_not_attached(hooks: Hooks) -> None:
    program = hooks.load("xdp_old")
    for path in (f"{LOADED}/xdp_old", LOADED):
        hooks.host.run("chown", "nobody", path)
        refused = hooks.host.module("bpf_link_pinned", **xdp(hooks))
        assert "belongs to nobody, who decides what it leads to" in refused.msg
        assert hooks.xdp() is None
        hooks.host.run("chown", "root", path)
    hooks.host.run("chown", "nobody", LOADED, f"{LOADED}/xdp_old")
    hooks.host.module("bpf_link_pinned", owner="nobody", **xdp(hooks)).good()
    assert hooks.xdp() == program


def test_what_a_link_names_may_belong_to_its_declared_owner(hooks: Hooks) -> None:
    host = hooks.host
    programs = [hooks.load(f"{kind}_old") for kind in ("sk_msg", "tc")]
    hooks.make_maps()
    second = hooks.load("tc_new")
    tcx = hooks.declared("tcx_ingress")
    host.module(
        "bpf_link_pinned", path=f"{LINKS}/last", program=f"{LOADED}/tc_new", attach=tcx
    ).good()
    attach = hooks.declared("sk_msg_verdict")
    host.run("chown", DAEMON, attach["map"], f"{LINKS}/last")
    links = [
        {"path": f"{LINKS}/on_map", "program": f"{LOADED}/sk_msg_old", "attach": attach},
        {
            "path": f"{LINKS}/first",
            "program": f"{LOADED}/tc_old",
            "attach": {**tcx, "before": f"{LINKS}/last"},
        },
    ]
    refused = host.module("bpf_link_pinned", links=links)
    for path in (attach["map"], f"{LINKS}/last"):
        assert f"{path}, or a directory above it, belongs to daemon" in refused.msg
    run = host.playbook([task("bpf_link_pinned", links=links, owner=str(DAEMON))] * 2)
    assert [each.good().changed for each in run] == [True, False]
    assert hooks.programs("sk_msg_verdict") == [programs[0]]
    assert hooks.programs("tcx_ingress") == [programs[1], second]


def test_without_privileges_nothing_is_attached_and_it_is_said_why(hooks: Hooks) -> None:
    hooks.load("xdp_old")
    hooks.host.run("chmod", "1777", BPFFS)
    words = {**xdp(hooks), "path": f"{BPFFS}/mine"}
    refused = hooks.host.playbook(
        [task("bpf_link_pinned", keywords=hooks.host.as_nobody(), **words)]
    )
    assert refused[0].failed
    assert "become: true" in refused[0].msg
    assert hooks.xdp() is None


def test_a_namespace_may_be_named_as_iproute2_has_it(hooks: Hooks) -> None:
    host = hooks.host
    program = hooks.load("xdp_old")
    host.shell("mount -t tmpfs tmpfs /run; mkdir /run/netns; touch /run/netns/blue")
    host.run("mount", "--bind", hooks.network, "/run/netns/blue")
    attach = {"type": "xdp", "interface": "v0", "namespace": "blue"}
    host.module("bpf_link_pinned", **xdp(hooks, attach=attach)).good()
    assert hooks.xdp() == program
    # The same interface, by another name of the namespace, and by another name of its own.
    host.run(
        *hooks.inside("ip", "link", "property", "add", "dev", "v0", "altname", "uplink_of_all")
    )
    again = {"type": "xdp", "interface": "uplink_of_all", "namespace": hooks.network}
    assert not host.module("bpf_link_pinned", **xdp(hooks, attach=again)).good().changed
