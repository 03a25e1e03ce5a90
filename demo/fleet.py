# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows drift over a fleet: provisions, breaks some hosts, and has the playbook find what broke.

    demo/fleet.py HOSTS FOLDER      # as root; the report goes to FOLDER

The hosts are sshds on this machine, each with a bpffs of its own (see harness/fleet.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.fleet import Fleet  # noqa: E402

AGENT = "/sys/fs/bpf/agent"
MAPS = [
    {"name": "flows", "type": "lru_hash", "key_size": 16, "value_size": 8, "max_entries": 4096},
    {"name": "blocked", "type": "lpm_trie", "key_size": 8, "value_size": 4, "max_entries": 1024},
    {"name": "events", "type": "ringbuf", "max_entries": 65536},
    *(
        {"name": f"counts_{number}", "type": "percpu_array", "value_size": 8, "max_entries": 16}
        for number in range(1, 4)
    ),
]
VARIABLES = {
    "bpf_maps_directory": AGENT,
    "bpf_maps_mode": "0640",
    "bpf_maps_report_undeclared": True,
    "bpf_maps": MAPS,
}
# What goes wrong, one after the other, on hosts here and there.
BREAKS = (
    ("a pin was removed", f"rm {AGENT}/flows"),
    ("others may write", f"chmod 0666 {AGENT}/events"),
    (
        "another shape under the name",
        f"rm {AGENT}/blocked; bpftool map create {AGENT}/blocked "
        "type hash key 4 value 4 entries 8 name blocked",
    ),
    (
        "a pin that nobody declared",
        f"bpftool map create {AGENT}/debugging type array key 4 value 4 entries 1 name debugging",
    ),
    ("everything was unmounted", "umount /sys/fs/bpf"),
    ("the host is down", None),
)


def main(size: int, folder: Path) -> None:
    """Run the whole show."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fleet-") as scratch, Fleet(
        Path(scratch), size
    ) as fleet:
        print(f"==> {size} hosts answer over ssh", flush=True)
        fleet.write_inventory(VARIABLES)
        environment = {
            **os.environ,
            **fleet.environment(),
            "ANSIBLE_FORKS": str(min(size, 50)),
            "ANSIBLE_DISPLAY_OK_HOSTS": "false",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
            "HOME": scratch,
        }
        provisioned = _playbook(fleet, environment, "ebpf.pinning.provision")
        _expect(provisioned == 0, "provisioning failed")
        for name, (what, script) in zip(fleet.names[:: max(2, min(5, size // 6))], BREAKS * size):
            print(f"==> {name}: {what}", flush=True)
            if script is None:
                fleet.stop(name)
            else:
                fleet.run(name, script)
        reports = [
            word
            for form, suffix in (("html", "html"), ("json", "json"), ("markdown", "md"))
            for word in ("-e", f"drift_{form}={folder}/drift.{suffix}")
        ]
        found = _playbook(fleet, environment, "ebpf.pinning.drift", *reports)
        _expect(found in (2, 4), "the drift run did not fail, but there is drift")
    print(f"==> open {folder}/drift.html")


def _playbook(fleet: Fleet, environment: dict[str, str], *words: str) -> int:
    print(f"==> ansible-playbook {' '.join(words)}", flush=True)
    command = ["ansible-playbook", "-i", str(fleet.inventory), *words]
    return subprocess.run(command, check=False, env=environment).returncode


def _expect(fact: bool, otherwise: str) -> None:
    if not fact:
        sys.exit(f"error: {otherwise}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).absolute())
