# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the modules beside what people use today. See README.md beside this file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import declared_entries
import few_entries
import kernel_work
import local_fleet
import migration
import pin_info
import programs
import report
import restoring
import start
import whole_tasks
from ansible.release import __version__ as ansible_version
from setting import Failed, Setting

CHECKOUT = Path(__file__).resolve().parent.parent
# What can be asked for: what it measures, and how for so many rounds of whole tasks.
PARTS = {
    "kernel": ("the kernel work", lambda at, rounds: kernel_work.measure(at, 5 * rounds, rounds)),
    "start": ("the start of a module", lambda at, rounds: start.measure(at, 15 * rounds)),
    "migration": ("a migration", lambda at, rounds: migration.measure(at, 3 * rounds)),
    "entries": ("declared entries", declared_entries.measure),
    "few-entries": ("fewer entries", few_entries.measure),
    "info": ("what pins hold", lambda at, rounds: pin_info.measure(at, 3 * rounds)),
    "programs": ("programs", lambda at, rounds: programs.measure(at, 5 * rounds)),
    "restore": ("putting all back", lambda at, rounds: restoring.measure(at, 3 * rounds)),
    "tasks": ("whole tasks", whole_tasks.measure),
    "hosts": ("whole runs over hosts", lambda at, rounds: local_fleet.measure(at, 2 * rounds)),
}


def main() -> int:
    options = _options()
    if options.scratch is None:
        return _in_a_namespace_of_its_own()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    bpftool = shutil.which("bpftool")
    if bpftool is None:
        print("bpftool is missing: `make system` installs it", file=sys.stderr)
        return 1
    setting = Setting(options.scratch, os.path.realpath(options.python), bpftool)
    started = time.monotonic()
    machine = _machine(setting)
    try:
        setting.prepare(options.collection.resolve())
        figures = []
        for name in options.only or PARTS:
            print(f"Measuring {PARTS[name][0]} ...", file=sys.stderr)
            figures += PARTS[name][1](setting, options.rounds)
    except Failed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        return 1
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()) + "\n")
    print(report.table(figures))
    print(f"Took {time.monotonic() - started:.0f} s.")
    if options.json:
        content = {"machine": machine, "figures": [figure.as_json() for figure in figures]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="of whole tasks; three times as many of migrations, five times of kernel work, "
        "fifteen times of starts",
    )
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter of the modules (default: this one)"
    )
    parser.add_argument(
        "--collection",
        type=Path,
        default=CHECKOUT,
        metavar="FOLDER",
        help="the collection to measure (default: this checkout)",
    )
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_namespace_of_its_own() -> int:
    """Run this again where its mounts are seen by nobody else and end with it."""
    if os.geteuid() != 0:
        print("only root may mount and make maps: run `make bench`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="ebpf-pinning-bench-") as scratch:
        command = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        command += ["--scratch", os.path.realpath(scratch)]
        return subprocess.run(command, check=False).returncode


def _machine(setting: Setting) -> dict[str, str]:
    version = subprocess.run(
        [setting.python, "-c", "import platform; print(platform.python_version())"],
        capture_output=True,
        text=True,
        check=True,
    )
    bpftool = subprocess.run(
        [setting.bpftool, "version"], capture_output=True, text=True, check=True
    )
    return {
        "Linux": platform.release(),
        "CPUs": str(os.cpu_count()),
        "Python": version.stdout.strip(),
        "ansible-core": ansible_version,
        "bpftool": bpftool.stdout.split()[1],
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


if __name__ == "__main__":
    sys.exit(main())
