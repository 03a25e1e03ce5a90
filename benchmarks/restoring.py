# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting all of a host back: `ebpf-pinning restore`, and bpf_host with the same declaration."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Figure, Limit, ratios
from setting import MAPS, Failed, Setting, ended, expect, run_checked

HERE = Path(__file__).parent
ENTRIES = 100  # of each map
LINKS = 20
PLACE = Path("/run/bench")  # root's, as what a host keeps has to be


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds in which each makes all of it on an empty bpffs, and then finds it."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    with _place(setting) as groups:
        for _round in range(rounds):
            for each in (0, 1):
                is_module = each == _round % 2
                with setting.fresh_bpffs() as pins:
                    wanted = _declaration(pins, groups)
                    _install(setting, wanted)
                    _clear(pins)
                    name = "module" if is_module else "restore"
                    run = _module if is_module else _restore
                    times[name].append(run(setting, wanted))
                    times[f"{name}, again"].append(run(setting, wanted))
    section = f"{MAPS} maps with {MAPS * ENTRIES} entries, {LINKS} links: CPU time, whole processes"
    labels = {"module": "bpf_host", "restore": "ebpf-pinning restore"}
    return [
        *(
            Figure(section, f"{label}{more}", "ms", times[f"{name}{more}"])
            for name, label in labels.items()
            for more in ("", ", again")
        ),
        *(
            Figure(
                "Putting all of a host back: ebpf-pinning restore / bpf_host",
                about,
                "",
                ratios(times[f"restore{more}"], times[f"module{more}"]),
                Limit("<=", 1.5),
            )
            for more, about in (("", "makes all"), (", again", "finds all"))
        ),
    ]


@contextmanager
def _place(setting: Setting) -> Iterator[list[str]]:
    """Directories of root's, an object file, and control groups: their paths."""
    mounts = setting.scratch / "groups"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    mounts.mkdir()
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(mounts)], check=True)
    groups = [mounts / f"bench-{os.getpid()}-{number}" for number in range(LINKS)]
    try:
        PLACE.mkdir()
        for group in groups:
            group.mkdir()
        headers = f"-idirafter/usr/include/{os.uname().machine}-linux-gnu"
        command = ["clang", "-g", "-O2", "-target", "bpf", headers, "-c"]
        target = str(PLACE / "egress.bpf.o")
        source = str(HERE / "c" / "egress.bpf.c")
        run_checked([*command, source, "-o", target], env=setting.environment())
        yield [str(group) for group in groups]
    finally:
        for group in groups:
            if group.exists():
                group.rmdir()
        subprocess.run(["umount", str(mounts)], check=True)
        subprocess.run(["umount", "/run"], check=True)


def _declaration(pins: Path, groups: list[str]) -> dict[str, object]:
    entries = [{"key": number, "value": number} for number in range(ENTRIES)]
    shape = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": ENTRIES}
    formats = {"key_format": "u32", "value_format": "u64"}
    attach = [{"type": "cgroup_inet_egress", "cgroup": group} for group in groups]
    return {
        "directory": str(pins),
        "maps": [
            {"name": f"map_{number}", **shape, **formats, "entries": entries}
            for number in range(MAPS)
        ],
        "programs": [{"object": str(PLACE / "egress.bpf.o")}],
        "links": [
            {"name": f"link_{number}", "program": f"{pins}/let_out", "attach": each}
            for number, each in enumerate(attach)
        ],
    }


def _install(setting: Setting, wanted: dict[str, object]) -> None:
    places = {"library": str(PLACE / "library"), "manifests": str(PLACE / "manifests")}
    _run(setting, "bpf_restore", {"name": "bench", "python": setting.python, **places, **wanted})


def _clear(pins: Path) -> None:
    for pin in pins.iterdir():
        pin.unlink()


def _module(setting: Setting, wanted: dict[str, object]) -> float:
    return _run(setting, "bpf_host", wanted)


def _restore(setting: Setting, _wanted: dict[str, object]) -> float:
    words = [str(PLACE / "library" / "ebpf-pinning"), "restore", "--json"]
    took, output = _timed([*words, "--manifests", str(PLACE / "manifests")], setting, "")
    expect("what is in place", len(json.loads(output)["lines"]), MAPS + LINKS + 1)
    return took


def _run(setting: Setting, module: str, arguments: dict[str, object]) -> float:
    words = [setting.python, str(HERE / "run_module.py"), module]
    took, output = _timed(words, setting, json.dumps(arguments))
    if json.loads(output).get("failed"):
        raise Failed(f"{module}: {output[:2000]}")
    return took


def _timed(words: list[str], setting: Setting, given: str) -> tuple[float, str]:
    """The milliseconds of processors that a process and its children took, and what it printed."""
    environment = setting.environment(PYTHONPATH=str(setting.library))
    with (
        (setting.scratch / "given").open("w+") as source,
        (setting.scratch / "printed").open("w+") as target,
    ):
        source.write(given)
        source.seek(0)
        process = subprocess.Popen(words, env=environment, stdin=source, stdout=target)
        seconds = ended(process)
        target.seek(0)
        output = target.read()
    if process.returncode:
        raise Failed(f"{' '.join(words)}: exit code {process.returncode}\n{output[:2000]}")
    return 1e3 * seconds, output
