# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""README as it stands: what it declares runs, drifts as shown, and comes back after a restart."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.host import BPFFS, Host
from harness.samples import FIREWALL
from harness.site import CHECKOUT, Site
from harness.terminal import seen
from restoring import keep_apart, restart

TEXT = (CHECKOUT / "README.md").read_text()
PROVISION, DRIFT = re.findall(r"^(?:\$ )?(ansible-playbook .*)$", TEXT, re.M)
NETWORK = """
ip link add eth0 type veth peer name peer
ip link set eth0 up; ip link set peer up
echo ready
exec cat
"""


def block(language: str) -> str:
    """The one block of this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)
    return found


@dataclass(frozen=True)
class Edge:
    """Hosts with an interface eth0 each, and the folder of somebody who reads README."""

    site: Site
    folder: Path
    hosts: dict[str, Host]
    networks: dict[str, str]

    def type(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command of the page."""
        environment = self.site.environment()
        del environment["ANSIBLE_CALLBACKS_ENABLED"]
        environment["PATH"] = f"{Path(self.site.playbook_command).parent}:{environment['PATH']}"
        return seen(["sh", "-ec", f"cd {self.folder}\n{command}"], environment)

    def attached(self, name: str) -> int | None:
        """Which program the kernel says eth0 has."""
        words = ("nsenter", f"--net={self.networks[name]}", "bpftool", "-j", "net", "show")
        (shown,) = json.loads(self.hosts[name].run(*words, "dev", "eth0").stdout)
        return shown["xdp"][0]["id"] if shown["xdp"] else None

    def is_as_declared(self, name: str) -> bool:
        """Whether the map is filled, and the program attached that has it."""
        host = self.hosts[name]
        (entry,) = host.bpftool("map", "dump", "pinned", f"{FIREWALL}/blocked")
        program = host.bpftool("prog", "show", "pinned", f"{FIREWALL}/firewall")
        return (
            [int(byte, 16) for byte in entry["key"][4:]] == [198, 51, 100, 0]
            and host.map_at(f"{FIREWALL}/blocked")["id"] in program["map_ids"]
            and self.attached(name) == program["id"]
        )


@pytest.fixture
def edge(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("reader")
    with ExitStack() as stack:
        hosts, networks, inventory = {}, {}, {}
        for name in ("edge-1", "edge-2", "edge-3"):
            hosts[name] = host = Host(site, tmp_path_factory.mktemp("host"))
            stack.callback(host.close)
            keep_apart(host)
            network = stack.enter_context(host.running("unshare", "--net", "sh", "-ec", NETWORK))
            assert network.stdout is not None
            assert network.stdout.readline() == "ready\n"
            networks[name] = f"/proc/{network.pid}/ns/net"
            python = folder / f"python-of-{name}"
            inside = " ".join(host.inside(f"nsenter --net={networks[name]} {site.python}"))
            python.write_text(f'#!/bin/sh\nexec {inside} "$@"\n')
            python.chmod(0o755)
            inventory[name] = {"ansible_python_interpreter": str(python)}
        variables = {"ansible_connection": "local"}
        whole = {"edge": {"hosts": inventory, "vars": variables}}
        (folder / "inventory.yml").write_text(json.dumps(whole))
        (folder / "group_vars").mkdir()
        (folder / "group_vars" / "edge.yml").write_text(block("yaml"))
        shutil.copy(CHECKOUT / "examples" / "firewall" / "firewall.bpf.c", folder)
        yield Edge(site, folder, hosts, networks)


def test_what_is_declared_is_made_drifts_as_shown_and_survives_a_restart(edge: Edge) -> None:
    code, output = edge.type(block("console"))
    assert code == 0, output
    assert all(map(edge.is_as_declared, edge.hosts))
    again, output = edge.type(PROVISION)
    assert again == 0, output
    assert re.findall(r" changed=(\d+) ", output) == ["0"] * 3

    one, two, three = edge.hosts.values()
    entry = "key 32 0 0 0 10 0 0 1 value 1 0 0 0"
    one.shell(f"bpftool map update pinned {FIREWALL}/blocked {entry}")
    two.shell(f"bpftool link detach pinned {FIREWALL}/eth0")
    three.shell(f"umount {BPFFS}")
    assert not any(edge.attached(name) for name in ("edge-2", "edge-3"))
    code, output = edge.type(DRIFT)
    assert code == 2, output
    shown = block("text").partition("\n")[2].replace("/home/you", str(edge.folder))
    assert re.sub(r"\(ifindex \d+\)", "(ifindex 3)", output).endswith(shown)
    assert (edge.folder / "drift.html").stat().st_size > 0
    code, output = edge.type(PROVISION)
    assert code == 0, output
    assert all(map(edge.is_as_declared, edge.hosts))
    assert edge.type(DRIFT)[0] == 0

    restart(one)
    inside = [f"--net={edge.networks['edge-1']}", "/usr/local/bin/ebpf-pinning", "restore"]
    one.run("nsenter", *inside)
    assert edge.is_as_declared("edge-1")
