# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bpf_restore: which files it writes and removes, and what it refuses to touch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import ADM_GROUP, NOBODY
from restoring import HASH, Fields, capabilities_of_the_unit

MAPS = [{"name": "flows", **HASH}, {"name": "counts", "type": "array", "value_size": 8}]
MAPS[1]["max_entries"] = 4


@dataclass(frozen=True)
class Place:
    """A library and a directory of manifests of their own, below `path`."""

    path: Path

    @property
    def library(self) -> Path:
        return self.path / "lib" / "ebpf-pinning"

    @property
    def manifests(self) -> Path:
        return self.path / "etc" / "restore.d"

    @property
    def starter(self) -> Path:
        return self.library / "ebpf-pinning"

    def arguments(self, **fields: Any) -> Fields:
        places = {"library": str(self.library), "manifests": str(self.manifests)}
        return {"name": "agent", **places, **fields}

    def run(self, *, check: bool = False, fault: Any = None, **fields: Any) -> Fields:
        """A run as harness/faults.py takes it."""
        return {
            "module": "bpf_restore",
            "arguments": {
                **self.arguments(**fields),
                "_ansible_check_mode": check,
                "_ansible_diff": True,
                "_ansible_remote_tmp": str(self.path),
            },
            "watched": bool(fault) or fault == [],
            "fault": fault or None,
            "always": {},
            "tuning": {},
            "meanwhile": {},
        }

    def files(self) -> dict[str, tuple[Any, ...]]:
        """All that is below: owner, group, mode, and what is in it."""
        found: dict[str, tuple[Any, ...]] = {}
        for path in sorted(self.path.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
            target = os.readlink(path) if path.is_symlink() else None
            what = (status.st_uid, status.st_gid, f"{status.st_mode:o}", content, target)
            found[str(path.relative_to(self.path))] = what
        return found

    def picture(self) -> dict[str, tuple[int, int, int]]:
        """Equal if nothing was touched."""
        return {
            str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_ctime_ns)
            for path in [self.path, *self.path.rglob("*")]
        }


def results(host: Host, series: Sequence[Sequence[Fields]]) -> list[list[Fields]]:
    """What the modules returned; none of them wrote anything else."""
    done = host.run_modules(series)
    for runs in done:
        for run in runs:
            assert not run["complaints"], run["complaints"]
    return [[json.loads(run["output"]) for run in runs] for runs in done]


def actions(result: Fields, place: Place) -> dict[str, str]:
    """What is reported about files, but for those of the core, which are counted."""
    told = {each["path"]: each["action"] for each in result["files"]}
    assert len(told) == len(result["files"])
    found: dict[str, str] = {}
    for path, action in told.items():
        name = str(Path(path).relative_to(place.path))
        if "/core-" in name and path.endswith(".py"):
            name = "core"
        found[name] = action
    return found


# What a host goes through


@dataclass(frozen=True)
class Step:
    """A run after others; `files` are what it writes and removes, `names` the manifests then."""

    before: Sequence[Fields]
    run: Fields
    files: Fields
    names: Sequence[str]
    diff: Sequence[str] = ()  # in what changes in the manifest
    gone: bool = False  # and then there is no command


AGENT = {"maps": MAPS, "directory": f"{BPFFS}/agent", "mode": "0640"}
_ALL = {"core": "written", "lib/ebpf-pinning/ebpf-pinning": "written"}
_AGENT, _OTHER = "etc/restore.d/agent.json", "etc/restore.d/other.json"
_GONE = {"lib/ebpf-pinning/ebpf-pinning": "removed"}
OTHER = {"name": "other", "maps": MAPS[:1]}

