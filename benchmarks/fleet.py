# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs over a fleet of sshds on this machine, at two sizes: ours, pings, a loop, plain ssh.

    benchmarks/fleet.py [--sizes 5 50] [--maps 200] [--forks 25] [--names 1000]
        [--names-forks 10]

Everything runs over ssh with the same forks and with connections that stay open in between. At
last a drift run over --names hosts, with forks of its own: see many_names.py.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import many_names
import report
from report import Figure, Limit
from setting import Failed, Setting, creation, declarations, run_checked

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / "tests" / "integration"))

from harness.fleet import Fleet  # noqa: E402

DIRECTORY = "/sys/fs/bpf/agent"
_LOOPS = (2, 6)  # maps; the loop's time for more is on the line through these
# The most that a run may be of one bare ping over the same hosts.
_MOST = {"provision": 1.6, "second": 1.6, "drift": 1.7}
# Drift runs with other settings than the one beside which they are shown.
_SETTINGS = {
    "5 forks": {"ANSIBLE_FORKS": "5"},
    "10 forks": {"ANSIBLE_FORKS": "10"},
    "50 forks": {"ANSIBLE_FORKS": "50"},
    "no pipelining": {"ANSIBLE_PIPELINING": "false"},
    "strategy free": {"ANSIBLE_STRATEGY": "free"},
}
_MOUNT = "mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf"

Seconds = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[5, 50], metavar="HOSTS")
    parser.add_argument("--maps", type=int, default=200)
    parser.add_argument("--forks", type=int, default=25)
    parser.add_argument("--names", type=int, default=1000)
    parser.add_argument("--names-forks", type=int, default=10)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("only root may mount and make maps: run `make bench-fleet`", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    measured = []
    try:
        for size in options.sizes:
            print(f"Measuring {size} hosts ...", file=sys.stderr)
            measured.append(_Bench(size, options.maps, options.forks).measure())
        print(f"Measuring {options.names} names ...", file=sys.stderr)
        cost = _Bench(options.sizes[1], options.maps, options.names_forks).cost(options.names)
    except Failed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        return 1
    print(f"\n{options.maps} maps a host, {options.forks} forks, load before {load:.2f}\n")
    print(report.table(_figures(options.sizes, measured, options.maps) + cost))
    return 0


class _Bench:
    """One size of the fleet."""

    def __init__(self, size: int, maps: int, forks: int) -> None:
        self.size, self.maps, self.forks = size, maps, forks

    def measure(self) -> Seconds:
        """Seconds of each whole run."""
        with self._fleet() as (setting, fleet):
            return self._runs(setting, fleet)

    def cost(self, names: int) -> list[Figure]:
        """What a drift run over `names` hosts costs the controller, when all is in place."""
        with self._fleet() as (setting, fleet):
            self._provision(setting, fleet)
            fleet.write_inventory(self._variables(), names=names)
            ping = self._ping(setting, fleet)
            words, environment = self._command(setting, fleet, "ebpf.pinning.drift")
            return many_names.measure(words, environment, setting.scratch, names, self.forks, ping)

    @contextmanager
    def _fleet(self) -> Iterator[tuple[Setting, Fleet]]:
        with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
            scratch = Path(folder)
            setting = Setting(scratch, os.path.realpath(sys.executable), "bpftool")
            setting.prepare(CHECKOUT)
            with Fleet(scratch, self.size) as fleet:
                fleet.write_inventory(self._variables())
                yield setting, fleet

    def _variables(self) -> dict[str, object]:
        return {"bpf_maps_directory": DIRECTORY, "bpf_maps": declarations(self.maps)}

    def _runs(self, setting: Setting, fleet: Fleet) -> Seconds:
        seconds: Seconds = {}
        self._ping(setting, fleet)  # opens connections
        seconds["ping"] = self._ping(setting, fleet)
        seconds["provision"] = self._provision(setting, fleet)
        seconds["second"] = self._playbook(setting, fleet, "ebpf.pinning.provision")
        seconds["drift"] = self._playbook(setting, fleet, "ebpf.pinning.drift")
        for name, words in _SETTINGS.items():
            seconds[f"drift, {name}"] = self._playbook(
                setting, fleet, "ebpf.pinning.drift", **words
            )
        seconds["ping again"] = self._ping(setting, fleet)
        self._clear(fleet)
        seconds["ssh"] = self._plain_ssh(fleet, setting)
        self._expect_pins(fleet, self.maps)
        for maps in _LOOPS:
            self._clear(fleet)
            seconds[f"loop {maps}"] = self._playbook(setting, fleet, _play(_loop(maps)))
            self._expect_pins(fleet, maps)
        return seconds

    def _provision(self, setting: Setting, fleet: Fleet) -> float:
        seconds = self._playbook(setting, fleet, "ebpf.pinning.provision")
        self._expect_pins(fleet, self.maps)
        return seconds

    def _ping(self, setting: Setting, fleet: Fleet) -> float:
        return self._playbook(setting, fleet, _play([{"ansible.builtin.ping": {}}]))

    def _playbook(
        self, setting: Setting, fleet: Fleet, playbook: str | list[object], **more: str
    ) -> float:
        """Seconds of a whole ansible-playbook."""
        words, environment = self._command(setting, fleet, playbook)
        return _timed(words, {**environment, **more})

    def _command(
        self, setting: Setting, fleet: Fleet, playbook: str | list[object]
    ) -> tuple[list[str], dict[str, str]]:
        if not isinstance(playbook, str):
            file = setting.scratch / "play.yml"
            file.write_text(json.dumps(playbook))
            playbook = str(file)
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-i", str(fleet.inventory), playbook),
        ]
        environment = setting.environment(
            **fleet.environment(),
            ANSIBLE_FORKS=str(self.forks),
            ANSIBLE_CONFIG=str(setting.scratch / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(setting.library),
        )
        return command, environment

    def _plain_ssh(self, fleet: Fleet, setting: Setting) -> float:
        """The floor: a script for all, pushed by xargs."""
        lines = [
            " ".join(creation(f"{DIRECTORY}/{each['name']}", str(each["name"])))
            for each in declarations(self.maps)
        ]
        batch = setting.scratch / "batch"
        batch.write_text("\n".join(lines) + "\n")
        remote = f"{_MOUNT}; mkdir -p {DIRECTORY}; exec bpftool batch file -"
        words = [*fleet.ssh(fleet.names[0])[:-1], "-o", "ControlMaster=auto"]
        words += ["-o", f"ControlPath={setting.scratch}/cp/plain-%h", "-o", "ControlPersist=60"]
        each = f"{shlex.join(words)} root@{{}} {shlex.quote(remote)} < {batch}"
        addresses = [fleet.address(name) for name in fleet.names]
        xargs = ["xargs", "-P", str(self.forks), "-I{}", "sh", "-c"]
        environment = setting.environment()
        # Like ansible, it starts with open connections.
        opening = f"{shlex.join(words)} root@{{}} true"
        run_checked([*xargs, opening], env=environment, input="\n".join(addresses))
        return _timed([*xargs, each], environment, "\n".join(addresses))

    def _clear(self, fleet: Fleet) -> None:
        for name in fleet.names:
            fleet.run(name, f"rm -rf {DIRECTORY}")

    def _expect_pins(self, fleet: Fleet, count: int) -> None:
        for name in fleet.names:
            found = int(fleet.run(name, f"ls {DIRECTORY} | wc -l"))
            if found != count:
                raise Failed(f"{name} has {found} pins, not {count}")


def _play(tasks: list[dict[str, object]]) -> list[object]:
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks}]


