# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a managed node pays before a module does anything, beside a bare `ping`.

The files that are run are those that Ansible sends: it is told to keep them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from report import Figure, Limit, ratios
from setting import SHAPE, Failed, Setting, ended, expect, run_checked

PING = "ansible.builtin.ping"
LABELS = {
    "ebpf.pinning.bpf_map_pinned": "bpf_map_pinned, one map, there already",
    "ebpf.pinning.bpffs_mount": "bpffs_mount, mounted already",
}


def measure(setting: Setting, pairs: int) -> list[Figure]:
    """Each module in turn with a ping right beside it; who goes first changes each time."""
    with setting.fresh_bpffs() as pins:
        arguments: dict[str, dict[str, object]] = {
            PING: {"data": "pong"},
            "ebpf.pinning.bpf_map_pinned": {"path": str(pins / "map"), **SHAPE},
            "ebpf.pinning.bpffs_mount": {"path": str(pins.parent)},
        }
        sent = {name: _as_sent(setting, name, given) for name, given in arguments.items()}
        times: dict[str, list[float]] = defaultdict(list)
        for number in range(pairs):
            for name in LABELS:
                pair = {name: name, PING: f"ping beside {name}"}
                for each in sorted(pair, reverse=bool(number % 2)):
                    times[pair[each]].append(_cpu_time(setting, sent[each]))
    pings = [value for name in LABELS for value in times[f"ping beside {name}"]]
    alone = "Start: CPU time of the module's whole process, user and system"
    beside = "Start: the same / ping, in pairs"
    return [
        Figure(alone, "ping", "ms", pings),
        *(Figure(alone, label, "ms", times[name]) for name, label in LABELS.items()),
        *(
            Figure(
                beside,
                label,
                "",
                ratios(times[name], times[f"ping beside {name}"]),
                Limit("<=", 1.3),
            )
            for name, label in LABELS.items()
        ),
    ]


def _as_sent(setting: Setting, module: str, arguments: dict[str, object]) -> Path:
    """The file by which Ansible runs `module`. It is run once; then all is as declared."""
    sent = setting.scratch / "sent" / module
    run_checked(
        [
            str(Path(sys.executable).parent / "ansible"),
            "localhost",
            f"--extra-vars=ansible_python_interpreter={setting.python}",
            f"--module-name={module}",
            f"--args={json.dumps(arguments)}",
        ],
        env=setting.environment(
            ANSIBLE_CONFIG=str(setting.scratch / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(setting.library),
            ANSIBLE_REMOTE_TEMP=str(sent),
            ANSIBLE_KEEP_REMOTE_FILES="1",
        ),
    )
    (found,) = sent.glob("*/AnsiballZ_*.py")
    return found


def _cpu_time(setting: Setting, sent: Path) -> float:
    """Milliseconds, user and system, of all that the process does: a busy machine adds little."""
    process = subprocess.Popen(
        [setting.python, str(sent)], env=setting.environment(), stdout=subprocess.PIPE
    )
    with process, process.stdout:
        output = process.stdout.read()
        seconds = ended(process)
    if process.returncode:
        raise Failed(f"{sent.name}: {output.decode()}")
    expect(f"{sent.name}: changed", json.loads(output).get("changed", False), False)
    return seconds * 1e3
