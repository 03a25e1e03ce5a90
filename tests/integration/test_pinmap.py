# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""examples/pinmap, as a user copies it: one map, pinned first, that every loader then reuses."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.golang import loader
from harness.host import BPFFS, Host
from harness.site import CHECKOUT, Site

NAME = "pinmap_packets"
GLOBALS = f"{BPFFS}/tc/globals"  # where iproute2 looks
PATIENCE = 20  # seconds, for what takes milliseconds


def console() -> list[str]:
    """The blocks of commands in the README."""
    text = (CHECKOUT / "examples" / "pinmap" / "README.md").read_text()
    return re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)


@dataclass(frozen=True)
class Example:
    """The example's folder on a host, with the object file compiled."""

    host: Host
    folder: Path

    @property
    def object_file(self) -> str:
        return str(self.folder / "pinmap.bpf.o")

    def provision(self, *options: str) -> Any:
        """Run the playbook; what bpf_map_pinned returns for the map."""
        run = self.host.ansible_playbook(*options, str(self.folder / "provision.yml"))
        assert run.code == 0, run.output
        return run[1]["maps"][0]

    def id_at(self, directory: str) -> int:
        return self.host.map_at(f"{directory}/{NAME}")["id"]

    def packets(self, directory: str = BPFFS) -> int:
        """What another process reads in the map."""
        words = f"map lookup pinned {directory}/{NAME} key 0 0 0 0"
        entry = self.host.bpftool(*words.split())
        return entry["formatted"]["value"]

    def maps_of_program(self, *which: str) -> list[int]:
        return self.host.bpftool("prog", "show", *which)["map_ids"]


@pytest.fixture
def example(host: Host) -> Example:
    folder = host.scratch / "pinmap"
    shutil.copytree(CHECKOUT / "examples" / "pinmap", folder)
    compiled = Example(host, folder)
    host.shell(f"cd {folder}; {console()[0].splitlines()[0]}")
    assert Path(compiled.object_file).exists()
    return compiled


@dataclass(frozen=True)
class Network:
    """A network namespace with two devices: what `other` sends, `eth0` receives."""

    host: Host
    pid: int

    def run(self, *command: str) -> str:
        return self.host.run("nsenter", f"--net=/proc/{self.pid}/ns/net", *command).stdout

    def shell(self, script: str) -> str:
        return self.run("sh", "-ec", script)

    def send(self, count: int) -> None:
        """Send as many packets of zeros."""
        program = (
            "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); "
            f"s.bind(('other', 0)); [s.send(bytes(60)) for _ in range({count})]"
        )
        self.run(self.host.site.python, "-c", program)


@pytest.fixture
def network(host: Host) -> Iterator[Network]:
    with host.running("unshare", "--net", "sh", "-c", "echo ready; exec cat") as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        network = Network(host, holder.pid)
        network.shell(
            "ip link add other type veth peer name eth0; "
            "for device in other eth0; do ip link set dev $device addrgenmode none up; done"
        )
        yield network


def attach_by_ip(network: Network, example: Example) -> int:
    network.shell(f"ip link set dev eth0 xdp obj {example.object_file} sec xdp")
    (link,) = json.loads(network.shell("ip -j link show dev eth0"))
    return link["xdp"]["prog"]["id"]


def attach_by_tc(network: Network, example: Example) -> int:
    network.shell(
        "tc qdisc add dev eth0 clsact; "
        f"tc filter add dev eth0 ingress bpf da obj {example.object_file} sec tc"
    )
    filters = json.loads(network.shell("tc -j filter show dev eth0 ingress"))
    (found,) = (each["options"] for each in filters if "options" in each)
    return found["prog"]["id"]


@pytest.mark.every_core
def test_the_playbook_pins_the_map_and_then_changes_nothing(example: Example) -> None:
    first, second = example.provision(), example.provision()
    assert [first["action"], second["action"]] == ["created", "unchanged"]
    found = example.host.map_at(f"{BPFFS}/{NAME}")
    shape = [found[field] for field in ("type", "bytes_key", "bytes_value", "max_entries")]
    assert shape == ["array", 4, 8, 1]
    assert found["id"] == first["id"] == second["id"]
    assert example.packets() == 0


def run_program(host: Host, pin: str, times: int) -> None:
    """Hand a packet of zeros to the program, so many times."""
    packet = host.scratch / "packet"
    packet.write_bytes(bytes(60))
    host.run(*f"bpftool prog run pinned {pin} data_in {packet} repeat {times}".split())


