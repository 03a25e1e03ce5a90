# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback drift_report behind real tasks; test_drift_*.py: its files, hosts, fleets, pages."""

from __future__ import annotations

import fnmatch
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from absence_table import shown
from drift_runs import Done, ansible_playbook, by_environment, play, playbook
from drift_table import LARGER, STATES, WAYS, task
from harness.drift import FORMS, Json, states
from harness.host import BPFFS, Host
from harness.samples import AGENT, SECRET

CASES = STATES | WAYS
WORKER = "the_worker"
HOST_STATES = ("in_place", "drift", "failed", "unreachable")


# All cases in one run


@dataclass(frozen=True)
class Told:
    """The one run, and what was in the bpffs around it."""

    done: Done
    hosts: Mapping[str, Json]
    host: Host
    before: Json
    after: Json

    def placed(self, name: str, text: str) -> str:
        """`text` of a case, with the places that it has."""
        return text.replace("$D", _directory(name)).replace("$T", str(self.host.scratch))


def _directory(name: str) -> str:
    return f"{BPFFS}/case{list(CASES).index(name)}"


def _slug(name: str) -> str:
    return re.sub("[ ,]+", "_", name)  # spaces and commas part patterns of hosts


def _all_in_one_run(host: Host) -> Told:
    told = Told(Done(0, "", host.scratch / "out"), {}, host, {}, {})
    (host.scratch / "fstab").touch()
    fails = json.dumps(host.tampered("?link,?linkat", "error=ENOSPC:when=2")["vars"])
    plays = []
    for name, case in CASES.items():
        make = [f"{host.site.program('make')} $D/{pin}" for pin in case.pins]
        host.shell(told.placed(name, "\n".join(["mkdir $D", *make, case.before])))
        words = {"check_mode": case.check, "ignore_errors": True, **case.play}
        words |= {"hosts": _slug(name), "gather_facts": False, "tasks": case.tasks}
        text = json.dumps(words).replace('"$SECOND_LINK_FAILS"', fails)
        plays.append(json.loads(told.placed(name, text).replace("$SECRET", SECRET)))
    before = host.inventory()
    done = ansible_playbook(
        host,
        told.done.folder,
        [playbook(told.done.folder, *plays)],
        {WORKER: {}, **{_slug(name): {} for name in CASES}},
        ANSIBLE_ASYNC_DIR=str(host.scratch / "jobs"),
        **by_environment(told.done.folder),
    )
    return Told(done, done.hosts, host, before, host.inventory())


def test_a_report_tells_what_tasks_found_and_what_they_put_right(
    host: Host, subtests: pytest.Subtests
) -> None:
    told = _all_in_one_run(host)
    for name in CASES:
        with subtests.test(name):
            _tells_what_was_found(told, name)
        with subtests.test(f"{name}: that is so"):
            _is_so(told, name)
    with subtests.test("what is delegated counts for the host that was looked at"):
        _delegated_counts_for_the_worker(told)
    with subtests.test("messages of other modules are in no report"):
        _keeps_secrets(told)
    with subtests.test("the table shows the first of many, and counts the others"):
        _counts_what_the_table_leaves_out(told)


def _tells_what_was_found(told: Told, name: str) -> None:
    case = CASES[name]
    if not case.says and not case.problems:
        assert _slug(name) not in told.hosts
        return
    host = told.hosts[_slug(name)]
    found = states(host)
    wanted = {told.placed(name, path): state for path, state in case.says.items()}
    for pattern in [path for path in wanted if "*" in path]:
        (path,) = fnmatch.filter(found, pattern)
        wanted[path] = wanted.pop(pattern)
    assert found == wanted
    pins = {pin["path"]: pin for pin in host["pins"]}
    for path, fields in case.differs.items():
        told_fields = pins[told.placed(name, path)]["fields"]
        assert [(each["field"], each["want"], each["have"]) for each in told_fields] == [*fields]
    for path, pin in pins.items():
        if pin["state"] != "failed":  # which is said of maps that are there, and of others
            is_missing_map = pin["kind"] == "map" and pin["state"] == "missing"
            assert bool(pin["declared"]) == is_missing_map, path
    for path, words in case.notes.items():
        assert words in pins[told.placed(name, path)]["note"]
    assert len(host["problems"]) == len(case.problems), host["problems"]
    for problem, start in zip(host["problems"], case.problems, strict=True):
        assert problem.startswith(start)
    left = {state for state in wanted.values() if state != "in_place" and not state.endswith("!")}
    assert host["state"] == (
        "failed" if case.problems or "failed" in left else "drift" if left else "in_place"
    )


