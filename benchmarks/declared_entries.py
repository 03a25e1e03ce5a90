# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries from a list: declared by the module, and written by a C program next to it."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from report import Figure, Limit, ratios
from setting import Setting, expect, run_checked

HERE = Path(__file__).parent
ADDRESSES, PREFIXES, CHANGED = 1_000_000, 100_000, 1_000
BATCH = 65_536  # entries; with no other size the C program is faster
WORK = ("read_pins", "observe", "plan", "apply")
HASH = {"type": "hash", "key_size": 4, "value_size": 4, "key_format": "ipv4"}
TRIE = {"type": "lpm_trie", "key_size": 8, "value_size": 4, "key_format": "cidr4"}


class Lists(NamedTuple):
    """Files of a line for each entry; `other` has some other addresses."""

    addresses: Path
    other: Path
    prefixes: Path


Times = defaultdict[str, list[float]]  # milliseconds of the CPU, a value for each round


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds side by side, then the memory."""
    times: Times = defaultdict(list)
    lists = _lists(setting)
    for number in range(rounds):
        with setting.fresh_bpffs() as pins:
            turns = [_module_rounds, _c_rounds]
            for turn in turns if number % 2 else reversed(turns):
                turn(setting, pins, lists, times)
    memory = _peak_memory(setting, lists.addresses)
    work = f"{ADDRESSES:,} addresses of a list, CPU time"
    beside = "Declared entries by the module / the C program"
    return [
        *(
            Figure(work, f"{who}: {what}", "ms", times[f"{who} {what}"])
            for what in ("into a new hash", "nothing to change")
            for who in ("module", "C")
        ),
        Figure(
            beside,
            "into a new hash",
            "",
            ratios(times["module into a new hash"], times["C into a new hash"]),
            Limit("<=", 3),
        ),
        Figure(
            beside,
            "nothing to change",
            "",
            ratios(times["module nothing to change"], times["C nothing to change"]),
            Limit("<=", 3),
        ),
        Figure(
            beside,
            f"{PREFIXES:,} prefixes into a trie",
            "",
            ratios(times["module trie"], times["C trie"]),
            Limit("<=", 4),
        ),
        Figure(
            "The module alone",
            f"{CHANGED:,} of them differ / none does",
            "",
            ratios(times["module some differ"], times["module nothing to change"]),
            Limit("<=", 1.3),
        ),
        Figure(
            "Memory of the module's process",
            f"peak with {ADDRESSES:,} addresses",
            "MiB",
            [memory],
            Limit("<=", 300),
        ),
    ]


def _module_rounds(setting: Setting, pins: Path, lists: Lists, times: Times) -> None:
    for what, source in (
        ("into a new hash", lists.addresses),
        ("nothing to change", lists.addresses),
        ("some differ", lists.other),
    ):
        counts, spent = _declare(setting, str(pins / "module"), HASH, source, ADDRESSES)
        times[f"module {what}"].append(spent)
        changed = {"into a new hash": ADDRESSES, "some differ": CHANGED}.get(what, 0)
        expect(f"entries added, {what}", counts["added"], changed)
        expect("entries removed", counts["removed"], CHANGED if what == "some differ" else 0)
    counts, spent = _declare(setting, str(pins / "module_trie"), TRIE, lists.prefixes, PREFIXES)
    times["module trie"].append(spent)
    _list(setting, "compare", "hash", lists.other, pins / "module", BATCH)
    _list(setting, "compare", "lpm_trie", lists.prefixes, pins / "module_trie", BATCH)


def _c_rounds(setting: Setting, pins: Path, lists: Lists, times: Times) -> None:
    room = ADDRESSES + CHANGED
    times["C into a new hash"].append(
        _list(setting, "fill", "hash", lists.addresses, pins / "c", room, BATCH)
    )
    times["C nothing to change"].append(
        _list(setting, "compare", "hash", lists.addresses, pins / "c", BATCH)
    )
    times["C trie"].append(
        _list(setting, "fill", "lpm_trie", lists.prefixes, pins / "c_trie", PREFIXES, BATCH)
    )


def _declare(
    setting: Setting, pin: str, shape: dict[str, Any], source: Path, entries: int
) -> tuple[dict[str, int], float]:
    """What became of the entries, and milliseconds of the CPU."""
    arguments = {
        "path": pin,
        **shape,
        "max_entries": entries + (CHANGED if entries == ADDRESSES else 0),
        "value_format": "u32",
        "entries_from": {"src": str(source), "remote_src": True, "value": 1},
        "entries_mode": "exact",
    }
    result = _run(setting, [setting.python, str(HERE / "timed_module.py")], arguments)
    told = result["maps"][0]["entries"]
    expect("entries declared", told["declared"], entries)
    return told, 1e3 * sum(result["cpu_seconds"].get(phase, 0) for phase in WORK)


def _run(setting: Setting, command: list[str], arguments: dict[str, Any]) -> Any:
    environment = setting.environment(PYTHONPATH=str(setting.library))
    result = json.loads(run_checked(command, input=json.dumps(arguments), env=environment))
    expect("message of the module", result.get("msg"), None)
    return result


def _list(setting: Setting, *words: object) -> float:
    """Milliseconds of the CPU."""
    output = run_checked([setting.list, *map(str, words)], env=setting.environment())
    return float(output.split()[-1])


def _lists(setting: Setting) -> Lists:
    lists = Lists(*(setting.scratch / name for name in ("addresses", "other", "prefixes")))
    lines = [f"{_dotted(each)}\n" for each in random.Random(4).sample(range(1 << 31), ADDRESSES)]
    lists.addresses.write_text("".join(lines))
    outside = [f"{_dotted((1 << 31) + number)}\n" for number in range(CHANGED)]
    lists.other.write_text("".join([*lines[:-CHANGED], *outside]))
    numbers = random.Random(6).sample(range(1 << 24), PREFIXES)
    lists.prefixes.write_text("".join(f"{_dotted(number << 8)}/24\n" for number in numbers))
    return lists


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _peak_memory(setting: Setting, addresses: Path) -> float:
    """MiB, of a run that makes the map."""
    log = setting.scratch / "peak_of_entries"
    command = [setting.python, str(HERE / "peak_memory.py"), str(log), setting.python]
    with setting.fresh_bpffs() as pins:
        arguments = {
            "path": f"{pins}/many",
            **HASH,
            "max_entries": ADDRESSES,
            "value_format": "u32",
            "entries_from": {"src": str(addresses), "remote_src": True, "value": 1},
        }
        _run(setting, [*command, str(HERE / "timed_module.py")], arguments)
    return int(log.read_text()) / 1024
