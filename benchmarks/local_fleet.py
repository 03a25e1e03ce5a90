# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of the playbooks over hosts of the local connection, beside one bare `ping`.

CPU time of the controller and of all hosts together, so a busy machine adds little.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from report import Figure, Limit, ratios
from setting import Failed, Setting, declarations, ended, expect

HOSTS, FORKS, MAPS = 20, 10, 200
RUNS = {  # of a playbook: what is told, and the most that it may be of a ping
    "provision": ("provision, first run", 1.6),
    "second": ("provision, second run", 1.6),
    "drift": ("drift", 1.7),
}
PING = [{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}]


def measure(setting: Setting, rounds: int) -> list[Figure]:
    """Rounds of all runs, the ping first and last in turn."""
    times: dict[str, list[float]] = defaultdict(list)
    with setting.fresh_bpffs() as pins:
        inventory = _inventory(setting, pins)
        ping = setting.scratch / "ping.yml"
        ping.write_text(json.dumps(PING))
        playbooks = {
            "ping": str(ping),
            "provision": "ebpf.pinning.provision",
            "second": "ebpf.pinning.provision",
            "drift": "ebpf.pinning.drift",
        }
        _cpu_time(setting, inventory, playbooks["second"])  # the mount is as declared from then on
        for number in range(rounds):
            for each in pins.iterdir():
                shutil.rmtree(each)
            # The first run comes before the second; the ping comes before both, or after the drift.
            order = [*RUNS, "ping"] if number % 2 else ["ping", *RUNS]
            for run in order:
                times[run].append(_cpu_time(setting, inventory, playbooks[run]))
            for host in pins.iterdir():
                expect(f"pins of {host.name}", len(list(host.iterdir())), MAPS)
    alone = f"{HOSTS} local hosts, {MAPS} maps each: CPU time of the controller and the hosts"
    return [
        Figure(alone, "one ping", "s", times["ping"]),
        *(Figure(alone, label, "s", times[run]) for run, (label, _most) in RUNS.items()),
        *(
            Figure(
                f"{HOSTS} local hosts: the same / one ping",
                label,
                "",
                ratios(times[run], times["ping"]),
                Limit("<=", most),
            )
            for run, (label, most) in RUNS.items()
        ),
    ]


def _inventory(setting: Setting, pins: Path) -> Path:
    everywhere = {
        "ansible_connection": "local",
        "ansible_python_interpreter": setting.python,
        "bpffs_path": str(pins.parent),
        "bpf_maps": declarations(MAPS),
    }
    hosts = {
        f"host{number}": {"bpf_maps_directory": str(pins / f"host{number}")}
        for number in range(HOSTS)
    }
    file = setting.scratch / "hosts.json"
    file.write_text(json.dumps({"all": {"hosts": hosts, "vars": everywhere}}))
    return file


def _cpu_time(setting: Setting, inventory: Path, playbook: str) -> float:
    """Seconds, user and system, of ansible-playbook and all that it started."""
    command = str(Path(sys.executable).parent / "ansible-playbook")
    process = subprocess.Popen(
        [command, "--inventory", str(inventory), playbook],
        env=setting.environment(
            ANSIBLE_CONFIG=str(setting.scratch / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(setting.library),
            ANSIBLE_REMOTE_TEMP=str(setting.scratch / "remote"),
            ANSIBLE_LOCAL_TEMP=str(setting.scratch / "local"),
            ANSIBLE_FORKS=str(FORKS),
            ANSIBLE_NOCOLOR="1",
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process, process.stdout:
        output = process.stdout.read().decode()
        seconds = ended(process)
    if process.returncode:
        raise Failed(f"{playbook}: {output[-4000:]}")
    expect(f"hosts of {playbook}", len(re.findall(r" failed=0 ", output)), HOSTS)
    return seconds