STEPS = {
    "the first manifest brings the command": Step(
        [], AGENT, {**_ALL, _AGENT: "written"}, ["agent.json"], ["flows", "0640"]
    ),
    "a manifest of nothing is one, too": Step([], {}, {**_ALL, _AGENT: "written"}, ["agent.json"]),
    "another manifest is only that": Step(
        [AGENT], OTHER, {_OTHER: "written"}, ["agent.json", "other.json"], ["flows"]
    ),
    "a map is added": Step(
        [{"maps": MAPS[:1]}], {"maps": MAPS}, {_AGENT: "written"}, ["agent.json"], ["counts"]
    ),
    "a map is removed": Step(
        [{"maps": MAPS}], {"maps": MAPS[:1]}, {_AGENT: "written"}, ["agent.json"], ["counts"]
    ),
    "an option is changed": Step(
        [AGENT], {**AGENT, "mode": "0600"}, {_AGENT: "written"}, ["agent.json"], ["0600"]
    ),
    "the interpreter is changed": Step(
        [AGENT],
        {**AGENT, "python": "/bin/sh"},
        {"lib/ebpf-pinning/ebpf-pinning": "written"},
        ["agent.json"],
    ),
    "one of two is switched off": Step(
        [AGENT, OTHER], {"state": "absent"}, {_AGENT: "removed"}, ["other.json"], ["flows"]
    ),
    "the last one takes the command along": Step(
        [AGENT],
        {"state": "absent"},
        {_AGENT: "removed", **_GONE},
        [],
        ["flows"],
        gone=True,
    ),
    "what never was is absent": Step([], {"state": "absent"}, {}, [], gone=True),
    "what never was is absent beside others": Step(
        [OTHER], {"state": "absent"}, {}, ["other.json"]
    ),
    "a policy does not count": Step(
        [{"maps": MAPS}],
        {"maps": [{**each, "on_mismatch": "migrate", "value_growth": "zero_pad"} for each in MAPS]},
        {},
        ["agent.json"],
    ),
    "the order of fields does not count": Step(
        [{"maps": MAPS}],
        {"maps": [dict(reversed(each.items())) for each in MAPS]},
        {},
        ["agent.json"],
    ),
}


def test_a_check_foresees_a_run_tells_and_a_rerun_finds_nothing(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / f"step_{number}") for number in range(len(STEPS))]
    for place in places:
        place.path.mkdir()
    steps = list(zip(STEPS.values(), places, strict=True))
    results(host, [[place.run(**each) for each in step.before] for step, place in steps])
    outside = [Place(Path(path)).picture() for path in ("/etc", "/usr/local/lib")]
    before = [place.picture() for place in places]
    foreseen = results(host, [[place.run(check=True, **step.run)] for step, place in steps])
    checked = [place.picture() for place in places]
    made = results(host, [[place.run(**step.run)] for step, place in steps])
    after = [place.picture() for place in places]
    again = results(
        host,
        [[place.run(check=check, **step.run) for check in (False, True)] for step, place in steps],
    )
    at_last = [place.picture() for place in places]
    for number, (about, step) in enumerate(STEPS.items()):
        place, (result,) = places[number], made[number]
        with subtests.test(about):
            assert not result.get("failed"), result
            assert checked[number] == before[number]
            assert _without_invocation(foreseen[number][0]) == _without_invocation(result)
            assert result["changed"] == bool(step.files)
            told = actions(result, place)
            cores = [name for name in told if "/core-" in name]
            assert {name: told[name] for name in told if name not in cores} == step.files
            assert [told[name] for name in cores] == (["removed"] if step.gone and told else [])
            assert result["manifests"] == step.names
            text = "".join(each["before"] + each["after"] for each in result["diff"])
            assert all(word in text for word in step.diff)
            assert bool(result["diff"]) == any("restore.d" in name for name in step.files)
            names = [path.name for path in place.manifests.glob("*")]
            assert sorted(names) == list(step.names)
            if step.gone:
                assert not list(place.library.glob("*"))
                assert result["sandbox"] is None
            for rerun in again[number]:
                assert (rerun["changed"], rerun["files"]) == (False, []), rerun
                assert rerun["diff"] == []
                assert rerun["manifests"] == step.names
            assert at_last[number] == after[number]
    with subtests.test("nothing else of the machine is touched"):
        assert outside == [Place(Path(path)).picture() for path in ("/etc", "/usr/local/lib")]


