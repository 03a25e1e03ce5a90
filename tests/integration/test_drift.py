# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback drift_report behind real tasks on one machine; fleets are in test_drift_fleet.py."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from drift_table import LARGER, SHAPE, STATES, WAYS, declare, task
from harness.drift import FORMS, Json, by_host, read_all, read_json, states
from harness.host import BPFFS, Host
from harness.site import NOBODY
from harness.terminal import seen

CASES = STATES | WAYS
SECRET = "swordfish-7c1d"
WORKER = "the_worker"
AGENT = f"{BPFFS}/agent"


@dataclass(frozen=True)
class Done:
    """A run of ansible-playbook. `folder` is where its reports are."""

    code: int
    output: str
    folder: Path

    @property
    def table(self) -> str:
        """What the callback printed. It must have done so once."""
        _before, table = re.split(r"^DRIFT \*+\n", self.output, flags=re.M)
        return table

    @property
    def hosts(self) -> dict[str, Json]:
        """What all forms say, once they are sound and agree."""
        return by_host(read_all(self.folder))


def ansible_playbook(
    host: Host, folder: Path, words: Sequence[str], hosts: Mapping[str, Json], **more: str
) -> Done:
    """Run ansible-playbook with `words`, in `folder`, against local `hosts`."""
    folder.mkdir(exist_ok=True)
    inventory = folder / "hosts.yml"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": host.site.python}
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
    enabled = {"ANSIBLE_CALLBACKS_ENABLED": "ebpf.pinning.drift_report"}
    command = [host.site.playbook_command, "-i", str(inventory), *words]
    code, output = seen(
        host.inside("env", "-C", str(folder), *command),  # nsenter would leave it
        host.site.environment(**{**enabled, **more}),
    )
    return Done(code, output, folder)


def by_environment(folder: Path) -> dict[str, str]:
    """All forms, asked for by variables of the environment."""
    return {
        f"EBPF_PINNING_DRIFT_{form.upper()}": f"{folder}/drift.{suffix}"
        for form, suffix in FORMS.items()
    }


def playbook(folder: Path, *plays: Json) -> str:
    """Write a playbook; the path of its file."""
    folder.mkdir(exist_ok=True)
    file = folder / "plays.yml"
    file.write_text(json.dumps(plays))
    return str(file)


def play(*tasks: Json, **words: object) -> Json:
    text = json.dumps(tasks).replace("$D", AGENT)
    return {"hosts": "all", "gather_facts": False, "tasks": json.loads(text), **words}


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
    assert int(left_out[1]) == notable - 20
    assert re.match(rf"{len(told.hosts)} hosts, \d+ pins: ", lines[22])


# Where reports go


def _look(*names: str, **more: object) -> Json:
    return play(task(declare(*names, **more), check_mode=True))


ASKED = {
    "by ansible.cfg": ("[ebpf_pinning]\ndrift_json = there/drift.json\n", {}, []),
    "by the environment": ("", {"EBPF_PINNING_DRIFT_JSON": "there/drift.json"}, []),
    "by an extra variable": ("", {}, ["-e", "drift_json=there/drift.json"]),
    "by an extra variable above all": (
        "[ebpf_pinning]\ndrift_json = a.json\n",
        {"EBPF_PINNING_DRIFT_JSON": "b.json"},
        ["-e", '{"drift_json": "~/there/drift.json"}'],
    ),
}


@pytest.mark.parametrize("how", ASKED)
def test_a_report_is_asked_for(host: Host, how: str) -> None:
    settings, environment, words = ASKED[how]
    folder = host.scratch / "out"
    (folder / "there").mkdir(parents=True)
    enabled = "[defaults]\ncallbacks_enabled = ebpf.pinning.drift_report\n"
    (folder / "ansible.cfg").write_text(f"{enabled}{settings}")
    variables = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "HOME": str(folder), **environment}
    done = ansible_playbook(
        host, folder, [playbook(folder, _look("a")), *words], {"localhost": {}}, **variables
    )
    assert done.code == 0, done.output
    report = read_json((folder / "there" / "drift.json").read_text())
    assert report["hosts"]["drift"] == 1
    assert sorted(path.suffix for path in folder.rglob("*.json")) == [".json"]
    assert f"localhost  missing  {AGENT}/a" in done.table


