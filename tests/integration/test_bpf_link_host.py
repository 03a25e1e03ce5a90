# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links in the declaration of a whole host, of its role and playbooks, and in the drift report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from drift_runs import Done, ansible_playbook, by_environment
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from harness.together import at_once
from link_table import LINKS, LOADED, Hooks, hooks

__all__ = ["hooks"]  # a fixture

AT_ONCE = 4


def whole(hooks: Hooks, program: str = "old") -> dict[str, Any]:
    """A map, two links, a second pin of one of them."""
    return {
        "directories": [{"path": LINKS, "mode": "0750"}],
        "directory": LINKS,
        "maps": [{"name": "flows", **HASH}],
        "links": [
            {
                "name": "v0",
                "program": f"{LOADED}/xdp_{program}",
                "attach": hooks.declared("xdp"),
            },
            {
                "name": "connect",
                "program": f"{LOADED}/inet4_connect_{program}",
                "attach": hooks.declared("cgroup_inet4_connect"),
                "mode": "0640",
            },
        ],
        "objects": [{"path": f"{BPFFS}/second", "source": f"{LINKS}/v0"}],
    }


def load_all(hooks: Hooks) -> dict[str, int]:
    names = [f"{kind}_{age}" for kind in ("xdp", "inet4_connect") for age in ("old", "new")]
    return {name: hooks.load(name) for name in names}


@pytest.mark.every_core
@pytest.mark.every_python
def test_links_are_declared_with_all_of_a_host(hooks: Hooks) -> None:
    host, ids = hooks.host, load_all(hooks)
    before = host.inventory()
    checked = host.module("bpf_host", check=True, diff=True, **whole(hooks)).good()
    assert host.inventory() == before
    made = host.module("bpf_host", diff=True, **whole(hooks)).good()
    assert checked["counts"] == made["counts"]
    assert made["counts"]["links"]["created"] == 2
    assert [each["after_header"] for each in checked["diff"]] == [
        each["after_header"] for each in made["diff"]
    ]
    assert hooks.xdp() == ids["xdp_old"]
    link = hooks.link(f"{LINKS}/v0")
    assert hooks.link(f"{BPFFS}/second")["id"] == link["id"] == made["links"][0]["id"]
    before = host.inventory()
    again, checked, changed = host.playbook(
        [
            task("bpf_host", **whole(hooks)),
            task("bpf_host", check=True, **whole(hooks, "new")),
            task("bpf_host", **whole(hooks, "new")),
        ]
    )
    assert not again.good().changed
    assert checked.good()["counts"] == changed.good()["counts"]
    assert [each["action"] for each in changed["links"]] == ["updated"] * 2
    assert {path: each["inode"] for path, each in host.inventory().items()} == {
        path: each["inode"] for path, each in before.items()
    }
    assert hooks.programs("cgroup_inet4_connect") == [ids["inet4_connect_new"]]
    gone = host.module(
        "bpf_host",
        directory=LINKS,
        links=[{"name": "v0", "state": "absent"}, {"name": "connect", "state": "absent"}],
        absent=[{"path": [f"{BPFFS}/second"], "type": "link"}],
    ).good()
    assert [each["action"] for each in gone["links"]] == ["removed"] * 2
    assert hooks.xdp() is None


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a map of that name": (
        {"maps": [{"path": f"{LINKS}/v0", **HASH}]},
        f"{LINKS}/v0 is declared in maps and in links: keep one",
    ),
    "a program that is to be gone": (
        {"absent": [{"path": [f"{LOADED}/xdp_old"]}]},
        f"{LOADED}/xdp_old is a source in links, and absent removes it: keep it",
    ),
    "a link that is to be gone, too": (
        {"absent": [{"path": [f"{LINKS}/v0"]}]},
        f"{LINKS}/v0 is declared in links, and absent removes {LINKS}/v0: keep one",
    ),
}


@pytest.mark.parametrize("about", REFUSED)
def test_what_contradicts_a_link_is_refused(hooks: Hooks, about: str) -> None:
    more, text = REFUSED[about]
    links = whole(hooks)["links"][:1]
    refused = hooks.host.module("bpf_host", directory=LINKS, links=links, **more)
    assert refused.msg == text