def _is_so(told: Told, name: str) -> None:
    """By stat and bpftool: what a check finds is left so, and what was put right is right."""
    case, directory = CASES[name], _directory(name)
    before, after = (
        {path: entry for path, entry in there.items() if path.startswith(f"{directory}/")}
        for there in (told.before, told.after)
    )
    if case.check:
        assert before == after
    for path, state in case.says.items():
        path = told.placed(name, path)
        if path.startswith(f"{directory}/"):
            assert (path in before) == (state not in ("missing", "missing!", "failed"))
            gone = state in ("missing", "undeclared!", "failed")
            assert (path in after) == (not gone)
            if state == "different!":
                assert told.host.map_at(path)["max_entries"] == LARGER["max_entries"]


def _delegated_counts_for_the_worker(told: Told) -> None:
    one, many = map(_directory, ("a task that is delegated", "a loop that is delegated"))
    assert states(told.hosts[WORKER]) == dict.fromkeys(
        [f"{one}/a", f"{many}/a", f"{many}/b"], "missing"
    )


def _keeps_secrets(told: Told) -> None:
    assert SECRET in told.done.output
    assert SECRET not in told.done.table
    for suffix in FORMS.values():
        assert SECRET not in (told.done.folder / f"drift.{suffix}").read_text()


def _counts_what_the_table_leaves_out(told: Told) -> None:
    lines = told.done.table.splitlines()
    assert lines[0].split() == ["HOST", "STATE", "PATH"]
    left_out = re.fullmatch(r"\.\.\. and (\d+) more", lines[21])
    assert left_out is not None
    bad = [host for host in told.hosts.values() if host["state"] != "in_place"]
    notable = sum(len(host["problems"]) for host in told.hosts.values())
    notable += sum(not pin["repaired"] for host in bad for pin in host["pins"])
    # What was made anew is told, too; what was only made is not.
    made_anew = [
        (pin["repaired"], pin["state"]) for host in told.hosts.values() for pin in host["pins"]
    ]
    notable += made_anew.count((True, "different"))
    assert int(left_out[1]) == notable - 20
    hosts = Counter(host["state"] for host in told.hosts.values())
    answer = "\n".join(lines[22:])
    states = "{in_place} in place, {drift} in drift, {failed} failed, {unreachable} unreachable"
    counted = states.format_map(Counter({**dict.fromkeys(HOST_STATES, 0), **hosts}))
    assert f"\n{len(told.hosts)} hosts: {counted}\n" in answer
    assert lines[-1].startswith("Written: ")


# Names from hell

ODD = [
    "<script>alert(1)</script>",
    "a|b",
    "`tick` ``two``",
    "quo\"te's",
    "back\\slash\\|",
    "new\nline",
    "a tab\tand  spaces",
    "\u202eright to left",
    "]]>&amp;",
    "[a](b) *c* _d_ {{ e }}",
]


def test_odd_names_go_through_all_forms(host: Host) -> None:
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    names = [name.replace("/", "").replace(".", "") for name in ODD]
    for name in names:
        host.make_pin(f"{AGENT}/{name}")
    host.run(
        host.site.python,
        "-c",
        f"import os; os.link({AGENT + '/' + names[1]!r}, {AGENT.encode()!r} + b'/not \\xff utf-8')",
    )
    plays = [play(task({"directory": AGENT, "keep": []}, "ebpf.pinning.bpf_pin_absent"))]
    # Brackets and braces mean something in an inventory.
    named = [re.sub(r"[{}[\]]", "", "".join(ODD[start::3])) for start in range(3)]
    hosts: dict[str, Json] = {name: {} for name in named}
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays), "--check"], hosts, **by_environment(folder)
    )
    assert done.code == 0, done.output
    found = done.hosts
    assert set(found) == set(hosts)
    wanted = {shown(f"{AGENT}/{name}") for name in names} | {f"{AGENT}/not \\xff utf-8"}
    for each in found.values():
        assert states(each) == dict.fromkeys(wanted, "undeclared")
    assert "<script" not in (folder / "drift.md").read_text()
    assert "\u202e" not in (folder / "drift.md").read_text()
    assert "\u202e" not in done.table
    assert len([line for line in done.table.splitlines() if AGENT in line]) == 20
