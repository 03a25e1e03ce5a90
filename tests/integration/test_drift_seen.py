# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report of a run that saw little or nothing, of hosts that lie, and of a whole run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from drift_runs import ansible_playbook, by_environment, look, play, playbook
from drift_table import declare, task
from harness.drift import Json, states
from harness.host import BPFFS, Host
from harness.samples import AGENT, MADE, NOWHERE

ONE: dict[str, Json] = {"one": {}}
DECLARED = ["-e", json.dumps({"bpffs_opts": []})]

# What keeps a run from seeing anything: words of the command line, the hosts of the inventory, and
# whether hosts match, which are then in the report. BROKEN is the path of a file that is none.
BROKEN = "$BROKEN"
VACUOUS: dict[str, tuple[list[str], dict[str, Json], bool]] = {
    "an inventory without hosts": ([], {}, False),
    "an inventory that cannot be read": (["-i", BROKEN], {}, False),
    "a group that does not exist": (["-e", "drift_hosts=nobody"], ONE, False),
    "a pattern that excludes all": (["-e", "drift_hosts=all:!one"], ONE, False),
    "an empty group": (["-e", "drift_hosts=ungrouped:&nobody"], ONE, False),
    "a limit beside the hosts": (
        ["-e", "drift_hosts=one", "--limit", "two"],
        {**ONE, "two": {}},
        False,
    ),
    "drift is no failure": (["-e", "drift_hosts=nobody", "-e", "drift_fail=false"], ONE, False),
    "tags that no task has": (["--tags", "nix"], ONE, True),
    "tags that all tasks have": (["--skip-tags", "all,always"], ONE, True),
    "a task to start at that does not exist": (["--start-at-task", "nix"], ONE, True),
}


@pytest.mark.every_core
@pytest.mark.parametrize("what", VACUOUS)
def test_a_run_that_saw_nothing_is_no_success(host: Host, what: str) -> None:
    words, hosts, is_matched = VACUOUS[what]
    folder = host.scratch / "out"
    folder.mkdir()
    broken = folder / "broken.yml"
    broken.write_text("all: [")
    (folder / "drift.json").write_text("old")
    words = [word.replace(BROKEN, str(broken)) for word in words]
    done = ansible_playbook(
        host,
        folder,
        ["ebpf.pinning.drift", *DECLARED, *words],
        hosts,
        **by_environment(folder),
    )
    said = " ".join(done.output.split())
    assert done.code == 3, done.output
    if is_matched:
        assert "[ERROR]: no task looked at any pin, so the run fails" in said
        assert {name: each["state"] for name, each in done.hosts.items()} == {"one": "failed"}
    else:
        assert "[ERROR]: no host was looked at: no drift report is written" in said
        assert (folder / "drift.json").read_text() == "old"


# Words of the command line, and the code: with none, all is in place.
VERDICTS = [
    ([], 0),
    (["--skip-tags", "always"], 0),
    (["-e", "bpf_maps_directory=/etc/hostname", "--skip-tags", "always"], 2),
]


@pytest.mark.parametrize(("words", "code"), VERDICTS)
def test_a_verdict_that_is_left_out_is_given_all_the_same(
    host: Host, words: list[str], code: int
) -> None:
    folder = host.scratch / "out"
    maps = json.dumps({"bpf_maps": [{"name": "a", **MADE}]}) if code else "{}"
    done = ansible_playbook(
        host,
        folder,
        ["ebpf.pinning.drift", *DECLARED, "-e", maps, *words],
        ONE,
        **by_environment(folder),
    )
    (found,) = done.hosts.values()
    assert (found["state"] == "in_place") == (code == 0), done.output
    assert done.code == code, done.output