def test_reports_that_cannot_be_written_are_errors_and_nothing_else(
    host: Host, subtests: pytest.Subtests
) -> None:
    folder = host.scratch / "out"
    full, target = folder / "full", folder / "target.prom"
    full.mkdir(parents=True)
    host.run("mount", "-t", "tmpfs", "-o", "size=8k", "full", str(full))
    host.shell(f"echo old >{full}/drift.md; cat /dev/zero >{full}/filling || true")
    (folder / "link.prom").symlink_to("target.prom")
    os.mkfifo(folder / "pipe")
    paths = {
        "json": folder / "nowhere" / "drift.json",
        "html": folder,
        "markdown": full / "drift.md",
        "junit": folder / "pipe",
        "prometheus": folder / "link.prom",
    }
    extra = {f"drift_{form}": str(path) for form, path in paths.items()}
    words = [playbook(folder, _look("a")), "-e", json.dumps(extra)]
    done = ansible_playbook(host, folder, words, {"localhost": {}})
    why = {
        "json": "No such file or directory",
        "html": "it is no regular file",
        "markdown": "No space left on device",
        "junit": "it is no regular file",
    }
    with subtests.test("each is told, with its option and path, and why"):
        for form, words in why.items():
            line = f"[ERROR]: drift_{form} {paths[form]} cannot be written: {words}"
            assert line in " ".join(done.output.split())
        assert done.output.count("cannot be written") == len(why)
    with subtests.test("the run goes on as if nothing were"):
        assert done.code == 0
        assert f"localhost  missing  {AGENT}/a" in done.table
    with subtests.test("the old report is whole, and nothing lies about"):
        assert host.shell(f"cat {full}/drift.md; ls -A {full}").split() == [
            *("old", "drift.md", "filling")
        ]
        left = {path.name for path in folder.iterdir()}
        assert left == {"full", "hosts.yml", "link.prom", "pipe", "plays.yml", "target.prom"}
    with subtests.test("a symlink stays one, and its target is the report"):
        assert os.readlink(folder / "link.prom") == "target.prom"
        assert "ebpf_pinning_pins" in target.read_text()
        assert target.stat().st_mode & 0o777 == 0o644


def test_a_symlink_of_somebody_else_is_not_followed(host: Host) -> None:
    folder = host.scratch / "out"
    folder.mkdir()
    (folder / "kept").write_text("old")
    (folder / "drift.md").symlink_to("kept")
    os.chown(folder / "drift.md", NOBODY, NOBODY, follow_symlinks=False)
    words = [playbook(folder, _look("a")), "-e", f"drift_markdown={folder}/drift.md"]
    done = ansible_playbook(host, folder, words, {"localhost": {}})
    assert done.code == 0
    assert "it is a symbolic link that another user has made" in " ".join(done.output.split())
    assert (folder / "kept").read_text() == "old"


def test_a_folder_of_others_keeps_its_report(host: Host) -> None:
    """Not as root, whom no mode keeps out."""
    host.shell("mount -t tmpfs -o mode=0755 place /mnt; echo old >/mnt/drift.json")
    script = (
        "import os, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_files as files\n"
        f"os.setuid({NOBODY})\n"
        "print(files.write_all(files.Report(), {'json': '/mnt/drift.json'}))\n"
    )
    done = host.run(sys.executable, "-c", script, str(host.site.scratch))
    assert "drift_json /mnt/drift.json cannot be written: Permission denied" in done.stdout
    assert host.shell("cat /mnt/*; ls -A /mnt").split() == ["old", "drift.json"]


def test_history_marks_what_is_new_still_there_and_gone(host: Host) -> None:
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    for name in ("a", "b"):
        host.make_pin(f"{AGENT}/{name}")
    words = [
        playbook(folder, _look("a", "b", "c", "d", mode="0640")),
        *("-e", f"drift_previous={folder}/drift.json"),
    ]
    environment = by_environment(folder)
    first = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = first.hosts.values()
    assert {pin["history"] for pin in there["pins"]} == {None}
    assert there["gone"] == []
    made = read_all(folder)["made"]
    host.shell(f"chmod 0640 {AGENT}/a; rm {AGENT}/b")
    host.make_pin(f"{AGENT}/c")
    second = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = second.hosts.values()
    assert {pin["path"][-1]: (pin["state"], pin["history"]) for pin in there["pins"]} == {
        "b": ("missing", "still"),
        "c": ("access", "still"),
        "d": ("missing", "still"),
    }
    assert there["gone"] == [{"path": f"{AGENT}/a", "state": "access"}]
    assert read_all(folder)["previous"] == made
    host.shell(f"chmod 0600 {AGENT}/a")
    third = ansible_playbook(host, folder, words, {"localhost": {}}, **environment)
    (there,) = third.hosts.values()
    history = {pin["path"][-1]: pin["history"] for pin in there["pins"]}
    assert history == {"a": "new", "b": "still", "c": "still", "d": "still"}
    assert there["gone"] == []
    markdown = (folder / "drift.md").read_text()
    assert "new" in markdown


