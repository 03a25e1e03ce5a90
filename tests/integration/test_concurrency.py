# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""32 processes in one directory: some declare, some prune, some litter, some are killed, some look.

This file is also the program that runs the modules, many times and at once, each run in a process
of its own: started inside the namespace by the test, with the roles on its standard input, as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import ADM_GROUP

Fields = dict[str, Any]
SECONDS = float(os.environ.get("EBPF_PINNING_CROWD_SECONDS", "15"))  # for each of two crowds
ROOT = f"{BPFFS}/crowd"
HASH = {"type": "hash", "key_size": 4, "value_size": 8}
KEPT, MIGRATED = 1000, 16  # entries


@dataclass(frozen=True)
class Role:
    """What some processes do over and over: the tasks in turn.

    A failure is in order when it has one of the words in `may_say`.
    """

    processes: int
    module: str
    tasks: list[Fields]
    may_say: tuple[str, ...] = ()
    check: bool = False
    killed: bool = False  # SIGKILL, at any moment


def _declared(token: str, size: int) -> list[Fields]:
    shape = {**HASH, "max_entries": size, "on_mismatch": "replace"}
    return [
        {"name": f"{token}_plain", **shape},
        {"name": f"{token}_group", "mode": "0640", "group": "adm", **shape},
        {"name": f"{token}_flags", **shape, "flags": ["no_prealloc"] if size == 17 else []},
        {"name": f"{token}_moved", **shape, "on_mismatch": "migrate"},
        {"name": f"{token}_mode", **shape, "max_entries": 16, "mode": f"06{size % 16}4"},
        {"name": f"{token}_always", **shape, "max_entries": 1024},
    ]


def _roles(token: str, killed: int) -> dict[str, Role]:
    batches = [{"directory": ROOT, "maps": _declared(token, size)} for size in (16, 17)]
    keep = [each["name"] for each in batches[0]["maps"]]
    sometimes = {"directory": ROOT, "name": f"{token}_some", **HASH, "max_entries": 16}
    prunes = [{"directory": ROOT, "keep": keep, "recurse": recurse} for recurse in (False, True)]
    taken_meanwhile = "changed while this task ran and was left untouched; run again"
    return {
        "declare": Role(14 - killed, "bpf_map_pinned", batches),
        "declare and are killed": Role(killed, "bpf_map_pinned", batches, killed=True),
        "check": Role(2, "bpf_map_pinned", batches, check=True),
        "prune": Role(4, "bpf_pin_absent", prunes, (taken_meanwhile,)),
        "declare what others remove": Role(
            1,
            "bpf_map_pinned",
            [sometimes, {**sometimes, "mode": "0640"}],
            ("other processes change this pin all the time",),
        ),
        "remove what others declare": Role(
            1, "bpf_pin_absent", [{"path": [f"{ROOT}/{token}_some"]}], (taken_meanwhile,)
        ),
    }


def _commands(host: Host, token: str) -> list[list[str]]:
    """The others, in C. They leave most of the time to the modules."""
    watch, read, litter = map(host.site.program, ("watch", "read", "litter"))
    commands = [
        [watch, "0600", "0", f"{ROOT}/{token}_plain", f"{ROOT}/{token}_flags"],
        [watch, "0600", "0", f"{ROOT}/{token}_plain"],
        [watch, "0640", "0", f"{ROOT}/{token}_group"],
        [watch, "0600", str(MIGRATED), f"{ROOT}/{token}_moved"],
        [watch, "0600", str(MIGRATED), f"{ROOT}/{token}_moved"],
        [read, f"{ROOT}/{token}_mode"],
        [read, f"{ROOT}/{token}_always"],
        *([litter, ROOT, f"{token}_litter_{number}"] for number in range(3)),
    ]
    return [["nice", *command] for command in commands]


