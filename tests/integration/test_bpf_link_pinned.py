# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_link_pinned: a pinned program is attached, changed in place, attached anew, detached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from absence_table import inventory_task, taken
from harness.host import Host
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
