# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drift run over many more hosts than there are sshds: what it costs the controller.

Each sshd has many names in the inventory. Connections, forks and results are real and as many as
for that number of hosts; only what the hosts do is done by few.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from report import Figure, Limit
from setting import Failed

HERE = Path(__file__).parent
_FORMS = {"json": "json", "html": "html", "markdown": "md", "junit": "xml", "prometheus": "prom"}
_MIB = 1024
_OFTEN = 0.5  # seconds between two looks at the memory


def measure(
    command: Sequence[str], environment: Mapping[str, str], scratch: Path, names: int
) -> list[Figure]:
    """`command` runs the drift playbook, in which all is in place, over `names` hosts."""
    cost = scratch / "cost.json"
    words = [
        word
        for form, suffix in _FORMS.items()
        for word in ("-e", f"drift_{form}={scratch}/drift.{suffix}")
    ]
    process = subprocess.Popen(
        [*command, *words],
        env={
            **environment,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "report_cost",
            "REPORT_COST": str(cost),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = _Peak(process.pid)
    errors = process.communicate()[1]
    memory = peak.end()
    if process.returncode:
        raise Failed(f"the drift run over {names} hosts: {errors[-4000:]}")
    looked_at = sum(json.loads((scratch / "drift.json").read_text())["hosts"].values())
    if looked_at != names:
        raise Failed(f"the report has {looked_at} hosts, not {names}")
    seconds = json.loads(cost.read_text())
    own = seconds["taking"] + seconds["writing"]
    section = f"drift run over {names:,} names, all five reports"
    return [
        Figure(section, "whole run", "s", [seconds["whole"]]),
        Figure(section, "the callback: taking results", "s", [seconds["taking"]]),
        Figure(section, "the callback: writing reports", "s", [seconds["writing"]]),
        Figure(
            section, "the callback's share", "%", [100 * own / seconds["whole"]], Limit("<=", 5)
        ),
        Figure(section, "memory of all its processes", "MiB", [memory], Limit("<=", 1024)),
    ]


class _Peak:
    """The most memory that a process and its children had together at one time."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> float:
        """MiB; what several processes share is counted once."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._over.wait(_OFTEN):
            self._peak = max(self._peak, sum(map(_own_and_share, _family(self._root))) / _MIB)


def _family(root: int) -> list[int]:
    """`root` and all that descend from it; ssh is among them."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    family = [root]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _own_and_share(pid: int) -> int:
    """KiB: the proportional set size."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