@pytest.mark.parametrize("killed", [0, 4], ids=["all end", "some are killed"])
def test_32_processes_in_one_directory(host: Host, killed: int, subtests: pytest.Subtests) -> None:
    token = f"c{os.getpid():x}"  # other maps on this machine are none of our business
    roles, commands = _roles(token, killed), _commands(host, token)
    assert sum(role.processes for role in roles.values()) + len(commands) == 32
    first, last = (role.tasks for role in (roles["declare"], roles["prune"]))
    host.module("bpf_map_pinned", **first[0]).good()
    _fill(host, f"{ROOT}/{token}_always", KEPT)
    _fill(host, f"{ROOT}/{token}_moved", MIGRATED)
    kept = host.map_at(f"{ROOT}/{token}_always")["id"]

    with ExitStack() as stack:
        others = [stack.enter_context(host.running(*command)) for command in commands]
        for process in others:
            assert process.stdout is not None
            process.stdout.readline()
        told = _run_crowd(host, roles)
        said = [process.communicate()[0] for process in others]
        assert [process.returncode for process in others] == [0] * len(others)

    for name, role in roles.items():
        with subtests.test(f"those who {name}"):
            assert told[name]["runs"] >= role.processes, told[name]
            assert bool(told[name]["killed"]) == bool(role.killed and killed)
            undocumented = [
                text for text in told[name]["failures"] if not any(s in text for s in role.may_say)
            ]
            assert undocumented == [], told[name]
    for command, output in zip(commands, said, strict=True):
        with subtests.test(" ".join(os.path.basename(word) for word in command[1:])):
            _assert_seen(command, json.loads(output))

    with subtests.test("in the end all is as declared"):
        _assert_end(host, token, first[1], last[1])
        assert host.map_at(f"{ROOT}/{token}_always")["id"] == kept
    with subtests.test("no map is left but those that are pinned"):
        pinned = {pin["object"]["id"] for pin in host.inventory(ROOT).values() if "object" in pin}
        _await_maps(host, token, pinned)


def _assert_seen(command: list[str], seen: Any) -> None:
    program = os.path.basename(command[1])
    if program == "litter":
        assert seen > 10
    elif program == "read":
        assert seen["misses"] == 0
        assert len(seen["ids"]) == 1
        assert seen["reads"] > 1000
    else:
        assert seen["missing"] == 0
        assert seen["last_odd"] == ""
        assert seen["odd"] == 0
        assert seen["looks"] > 1000
        assert seen["changes"] > 1


def _assert_end(host: Host, token: str, declaration: Fields, pruning: Fields) -> None:
    batch = declaration["maps"]
    made, pruned, again, nothing = host.playbook(
        [
            task("bpf_map_pinned", **declaration),
            task("bpf_pin_absent", **pruning),
            task("bpf_map_pinned", **declaration),
            task("bpf_pin_absent", **pruning),
        ]
    )
    made.good()
    pruned.good()
    assert not again.good().changed
    assert not nothing.good().changed
    assert again["counts"]["unchanged"] == len(batch)
    there = host.inventory(ROOT)
    assert set(there) == {ROOT, *(f"{ROOT}/{item['name']}" for item in batch)}
    for item in batch:
        entry = there[f"{ROOT}/{item['name']}"]
        assert entry["links"] == 1
        assert entry["bits"] == item.get("mode", "0600")
        assert entry["group"] == (ADM_GROUP if "group" in item else 0)
        assert entry["object"]["max_entries"] == item["max_entries"]
        assert entry["object"]["flags"] == int("no_prealloc" in item.get("flags", []))
        assert entry["object"]["name"] == item["name"][:15]
    assert _entries(host, f"{ROOT}/{token}_always") == {key: 3 * key for key in range(KEPT)}
    assert _entries(host, f"{ROOT}/{token}_moved") == {key: 3 * key for key in range(MIGRATED)}


def _fill(host: Host, path: str, count: int) -> None:
    batch = host.scratch / "batch"
    batch.write_text(
        "".join(
            f"map update pinned {path} key {_bytes(key, 4)} value {_bytes(3 * key, 8)}\n"
            for key in range(count)
        )
    )
    host.run("bpftool", "batch", "file", str(batch))