def _without_invocation(result: Fields) -> Fields:
    return {name: value for name, value in result.items() if name != "invocation"}


def test_switched_off_nothing_is_left(host: Host, tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    kept = place.library / "notes"
    results(host, [[place.run()]])
    leftover = place.manifests / "agent.json.new~"
    leftover.write_text("of a killed run")
    results(host, [[place.run(state="absent")]])
    assert [path for path in place.path.rglob("*") if not path.is_dir()] == []
    results(host, [[place.run()]])
    kept.write_text("of somebody else")
    results(host, [[place.run(state="absent")]])
    assert [path for path in place.path.rglob("*") if not path.is_dir()] == [kept]


# What is in the manifest

BTF = {"data": "", "key_type_id": "0", "value_type_id": "0"}
TYPED: list[tuple[Fields, Fields]] = [
    ({"max_entries": "16", "key_size": "4"}, {"max_entries": 16, "key_size": 4}),
    ({"frozen": "yes"}, {"frozen": True}),
    ({"frozen": "off"}, {"frozen": False}),
    ({"numa_node": "0"}, {"numa_node": 0}),
    ({"flags": "no_prealloc"}, {"flags": ["no_prealloc"]}),
    ({"flags": "no_prealloc,rdonly_prog"}, {"flags": ["no_prealloc", "rdonly_prog"]}),
    ({"owner": 0, "group": 4}, {"owner": "0", "group": "4"}),
    ({"directory": f"{BPFFS}/x", "mode": None}, {"directory": f"{BPFFS}/x"}),
    (
        {"type": "hash_of_maps", "value_size": 4, "inner_map": {**HASH, "max_entries": "9"}},
        {"type": "hash_of_maps", "value_size": 4, "inner_map": {**HASH, "max_entries": 9}},
    ),
]


def test_items_are_taken_as_bpf_map_pinned_takes_them(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(TYPED))]
    item = {"name": "flows", **HASH}
    made = results(
        host,
        [
            [place.run(maps=[{**item, **written}])]
            for place, (written, _read) in zip(places, TYPED, strict=True)
        ],
    )
    for place, (written, read), (result,) in zip(places, TYPED, made, strict=True):
        with subtests.test(str(written)):
            assert not result.get("failed"), result
            (found,) = json.loads((place.manifests / "agent.json").read_bytes())["maps"]
            assert found == {**item, **read}


# The same in both modules, and what it is to say.
REFUSED: list[tuple[Fields, str]] = [
    ({"mode": 416}, 'write it in octal and quoted, like "0640"'),
    ({"maps": [{"name": "flows", **HASH, "mode": 416}]}, 'and quoted, like "0640"'),
    ({"mode": "u=rw"}, "octal"),
    ({"mode": "4755"}, "0777"),
    ({"maps": [{"name": "flows", **HASH, "sort": "x"}]}, "sort"),
    ({"maps": [{"name": "flows", **HASH, "max_entries": "many"}]}, "max_entries"),
    ({"maps": [{"name": "flows", **HASH, "frozen": "perhaps"}]}, "frozen"),
    ({"maps": [{"name": "flows", **HASH, "on_mismatch": "maybe"}]}, "on_mismatch"),
    ({"maps": ["flows"]}, "dict"),
    ({"maps": [{"name": "a.b", **HASH}]}, "dot"),
    ({"maps": [{"name": "flows"}]}, "type is missing"),
    ({"maps": [{**HASH}]}, "neither name nor path"),
    ({"maps": [{"name": "flows", **HASH}] * 2}, "keep one"),
    ({"owner": "no-such-user"}, "create it first"),
    ({"maps": [{"name": "flows", **HASH, "group": "no-such-group"}]}, "create it first"),
    ({"directory": "sys/fs/bpf"}, "not absolute"),
    ({"maps": [{"name": "flows", **HASH, "type": "struct_ops"}]}, "struct_ops"),
]


