# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the tests of bpf_pin_absent, and what bpftool says that the pins of a bpffs hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, Run, Task, task
from harness.site import HERE
from mount_table import picture

Holding = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One row. $P is a directory in the bpffs, $O one outside, both made anew for the row.

    `given` is a shell script with `pin PATH`, `prog PATH` and `attached PROG LINK`, which pin a
    map, a program, a program and the link that attaches it.
    """

    name: str
    given: str
    declared: Mapping[str, Any]
    says: Sequence[str] = ()  # words of the message, where it is refused
    removed: Sequence[str] = ()
    missing: Sequence[str] = ()
    directories: Sequence[str] = ()  # removed, in this order
    spared: Mapping[str, str] = field(default_factory=dict)  # path: words of the reason


@dataclass(frozen=True)
class Stage:
    """Where the row number `number` of a table takes place."""

    host: Host
    number: int

    @property
    def inside(self) -> str:
        return f"{BPFFS}/case_{self.number}"

    @property
    def outside(self) -> Path:
        return self.host.scratch / "outside" / str(self.number)

    def say(self, words: str) -> str:
        """The words with the real paths in them."""
        return words.replace("$P", self.inside).replace("$O", str(self.outside))

    def arguments(self, case: Case) -> dict[str, Any]:
        """What the task declares."""
        return json.loads(self.say(json.dumps(dict(case.declared))))

    def set(self, given: str) -> None:
        """Make what is there before."""
        self.outside.mkdir(parents=True)
        site = self.host.site
        load = f'{site.program("load")} {site.bpf_object("linked")} "$P"'
        self.host.shell(
            f"P={self.inside} O={self.outside}\n"
            f'pin() {{ {site.program("make")} "$@" >/dev/null; }}\n'
            f'prog() {{ {load} "$1" >/dev/null; }}\n'
            f'attached() {{ {load} "$1" "$2" >/dev/null; }}\n'
            f'mkdir "$P"\n{given}'
        )


def set_all(host: Host, cases: Sequence[Case]) -> list[Stage]:
    """Make what is there before, row by row."""
    stages = [Stage(host, number) for number in range(len(cases))]
    for stage, case in zip(stages, cases, strict=True):
        stage.set(case.given)
    return stages


def inventory_task(host: Host, label: str) -> Task:
    """A task that takes the inventory in the middle of a play; `taken` reads it."""
    script = str(HERE / "harness" / "inventory.py")
    argv = [host.site.python, script, host.site.program("info"), BPFFS]
    return task("ansible.builtin.command", label=label, argv=argv)


def taken(result: Result) -> dict[str, Any]:
    """The inventory that a task took."""
    return json.loads(result.good()["stdout"])


def holdings(host: Host) -> dict[str, Holding]:
    """By the path of the pin: type, id, name and memory of what it holds, as bpftool tells."""
    found: dict[str, Holding] = {}
    for kind in ("map", "prog", "link"):
        for each in host.bpftool("-f", kind, "show"):
            holding = {
                "type": kind,
                "id": each["id"],
                "name": each.get("name", ""),
                "memlock": each.get("bytes_memlock"),
            }
            found.update(dict.fromkeys(each.get("pinned", ()), holding))
    return found


def is_alive(host: Host, holding: Holding) -> bool:
    """Whether the kernel still has the object."""
    words = [holding["type"], "show", "id", str(holding["id"])]
    return host.run("bpftool", *words, check=False).returncode == 0


def shown(path: str) -> str:
    """A path as results have it: what cannot be seen is spelled."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in path
    )


