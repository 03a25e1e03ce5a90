# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that lead elsewhere, or change while a module runs: what nobody meant is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from absence_table import shown
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH, STAGING
from harness.site import HERE, NOBODY
from harness.worlds import CHANGES, OPERATIONS, WAYS, Fields, Operation, World

ADVICE = ("run again", "declare", "mount", "look at", "set ")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_world_changes_before_any_system_call(
    host: Host, name: str, subtests: pytest.Subtests
) -> None:
    outcomes = _run_scenes(host, operation=name)
    for about, world in CHANGES.items():
        with subtests.test(about):
            wrong = [
                f"{problem}: {outcome['before']}: {outcome['effects']}: {_told(outcome)}"
                for outcome in outcomes
                if outcome["world"] == about
                for problem in _what_is_wrong(outcome, OPERATIONS[name], world)
            ]
            assert not wrong, "\n".join(wrong)


def _told(outcome: Fields) -> Fields:
    keys = ("changed", "msg")
    return {key: outcome["result"].get(key) for key in keys}


def _what_is_wrong(outcome: Fields, operation: Operation, world: World) -> Iterator[str]:
    result, effects, homes = outcome["result"], set(outcome["effects"]), set(outcome["homes"])
    msg = result.get("msg", "")
    if "" in operation.names:  # then the directory above loses a name, too
        homes -= {"b:"}
    if homes not in (set(), {"b:app"}, {world.leads_to} if operation.is_new else set()):
        yield "in another directory"
    if outcome["lost"] and not outcome["is_too_late"]:
        yield "what it has not looked at is lost"
    if outcome["half_made"]:
        yield "seen before it was ready"
    if not effects <= operation.names:
        yield "another name"
    if bool(effects) != result.get("changed", False):
        yield "it does not say if it changed anything"
    if outcome["leftovers"] and "EROFS" not in msg:
        yield "a leftover"
    if result.get("leftovers"):
        yield "it takes a run for one that was killed"
    if result.get("failed"):
        yield from _what_is_wrong_with(msg)
        if not world.may_fail:
            yield "it fails"
    elif operation.module == "bpf_map_pinned" and effects != operation.names:
        yield "it says that it is done"


def _what_is_wrong_with(msg: str) -> Iterator[str]:
    first = msg.split("\n")[0]
    if not first.startswith(("$T/", "/first")):
        yield "no path in the message"
    if not any(word in first for word in ADVICE):
        yield "no advice in the message"
    if "not expected here" in msg or "a system call" in msg:
        yield "an error that nobody thought of"


def test_a_path_that_leads_elsewhere(host: Host, subtests: pytest.Subtests) -> None:
    for outcome in _run_scenes(host):
        name, way = outcome["operation"], WAYS[outcome["world"]]
        with subtests.test(f"{name}: {outcome['world']}"):
            assert (outcome["effects"], outcome["homes"], outcome["leftovers"]) == ([], [], [])
            result = outcome["result"]
            assert not result.get("changed")
            if name == "prune" and not result.get("failed"):
                spared = {each["path"]: each["reason"] for each in result["spared"]}
                assert {"$T/x/app/deep/pin", "$T/x/app/stray"} <= spared.keys()
                assert all(way.says in reason for reason in spared.values())
                continue
            assert result["failed"]
            assert way.says in result["msg"]
            assert list(_what_is_wrong_with(result["msg"])) == []


NAMES = [
    "new\nline",
    "tab\tand\rreturn",
    "'single' \"double\"",
    "$(reboot) `id` ${HOME}",
    "a;b&c|d>e",
    "back\\slash",
    "%s {0}",
    "größe_大小_🐝",
    "\u2028separator\u202ereversed",
    " leading",
    "trailing ",
    "-rf",
    "*",
    "[a-z]?",
    "\x1b[31mred",
    "x" * 255,
    "ä" * 127 + "x",
]


