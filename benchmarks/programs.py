# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading an object file: in bpf_program_pinned, and by `bpftool prog loadall` next to it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections import defaultdict
from pathlib import Path

from report import Figure, Limit, ratios
from setting import Failed, Setting, expect, run_checked

HERE = Path(__file__).parent
OBJECTS = {
    "small": "two programs, a map, variables",
    "relocated": "a program that is relocated (CO-RE)",
}
AT_ONCE = 5  # loads and second runs in one process, after one that does not count


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds in which each loads the same object files into directories of their own."""
    figures = []
    # Notes of where programs are from.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    try:
        for name, about in OBJECTS.items():
            figures += _figures(setting, name, about, rounds)
    finally:
        subprocess.run(["umount", "/run"], check=True)
    return figures


def _figures(setting: Setting, name: str, about: str, rounds: int) -> list[Figure]:
    compiled = _compiled(setting, name)
    times: defaultdict[str, list[float]] = defaultdict(list)
    for _round in range(rounds):
        with setting.fresh_bpffs() as pins:
            for each in (0, 1):
                if each == _round % 2:
                    _module(setting, compiled, pins, times)
                else:
                    _bpftool(setting, compiled, pins, times)
    section = f"Loading {about}: CPU time, without the start of Python"
    targets = f"Loading {about}"
    return [
        Figure(section, "bpf_program_pinned", "ms", times["load"]),
        Figure(section, "bpf_program_pinned, with nothing to do", "ms", times["again"]),
        Figure(section, "bpftool prog loadall", "ms", times["bpftool"]),
        Figure(
            targets,
            "bpf_program_pinned / bpftool prog loadall",
            "",
            ratios(times["load"], times["bpftool"]),
            Limit("<=", 1.3),
        ),
        Figure(
            targets,
            "with nothing to do / a load",
            "",
            ratios(times["again"], times["load"]),
            Limit("<=", 0.3),
        ),
    ]


def _compiled(setting: Setting, name: str) -> str:
    target = setting.scratch / f"{name}.bpf.o"
    headers = f"-idirafter/usr/include/{os.uname().machine}-linux-gnu"
    command = ["clang", "-g", "-O2", "-target", "bpf", headers, "-c"]
    run_checked(
        [*command, str(HERE / "c" / target.with_suffix(".c").name), "-o", str(target)],
        env=setting.environment(),
    )
    return str(target)


def _module(
    setting: Setting, compiled: str, pins: Path, times: defaultdict[str, list[float]]
) -> None:
    """Load it some times, each time into another directory, and then find it there."""
    given = []
    for number in range(AT_ONCE + 1):
        arguments = {"object": compiled, "directory": str(pins / f"module_{number}")}
        given += [arguments, arguments]
    output = run_checked(
        [setting.python, str(HERE / "timed_programs.py")],
        input=json.dumps(given),
        env=setting.environment(PYTHONPATH=str(setting.library)),
    )
    told = json.loads(output)
    for each, name in zip(told, ["load", "again"] * (AT_ONCE + 1), strict=True):
        if each["result"].get("failed"):
            raise Failed(str(each["result"]))
        expect("changed", each["result"]["changed"], name == "load")
    for at, name in enumerate(("load", "again")):
        taken = [each["milliseconds"] for each in told[2 + at :: 2]]
        times[name].append(sum(taken) / len(taken))


def _bpftool(
    setting: Setting, compiled: str, pins: Path, times: defaultdict[str, list[float]]
) -> None:
    taken = []
    for number in range(AT_ONCE):
        command = [setting.bpftool, "prog", "loadall", compiled, str(pins / f"bpftool_{number}")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_checked(command, env=setting.environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    times["bpftool"].append(1e3 * sum(taken) / len(taken))
