# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole tasks of ansible-playbook: many maps in one task, a command in a loop, a ping."""

from __future__ import annotations

import json
import os
import resource
import shlex
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from report import Figure, Limit, ratios
from setting import MANY, MAPS, Setting, creation, declarations, expect, run_checked

HERE = Path(__file__).parent
LOOP = 50
# A run, what it does, and by which action its result says so.
RUNS = (
    ("first", "makes all", "created"),
    ("second", "finds all as declared", "unchanged"),
    ("check", "finds all as declared", "unchanged"),
)

Tasks = dict[str, float]  # seconds of each task of one playbook
Used = tuple[float, float]  # seconds of a whole run, and of processors for all of it


@dataclass(frozen=True)
class Round:
    """What is compared, measured within half a minute."""

    before: Tasks
    many: Tasks
    after: Tasks
    loop: float

    def few(self, run: str) -> float:
        """The mean of both, since either side of `many` may have a slower machine."""
        return statistics.mean([_over_ping(self.before, run), _over_ping(self.after, run)])


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """1,000 maps, 10,000, again 1,000 and the loop, in each round. At last the memory."""
    measured = [
        Round(
            _pinned(setting, setting.python, MAPS),
            _pinned(setting, setting.python, MANY),
            _pinned(setting, setting.python, MAPS),
            _loop(setting),
        )
        for _round in range(rounds)
    ]
    runs = [_whole_runs(setting) for _round in range(3 * rounds)]
    few = [tasks for each in measured for tasks in (each.before, each.after)]
    many = [each.many for each in measured]
    loops = [each.loop for each in measured]
    whole = "Whole tasks of ansible-playbook, connection local"
    over = f"One task of {MAPS:,} maps, less a ping"
    growth = f"{MANY:,} maps / {MAPS:,} maps"
    return [
        Figure(whole, "ping, first task", "s", [_ping(tasks, "first") for tasks in few + many]),
        Figure(whole, "ping, later task", "s", [_ping(tasks, "later") for tasks in few + many]),
        Figure(whole, f"command: bpftool map create, loop of {LOOP}", "s", loops),
        *(
            Figure(whole, f"{count:,} maps, {run} run: {what}", "s", [each[run] for each in tasks])
            for count, tasks in ((MAPS, few), (MANY, many))
            for run, what, _action in RUNS
        ),
        *(
            Figure(
                over,
                f"{run} run: {what}",
                "s",
                [_over_ping(tasks, run) for tasks in few],
                Limit("<=", 0.5),
            )
            for run, what, _action in RUNS
        ),
        Figure(
            "Whole runs of ansible-playbook: one task of 1,000 maps that are there / one ping",
            "wall time",
            "",
            ratios([maps[0] for maps, _ping in runs], [ping[0] for _maps, ping in runs]),
            Limit("<=", 1.35),
        ),
        Figure(
            "Whole runs of ansible-playbook: one task of 1,000 maps that are there / one ping",
            "CPU time, controller and host",
            "",
            ratios([maps[1] for maps, _ping in runs], [ping[1] for _maps, ping in runs]),
        ),
        Figure(
            "Loop over a command / one task, for each map",
            f"loop of {LOOP} / first run of {MAPS:,} maps",
            "",
            ratios(
                [seconds / LOOP for seconds in loops],
                [each.after["first"] / MAPS for each in measured],
            ),
            Limit(">=", 100),
        ),
        *(
            Figure(
                growth,
                f"whole task less a ping, {run} run",
                "",
                ratios([_over_ping(tasks, run) for tasks in many], [r.few(run) for r in measured]),
                Limit("<=", 12),
            )
            for run, _what, _action in RUNS
        ),
        Figure(
            "Memory of the module's process, as Ansible starts it",
            f"peak with {MANY:,} maps",
            "MiB",
            [_peak_memory(setting)],
            Limit("<=", 120),
        ),
    ]


def _ping(tasks: Tasks, run: str) -> float:
    """The first task of a playbook, and of a module, pays for more than the later ones do."""
    if run == "first":
        return tasks["ping 1"]
    return statistics.mean([tasks["ping 2"], tasks["ping 3"]])


def _over_ping(tasks: Tasks, run: str) -> float:
    return tasks[run] - _ping(tasks, run)


