# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A map of many entries: migrated by the module, and copied by a C program next to it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from report import Figure, Limit, ratios
from setting import Setting, expect, run_checked

HERE = Path(__file__).parent
ENTRIES = 1_000_000
FEW_ENTRIES = 1_000
BATCH = 65_536  # entries; with no other size the C program is faster
KERNEL_WORK = ("observe", "plan", "apply")

Times = defaultdict[str, list[float]]  # milliseconds, a value for each round


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds side by side, then the memory."""
    times: Times = defaultdict(list)
    for number in range(rounds):
        with setting.fresh_bpffs() as pins:
            _side_by_side(setting, pins, times, module_goes_first=number % 2 == 0)
    many, few = _peak_memory(setting, ENTRIES), _peak_memory(setting, FEW_ENTRIES)
    work = f"Migrating a hash of {ENTRIES:,} entries, 8 and 8 bytes"
    beside = "Migration by the module / copy in C"
    memory = "Memory of the module's process while it migrates"
    return [
        Figure(work, "module: observe, plan, apply", "ms", times["module"]),
        Figure(work, "C: batches read and written, once, by its clock", "ms", times["C"]),
        Figure(
            beside,
            f"{ENTRIES:,} entries, second sweep included",
            "",
            ratios(times["module"], times["C"]),
            Limit("<=", 1.3),
        ),
        Figure(memory, f"peak with {FEW_ENTRIES:,} entries", "MiB", [few]),
        Figure(
            memory,
            f"{ENTRIES:,} entries more than {FEW_ENTRIES:,}",
            "MiB",
            [many - few],
            Limit("<=", 64),
        ),
    ]


def _side_by_side(setting: Setting, pins: Path, times: Times, *, module_goes_first: bool) -> None:
    """One map under two names: each of both makes a copy take one of them."""
    names = {who: str(pins / who) for who in ("module", "C")}
    _move(setting, "fill", names["C"], ENTRIES)
    pin = [setting.bpftool, "map", "pin", "pinned", names["C"], names["module"]]
    run_checked(pin, env=setting.environment())

    def module() -> None:
        command = [setting.python, str(HERE / "timed_module.py")]
        seconds = _migrate(setting, command, names["module"], ENTRIES)
        times["module"].append(1e3 * sum(seconds[phase] for phase in KERNEL_WORK))

    def c_program() -> None:
        output = _move(setting, "copy", names["C"], _grown(ENTRIES), BATCH)
        times["C"].append(float(output))

    for turn in (module, c_program) if module_goes_first else (c_program, module):
        turn()
    _move(setting, "same", names["module"], names["C"])
    _move(setting, "same", names["C"], names["module"])


def _migrate(setting: Setting, command: list[str], pin: str, entries: int) -> dict[str, float]:
    """Seconds by phase. `command` starts the module."""
    shape = {"type": "hash", "key_size": 8, "value_size": 8, "max_entries": _grown(entries)}
    arguments = {"path": pin, "on_mismatch": "migrate", **shape}
    environment = setting.environment(PYTHONPATH=str(setting.library))
    result = json.loads(run_checked(command, input=json.dumps(arguments), env=environment))
    expect("message of the module", result.get("msg"), None)
    expect("entries that were copied", result["maps"][0]["copied"], entries)
    return result["seconds"]


def _grown(entries: int) -> int:
    return entries + entries // 10


def _move(setting: Setting, *words: object) -> str:
    return run_checked([setting.move, *map(str, words)], env=setting.environment())


def _peak_memory(setting: Setting, entries: int) -> float:
    """MiB."""
    log = setting.scratch / f"peak_{entries}"
    command = [setting.python, str(HERE / "peak_memory.py"), str(log), setting.python]
    with setting.fresh_bpffs() as pins:
        _move(setting, "fill", pins / "flows", entries)
        _migrate(setting, [*command, str(HERE / "timed_module.py")], f"{pins}/flows", entries)
    return int(log.read_text()) / 1024