FAILS = {"ansible.builtin.fail": {}, "when": "inventory_hostname == 'one'"}
THREE: dict[str, Json] = {"one": {}, "two": {}, "three": {}}
SEEN = ("missing", "drift")
# Plays, the hosts that are away, and the hosts that the run does not come to.
CUT_SHORT: dict[str, tuple[list[Json], list[str], list[str]]] = {
    "a batch in which all fail": (
        [look("a") | {"serial": 1, "pre_tasks": [FAILS]}],
        [],
        ["one", "two", "three"],
    ),
    "an error that is fatal for all": (
        [play(FAILS, task(declare("a"), check_mode=True), any_errors_fatal=True)],
        [],
        ["one", "two", "three"],
    ),
    "too many failures": (
        [play(task(declare("a"), check_mode=True), FAILS, serial=1, max_fail_percentage=0)],
        [],
        ["two", "three"],
    ),
    "a play before, in which nobody answered": (
        [play({"ansible.builtin.ping": {}}), look("a")],
        ["two"],
        ["two"],
    ),
}


@pytest.mark.every_core
@pytest.mark.parametrize("what", CUT_SHORT)
def test_hosts_that_the_run_did_not_come_to_are_in_the_report(host: Host, what: str) -> None:
    plays, away, missed = CUT_SHORT[what]
    folder = host.scratch / "out"
    hosts = {name: NOWHERE if name in away else {} for name in THREE}
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays)], hosts, **by_environment(folder)
    )
    found = done.hosts
    assert set(found) == set(THREE), done.output
    for name, each in found.items():
        assert bool(each["pins"]) == (name not in missed), name
        if name in missed:
            assert each["state"] in ("failed", "unreachable")
            assert each["problems"]


# Hosts that lie: what each says whatever module it is asked for


def _deep(levels: int) -> str:
    return '{"changed": false, "maps": ' + "[" * levels + "]" * levels + "}"


LIES = {
    "deep": _deep(300),
    "deeper": _deep(900),
    "abyss": _deep(100_000),
    "number": '{"changed": false, "action": "unchanged", "target": 1' + "0" * 5_000 + "}",
    "nan": '{"changed": false, "action": NaN, "target": Infinity, "maps": [NaN]}',
    "nothing": "{}",
    "null": "null",
    "list": "[]",
    "half": '{"changed": fal',
    "bytes": "\\377\\376",
    "skipped": '{"skipped": true, "skip_reason": "Conditional result was False"}',
    "keys": '{"changed": false, "action": "mounted", "maps": [{}], "pins": [{}]}',
    "dict": '{"changed": false, "action": "mounted", "target": {"a": 1}, "drift": {"a": 1}}',
    "facts": '{"changed": false, "ansible_facts": {"drift_json": "$STOLEN", "drift_fail": false}}',
}


@pytest.mark.every_core
def test_a_host_that_lies_is_in_the_report(host: Host, tmp_path: Path) -> None:
    folder, stolen = host.scratch / "out", tmp_path / "stolen"
    hosts: dict[str, Json] = {"good": {}}
    for name, text in LIES.items():
        lie = tmp_path / name
        lie.write_text(text.replace("$STOLEN", str(stolen)))
        script = "printf" if name == "bytes" else "cat"
        said = text if name == "bytes" else str(lie)
        hosts[name] = host.interpreter(f"{script} {shlex.quote(said)}")["vars"]
    done = ansible_playbook(
        host, folder, ["ebpf.pinning.drift", *DECLARED], hosts, **by_environment(folder)
    )
    assert done.code == 2, done.output
    assert {name: each["state"] for name, each in done.hosts.items()} == {
        "good": "in_place",
        **dict.fromkeys(LIES, "failed"),
    }
    assert states(done.hosts["good"]) == {BPFFS: "in_place"}
    assert not stolen.exists()
    # Ansible's own callback has trouble with some of it.
    assert not re.search("allback.*drift_report", done.output)


# A run is one whole

MINE = {"directory": AGENT, "keep": [f"{AGENT}/mine"]}
OURS = {"directory": AGENT, "keep": [f"{AGENT}/ours"]}