def test_the_commands_of_the_readme_do_what_it_says(example: Example, network: Network) -> None:
    """As they stand, in a network namespace that has an eth0."""
    anywhere, _device, for_iproute2 = console()  # `network` has a device already
    path = f"PATH={Path(example.host.site.playbook_command).parent}:$PATH; cd {example.folder}"
    output = network.shell(f"{path}; {anywhere}")
    assert json.loads(output[output.rindex("[{") :]) == [{"key": 0, "value": 0}]
    assert example.maps_of_program("pinned", f"{BPFFS}/pinmap_xdp") == [example.id_at(BPFFS)]
    network.shell(f"{path}; {for_iproute2}")
    network.send(4)
    assert_counted(example, 4, GLOBALS)
    assert example.packets(BPFFS) == 0


def test_the_map_outlives_its_programs_and_goes_with_its_pin(example: Example) -> None:
    """libbpf loads the object, twice; each time its process ends, and the count stays."""
    host, made = example.host, example.provision()
    for round_, pin in enumerate((f"{BPFFS}/first", f"{BPFFS}/second"), start=1):
        loaded = host.run(host.site.program("load"), example.object_file, BPFFS, pin)
        assert json.loads(loaded.stdout) == {NAME: made["id"]}
        assert example.maps_of_program("pinned", pin) == [made["id"]]
        run_program(host, pin, 3)
        host.run("rm", pin)
        assert example.packets() == 3 * round_
        assert example.id_at(BPFFS) == made["id"]
    removed = host.module("bpf_pin_absent", path=[f"{BPFFS}/{NAME}"]).good()
    assert removed.changed
    assert_freed(host, made["id"])


def assert_freed(host: Host, map_id: int) -> None:
    """The kernel frees a map shortly after its last reference is gone."""
    deadline = time.monotonic() + PATIENCE
    while host.run("bpftool", "map", "show", "id", str(map_id), check=False).returncode == 0:
        assert time.monotonic() < deadline, "the map is still there"


def test_both_programs_of_the_object_share_the_map_with_bpftool(example: Example) -> None:
    made = example.provision()
    example.host.run(*f"bpftool prog loadall {example.object_file} {BPFFS}/programs".split())
    programs = [f"{BPFFS}/programs/{name}" for name in ("pinmap_xdp", "pinmap_tc")]
    for pin in programs:
        assert example.maps_of_program("pinned", pin) == [made["id"]]
        run_program(example.host, pin, 2)
    assert example.packets() == 4


@pytest.mark.parametrize("attach", [attach_by_ip, attach_by_tc])
def test_iproute2_reuses_the_map_and_traffic_is_counted_in_it(
    example: Example, network: Network, attach: Any
) -> None:
    made = example.provision("-e", f"pinmap_directory={GLOBALS}")
    program = attach(network, example)
    assert example.maps_of_program("id", str(program)) == [made["id"]]
    assert example.id_at(GLOBALS) == made["id"]
    network.send(7)
    assert_counted(example, 7, GLOBALS)


def assert_counted(example: Example, count: int, directory: str) -> None:
    """What was sent is received shortly after."""
    deadline = time.monotonic() + PATIENCE
    while example.packets(directory) < count:
        assert time.monotonic() < deadline, "the packets are not counted"
    assert example.packets(directory) == count


# A loader of another family: cilium/ebpf, in Go


@pytest.fixture(scope="module")
def reuse(site: Site) -> str:
    """The path of go/reuse.go, compiled with the library of the system."""
    return loader(site)


def test_cilium_ebpf_reuses_the_map(example: Example, reuse: str) -> None:
    made = example.provision()
    before = example.host.inventory()
    found = json.loads(example.host.run(reuse, example.object_file, BPFFS).stdout)
    assert found["maps"] == {NAME: made["id"]}
    assert found["programs"] == {"pinmap_xdp": [made["id"]], "pinmap_tc": [made["id"]]}
    assert example.host.inventory() == before


def test_what_cilium_ebpf_finds_incompatible_is_drift(example: Example, reuse: str) -> None:
    """Its own check, ours and libbpf's agree on a map of another size."""
    example.host.make_pin(f"{BPFFS}/{NAME}", type=2, max_entries=2)
    refused = example.host.run(reuse, example.object_file, BPFFS, check=False)
    assert refused.returncode
    assert "incompatible" in refused.stderr
    playbook = str(example.folder / "provision.yml")
    run = example.host.ansible_playbook(playbook)
    assert run[1].failed
    drift = {each["field"] for each in run[1]["maps"][0]["drift"]}
    assert "max_entries" in drift