def _pinned(setting: Setting, python: str, count: int) -> Tasks:
    """A playbook of three pings, and one of the three runs."""
    variables = {"maps": declarations(count)}
    pings = [_play("with_nothing", f"ping {n}", {"ansible.builtin.ping": {}}) for n in (1, 2, 3)]
    tasks = run_playbook(setting, python, pings, variables)
    with setting.fresh_bpffs() as pins:
        arguments = {"directory": str(pins), "maps": "{{ maps }}"}
        task = {"ebpf.pinning.bpf_map_pinned": arguments}
        plays = [
            _play("with_maps", "first", task),
            _play("with_maps", "second", task),
            _play("with_maps", "check", {**task, "check_mode": True}),
        ]
        tasks |= run_playbook(setting, python, plays, variables)
        for run, _what, action in RUNS:
            expect(f"{action} by the {run} run", tasks[run]["counts"][action], count)
        expect("pins", len(os.listdir(pins)), count)
    return {name: task["seconds"] for name, task in tasks.items()}


def _whole_runs(setting: Setting) -> tuple[Used, Used]:
    """What a run takes whose maps are there, and one of a ping; both read the same inventory."""
    variables = {"maps": declarations(MAPS)}
    with setting.fresh_bpffs() as pins:
        arguments = {"directory": str(pins), "maps": "{{ maps }}"}
        maps = [_play("with_maps", "maps", {"ebpf.pinning.bpf_map_pinned": arguments})]
        ping = [_play("with_maps", "ping", {"ansible.builtin.ping": {}})]
        run_playbook(setting, setting.python, maps, variables)
        used = []
        for plays in (maps, ping):
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            tasks = run_playbook(setting, setting.python, plays, variables)
            seconds, after = (
                time.perf_counter() - start,
                resource.getrusage(resource.RUSAGE_CHILDREN),
            )
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            used.append((seconds, cpu))
            if plays is maps:
                expect("unchanged", tasks["maps"]["counts"]["unchanged"], MAPS)
    return used[0], used[1]


def _loop(setting: Setting) -> float:
    """Seconds for the whole loop, which makes the same maps."""
    with setting.fresh_bpffs() as pins:
        words = creation(f"{pins}/{{{{ item }}}}", "{{ item }}")
        arguments = {"argv": [setting.bpftool, *words], "creates": f"{pins}/{{{{ item }}}}"}
        task = {"ansible.builtin.command": arguments, "loop": "{{ names }}"}
        names = [each["name"] for each in declarations(LOOP)]
        plays = [_play("with_maps", "loop", task)]
        tasks = run_playbook(setting, setting.python, plays, {"names": names})
        expect("pins made by the loop", len(os.listdir(pins)), LOOP)
    return tasks["loop"]["seconds"]


def _peak_memory(setting: Setting) -> float:
    """MiB, the most that any of the runs took."""
    log = setting.scratch / "peaks"
    python = setting.scratch / "python"
    command = shlex.join([setting.python, str(HERE / "peak_memory.py"), str(log), setting.python])
    python.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    python.chmod(0o755)
    _pinned(setting, str(python), MANY)
    return max(map(int, log.read_text().split())) / 1024


def _play(host: str, name: str, task: dict) -> dict:
    return {"hosts": host, "gather_facts": False, "tasks": [{"name": name, **task}]}


def run_playbook(
    setting: Setting, python: str, plays: list[dict], variables: dict
) -> dict[str, dict]:
    """What the callback wrote: for each task seconds, changed and counts.

    The variables are those of one host in the inventory, and weigh on no other.
    """
    playbook, inventory, times = (
        setting.scratch / name for name in ("playbook.yml", "inventory.json", "times.json")
    )
    playbook.write_text(json.dumps(plays))
    everywhere = {"ansible_connection": "local", "ansible_python_interpreter": python}
    hosts = {"with_nothing": {}, "with_maps": variables}
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}))
    run_checked(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "--inventory",
            str(inventory),
            str(playbook),
        ],
        env=setting.environment(
            ANSIBLE_CONFIG=str(setting.scratch / "ansible.cfg"),
            ANSIBLE_REMOTE_TEMP=str(setting.scratch / "remote"),
            ANSIBLE_COLLECTIONS_PATH=str(setting.library),
            ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callbacks"),
            ANSIBLE_CALLBACKS_ENABLED="task_times",
            TASK_TIMES=str(times),
        ),
    )
    return json.loads(times.read_text())
