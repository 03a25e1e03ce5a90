# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many pins hold: asked by bpf_pin_info, and by `bpftool batch` next to it."""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from report import Figure, Limit, ratios
from setting import MANY, Setting, creation, declarations, expect, run_checked

HERE = Path(__file__).parent

Times = defaultdict[str, list[float]]  # milliseconds, a value for each round


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds side by side, about the same pins, which nobody changes. Then the memory of both."""
    times: Times = defaultdict(list)
    with setting.fresh_bpffs() as pins:
        names = [str(each["name"]) for each in declarations(MANY)]
        make = [" ".join(creation(f"{pins}/{name}", name)) for name in names]
        show = [f"map show pinned {pins}/{name}" for name in names]
        _run_bpftool(_bpftool(setting, "make", make))
        expect("pins", len(list(pins.iterdir())), MANY)
        bpftool = _bpftool(setting, "show", show)

        def module_asks() -> None:
            asking, whole, used = _run_module(setting, _module(setting), pins)
            times["asking"].append(asking)
            times["module"].append(whole)
            times["module's CPU"].append(used)

        def bpftool_asks() -> None:
            used = _processor_time()
            times["bpftool"].append(_run_bpftool(bpftool))
            times["bpftool's CPU"].append((_processor_time() - used) * 1e3)

        turns = [module_asks, bpftool_asks]
        for _round in range(rounds):
            for turn in turns:
                turn()
            turns.reverse()
        log = setting.scratch / "peaks-of-info"
        peak = [setting.python, str(HERE / "peak_memory.py"), str(log)]
        _run_module(setting, [*peak, *_module(setting)], pins)
        _run_bpftool([*peak, *bpftool])
        module_peak, bpftool_peak = (int(line) / 1024 for line in log.read_text().split())
    section = f"What {MANY:,} pinned maps hold"
    return [
        Figure(section, "bpf_pin_info: all it asks, timed inside it", "ms", times["asking"]),
        Figure(section, "bpf_pin_info: the whole process", "ms", times["module"]),
        Figure(section, "bpftool -j batch, map show pinned: the same", "ms", times["bpftool"]),
        Figure(section, "bpf_pin_info: CPU time of all it started", "ms", times["module's CPU"]),
        Figure(section, "bpftool: CPU time", "ms", times["bpftool's CPU"]),
        Figure(section, "peak memory of bpf_pin_info", "MiB", [module_peak]),
        Figure(section, "peak memory of bpftool", "MiB", [bpftool_peak]),
        Figure(
            f"{section}: bpf_pin_info / bpftool batch",
            "all it asks / the whole process",
            "",
            ratios(times["asking"], times["bpftool"]),
            Limit("<=", 1),
        ),
        Figure(
            f"{section}: bpf_pin_info / bpftool batch",
            "the whole process / the whole process",
            "",
            ratios(times["module"], times["bpftool"]),
            Limit("<=", 2.5),
        ),
    ]


def _module(setting: Setting) -> list[str]:
    return [setting.python, str(HERE / "timed_info.py")]


def _run_module(setting: Setting, command: Sequence[str], pins: Path) -> tuple[float, ...]:
    """Milliseconds of what it asks the kernel, of the whole process, and of processors in all."""
    start, used = time.perf_counter(), _processor_time()
    output = run_checked(
        command,
        input=json.dumps({"directory": str(pins)}),
        env=setting.environment(PYTHONPATH=str(setting.library)),
    )
    whole, used = time.perf_counter() - start, _processor_time() - used
    said, seconds = output.strip().rsplit("\n", 1)
    result = json.loads(said)
    expect("message of the module", result.get("msg"), None)
    expect("warnings of the module", result.get("warnings"), None)
    expect("pins", result["counts"], {"map": MANY, "prog": 0, "link": 0, "unreadable": 0})
    return float(seconds) * 1e3, whole * 1e3, used * 1e3


def _processor_time() -> float:
    """Seconds, of all processes that this one has waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bpftool(setting: Setting, name: str, lines: Sequence[str]) -> list[str]:
    batch = setting.scratch / f"batch-{name}"
    batch.write_text("".join(f"{line}\n" for line in lines))
    return [setting.bpftool, "-j", "batch", "file", str(batch)]


def _run_bpftool(command: Sequence[str]) -> float:
    """Milliseconds from before its start until after its end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1e3