def test_prune_spares_the_programs_of_links(hooks: Hooks) -> None:
    host = hooks.host
    load_all(hooks)
    host.run("mkdir", LINKS)
    links = whole(hooks)["links"]
    prune = {"directory": LOADED}
    host.module("bpf_host", directory=LINKS, links=links, maps=[], prune=prune).good()
    left = {each.rpartition("/")[2] for each in host.inventory(LOADED)}
    assert left - {"loaded", ""} == {"xdp_old", "inet4_connect_old"}


def test_of_many_runs_at_once_one_attaches_and_all_succeed(hooks: Hooks) -> None:
    host, ids = hooks.host, load_all(hooks)
    links = whole(hooks)["links"]
    for age, action in (("old", "created"), ("new", "updated")):
        declared = [{**each, "program": each["program"].replace("old", age)} for each in links]
        results = at_once(host, AT_ONCE, "bpf_link_pinned", directory=LINKS, links=declared)
        for outcomes in zip(*(each["links"] for each in results), strict=True):
            assert sorted(each["action"] for each in outcomes) == [
                *([action] if action < "unchanged" else []),
                *["unchanged"] * (AT_ONCE - 1),
                *([action] if action > "unchanged" else []),
            ]
        assert hooks.xdp() == ids[f"xdp_{age}"]
        assert hooks.programs("cgroup_inet4_connect") == [ids[f"inet4_connect_{age}"]]
    host.run("bpftool", "link", "detach", "pinned", f"{LINKS}/connect")
    results = at_once(host, AT_ONCE, "bpf_link_pinned", directory=LINKS, links=declared)
    actions = sorted(each["links"][1]["action"] for each in results)
    assert actions == ["replaced", *["unchanged"] * (AT_ONCE - 1)]
    assert hooks.programs("cgroup_inet4_connect") == [ids["inet4_connect_new"]]


# The playbooks


def run(host: Host, name: str, declared: dict[str, Any]) -> Done:
    folder = host.scratch / "out"
    folder.mkdir(exist_ok=True)
    (folder / "declared.json").write_text(json.dumps({"bpffs_opts": [], **declared}))
    words = [f"ebpf.pinning.{name}", "-e", f"@{folder}/declared.json"]
    return ansible_playbook(host, folder, words, {"one": {}}, **by_environment(folder))


@pytest.mark.every_core
def test_playbooks_provision_links_and_tell_their_drift(hooks: Hooks) -> None:
    host, ids = hooks.host, load_all(hooks)
    first, second = whole(hooks)["links"]
    declared = {
        "bpf_maps_directory": LINKS,
        "bpf_links": [first],
        "bpf_links__web": [second],
        "bpf_directories": [{"path": LINKS}],
    }
    missing = run(host, "drift", declared)
    assert missing.code == 2
    (told,) = (each for each in missing.hosts["one"]["pins"] if each["path"] == f"{LINKS}/connect")
    assert told["state"] == "missing"
    assert told["declared"]["attach.type"] == "cgroup_inet4_connect"
    assert run(host, "provision", declared).code == 0
    assert hooks.xdp() == ids["xdp_old"]
    assert hooks.programs("cgroup_inet4_connect") == [ids["inet4_connect_old"]]
    assert run(host, "drift", declared).code == 0
    host.run("bpftool", "link", "detach", "pinned", f"{LINKS}/connect")
    host.run("rm", f"{LOADED}/xdp_old")
    hooks.load("xdp_old")
    drift = run(host, "drift", declared)
    assert drift.code == 2
    pins = {each["path"]: each for each in drift.hosts["one"]["pins"]}
    program, attached = (pins[f"{LINKS}/{name}"] for name in ("v0", "connect"))
    assert (program["state"], attached["state"]) == ("different", "different")
    assert [each["field"] for each in program["fields"]] == ["program"]
    assert attached["fields"][0]["have"].startswith("severed")
    assert run(host, "provision", declared).code == 0
    assert run(host, "drift", declared).code == 0


def test_a_program_whose_link_goes_too_is_not_said_to_go_on(hooks: Hooks) -> None:
    host = hooks.host
    hooks.load("xdp_old")
    program, link = f"{LOADED}/xdp_old", f"{LINKS}/link"
    attach = {"type": "xdp", "interface": "v0", "namespace": hooks.network}
    declared = {"path": link, "program": program, "attach": attach}
    host.module("bpf_host", links=[declared]).good()
    for links, is_told in (([], True), ([{"path": link, "state": "absent"}], False)):
        done = host.module("bpf_host", check=True, links=links, absent=[{"path": [program]}])
        assert ("goes on without this pin" in str(done.good().warnings)) is is_told
