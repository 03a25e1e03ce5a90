# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report's hosts: loops, delegation, batches, and the verdict over each."""

from __future__ import annotations

import json
import shlex

import pytest
from drift_runs import ansible_playbook, by_environment, look, play, playbook
from drift_table import declare, task
from harness.drift import Json, states
from harness.host import BPFFS, Host
from harness.samples import AGENT, MADE, NOWHERE

# Loops, and hosts that other hosts are asked about


@pytest.mark.every_core
@pytest.mark.parametrize("hidden", [False, True])
def test_each_item_of_a_loop_counts_for_the_host_it_was_delegated_to(
    host: Host, hidden: bool
) -> None:
    folder = host.scratch / "out"
    hosts: dict[str, Json] = {"asking": {}, "first": {}, "nowhere": NOWHERE, "last": {}}
    asked = task(
        declare("a"),
        check_mode=True,
        no_log=hidden,
        delegate_to="{{ item }}",
        loop=["first", "nowhere", "last"],
    )
    plays = [play(asked) | {"hosts": "asking"}]
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays)], hosts, **by_environment(folder)
    )
    found = {name: each["state"] for name, each in done.hosts.items()}
    # ansible-core 2.18 hides also that nobody answered.
    assert found.pop("nowhere") in ("unreachable", *(["failed"] if hidden else []))
    assert found == {
        "asking": "unreachable",  # Ansible gives it up, too
        **dict.fromkeys(("first", "last"), "failed" if hidden else "drift"),
    }
    assert states(done.hosts["last"]) == ({} if hidden else {f"{AGENT}/a": "missing"})
    assert "All items completed" not in done.table


@pytest.mark.every_core
def test_a_host_that_answers_later_is_no_longer_unreachable(host: Host) -> None:
    folder = host.scratch / "out"
    away = {**task(declare("a"), check_mode=True, ignore_unreachable=True), "vars": NOWHERE}
    plays = [play(away, task(declare("b"), check_mode=True))]
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays)], {"one": {}}, **by_environment(folder)
    )
    (found,) = done.hosts.values()
    assert (found["state"], states(found)) == ("failed", {f"{AGENT}/b": "missing"})
    assert len(found["problems"]) == 1, found["problems"]


LIES = {
    "other hosts": {
        "results": [
            {
                "action": "mounted",
                "target": "/forged",
                "drift": [],
                "_ansible_delegated_vars": {"ansible_delegated_host": "good"},
            }
        ]
    },
    "nothing": {"results": None},
}


@pytest.mark.every_core
@pytest.mark.parametrize("about", LIES)
def test_a_host_speaks_for_itself_only(host: Host, about: str) -> None:
    folder = host.scratch / "out"
    says = json.dumps({"changed": False, **LIES[about]})
    liar = host.interpreter(f"echo {shlex.quote(says)}")["vars"]
    asked = task({"path": BPFFS}, "ebpf.pinning.bpffs_mount", check_mode=True)
    done = ansible_playbook(
        host,
        folder,
        [playbook(folder, play(asked))],
        {"good": {}, "liar": liar},
        **by_environment(folder),
    )
    assert set(done.hosts) == {"good", "liar"}
    assert "/forged" not in states(done.hosts["good"])


# The verdict of ebpf.pinning.drift: that of the report

VERDICTS: dict[str, tuple[Json, Json, str]] = {
    "in place": ({}, {}, "in_place"),
    "drift": ({"bpf_maps": [{"name": "a", **MADE}]}, {}, "drift"),
    "undeclared pins": ({"bpf_maps_report_undeclared": True}, {}, "drift"),
    "no directory to look in": (
        {"bpf_maps_report_undeclared": True, "bpf_maps_directory": "/etc/hostname"},
        {},
        "failed",
    ),
    "arguments that are refused": ({"bpf_maps_value_growth": "perhaps"}, {}, "failed"),
    "results that are hidden": ({}, {"ANSIBLE_NO_LOG": "true"}, "failed"),
}


@pytest.mark.every_core
@pytest.mark.parametrize("what", VERDICTS)
def test_the_exit_code_says_what_the_report_says(host: Host, what: str) -> None:
    variables, environment, state = VERDICTS[what]
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    host.make_pin(f"{AGENT}/left")
    declared = {"bpffs_opts": [], "bpf_maps_directory": AGENT, **variables}
    words = ["ebpf.pinning.drift", "-e", json.dumps(declared)]
    more = {**by_environment(folder), **environment}
    for fails in (True, False):
        done = ansible_playbook(
            host, folder, [*words, "-e", f"drift_fail={fails}"], {"one": {}}, **more
        )
        assert (folder / "drift.json").exists(), done.output
        assert done.hosts["one"]["state"] == state, done.output
        assert done.code == (2 if fails and state != "in_place" else 0), done.output


# Plays and batches


def test_plays_and_batches_of_hosts_are_one_report(host: Host) -> None:
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    host.make_pin(f"{AGENT}/a")
    plays = [
        look("a") | {"serial": 1},
        play({"ansible.builtin.debug": {}, "when": False}),
        look("b") | {"strategy": "free"},
        play(task(declare("c"), check_mode=True, run_once=True)),
    ]
    hosts: dict[str, Json] = {"one": {}, "two": {}, "three": {}}
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays)], hosts, **by_environment(folder)
    )
    found = {name: states(each) for name, each in done.hosts.items()}
    both = {f"{AGENT}/a": "in_place", f"{AGENT}/b": "missing"}
    assert found == {"one": {**both, f"{AGENT}/c": "missing"}, "two": both, "three": both}
    assert MADE["max_entries"] == host.map_at(f"{AGENT}/a")["max_entries"]