def test_names_are_only_names(host: Host) -> None:
    folder, extra = f"{BPFFS}/names", f"{BPFFS}/other"
    paths = [f"{folder}/{name}" for name in NAMES]
    batch = [{"name": name, **HASH} for name in NAMES]

    def declare(entries: int, **words: Any) -> Any:
        maps = [{**item, "max_entries": entries} for item in batch]
        return task("bpf_map_pinned", directory=folder, diff=True, maps=maps, **words)

    host.run("mkdir", extra)
    for name in NAMES:
        host.make_pin(f"{extra}/{name}")
    before = host.inventory(extra)
    run = host.playbook(
        [
            declare(16),
            declare(16, mode="0640"),
            declare(17),
            declare(17, on_mismatch="replace"),
            declare(18, on_mismatch="migrate"),
        ]
    )
    actions = ["created", "adjusted", "incompatible", "replaced", "migrated"]
    for action, result in zip(actions, run, strict=True):
        assert result.failed == (action == "incompatible"), result
        assert result["counts"][action] == len(NAMES), result
        told = shown if result.failed else str
        assert [each["path"] for each in result["maps"]] == list(map(told, paths))
        assert [each["name"] for each in result["maps"]] == list(map(told, NAMES))
    assert [path for path in map(shown, paths) if f"{path}: " not in run[2].msg] == []
    there = host.inventory(folder)
    assert set(there) == {folder, *paths}
    for path, entry in there.items():
        assert path == folder or (entry["object"]["max_entries"], entry["bits"]) == (18, "0640")

    removed, pruned = host.playbook(
        [
            task("bpf_pin_absent", diff=True, path=paths[::2]),
            task("bpf_pin_absent", diff=True, directory=folder, keep=NAMES[3:]),
        ]
    )
    assert [pin["path"] for pin in removed.good()["pins"]] == list(map(shown, paths[::2]))
    assert [pin["path"] for pin in pruned.good()["pins"]] == [shown(paths[1])]
    assert set(host.inventory(folder)) == {folder, *paths[3::2]}
    assert host.inventory(extra) == before


def test_bytes_that_are_no_text_are_told_in_ascii(host: Host, subtests: pytest.Subtests) -> None:
    host.shell(
        f"""
        mkdir -p {BPFFS}/a {BPFFS}/b {BPFFS}/c; mkdir -m 700 {BPFFS}/a/{STAGING}
        odd=$(printf 'x\\377y'); target=$(printf 'to\\377')
        mkdir {BPFFS}/a/{STAGING}/$odd; ln -s $target {BPFFS}/b/link; mkdir {BPFFS}/c/$odd
        ln -s $target {BPFFS}/c/$odd/link
        """
    )
    link = "a symlink to to\\xff"
    told = {
        "a folder in the way": (
            task("bpf_map_pinned", directory=f"{BPFFS}/a", name="new", mode="0640", **HASH),
            f"{BPFFS}/a/{STAGING}/x\\xffy is a directory",
        ),
        "a symlink in place of a pin": (
            task("bpf_map_pinned", directory=f"{BPFFS}/b", name="link", **HASH),
            f"{BPFFS}/b/link: the name is taken by {link}",
        ),
        "a symlink in the way": (
            task("bpf_map_pinned", directory=f"{BPFFS}/b/link", name="new", **HASH),
            f"{BPFFS}/b/link is {link}",
        ),
        "a symlink that is to go": (
            task("bpf_pin_absent", path=[f"{BPFFS}/b/link"]),
            f"{BPFFS}/b/link is {link}",
        ),
        "a symlink in a directory that is to go": (
            task("bpf_pin_absent", path=[f"{BPFFS}/c"], recurse=True),
            f"{BPFFS}/c/x\\xffy/link is {link}",
        ),
    }
    before = host.inventory()
    run = host.playbook([each for each, _message in told.values()])
    assert host.inventory() == before
    for (about, (_task, message)), result in zip(told.items(), run, strict=True):
        with subtests.test(about):
            assert result.failed
            assert message in result.msg


def test_a_path_that_no_program_could_open_is_refused(
    host: Host, subtests: pytest.Subtests
) -> None:
    """255 bytes for a component, 4095 for a path (PATH_MAX less the NUL)."""
    component, path = f"{BPFFS}/" + "x" * 256, BPFFS + "/longer" * 583
    refused = {
        "a component": ("bpf_map_pinned", {"directory": component, "name": "new", **HASH}),
        "the path": ("bpf_map_pinned", {"directory": path, "name": "new", **HASH}),
        "a component, to prune": ("bpf_pin_absent", {"directory": component, "keep": []}),
    }
    before = host.shell(f"find {BPFFS} | wc -l")
    results = _run_modules(host, *refused.values())
    for about, result in zip(refused, results, strict=True):
        with subtests.test(about):
            assert result.get("failed")
            assert re.search("longer .* (255 bytes for a name|4095 bytes)", result["msg"])
            assert component[:40] in result["msg"] or path[:40] in result["msg"]
    assert host.shell(f"find {BPFFS} | wc -l") == before