def _bytes(number: int, size: int) -> str:
    return " ".join(str(byte) for byte in number.to_bytes(size, sys.byteorder))


def _entries(host: Host, path: str) -> dict[int, int]:
    def number(octets: list[str]) -> int:
        return int.from_bytes(bytes(int(octet, 16) for octet in octets), sys.byteorder)

    dump = host.bpftool("map", "dump", "pinned", path)
    return {number(entry["key"]): number(entry["value"]) for entry in dump}


def _await_maps(host: Host, token: str, expected: set[int]) -> None:
    """The kernel frees maps in the background."""
    deadline = time.monotonic() + 60
    while True:
        maps = host.bpftool("map", "show")
        there = {each["id"] for each in maps if each.get("name", "").startswith(token)}
        if there == expected or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert there == expected


def _run_crowd(host: Host, roles: dict[str, Role]) -> dict[str, Fields]:
    words = {"seconds": SECONDS, "roles": {name: asdict(role) for name, role in roles.items()}}
    done = subprocess.run(
        host.inside(sys.executable, __file__),
        input=json.dumps(words),
        env=host.site.environment(PYTHONPATH=str(host.site.scratch)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


# From here on: the program.


def main() -> None:
    """Play all roles at once, and print what came of each."""
    words = json.load(sys.stdin)
    roles = {name: Role(**role) for name, role in words["roles"].items()}
    for role in roles.values():
        importlib.import_module(_module(role))  # once, and not in each run
    end = time.monotonic() + words["seconds"]
    jobs = [
        (name, role, number, end)
        for name, role in roles.items()
        for number in range(role.processes)
    ]
    with multiprocessing.get_context("fork").Pool(len(jobs)) as pool:
        played = pool.starmap(_play, jobs, chunksize=1)
    told = {name: {"runs": 0, "killed": 0, "actions": {}, "failures": {}} for name in roles}
    for name, runs, killed, actions, failures in played:
        told[name]["runs"] += runs
        told[name]["killed"] += killed
        told[name]["actions"] = dict(Counter(told[name]["actions"]) + actions)
        told[name]["failures"] = dict(Counter(told[name]["failures"]) + failures)
    json.dump(told, sys.stdout)


def _play(name: str, role: Role, number: int, end: float) -> tuple[str, int, int, Counter, Counter]:
    runs = killed = 0
    took = 0.1  # seconds
    actions: Counter = Counter()
    failures: Counter = Counter()
    while time.monotonic() < end:
        arguments = role.tasks[(runs + number) % len(role.tasks)]
        start = time.monotonic()
        patience = random.uniform(0, took) if role.killed else None
        result = _run(role, arguments, patience)
        runs += 1
        if result is None:
            killed += 1
            took *= 1.1  # until one has the time to end
            continue
        took = time.monotonic() - start
        actions.update(result.get("counts", {}))
        if result.get("failed"):
            failures[result["msg"]] += 1
    return name, runs, killed, actions, failures


def _run(role: Role, arguments: Fields, patience: float | None) -> Fields | None:
    """The result of one run in a process of its own; None if it was killed before it had one."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write_end, json.dumps(_result(role, arguments)).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        if patience is not None and not select.select([pipe], [], [], patience)[0]:
            os.kill(pid, signal.SIGKILL)
        output = pipe.read()
    os.waitpid(pid, 0)
    if not output and patience is None:
        return {"failed": True, "msg": "it ended without a result"}
    return json.loads(output) if output else None


def _result(role: Role, arguments: Fields) -> Fields:
    # Here, since ansible-core 2.18 lacks it, and then this file can still be collected.
    from ansible.module_utils.testing import patch_module_args

    output = io.StringIO()
    words = {**arguments, "_ansible_check_mode": role.check}
    with (
        patch_module_args(words),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        importlib.import_module(_module(role)).main()
    return json.loads(output.getvalue())


def _module(role: Role) -> str:
    return f"ansible_collections.ebpf.pinning.plugins.modules.{role.module}"


if __name__ == "__main__":
    main()
