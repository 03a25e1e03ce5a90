# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel work of many maps: in the module, and next to it in `bpftool batch`, and bare."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections import defaultdict
from pathlib import Path

from report import Figure, Limit, ratios
from setting import MANY, MAPS, SHAPE, Setting, creation, declarations, expect, run_checked

STEPS = {"first": "created", "second": "unchanged"}
KERNEL_WORK = ("observe", "plan", "apply")
TIMED_MODULE = Path(__file__).parent / "timed_module.py"
BARE_CALLS = Path(__file__).parent / "bare_calls.py"
BARE_STEPS = {"first": "make", "second": "look"}
HASH = "1"  # BPF_MAP_TYPE_HASH

Times = defaultdict[str, list[float]]  # milliseconds, a value for each round


def measure(setting: Setting, rounds: int, rounds_of_many: int) -> list[Figure]:
    """Rounds beside bpftool, then rounds with ten times as many maps."""
    times: Times = defaultdict(list)
    for number in range(rounds):
        with setting.fresh_bpffs() as pins:
            _side_by_side(setting, pins, times, module_goes_first=number % 2 == 0)
    for who in ("module", "bpftool"):
        steps = (times[f"{who} {step}"] for step in STEPS)
        times[f"{who} both"] = [sum(both) for both in zip(*steps, strict=True)]
    for _number in range(rounds_of_many):
        before, many, after = (_both_runs(setting, count) for count in (MAPS, MANY, MAPS))
        times["many"].append(many)
        times["few"].append(statistics.mean([before, after]))
    return _figures(times)


def _figures(times: Times) -> list[Figure]:
    module = "Kernel work: observe, plan and apply, timed inside the module"
    bpftool = f"bpftool batch, the same {MAPS:,} maps, as a whole process"
    beside = "Kernel work of the module / bpftool batch"
    bare = f"Bare system calls from Python for the same {MAPS:,} maps: the floor"
    many = f"{MANY:,} maps / {MAPS:,} maps"
    return [
        Figure(module, f"{MAPS:,} maps, first run: makes all", "ms", times["module first"]),
        Figure(
            module,
            f"{MAPS:,} maps, second run: finds all as declared",
            "ms",
            times["module second"],
        ),
        Figure(module, f"{MANY:,} maps, both runs", "ms", times["many"]),
        Figure(
            module, f"not counted: reading {MAPS:,} declarations", "ms", times["module reading"]
        ),
        Figure(bpftool, "map create", "ms", times["bpftool first"]),
        Figure(bpftool, "map show pinned", "ms", times["bpftool second"]),
        Figure(bpftool, "of it the start of bpftool", "ms", times["bpftool start"]),
        Figure(bare, "create, pin, close", "ms", times["bare first"]),
        Figure(bare, "get, info, close", "ms", times["bare second"]),
        *(
            Figure(
                f"{who} / the bare calls",
                label,
                "",
                ratios(times[f"{key} {step}"], times[f"bare {step}"]),
            )
            for who, key in (("Kernel work of the module", "module"), ("bpftool batch", "bpftool"))
            for step, label in (("first", "makes all"), ("second", "finds all"))
        ),
        *(
            Figure(
                beside,
                label,
                "",
                ratios(times[f"module {step}"], times[f"bpftool {step}"]),
                Limit("<=", 0.8),
            )
            for step, label in (
                ("first", "first run / map create"),
                ("second", "second run / map show pinned"),
                ("both", "both runs / both batches"),
            )
        ),
        Figure(
            many,
            "kernel work of both runs",
            "",
            ratios(times["many"], times["few"]),
            Limit("<=", 12),
        ),
    ]


def _side_by_side(setting: Setting, pins: Path, times: Times, *, module_goes_first: bool) -> None:
    directories = {who: pins / who for who in ("module", "bpftool", "bare")}
    for directory in directories.values():
        directory.mkdir()

    def module(step: str) -> None:
        work, reading = _run_module(setting, directories["module"], step, MAPS)
        times[f"module {step}"].append(work)
        times["module reading"].append(reading)

    def bpftool(step: str) -> None:
        start = _run_bpftool(setting, [])
        times["bpftool start"].append(start)
        work = _run_bpftool(setting, _batch(directories["bpftool"], step))
        times[f"bpftool {step}"].append(work)

    def bare(step: str) -> None:
        shape = [str(SHAPE[field]) for field in ("key_size", "value_size", "max_entries")]
        words = [BARE_STEPS[step], str(directories["bare"]), str(MAPS), HASH, *shape]
        command = [setting.python, str(BARE_CALLS), *words]
        times[f"bare {step}"].append(float(run_checked(command, env=setting.environment())))

    turns = (module, bare, bpftool) if module_goes_first else (bpftool, bare, module)
    for step in STEPS:
        for turn in turns:
            turn(step)
    for directory in directories.values():
        expect(f"pins in {directory}", len(list(directory.iterdir())), MAPS)


def _both_runs(setting: Setting, count: int) -> float:
    with setting.fresh_bpffs() as pins:
        return sum(_run_module(setting, pins, step, count)[0] for step in STEPS)


def _run_module(setting: Setting, pins: Path, step: str, count: int) -> tuple[float, float]:
    """Milliseconds of the kernel work, and of reading the declarations."""
    arguments = {"directory": str(pins), "maps": declarations(count)}
    output = run_checked(
        [setting.python, str(TIMED_MODULE)],
        input=json.dumps(arguments),
        env=setting.environment(PYTHONPATH=str(setting.library)),
    )
    result = json.loads(output)
    expect("message of the module", result.get("msg"), None)
    expect(f"{step} run of the module", result["counts"][STEPS[step]], count)
    seconds = result["seconds"]
    return sum(seconds[phase] for phase in KERNEL_WORK) * 1e3, seconds["read_pins"] * 1e3


def _run_bpftool(setting: Setting, lines: list[str]) -> float:
    """Milliseconds from before the start of bpftool until after its end."""
    batch = setting.scratch / "batch"
    batch.write_text("".join(f"{line}\n" for line in lines))
    command = [setting.bpftool, "batch", "file", str(batch)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3


def _batch(pins: Path, step: str) -> list[str]:
    names = [str(each["name"]) for each in declarations(MAPS)]
    if step == "first":
        return [" ".join(creation(f"{pins}/{name}", name)) for name in names]
    return [f"map show pinned {pins}/{name}" for name in names]