def assert_told(stage: Stage, case: Case, run: Run, held: Mapping[str, Holding]) -> None:
    """The result is the row's, and so was that of a check; `held` is from before."""
    removed = [stage.say(path) for path in case.removed]
    missing = [stage.say(path) for path in case.missing]
    directories = [stage.say(path) for path in case.directories]
    nothing = {"type": None, "id": None, "name": None, "memlock": None}
    real = run[case.name]
    checks = _checks(case, run)
    for result in [real, *checks]:
        pins = [dict(each) for each in result.good()["pins"]]
        references = [pin.pop("last_reference") for pin in pins]
        assert pins == [
            *({"path": shown(path), "action": "removed", **held[path]} for path in removed),
            *({"path": path, "action": "missing", **nothing} for path in missing),
        ], result
        assert result in checks or references == [
            *(not is_alive(stage.host, held[path]) for path in removed),
            *(None for _path in missing),
        ], result
        assert result not in checks or references == [None] * len(pins), result
        assert result["directories"] == directories, result
        spared = {each["path"]: each["reason"] for each in result["spared"]}
        assert list(spared) == [stage.say(path) for path in case.spared], result
        for path, words in case.spared.items():
            assert stage.say(words) in spared[stage.say(path)], result
        counts = {"removed": len(removed), "missing": len(missing), "spared": len(spared)}
        assert result["counts"] == counts, result
        assert result.changed == bool(removed or directories), result


def tasks_of(
    cases: Sequence[Case], stages: Sequence[Stage], *, check: bool = False, every: int = 1
) -> list[Task]:
    """A task for each row, or for every second or third: the way of all is the same."""
    rows = list(zip(stages, cases, strict=True))[::every]
    return [
        task(
            "bpf_pin_absent",
            label=f"check: {case.name}" if check else case.name,
            check=check,
            **stage.arguments(case),
        )
        for stage, case in rows
    ]


def assert_told_why(stage: Stage, case: Case, run: Run) -> None:
    """The row was refused in its words, and if it was checked, in the check too."""
    real = run[case.name]
    for result in [real, *_checks(case, run)]:
        assert_refused(result)
        assert result.msg == real.msg, result
    for words in case.says:
        assert stage.say(words) in real.msg, f"{words} in {real.msg}"


def _checks(case: Case, run: Run) -> list[Result]:
    return [result for result in run if result.name == f"check: {case.name}"]


def assert_only_gone(before: Mapping[str, Any], after: Mapping[str, Any], gone: set[str]) -> None:
    """Exactly these paths are gone, and of the others nothing was touched.

    Of a directory in which something was removed, the times and the count of links may differ;
    of a pin with two names, one of which was removed, the time of change and the count.
    """
    assert before.keys() - after.keys() == gone, before.keys() - after.keys() ^ gone
    assert not after.keys() - before.keys(), after.keys() - before.keys()
    parents = {path.rpartition("/")[0] for path in gone}
    inodes = {before[path]["inode"] for path in gone}
    for path, entry in after.items():
        moved = ["mtime", "ctime", "links", "atime"] if path in parents else []
        if before[path]["inode"] in inodes:
            moved = ["ctime", "links"]
        assert _without(entry, moved) == _without(before[path], moved), path


def _without(entry: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in fields}


def assert_refused(result: Result) -> None:
    """It failed, in words, and changed nothing."""
    assert result.failed, result
    assert not result.changed, result
    assert not result.get("pins"), result
    assert "Traceback" not in result.msg, result
    assert "not expected here" not in result.msg, result


def assert_all_refused(host: Host, subtests: pytest.Subtests, cases: Sequence[Case]) -> None:
    """Run all `cases` on one host: each is refused with its words, and nothing is touched."""
    stages = set_all(host, cases)
    outside = str(host.scratch / "outside")
    files, held, before = picture(host, outside), holdings(host), host.inventory()
    run = host.playbook([*tasks_of(cases, stages, check=True, every=3), *tasks_of(cases, stages)])
    with subtests.test("nothing was touched"):
        assert host.inventory() == before
        assert holdings(host) == held
        assert picture(host, outside) == files
    for stage, case in zip(stages, cases, strict=True):
        with subtests.test(case.name):
            assert_told_why(stage, case, run)