def _role(name: str, **more: object) -> Json:
    variables = {"bpf_maps_directory": AGENT, "bpf_maps": [{"name": name, **MADE}], **more}
    return {"ansible.builtin.include_role": {"name": "ebpf.pinning.bpf_maps"}, "vars": variables}


def _prune(keep: Json) -> Json:
    return task(keep, "ebpf.pinning.bpf_pin_absent")


TELL = {"bpf_maps_report_undeclared": True}
# Tasks, pins that are there, and what is then found; ! where it was put right, <> where the run
# contradicts itself.
WHOLE: dict[str, tuple[list[Json], list[str], dict[str, str]]] = {
    "what another role call declares is not undeclared": (
        [_role("mine", **TELL), _role("ours", **TELL)],
        ["mine", "ours", "strange"],
        {"mine": "in_place", "ours": "in_place", "strange": "undeclared"},
    ),
    "what a task before has declared is not undeclared": (
        [task(declare("ours")), _role("mine", **TELL)],
        ["mine", "ours"],
        {"mine": "in_place", "ours": "in_place"},
    ),
    "what a task declares as an object is not undeclared": (
        [
            task(
                {"path": f"{AGENT}/ours", "source": f"{AGENT}/mine"},
                "ebpf.pinning.bpf_object_pinned",
            ),
            _role("mine", **TELL),
        ],
        ["mine"],
        {"mine": "in_place", "ours": "missing!"},
    ),
    "prunes that would remove each other's pins": (
        [
            *(task(declare("mine"), check_mode=True), _prune(MINE) | {"check_mode": True}),
            *(task(declare("ours"), check_mode=True), _prune(OURS) | {"check_mode": True}),
        ],
        ["mine", "ours"],
        {"mine": "<>", "ours": "<>"},
    ),
    "prunes that remove each other's pins": (
        [task(declare("mine")), _prune(MINE), task(declare("ours")), _prune(OURS)],
        ["ours"],
        {"mine": "<>", "ours": "<>"},
    ),
    "a path that is to be absent and is declared": (
        [task({"path": [f"{AGENT}/mine"]}, "ebpf.pinning.bpf_pin_absent"), task(declare("mine"))],
        [],
        {"mine": "<>"},
    ),
    "a path that is declared and is to be absent": (
        [task(declare("mine")), task({"path": [f"{AGENT}/mine"]}, "ebpf.pinning.bpf_pin_absent")],
        [],
        {"mine": "<>"},
    ),
    "a rescue that removes a pin of another shape and makes it anew": (
        [
            {
                "block": [task(declare("mine", shape={**MADE, "max_entries": 7}))],
                "rescue": [
                    task({"path": [f"{AGENT}/mine"]}, "ebpf.pinning.bpf_pin_absent"),
                    task(declare("mine", shape={**MADE, "max_entries": 7})),
                ],
            }
        ],
        ["mine"],
        {"mine": "missing!"},
    ),
    "a prune of what nobody declares": (
        [task(declare("mine")), _prune(MINE)],
        ["mine", "strange"],
        {"mine": "in_place", "strange": "undeclared!"},
    ),
}


@pytest.mark.parametrize("what", WHOLE)
def test_tasks_of_a_run_are_told_of_together(host: Host, what: str) -> None:
    tasks, pins, wanted = WHOLE[what]
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    for pin in pins:
        host.make_pin(f"{AGENT}/{pin}")
    done = ansible_playbook(
        host, folder, [playbook(folder, play(*tasks))], ONE, **by_environment(folder)
    )
    (found,) = done.hosts.values()
    both = {pin["path"] for pin in found["pins"] if pin["fields"][:1] == [_BOTH]}
    told = {
        path.rpartition("/")[2]: "<>" if path in both else state
        for path, state in states(found).items()
    }
    assert told == wanted, done.output
    if "<>" in wanted.values():
        assert found["state"] == "drift"
        assert ", 1 in drift, " in done.table


_BOTH = {"field": "declarations", "want": "one", "have": "present and absent"}
