# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of bpf_link_pinned attach, and to what: programs of c/hooked.bpf.c."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.host import BPFFS, Host

LOADED = f"{BPFFS}/loaded"
LINKS = f"{BPFFS}/links"
SEEN = f"{LOADED}/seen"
NETWORK = """
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
ip link set lo up
echo ready
exec cat
"""


@dataclass(frozen=True)
class Hooks:
    """What programs are attached to: the devices v0 and v1 of a network, a control group."""

    host: Host
    network: str  # /proc/PID/ns/net
    groups: str  # where cgroup2 is mounted
    cgroup: str

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run in the network."""
        return ["nsenter", f"--net={self.network}", *command]

    def load(self, name: str, *numbers: int, pin: str = "", seen: str = SEEN) -> int:
        """Load a program and pin it in LOADED: its id."""
        site = self.host.site
        self.host.run("mkdir", "-p", LOADED)
        words = [site.bpf_object("hooked"), name, pin or f"{LOADED}/{name}", seen]
        done = self.host.run(site.program("onto"), *words, *map(str, numbers))
        return int(done.stdout)

    def link(self, path: str) -> dict[str, Any]:
        """What bpftool says of a pinned link."""
        return self.host.bpftool("link", "show", "pinned", path)

    def on(self, interface: str) -> dict[str, Any]:
        """What iproute2 says of a device."""
        words = self.inside("ip", "-json", "-details", "link", "show", "dev", interface)
        return json.loads(self.host.run(*words).stdout)[0]

    def xdp(self, interface: str = "v0") -> int | None:
        """The id of the program of XDP on a device, if there is one."""
        found = self.on(interface).get("xdp")
        return found and found["prog"]["id"]


@contextmanager
def hooks_of(host: Host) -> Iterator[Hooks]:
    """A network with two devices and a control group, for this test alone."""
    groups = f"{host.scratch}/cgroups"
    cgroup = f"{groups}/pinning-link-{os.getpid()}"
    host.run("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
    host.shell(f"mkdir {groups}; mount -t cgroup2 cgroup2 {groups}; mkdir {cgroup}")
    try:
        with host.running("unshare", "--net", "sh", "-ec", NETWORK) as network:
            assert network.stdout is not None
            assert network.stdout.readline() == "ready\n"
            yield Hooks(host, f"/proc/{network.pid}/ns/net", groups, cgroup)
    finally:
        host.run("rmdir", cgroup)