def test_each_playbook_of_a_command_has_its_own_report(host: Host) -> None:
    folder = host.scratch / "out"
    folder.mkdir()
    other = folder / "other.yml"
    other.write_text(json.dumps([play(_FAIL | {"ignore_errors": True})]))
    words = [
        *(playbook(folder, _look("a")), str(other)),
        *("-e", f"drift_previous={folder}/drift.json"),
    ]
    done = ansible_playbook(host, folder, words, {"localhost": {}}, **by_environment(folder))
    assert done.code == 0, done.output
    assert f"localhost  missing  {AGENT}/a" in done.table
    report = read_all(folder)
    assert report["playbook"].endswith("/plays.yml")
    assert report["previous"] is None


# Loops, and hosts that other hosts are asked about

NOWHERE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


@pytest.mark.every_core
@pytest.mark.parametrize("hidden", [False, True])
def test_each_item_of_a_loop_counts_for_the_host_it_was_delegated_to(
    host: Host, hidden: bool
) -> None:
    folder = host.scratch / "out"
    hosts: dict[str, Json] = {"asking": {}, "first": {}, "nowhere": NOWHERE, "last": {}}
    look = task(
        declare("a"),
        check_mode=True,
        no_log=hidden,
        delegate_to="{{ item }}",
        loop=["first", "nowhere", "last"],
    )
    plays = [play(look) | {"hosts": "asking"}]
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
    look = task({"path": BPFFS}, "ebpf.pinning.bpffs_mount", check_mode=True)
    done = ansible_playbook(
        host,
        folder,
        [playbook(folder, play(look))],
        {"good": {}, "liar": liar},
        **by_environment(folder),
    )
    assert set(done.hosts) == {"good", "liar"}
    assert "/forged" not in states(done.hosts["good"])


# The verdict of ebpf.pinning.drift: that of the report

VERDICTS: dict[str, tuple[Json, Json, str]] = {
    "in place": ({}, {}, "in_place"),
    "drift": ({"bpf_maps": [{"name": "a", **SHAPE}]}, {}, "drift"),
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


# Runs without anything to tell

_FAIL = {"ansible.builtin.fail": {"msg": SECRET}}
# Plays, the exit code, and whether a report is asked for of this very run.
NOTHING = {
    "another playbook": ([play({"ansible.builtin.ping": {}})], 0, False),
    "another playbook that fails": ([play(_FAIL)], 2, True),
    "a play without hosts": ([_look("a") | {"hosts": "nobody"}], 0, True),
    "all skipped": ([play(task(when=False))], 0, True),
    "a syntax error": ([{"hosts": "all", "tasks": 5}], 4, False),
}


@pytest.mark.parametrize("what", NOTHING)
def test_a_run_that_looked_at_nothing_leaves_the_old_report(host: Host, what: str) -> None:
    plays, code, asked = NOTHING[what]
    folder = host.scratch / "out"
    folder.mkdir()
    (folder / "drift.json").write_text("old")
    words = [playbook(folder, *plays)]
    if asked:
        words += ["-e", f"drift_json={folder}/drift.json"]
    done = ansible_playbook(host, folder, words, {"localhost": {}}, **by_environment(folder))
    assert done.code == code, done.output
    assert "DRIFT" not in done.output
    assert (folder / "drift.json").read_text() == "old"
    assert not (folder / "drift.md").exists()
    assert ("no host was looked at: no drift report is written" in done.output) == asked


def test_plays_and_batches_of_hosts_are_one_report(host: Host) -> None:
    folder = host.scratch / "out"
    host.shell(f"mkdir {AGENT}")
    host.make_pin(f"{AGENT}/a")
    plays = [
        _look("a") | {"serial": 1},
        play({"ansible.builtin.debug": {}, "when": False}),
        _look("b") | {"strategy": "free"},
        play(task(declare("c"), check_mode=True, run_once=True)),
    ]
    hosts: dict[str, Json] = {"one": {}, "two": {}, "three": {}}
    done = ansible_playbook(
        host, folder, [playbook(folder, *plays)], hosts, **by_environment(folder)
    )
    found = {name: states(each) for name, each in done.hosts.items()}
    both = {f"{AGENT}/a": "in_place", f"{AGENT}/b": "missing"}
    assert found == {"one": {**both, f"{AGENT}/c": "missing"}, "two": both, "three": both}
    assert SHAPE["max_entries"] == host.map_at(f"{AGENT}/a")["max_entries"]


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
    wanted = {f"{AGENT}/{name}" for name in names} | {f"{AGENT}/not \\xff utf-8"}
    for each in found.values():
        assert states(each) == dict.fromkeys(wanted, "undeclared")
    assert "<script" not in (folder / "drift.md").read_text()
    assert "\u202e" not in (folder / "drift.md").read_text()
    assert "\u202e" not in done.table
    assert len(done.table.splitlines()) == 23
