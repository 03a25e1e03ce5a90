# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel work of many maps: in the module, and in `bpftool batch` next to it."""

from __future__ import annotations

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from report import Figure, Report, Target
from setting import Setting, creation, declarations, expect, run_checked

MAPS = 1_000
MANY = 10_000
STEPS = ("first", "second")
KERNEL_WORK = ("observe", "plan", "apply")
TIMED_MODULE = Path(__file__).parent / "timed_module.py"

Times = defaultdict[str, list[float]]


def measure(setting: Setting, report: Report, rounds: int, rounds_of_many: int) -> None:
    """Adds the figures to `report`. The times in a ratio were taken right after each other."""
    times: Times = defaultdict(list)
    for number in range(rounds):
        with setting.fresh_bpffs() as pins:
            _one_round(setting, pins, times, module_goes_first=number % 2 == 0)
    for _number in range(rounds_of_many):
        for count in (MAPS, MANY):
            with setting.fresh_bpffs() as pins:
                work = sum(_run_module(setting, pins, step, count)[0] for step in STEPS)
                times[f"both {count}"].append(work)

    for who in ("module", "bpftool"):
        times[f"{who} both"] = [
            first + second for first, second in zip(*(times[f"{who} {step}"] for step in STEPS))
        ]
    section = f"Kernel work of {MAPS:,} maps: observe, plan and apply, timed inside the module"
    report.add(
        Figure(section, "first run, makes all", "ms", times["module first"]),
        Figure(section, "second run, finds all as declared", "ms", times["module second"]),
        Figure(section, f"first and second run of {MANY:,} maps", "ms", times[f"both {MANY}"]),
        Figure(section, "before that, reading the declarations", "ms", times["module reading"]),
    )
    section = f"bpftool batch file, the same {MAPS:,} maps, less the start of bpftool"
    report.add(
        Figure(section, "map create", "ms", times["bpftool first"]),
        Figure(section, "map show pinned", "ms", times["bpftool second"]),
        Figure(section, "start of bpftool", "ms", times["bpftool start"]),
    )
    section = f"Kernel work of {MAPS:,} maps / bpftool batch"
    for step, label in (
        ("first", "first run / map create"),
        ("second", "second run / map show"),
        ("both", "both / both"),
    ):
        report.add(Target.ratio(section, label, times[f"module {step}"], times[f"bpftool {step}"], at_most=0.8))
    report.add(
        Target.ratio(f"{MANY:,} maps / {MAPS:,} maps", "kernel work of both runs", times[f"both {MANY}"], times[f"both {MAPS}"], at_most=12)
    )


def _one_round(setting: Setting, pins: Path, times: Times, *, module_goes_first: bool) -> None:
    directories = {who: pins / who for who in ("module", "bpftool")}
    for directory in directories.values():
        directory.mkdir()

    def module(step: str) -> None:
        work, reading = _run_module(setting, directories["module"], step, MAPS)
        times[f"module {step}"].append(work)
        times["module reading"].append(reading)

    def bpftool(step: str) -> None:
        start = _run_bpftool(setting, [])
        times["bpftool start"].append(start)
        work = _run_bpftool(setting, _BATCHES[step](directories["bpftool"]))
        times[f"bpftool {step}"].append(work - start)

    turns = (module, bpftool) if module_goes_first else (bpftool, module)
    for step in STEPS:
        for turn in turns:
            turn(step)
    for directory in directories.values():
        expect(f"pins in {directory}", len(list(directory.iterdir())), MAPS)


def _run_module(setting: Setting, pins: Path, step: str, count: int) -> tuple[float, float]:
    """Milliseconds of the kernel work, and of reading the declarations."""
    arguments = {"directory": str(pins), "maps": declarations(count)}
    result = json.loads(
        run_checked(
            [setting.python, str(TIMED_MODULE)],
            input=json.dumps(arguments),
            env=setting.environment(PYTHONPATH=str(setting.library)),
        )
    )
    if "counts" not in result:
        expect("bpf_map_pinned", result.get("msg"), "a result")
    expect(f"{step} run", result["counts"]["created" if step == "first" else "unchanged"], count)
    seconds = result["seconds"]
    return sum(seconds[phase] for phase in KERNEL_WORK) * 1e3, seconds["read_pins"] * 1e3


def _run_bpftool(setting: Setting, lines: list[str]) -> float:
    """Milliseconds from before the start of bpftool to after its end."""
    batch = setting.scratch / "batch"
    batch.write_text("".join(f"{line}\n" for line in lines))
    command = [setting.bpftool, "batch", "file", str(batch)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3


def _creations(pins: Path) -> list[str]:
    return [" ".join(creation(pins, str(each["name"]))) for each in declarations(MAPS)]


def _shows(pins: Path) -> list[str]:
    return [f"map show pinned {pins}/{each['name']}" for each in declarations(MAPS)]


_BATCHES: dict[str, Callable[[Path], list[str]]] = {"first": _creations, "second": _shows}