def test_a_pin_with_two_names_keeps_the_other(host: Host, subtests: pytest.Subtests) -> None:
    here, there = f"{BPFFS}/here", f"{BPFFS}/there"
    host.shell(f"mkdir {here} {there}")
    larger = {"directory": here, **HASH, "max_entries": 17}
    tasks = {
        "replaced": ("bpf_map_pinned", {"on_mismatch": "replace", **larger}),
        "migrated": ("bpf_map_pinned", {"on_mismatch": "migrate", **larger}),
        "adjusted": ("bpf_map_pinned", {"mode": "0640", **larger, "max_entries": 16}),
        "removed": ("bpf_pin_absent", {"path": [f"{here}/removed"]}),
        "pruned": ("bpf_pin_absent", {"directory": here, "patterns": ["pruned"]}),
    }
    for name, (module, arguments) in tasks.items():
        if module == "bpf_map_pinned":
            arguments["name"] = name
        host.make_pin(f"{here}/{name}", max_entries=16)
        _write_one_entry(host, f"{here}/{name}")
        host.run("ln", f"{here}/{name}", f"{there}/{name}")
    before = host.inventory(there)
    results = _run_modules(host, *tasks.values())
    after = host.inventory(there)
    assert set(after) == set(before)
    for name, result in zip(tasks, results, strict=True):
        with subtests.test(name):
            assert result["changed"]
            # An adjustment is one of the pin: it has one mode, under all its names.
            is_same = name == "adjusted"
            pin, had = after[f"{there}/{name}"], before[f"{there}/{name}"]
            assert pin["links"] == (2 if is_same else 1)
            assert pin["bits"] == ("0640" if is_same else "0600")
            assert (pin["inode"], pin["object"]) == (had["inode"], had["object"])
            assert len(host.bpftool("map", "dump", "pinned", f"{there}/{name}")) == 1
            assert [each["last_reference"] for each in result.get("pins", [])] in ([], [False])


def _write_one_entry(host: Host, path: str) -> None:
    host.shell(f"bpftool map update pinned {path} key 1 0 0 0 value 2 0 0 0 0 0 0 0")


def test_a_sticky_directory_keeps_what_belongs_to_others(
    host: Host, subtests: pytest.Subtests
) -> None:
    folder = f"{BPFFS}/sticky"
    host.run("mkdir", "-m", "1777", folder)
    owners = {"roots": "0:0", "daemons": "daemon:daemon", "own": f"{NOBODY}:{NOBODY}"}
    for name, owner in owners.items():
        host.make_pin(f"{folder}/{name}")
        host.shell(f"chown {owner} {folder}/{name}; chmod 0644 {folder}/{name}")

    def declare(name: str, **words: Any) -> tuple[str, Fields]:
        shape = {**HASH, "max_entries": 1, **words}
        return "bpf_map_pinned", {"directory": folder, "name": name, **shape}

    def absent(**words: Any) -> tuple[str, Fields]:
        return "bpf_pin_absent", words

    replace, migrate = {"on_mismatch": "replace"}, {"on_mismatch": "migrate"}
    own = {"owner": str(NOBODY), "group": str(NOBODY), "mode": "0644"}
    refused = {
        "to replace root's": declare("roots", **replace, max_entries=2),
        "to migrate root's": declare("roots", **migrate, max_entries=2),
        "to replace one, declared as its own": declare("daemons", **replace, **own, max_entries=2),
        "to migrate one, declared as its own": declare("daemons", **migrate, **own, max_entries=2),
        "to set its mode": declare("roots", mode="0666"),
        "to make it its own": declare("daemons", owner=str(NOBODY)),
        "to freeze it": declare("roots", frozen=True),
        "to give one away": declare("new", owner="root"),
        "to remove it": absent(path=[f"{folder}/roots"]),
        "to prune it": absent(directory=folder, keep=["own"]),
    }
    before = _without_times(host.inventory(folder))
    results = _run_modules(host, *refused.values(), user=NOBODY)
    assert _without_times(host.inventory(folder)) == before
    for about, result in zip(refused, results, strict=True):
        with subtests.test(f"nobody tries {about}"):
            assert result.get("failed")
            assert not result.get("changed")
            assert result["msg"].startswith(f"{folder}/")
            assert re.search("belongs to another user|no permission", result["msg"])
            assert "run with `become: true`" in result["msg"]

    with subtests.test("and may do all that with its own"):
        results = _run_modules(
            host,
            declare("own", **replace, max_entries=2),
            declare("own", **migrate, max_entries=3, mode="0600"),
            declare("more", frozen=True),
            absent(path=[f"{folder}/more"]),
            user=NOBODY,
        )
        assert [result.get("changed") for result in results] == [True] * 4, results
        entry = host.inventory(folder)[f"{folder}/own"]
        assert (entry["owner"], entry["group"], entry["bits"]) == (NOBODY, NOBODY, "0600")
        assert entry["object"]["max_entries"] == 3

    with subtests.test("root may, and the new one is root's"):
        replaced, removed = _run_modules(
            host,
            declare("own", **replace, max_entries=4),
            absent(directory=folder, keep=["own", "roots"]),
        )
        assert replaced["changed"]
        assert removed["counts"]["removed"] == 1
        there = host.inventory(folder)
        assert set(there) == {folder, f"{folder}/own", f"{folder}/roots"}
        new = there[f"{folder}/own"]
        assert (new["owner"], new["group"], new["bits"]) == (0, 0, "0600")


