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
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from report import Figure, Limit
from setting import Failed

HERE = Path(__file__).parent
_FORMS = {"json": "json", "html": "html", "markdown": "md", "junit": "xml", "prometheus": "prom"}
_KIB_IN_MIB = 1024
_OFTEN = 0.5  # seconds between two looks at the memory


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    scratch: Path,
    names: int,
    forks: int,
    ping: float,
) -> list[Figure]:
    """`command` runs the drift playbook, in which all is in place, over `names` hosts.

    `environment` is for so many `forks`; `ping` is how many seconds one took over the same hosts.
    """
    cost = scratch / "cost.json"
    words = [
        word
        for form, suffix in _FORMS.items()
        for word in ("-e", f"drift_{form}={scratch}/drift.{suffix}")
    ]
    started = time.monotonic()
    process = subprocess.Popen(
        [*command, *words],
        env={
            **environment,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "report_cost",
            "REPORT_COST": str(cost),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    peak = _Peak(process.pid)
    _pid, status, usage = os.wait4(process.pid, 0)
    whole = time.monotonic() - started
    peak.end()
    if status:
        raise Failed(f"the drift run over {names} hosts, or there was drift: see above")
    looked_at = sum(json.loads((scratch / "drift.json").read_text())["hosts"].values())
    if looked_at != names:
        raise Failed(f"the report has {looked_at} hosts, not {names}")
    seconds = json.loads(cost.read_text())
    controller = usage.ru_utime + usage.ru_stime  # with its forks and ssh clients, not the hosts
    share = 100 * sum(seconds.values()) / controller
    section = f"drift run over {names:,} names, all five reports, {forks} forks"
    return [
        Figure(section, "whole run", "s", [whole]),
        Figure(section, "one ping over the same", "s", [ping]),
        Figure(section, "whole run / one ping over the same", "", [whole / ping], Limit("<=", 1.7)),
        Figure(section, "CPU of the controller", "s", [controller]),
        Figure(section, "CPU of the callback: taking results", "s", [seconds["taking"]]),
        Figure(section, "CPU of the callback: writing reports", "s", [seconds["writing"]]),
        Figure(section, "the callback's share of the CPU", "%", [share], Limit("<=", 5)),
        Figure(section, "memory of ansible-playbook", "MiB", [peak.first]),
        Figure(section, "memory of it and all forks", "MiB", [peak.all], Limit("<=", 1024)),
    ]


class _Peak:
    """The most memory that a process, `first`, and `all` of its family had at one time, in MiB.

    What several processes share is counted once.
    """

    def __init__(self, root: int) -> None:
        self.first = self.all = 0.0
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_OFTEN):
            family = _family(self._root)
            self.first = max(self.first, _memory(self._root, "Rss:"))
            self.all = max(self.all, sum(_memory(pid, "Pss:") for pid in family))


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


def _memory(pid: int, kind: str) -> float:
    """MiB. Pss, the proportional set size, counts a page shared by two as a half for each."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind)) / _KIB_IN_MIB