def _loop(maps: int) -> list[dict[str, object]]:
    """What people write today."""
    words = creation(f"{DIRECTORY}/{{{{ item.name }}}}", "{{ item.name }}")
    return [
        {"ansible.builtin.shell": _MOUNT},
        {"ansible.builtin.file": {"path": DIRECTORY, "state": "directory"}},
        {
            "ansible.builtin.command": {
                "argv": ["bpftool", *words],
                "creates": f"{DIRECTORY}/{{{{ item.name }}}}",
            },
            "loop": declarations(maps),
            "loop_control": {"label": "{{ item.name }}"},
        },
    ]


def _timed(command: list[str], environment: Mapping[str, str], given: str = "") -> float:
    started = time.monotonic()
    run_checked(command, env=environment, input=given)
    return time.monotonic() - started


def _figures(sizes: list[int], measured: list[Seconds], maps: int) -> list[Figure]:
    figures = []
    for size, seconds in zip(sizes, measured, strict=True):
        section = f"{size} hosts"
        ping = (seconds["ping"] + seconds["ping again"]) / 2
        slope = (seconds[f"loop {_LOOPS[1]}"] - seconds[f"loop {_LOOPS[0]}"]) / (
            _LOOPS[1] - _LOOPS[0]
        )
        loop = seconds[f"loop {_LOOPS[0]}"] + slope * (maps - _LOOPS[0])
        figures += [
            *(Figure(section, label, "s", [value]) for label, value in seconds.items()),
            Figure(section, f"loop of {maps}, extrapolated", "s", [loop]),
            Figure(section, "provision / plain ssh", "", [seconds["provision"] / seconds["ssh"]]),
            *(
                Figure(
                    section,
                    f"drift, {name} / drift",
                    "",
                    [seconds[f"drift, {name}"] / seconds["drift"]],
                )
                for name in _SETTINGS
            ),
            Figure(section, "loop / provision", "", [loop / seconds["provision"]], Limit(">=", 50)),
            *(
                Figure(section, f"{run} / one ping", "", [seconds[run] / ping], Limit("<=", most))
                for run, most in _MOST.items()
            ),
        ]
    growth = f"{sizes[1]} hosts / {sizes[0]} hosts"
    figures += [
        Figure(growth, run, "", [measured[1][run] / measured[0][run]])
        for run in ("ping", "provision", "second", "drift", "ssh")
    ]
    return figures


if __name__ == "__main__":
    sys.exit(main())
