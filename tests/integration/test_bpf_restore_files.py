# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bpf_restore among files of others, damaged ones, old ones, and killed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from harness.host import Host
from harness.playbook import task
from harness.site import ADM_GROUP, NOBODY
from restore_places import MANIFEST, MAPS, Place, results, without_invocation
from restoring import Fields

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
        "rm -r $C/_core/engine; touch $C/_core/engine",
        ["_core/engine"],
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
            assert without_invocation(check) == without_invocation(real)
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
        os.chown(place.path, 0, ADM_GROUP)
        place.path.chmod(0o2755)  # what is made below gets the group, too
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
    with (old / "_core" / "command" / "main.py").open("a") as file:
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
    assert without_invocation(check) == without_invocation(real)
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
        agent = now.get(MANIFEST)
        if agent not in (old.get(MANIFEST), new.get(MANIFEST)):
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
    renames = [number for number, call in enumerate(calls) if call == "rename"][-3:]
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
