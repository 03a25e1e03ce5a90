# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries by the hundred and by the ten thousand: tasks with and without, and bpftool beside."""

from __future__ import annotations

import itertools
import json
import resource
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import whole_tasks
from declared_entries import WORK
from report import Figure, Limit, ratios
from setting import Setting, expect, run_checked

HERE = Path(__file__).parent
TASKS = 10  # of each sort in a run
IN_YAML, MANY, SAMPLE = 100, 10_000, 300  # entries
SHAPE = {"type": "hash", "key_size": 4, "value_size": 4}
FORMATS = {"key_format": "ipv4", "value_format": "u32"}
ADDRESSES = [f"10.0.{number >> 8}.{number & 255}" for number in range(MANY)]


class Used(NamedTuple):
    """Milliseconds, by the clock and of processors."""

    wall: float
    cpu: float


Times = defaultdict[str, list[Used]]  # a value for each round
CLOCKS = (("wall time", "wall"), ("CPU time", "cpu"))


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Tasks, then bpftool; who goes first changes each time."""
    times: Times = defaultdict(list)
    for number in range(rounds):
        _tasks(setting, times, entries_go_first=bool(number % 2))
    for number in range(3 * rounds):
        turns = [_module_rounds, _bpftool_rounds]
        for turn in turns if number % 2 else reversed(turns):
            with setting.fresh_bpffs() as pins:
                turn(setting, pins, times)
    work = f"{MANY:,} entries into a new hash"
    per_entry = f"one bpftool per entry ({SAMPLE} of them, scaled)"
    return [
        *(
            Figure(work, f"{label}, {clock}", "ms", _by(times[who], field))
            for who, label in (
                ("list", "module: a list"),
                ("arguments", "module: in the arguments"),
                ("batch", "bpftool batch"),
                ("each", per_entry),
            )
            for clock, field in CLOCKS
        ),
        *(
            Figure(
                f"A task with {IN_YAML} entries in YAML / one that only declares the map",
                f"{label}, {clock}",
                "",
                ratios(_by(times[f"entries {which}"], field), _by(times[f"map {which}"], field)),
                Limit("<=", 1.1),
            )
            for which, label in (("made", "made"), ("again", "nothing to change"))
            for clock, field in CLOCKS
        ),
        *(
            Figure(
                f"{work}: the module / bpftool batch",
                f"{label}, {clock}",
                "",
                ratios(_by(times[who], field), _by(times["batch"], field)),
                Limit("<=", 1),
            )
            for who, label in (("list", "a list"), ("arguments", "in the arguments"))
            for clock, field in CLOCKS
        ),
        *(
            Figure(
                f"{work}: {per_entry} / the module",
                f"{label}, {clock}",
                "",
                ratios(_by(times["each"], field), _by(times[who], field)),
                Limit(">=", 300),
            )
            for who, label in (("list", "a list"), ("arguments", "in the arguments"))
            for clock, field in CLOCKS
        ),
    ]


def _by(times: list[Used], field: str) -> list[float]:
    return [getattr(each, field) for each in times]


def _tasks(setting: Setting, times: Times, *, entries_go_first: bool) -> None:
    """Playbooks of tasks alike; one without any says what the rest of a playbook takes."""
    entries = [{"key": address, "value": 1} for address in ADDRESSES[:IN_YAML]]
    sorts: dict[str, dict[str, Any]] = {
        "map": {},
        "entries": {**FORMATS, "entries": entries, "entries_mode": "exact"},
    }
    with setting.fresh_bpffs() as pins:
        for which, changed in (("made", True), ("again", False)):
            _tasks_used, nothing = _playbook(setting, [])
            for sort in sorted(sorts, reverse=not entries_go_first):
                tasks = [
                    {"path": str(pins / f"{sort}_{number}"), **SHAPE, "max_entries": 1_000}
                    for number in range(TASKS)
                ]
                result, cpu = _playbook(setting, [{**task, **sorts[sort]} for task in tasks])
                for task in result.values():
                    expect(f"changed, {sort} {which}", task["changed"], changed)
                wall = 1e3 * sum(task["seconds"] for task in result.values())
                times[f"{sort} {which}"].append(Used(wall, cpu - nothing))


def _playbook(setting: Setting, tasks: list[dict[str, Any]]) -> tuple[dict[str, Any], float]:
    """What became of each task, and milliseconds of processors for the whole run."""
    play = {
        "hosts": "with_nothing",
        "gather_facts": False,
        "tasks": [
            {"name": f"task {number}", "ebpf.pinning.bpf_map_pinned": task}
            for number, task in enumerate(tasks)
        ],
    }
    with _used() as used:
        result = whole_tasks.run_playbook(setting, setting.python, [play], {})
    return result, used[0].cpu


@contextmanager
def _used() -> Iterator[list[Used]]:
    """What children that end meanwhile take."""
    used: list[Used] = []
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield used
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    used.append(Used(1e3 * wall, 1e3 * cpu))


def _module_rounds(setting: Setting, pins: Path, times: Times) -> None:
    """The work of the module: it reads the declaration, looks, makes the map and fills it."""
    lines = setting.scratch / "lines"
    lines.write_text("".join(f"{address}\n" for address in ADDRESSES))
    declared: dict[str, dict[str, Any]] = {
        "list": {"entries_from": {"src": str(lines), "remote_src": True, "value": 1}},
        "arguments": {"entries": [{"key": address, "value": 1} for address in ADDRESSES]},
    }
    for who, content in declared.items():
        arguments = {
            "path": str(pins / who),
            **SHAPE,
            "max_entries": MANY,
            **FORMATS,
            "entries_mode": "exact",
            **content,
        }
        output = run_checked(
            [setting.python, str(HERE / "timed_module.py")],
            input=json.dumps(arguments),
            env=setting.environment(PYTHONPATH=str(setting.library)),
        )
        result = json.loads(output)
        expect("message of the module", result.get("msg"), None)
        expect("entries added", result["maps"][0]["entries"]["added"], MANY)
        taken = [
            1e3 * sum(result[clock].get(phase, 0) for phase in WORK)
            for clock in ("seconds", "cpu_seconds")
        ]
        times[who].append(Used(*taken))


def _bpftool_rounds(setting: Setting, pins: Path, times: Times) -> None:
    """Whole processes: one for all entries, and one for each."""
    sizes = ["key", "4", "value", "4", "entries", str(MANY)]
    creations = {
        who: ["map", "create", str(pins / who), "type", "hash", *sizes, "name", who]
        for who in ("batch", "each")
    }
    updates = {
        who: [["map", "update", "pinned", str(pins / who), *_hex(each)] for each in ADDRESSES]
        for who in creations
    }
    batch = setting.scratch / "batch"
    lines = [creations["batch"], *updates["batch"]]
    batch.write_text("".join(f"{' '.join(line)}\n" for line in lines))
    with _used() as used:
        run_checked([setting.bpftool, "batch", "file", str(batch)], env=setting.environment())
    times["batch"] += used
    run_checked([setting.bpftool, *creations["each"]], env=setting.environment())
    with _used() as used:
        for update in itertools.islice(updates["each"], SAMPLE):
            run_checked([setting.bpftool, *update], env=setting.environment())
    times["each"] += [Used(*(clock * MANY / SAMPLE for clock in used[0]))]
    dump = run_checked(
        [setting.bpftool, "-j", "map", "dump", "pinned", str(pins / "batch")],
        env=setting.environment(),
    )
    expect("entries by bpftool batch", len(json.loads(dump)), MANY)


def _hex(address: str) -> list[str]:
    key = [f"{int(part):02x}" for part in address.split(".")]
    return ["key", "hex", *key, "value", "hex", "01", "00", "00", "00"]