def test_what_bpf_map_pinned_refuses_is_refused_alike(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    maps = {"maps": [{"name": "flows", **HASH}]}
    runs = []
    for fields, _words in REFUSED:
        run = place.run(**{**maps, **fields})
        model = {**run, "module": "bpf_map_pinned"}
        arguments = {"directory": BPFFS, **maps, **fields}
        special = {k: v for k, v in run["arguments"].items() if k.startswith("_")}
        model["arguments"] = {**arguments, **special, "_ansible_check_mode": True}
        runs.append([run, model])
    before = place.picture()
    done = results(host, runs)
    assert place.picture() == before
    for (fields, words), (result, model) in zip(REFUSED, done, strict=True):
        with subtests.test(str(fields)):
            assert result["failed"], result
            assert model["failed"], model
            assert words in result["msg"]
            for line in model["msg"].splitlines():
                assert line.partition(": ")[2] in result["msg"], (model["msg"], result["msg"])


BAD_NAMES = ["", ".", "..", ".hidden", "a/b", "/etc/passwd", "x" * 201]
WRONG: dict[str, tuple[Fields, Sequence[str]]] = {
    **{f"the name {name[:9]!r}": ({"name": name}, ["name"]) for name in BAD_NAMES},
    "a python that is not there": ({"python": "/no/python"}, ["/no/python", "3.8"]),
    "a python that is no program": ({"python": "/etc/passwd"}, ["/etc/passwd", "3.8"]),
    "a python that is a directory": ({"python": "/usr/bin"}, ["/usr/bin", "3.8"]),
    "a python without its path": ({"python": "python3"}, ["python3", "whole path"]),
    "a library without its path": ({"library": "lib"}, ["library", "not absolute"]),
    "manifests without their path": ({"manifests": "etc"}, ["manifests", "not absolute"]),
    "a mount without a path": ({"mounts": [{"mode": "0700"}]}, ["path", "mounts"]),
    "a mount with an unknown option": ({"mounts": [{"path": "/x", "force": True}]}, ["force"]),
    "a mount with an unknown flag": ({"mounts": [{"path": "/x", "opts": ["no"]}]}, ["'no'"]),
    "a mount of an unknown user": ({"mounts": [{"path": "/x", "owner": "nosuch"}]}, ["nosuch"]),
    "a state of another module": ({"state": "mounted"}, ["state"]),
}


def test_what_cannot_be_is_refused_and_nothing_is_written(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    before = place.picture()
    runs = [
        [place.run(check=check, **fields) for check in (True, False)]
        for fields, _words in WRONG.values()
    ]
    for (about, (_fields, words)), both in zip(WRONG.items(), results(host, runs), strict=True):
        with subtests.test(about):
            for result in both:
                assert result["failed"], result
                assert not result.get("changed")
                assert all(word in result["msg"] for word in words), result["msg"]
            assert both[0]["msg"] == both[1]["msg"]
    assert place.picture() == before


def test_whoever_is_not_root_is_told_so(host: Host) -> None:
    refused = host.module("bpf_restore", name="agent", keywords=host.as_nobody())
    assert refused.failed
    assert "become: true" in refused.msg


# What others have put there

# $L and $M are the directories, $C the one of the core.
FOREIGN: dict[str, tuple[str, Sequence[str]]] = {
    "a library of another owner": ("chown nobody $L", ["lib/ebpf-pinning", f"user id {NOBODY}"]),
    "a library that others may write to": ("chmod 0777 $L", ["lib/ebpf-pinning", "mode 0777"]),
    "manifests of another owner": ("chown nobody $M", ["restore.d", f"user id {NOBODY}"]),
    "manifests that the group may write": ("chmod 0775 $M", ["restore.d", "mode 0775"]),
    "manifests in a file": ("rm -r $M; touch $M", ["restore.d", "directory"]),
    "a library in a file": ("rm -r $L; touch $L", ["lib/ebpf-pinning", "directory"]),
    "a symlink for the command": (
        "mv $L/ebpf-pinning $L/x; ln -s x $L/ebpf-pinning",
        ["ebpf-pinning/ebpf-pinning", "regular"],
    ),
    "a directory for the command": (
        "rm $L/ebpf-pinning; mkdir $L/ebpf-pinning",
        ["ebpf-pinning/ebpf-pinning", "regular"],
    ),
    "a symlink for the manifest": (
        "mv $M/agent.json $M/x; ln -s x $M/agent.json",
        ["agent.json", "regular"],
    ),
    "a symlink to nowhere for the manifest": (
        "rm $M/agent.json; ln -s nowhere $M/agent.json",
        ["agent.json", "regular"],
    ),
    "a directory for the manifest": (
        "rm $M/agent.json; mkdir $M/agent.json",
        ["agent.json", "regular"],
    ),
    "a FIFO for the manifest": (
        "rm $M/agent.json; mkfifo $M/agent.json",
        ["agent.json", "regular"],
    ),
    "a symlink in the core": (
        "mv $C/_core/host.py $C/x; ln -s ../x $C/_core/host.py",
        ["host.py", "regular"],
    ),
    "a file for a directory of the core": (
        "rm -r $C/_core/spec; touch $C/_core/spec",
        ["_core/spec"],
    ),
}


def _prepared(
    host: Host, tmp_path: Path, scripts: Sequence[str], **fields: Any
) -> tuple[list[Place], Place]:
    """Places where the module has run, and then each script; and one where no script did."""
    model = Place(tmp_path / "model")
    model.path.mkdir()
    places = []
    for number in range(len(scripts)):
        place = Place(tmp_path / f"case_{number}")
        place.path.mkdir()
        places.append(place)
    results(host, [[place.run(**fields)] for place in (model, *places)])
    for place, script in zip(places, scripts, strict=True):
        (core,) = place.library.glob("core-*")
        host.shell(f"L={place.library} M={place.manifests} C={core}; {script}")
    return places, model


def test_what_others_have_put_there_is_not_touched(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places, _model = _prepared(host, tmp_path, [script for script, _words in FOREIGN.values()])
    before = [place.picture() for place in places]
    runs = [[place.run(check=check, maps=MAPS) for check in (True, False)] for place in places]
    done = results(host, runs)
    for number, (about, (_script, words)) in enumerate(FOREIGN.items()):
        with subtests.test(about):
            for result in done[number]:
                assert result["failed"], result
                assert not result.get("changed")
                assert all(word in result["msg"] for word in words), result["msg"]
            assert places[number].picture() == before[number]


# What the module sets right.
DAMAGED = {
    "a command that somebody changed": "echo >> $L/ebpf-pinning",
    "a command that nobody may run": "chmod 0644 $L/ebpf-pinning",
    "a command that others may write": "chmod 0777 $L/ebpf-pinning",
    "a command of another owner": "chown nobody:daemon $L/ebpf-pinning",
    "a command that is gone": "rm $L/ebpf-pinning",
    "a core that somebody changed": "echo >> $C/_core/kernel.py",
    "a core with a file less": "rm $C/_core/kernel.py",
    "a core that is gone": "rm -r $C",
    "a core that others may write": "chmod 0666 $C/_core/kernel.py",
    "an empty manifest": ": > $M/agent.json",
    "a manifest cut short": "head -c 9 $M/agent.json > $M/x; cat $M/x > $M/agent.json; rm $M/x",
    "a manifest that is no text": "head -c 99 /dev/urandom > $M/agent.json",
    "a manifest that all may read": "chmod 0644 $M/agent.json",
    "a manifest of another owner": "chown nobody $M/agent.json",
    "a manifest that is gone": "rm $M/agent.json",
    "no directory of manifests": "rm -r $M",
    "no library": "rm -r $L",
    "leftovers of killed runs": "touch $L/ebpf-pinning.new~ $M/agent.json.new~; rm $M/agent.json "
    "$L/ebpf-pinning",
    "leftovers that are symlinks": "ln -s /etc/passwd $M/agent.json.new~; rm $M/agent.json",
}


def test_what_is_damaged_is_set_right(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    passwd = Path("/etc/passwd").read_bytes()
    places, model = _prepared(host, tmp_path, list(DAMAGED.values()), maps=MAPS)
    done = results(
        host,
        [[place.run(check=check, maps=MAPS) for check in (True, False, False)] for place in places],
    )
    whole = model.files()
    for number, about in enumerate(DAMAGED):
        with subtests.test(about):
            check, real, again = done[number]
            assert _without_invocation(check) == _without_invocation(real)
            assert real["changed"] is True
            assert again["changed"] is False
            assert _moved(places[number].files(), places[number], model) == whole
    assert Path("/etc/passwd").read_bytes() == passwd


def _moved(files: dict[str, tuple[Any, ...]], place: Place, model: Place) -> dict[str, Any]:
    """`files` as they would be at the place of the model: the command names its core."""
    here, there = os.fsencode(place.path), os.fsencode(model.path)
    return {
        name: (*rest, content if content is None else content.replace(here, there), target)
        for name, (*rest, content, target) in files.items()
    }


def test_no_umask_and_no_directory_above_make_it_less_private(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = {umask: Place(tmp_path / f"umask_{umask}") for umask in ("000", "002", "077")}
    tasks = []
    for umask, place in places.items():
        place.path.mkdir()
        place.path.chmod(0o2775)
        os.chown(place.path, 0, ADM_GROUP)
        words = host.interpreter(f'umask {umask}; python "$@"')
        tasks += [task("bpf_restore", keywords=words, **place.arguments())] * 2
    run = host.playbook(tasks)
    for number, (umask, place) in enumerate(places.items()):
        with subtests.test(f"umask {umask}"):
            assert run[2 * number].good().changed
            assert not run[2 * number + 1].good().changed
            for path in (*place.path.rglob("*"),):
                status = path.stat()
                assert status.st_uid == 0
                assert status.st_mode & 0o022 == 0, path
                if path.is_dir():
                    assert status.st_mode & 0o777 == 0o755, path
            done = host.run(str(place.starter), "check", "--manifests", str(place.manifests))
            assert done.stdout == "0 declared, 0 in place\n"


# Upgrades, also those that are interrupted


def _age(place: Place) -> None:
    """Make the command one of an older collection."""
    (core,) = place.library.glob("core-*")
    old = place.library / f"core-{'0' * 16}"
    core.rename(old)
    with (old / "_core" / "restore" / "command.py").open("a") as file:
        file.write("# of an older collection\n")
    text = place.starter.read_text()
    place.starter.write_text(text.replace(core.name, old.name))


def test_an_upgrade_leaves_nothing_of_the_old_command_and_all_that_is_not_of_it(
    host: Host, tmp_path: Path
) -> None:
    (place,), model = _prepared(host, tmp_path, [":"])
    _age(place)
    others = ["notes", "core-0123", f"core-{'g' * 16}", "core.bak/file", "_core/file"]
    others += [f"core-{'1' * 16}"]  # no directory, so none of ours
    for name in others:
        path = place.library / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("theirs")
    (place.library / f"core-{'2' * 16}").symlink_to("core.bak")
    (place.library / f"core-{'3' * 16}" / "_core").mkdir(parents=True)  # of a killed run
    ((check, real, again),) = results(host, [[place.run(check=c) for c in (True, False, False)]])
    assert _without_invocation(check) == _without_invocation(real)
    assert not real.get("failed"), real
    removed = [each["path"] for each in real["files"] if each["action"] == "removed"]
    assert removed == [f"{place.library}/core-{digit * 16}" for digit in "03"]
    assert again["changed"] is False
    found = _moved(place.files(), place, model)
    for name in others:
        assert found.pop(f"lib/ebpf-pinning/{name}")[3] == b"theirs"
    assert os.readlink(place.library / f"core-{'2' * 16}") == "core.bak"
    expected = model.files()
    left = {name for name in found if name not in expected}
    assert left == {
        f"lib/ebpf-pinning/{name}" for name in ("core.bak", "_core", f"core-{'2' * 16}")
    }
    assert {name: what for name, what in found.items() if name in expected} == expected


SITUATIONS = ("installed for the first time", "upgraded", "switched off")


@pytest.mark.parametrize("situation", SITUATIONS)
def test_killed_at_any_moment_the_command_is_the_old_or_the_new_one(
    host: Host, tmp_path: Path, situation: str
) -> None:
    wanted: Fields = {"maps": MAPS}
    if situation == "switched off":
        wanted = {"state": "absent"}
    model = Place(tmp_path / "model")
    rehearsed = Place(tmp_path / "rehearsed")
    for place in (model, rehearsed):
        place.path.mkdir()
    results(host, [[model.run(maps=MAPS[:1])]])
    if situation == "upgraded":
        _age(model)
    if situation == "installed for the first time":
        shutil.rmtree(model.path)
        model.path.mkdir()
    _copy(model, rehearsed)
    ((run,),) = host.run_modules([[rehearsed.run(fault=[], **wanted)]])
    assert run["code"] == 0, run
    new = _moved(rehearsed.files(), rehearsed, model)
    old = model.files()
    assert new != old
    faults = _faults(run["calls"])

    places = [Place(tmp_path / f"run_{number}") for number in range(len(faults))]
    for place in places:
        _copy(model, place)
    killed = host.run_modules(
        [[place.run(fault=fault, **wanted)] for place, fault in zip(places, faults, strict=True)]
    )
    for fault, (run,) in zip(faults, killed, strict=True):
        assert run["code"] == -9, (fault, run)
    wrong = []
    states: Counter[str] = Counter()
    for place, fault in zip(places, faults, strict=True):
        now = _moved(place.files(), place, model)
        command = _command(now)
        states["old" if command == _command(old) else "new"] += 1
        if command not in (_command(old), _command(new)):
            wrong.append(f"{fault}: the command is neither: {_differing(command, _command(new))}")
        agent = now.get(_AGENT)
        if agent not in (old.get(_AGENT), new.get(_AGENT)):
            wrong.append(f"{fault}: the manifest is {agent}")
    assert not wrong
    assert min(states["old"], states["new"]) > 0, states

    reruns = results(host, [[place.run(**wanted)] * 2 for place in places])
    for place, fault, (first, second) in zip(places, faults, reruns, strict=True):
        assert not first.get("failed"), (fault, first)
        assert not second["changed"], (fault, second)
        now = _moved(place.files(), place, model)
        if now != new:
            wrong.append(f"{fault}: a rerun leaves {_differing(now, new)}")
    assert not wrong


def _faults(calls: Sequence[str]) -> list[list[Any]]:
    """Kills at the first calls, at those around the last renames, and at some of the others.

    The calls about one file of the core are like those about the next one.
    """
    counts: Counter[str] = Counter()
    faults = []
    for call in calls:
        counts[call] += 1
        faults.append([call, counts[call], "KILL"])
    renames = [number for number, call in enumerate(calls) if call == "rename"][-2:]
    chosen = {number + way for number in renames for way in range(-5, 4)}
    chosen |= {*range(6), *range(0, len(faults), 29), len(faults) - 1}
    return [fault for number, fault in enumerate(faults) if number in chosen]


def _copy(model: Place, place: Place) -> None:
    """Files are links to one: the module never writes into one that is there."""
    place.path.mkdir(exist_ok=True)
    subprocess.run(["cp", "-al", f"{model.path}/.", str(place.path)], check=True)
    if place.starter.exists():
        text = place.starter.read_bytes()
        place.starter.unlink()
        place.starter.write_bytes(text.replace(os.fsencode(model.path), os.fsencode(place.path)))
        place.starter.chmod(0o755)


def _command(files: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """The command, and the core that it names: none, if it is gone."""
    starter = files.get("lib/ebpf-pinning/ebpf-pinning")
    if starter is None:
        return {}
    core = starter[3].partition(b"/core-")[2][:16].decode()
    return {"starter": starter} | {
        name: what for name, what in files.items() if f"/core-{core}/" in name
    }


def _differing(one: Fields, other: Fields) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


# What the unit is to be allowed

SANDBOXES: dict[str, tuple[Fields, Fields]] = {
    "nothing": ({}, {"writable": [], "capabilities": []}),
    "the bpffs of the system": (
        {"maps": MAPS, "directory": f"{BPFFS}/agent/deep"},
        {"writable": [BPFFS], "capabilities": []},
    ),
    "a mount of its own": (
        {
            "mounts": [{"path": "/run/agent/bpffs"}],
            "maps": [{"path": "/run/agent/bpffs/a/b", **HASH}, *MAPS],
        },
        {"writable": ["/run/agent/bpffs", BPFFS], "capabilities": []},
    ),
    "a mount inside of another": (
        {
            "mounts": [{"path": f"{BPFFS}/inner"}],
            "maps": [{"path": f"{BPFFS}/inner/map", **HASH}, {"path": f"{BPFFS}/inner2", **HASH}],
        },
        {"writable": [BPFFS, f"{BPFFS}/inner"], "capabilities": []},
    ),
    "no mount yet": (
        {"maps": [{"path": "/run/later/map", **HASH}]},
        {"writable": ["/run/later"], "capabilities": []},
    ),
    "a map that needs more than CAP_BPF": (
        {"maps": [{"name": "map", **HASH, "flags": ["zero_seed"]}]},
        {"writable": [BPFFS], "capabilities": ["CAP_SYS_ADMIN"]},
    ),
    "an inner map that needs more than CAP_BPF": (
        {
            "maps": [
                {
                    "name": "map",
                    "type": "array_of_maps",
                    "max_entries": 2,
                    "inner_map": {**HASH, "flags": ["zero_seed"]},
                }
            ]
        },
        {"writable": [BPFFS], "capabilities": ["CAP_SYS_ADMIN"]},
    ),
}


def test_the_unit_is_to_be_allowed_what_these_maps_need(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(SANDBOXES))]
    runs = [
        [place.run(**fields)]
        for place, (fields, _told) in zip(places, SANDBOXES.values(), strict=True)
    ]
    done = results(host, runs)
    for number, (about, (fields, told)) in enumerate(SANDBOXES.items()):
        with subtests.test(about):
            (result,) = done[number]
            assert result["sandbox"] == told
            if "mounts" in fields or BPFFS not in told["writable"]:
                continue
            # The kernel agrees: with these it is restored.
            place = places[number]
            words = [str(place.starter), "restore", "--manifests", str(place.manifests)]
            host.shell(f"find {BPFFS} -name map -delete")
            host.run(*capabilities_of_the_unit(*told["capabilities"]), *words)
            if told["capabilities"]:
                host.shell(f"find {BPFFS} -name map -delete")
                done_without = host.run(*capabilities_of_the_unit(), *words, check=False)
                assert done_without.returncode == 1, "without them it cannot be"