def _without_times(inventory: Fields) -> Fields:
    """A staging directory that came and went is seen in the times of the one above."""
    times = ("mtime", "ctime", "atime")
    return {
        path: {key: value for key, value in entry.items() if key not in times}
        for path, entry in inventory.items()
    }


def test_a_control_group_whose_memory_is_full(host: Host) -> None:
    folder = f"{BPFFS}/full"
    host.run("mkdir", folder)
    host.make_pin(f"{folder}/old")
    _write_one_entry(host, f"{folder}/old")
    before = host.inventory()
    small, huge = HASH, {**HASH, "max_entries": 16_000_000}  # a gigabyte
    batches = [
        {"maps": [{"name": "old", "on_mismatch": "replace", **huge}]},
        {"maps": [{"name": "old", "on_mismatch": "migrate", **huge}]},
        {"maps": [{"name": "new", **huge}, {"name": "second", **small}]},
        {"maps": [{"name": "first", **small}, {"name": "new", **huge}]},
    ]
    with _memory_group(128 * 1024 * 1024) as group:
        tasks = [("bpf_map_pinned", {"directory": folder, **batch}) for batch in batches]
        results = _run_modules(host, *tasks, group=group)
    for result, name in zip(results, ("old", "old", "new", "new"), strict=True):
        assert result["failed"]
        assert result["msg"].startswith(f"{folder}/{name}: MAP_CREATE: ENOMEM: ")
        assert "lower max_entries" in result["msg"]
        assert "raise the memory limit of the control group" in result["msg"]
    done = [[each["action"] for each in result["maps"]] for result in results]
    assert done == [["failed"], ["failed"], ["failed", "not_done"], ["created", "failed"]]
    assert [result["changed"] for result in results] == [False, False, False, True]
    after = host.inventory()
    assert after.keys() - before.keys() == {f"{folder}/first"}
    assert after[f"{folder}/old"] == before[f"{folder}/old"]
    assert len(host.bpftool("map", "dump", "pinned", f"{folder}/old")) == 1


@contextlib.contextmanager
def _memory_group(limit: int) -> Iterator[str]:
    """The directory of a new control group that may use so many bytes."""
    groups = Path("/sys/fs/cgroup")
    for parent, file in (
        (groups, "memory.max"),
        (groups / "memory", "memory.limit_in_bytes"),
    ):
        group = parent / f"ebpf_pinning_{os.getpid()}"
        if not (parent / "cgroup.procs").exists():
            continue
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / file).exists():
                (group / file).write_text(str(limit))
                yield str(group)
                return
        finally:
            group.rmdir()
    pytest.skip("no control group with a limit of memory can be made here")


def _run_scenes(host: Host, **words: str) -> Any:
    """Run the program in a root directory that may be written to, with a tmpfs at /mnt."""
    root = f"{host.scratch}/root"
    host.shell(
        f"""
        mount -t tmpfs top /mnt
        mkdir {root}; mount -t tmpfs root {root}
        for path in /*; do
            if [ -L $path ]; then cp -P $path {root}$path; continue; fi
            [ -d $path ] || continue
            mkdir {root}$path; mount --rbind $path {root}$path
        done
        """
    )
    return _run_program(host, words, "chroot", root)


def _run_modules(
    host: Host, *tasks: tuple[str, Fields], group: str = "", user: int = 0
) -> list[Fields]:
    """The results of modules, each run in a process of its own.

    `group` is the directory of a control group; a `user` other than root has CAP_BPF.
    """
    return _run_program(host, {"tasks": tasks, "group": group, "user": user})


def _run_program(host: Host, words: Fields, *before: str) -> Any:
    done = subprocess.run(
        host.inside(*before, sys.executable, "-m", "harness.hostile"),
        input=json.dumps(words),
        env=host.site.environment(PYTHONPATH=f"{host.site.scratch}:{HERE}"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
