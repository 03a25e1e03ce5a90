# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/sharing-maps.md as it stands, with packets through a veth in a network of its own."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host

GATE, GLOBALS = f"{BPFFS}/gate", f"{BPFFS}/tc/globals"
# IPv4 packets from 10.0.0.LAST, as they come in at eth0.
SEND = """
import socket, sys
last, times = map(int, sys.argv[1:])
packet = bytes([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 10, 0, 0, last, 10, 0, 0, 1])
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind(("outside", 0))
    for number in range(times):
        sender.send(bytes([255] * 6 + [2, 0, 0, 0, 0, 1, 8, 0]) + packet + bytes(26))
"""


class Gate(Guide):
    """The page, with the network that its programs are attached in."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "sharing-maps.md")
        self.program, self.daemon = self.blocks("c")
        self.maps, self.whole, self.second_names = self.blocks("yaml")
        self.shell_of_its_own, self.clang, *rest = self.blocks("console")
        self.attach, self.command, self.cc, self.by_name = rest
        self.network: list[str] = []
        self.compile(self.program)

    @contextmanager
    def own_network(self) -> Iterator[None]:
        """The network that the page begins with, with a process in the place of its shell."""
        script = self.shell_of_its_own.replace("exec sh'", "echo ready; exec cat'")
        assert script != self.shell_of_its_own
        with self.host.running("sh", "-ec", f"exec {script}") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            self.network = ["nsenter", f"--net=/proc/{process.pid}/ns/net"]
            yield

    def compile(self, program: str) -> None:
        (self.folder / "files" / "gate.bpf.c").write_text(program)
        self.shell(self.clang)

    def there(self, script: str) -> str:
        """Commands of the page, in the network."""
        return self.shell(script, self.network)

    def send(self, last: int, times: int) -> None:
        self.host.run(*self.network, self.host.site.python, "-c", SEND, str(last), str(times))

    def traffic(self, last: int, path: str = f"{GATE}/traffic") -> tuple[int, int]:
        """How many packets of 10.0.0.LAST passed, and how many were dropped."""
        words = ["map", "lookup", "pinned", path, "key", "10", "0", "0", str(last)]
        value = self.host.bpftool(*words)["formatted"]["value"]
        return value["passed"], value["dropped"]

    def programs(self) -> dict[str, int]:
        """The ids of the programs that the kernel says are attached to eth0."""
        words = [*self.network, "bpftool", "-j", "net", "show", "dev", "eth0"]
        (found,) = json.loads(self.host.run(*words).stdout)
        kinds = {"gate": "xdp", "meter": "tc"}
        return {name: each["id"] for name, kind in kinds.items() for each in found[kind]}

    def maps_of(self, program: str) -> set[int]:
        words = ["prog", "show", "id", str(self.programs()[program])]
        return set(self.host.bpftool(*words)["map_ids"])

    def ids(self, directory: str = GATE) -> dict[str, int]:
        return {
            name: self.host.map_at(f"{directory}/{name}")["id"] for name in ("blocked", "traffic")
        }


def awaited(value: Callable[[], Any], wanted: Any) -> None:
    """Packets are handled, and the daemon looks, in their own time."""
    deadline = time.monotonic() + 60
    while (found := value()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted


@pytest.fixture
def gate(host: Host) -> Iterator[Gate]:
    gate = Gate(host)
    with gate.own_network():
        yield gate


def test_all_share_the_maps_and_each_restart_keeps_what_the_page_says(
    gate: Gate, subtests: pytest.Subtests
) -> None:
    host = gate.host
    gate.play_twice(gate.maps)
    ids = gate.ids()
    gate.there(gate.attach)
    attached = gate.programs()
    with subtests.test("both programs have the provisioned maps"):
        assert gate.maps_of("gate") == set(ids.values())
        assert gate.maps_of("meter") == {ids["traffic"]}

    gate.send(2, 5)
    awaited(lambda: gate.traffic(2), (5, 0))
    shown = gate.there(gate.command)
    gate.send(2, 4)
    gate.send(3, 1)
    with subtests.test("a command blocks an address, and reads with names of fields"):
        assert json.loads(shown) == [
            {"key": {"octets": [10, 0, 0, 2]}, "value": {"passed": 5, "dropped": 0}}
        ]
        awaited(lambda: gate.traffic(2), (5, 4))
        awaited(lambda: gate.traffic(3), (1, 0))

    (gate.folder / "files" / "gated.c").write_text(gate.daemon)
    gate.shell(gate.cc.replace("cc ", "cc -Wall -Werror "))
    daemon = f"{gate.folder}/files/gated"
    look = f"bpftool map lookup pinned {GATE}/blocked key 10 0 0 "

    def blocks(last: int) -> bool:
        return host.run("sh", "-c", look + str(last), check=False).returncode == 0

    gate.send(4, 101)
    awaited(lambda: gate.traffic(4), (101, 0))
    with subtests.test("the daemon blocks by what the programs counted"), host.running(daemon):
        awaited(lambda: blocks(4), True)
        assert not blocks(3)
    gate.send(5, 101)
    awaited(lambda: gate.traffic(5), (101, 0))
    with subtests.test("and, started again, goes on where it was"), host.running(daemon):
        assert blocks(4)
        awaited(lambda: blocks(5), True)
    assert gate.ids() == ids

    host.shell(f"rm -r {GATE}/programs")
    gate.there(gate.attach)
    gate.send(2, 1)
    with subtests.test("programs are exchanged in place, and keep maps and entries"):
        anew = gate.programs()
        assert not set(anew.values()) & set(attached.values())
        assert gate.ids() == ids
        awaited(lambda: gate.traffic(2), (5, 5))

    with subtests.test("another run of the playbook changes nothing"):
        assert re.search(r" changed=0 ", gate.play(gate.maps).output)

    gate.there("tc qdisc del dev eth0 clsact")
    with subtests.test("without the filter, its program stays for as long as it is pinned"):
        assert host.bpftool("prog", "show", "id", str(anew["meter"]))["name"] == "meter"
        host.shell(f"rm {GATE}/programs/meter")
        gone = ["bpftool", "prog", "show", "id", str(anew["meter"])]
        awaited(lambda: host.run(*gone, check=False).returncode != 0, True)
        assert gate.ids() == ids

    host.shell(f"rm {GATE}/traffic")
    gate.play_twice(gate.maps)
    with subtests.test("a pin that is removed comes back empty, and unknown to the program"):
        assert gate.ids()["traffic"] != ids["traffic"]
        assert gate.maps_of("gate") == set(ids.values())
        assert host.bpftool("map", "dump", "pinned", f"{GATE}/traffic") == []


def test_one_declaration_goes_from_the_maps_to_the_interface(gate: Gate) -> None:
    host = gate.host
    host.shell("mount -t tmpfs -o mode=0755 run /run")  # where it is noted what was loaded
    (gate.folder / "whole.yml").write_text(gate.whole)
    python = f"ansible_python_interpreter={host.site.python_of_modules}"
    options = f"-i {gate.folder}/groups.yml -c local -e {python}"
    play = f"RESULT_LINES=lines ansible-playbook {options} {gate.folder}/whole.yml"
    assert re.search(r" changed=1 ", gate.there(play))
    ids = gate.ids()
    programs = {}
    for name, maps in (("gate", set(ids.values())), ("meter", {ids["traffic"]})):
        link = host.bpftool("link", "show", "pinned", f"{GATE}/{name}_on_eth0")
        shown = host.bpftool("prog", "show", "pinned", f"{GATE}/{name}")
        assert (link["prog_id"], set(shown["map_ids"])) == (shown["id"], maps)
        programs[name] = shown["id"]
    assert gate.programs()["gate"] == programs["gate"]
    gate.send(2, 5)
    awaited(lambda: gate.traffic(2), (5, 0))
    gate.there(gate.command)
    gate.send(2, 4)
    awaited(lambda: gate.traffic(2), (5, 4))
    assert re.search(r" changed=0 ", gate.there(play))


def test_loaders_look_where_the_page_says(gate: Gate, subtests: pytest.Subtests) -> None:
    host = gate.host
    line = "__uint(pinning, LIBBPF_PIN_BY_NAME);"
    assert f"`{line}`" in gate.text
    key = "\t__type(key, struct address);\n"
    assert gate.program.count(key) == 2
    gate.compile(gate.program.replace(key, f"{key}\t{line}\n"))
    gate.play_twice(gate.maps)
    ids = gate.ids()
    gate.there(gate.attach)
    with subtests.test("bpftool takes the maps it is told of, and pins them at its own place, too"):
        assert gate.maps_of("gate") == set(ids.values())
        assert gate.ids(BPFFS) == ids
    host.shell(f"rm -r {GATE}/programs {BPFFS}/blocked {BPFFS}/traffic")
    load = [host.site.program("load"), f"{gate.folder}/files/gate.bpf.o"]
    with subtests.test("bpftool looks in /sys/fs/bpf, also when it is told otherwise"):
        host.run("bpftool", "prog", "loadall", load[1], f"{BPFFS}/programs")
        own = gate.ids(BPFFS)
        assert not set(own.values()) & set(ids.values())
        gate.there(gate.attach)
        assert gate.maps_of("gate") == set(own.values())
    host.shell(f"rm -r {GATE}/programs {BPFFS}/programs {BPFFS}/blocked {BPFFS}/traffic")

    gate.play_twice(gate.second_names)
    gate.there(gate.by_name)
    with subtests.test("iproute2 finds the second names"):
        assert gate.ids(GLOBALS) == ids
        assert gate.maps_of("meter") == {ids["traffic"]}
        gate.send(6, 2)
        awaited(lambda: gate.traffic(6), (2, 0))
        assert gate.traffic(6, f"{GLOBALS}/traffic") == (2, 0)

    with subtests.test("libbpf looks where it is told"):
        loaded = json.loads(host.run(*load, GATE).stdout)
        assert {name: loaded[name] for name in ids} == ids
    smaller = gate.maps.replace("all=true", "all=true, override={'traffic': {'max_entries': 512}}")
    replace = "        on_mismatch: replace\n"
    run = gate.play(smaller + replace)
    assert run.code == 0, run.output
    with subtests.test("pinned by name, another shape is refused"):
        refused = host.run(*load, GATE, check=False)
        assert refused.returncode != 0
        assert "mismatch" in refused.stderr
    with subtests.test("told of, it is taken"):
        gate.compile(gate.program)
        gate.there(gate.attach)
        assert gate.maps_of("gate") == set(gate.ids().values())
        assert host.map_at(f"{GATE}/traffic")["max_entries"] == 512
    with subtests.test("the second name leads to the old map, until it is declared to follow"):
        assert gate.ids(GLOBALS)["traffic"] == ids["traffic"]
        assert gate.play(gate.second_names).code != 0
        assert gate.play(gate.second_names + replace).code == 0
        assert gate.ids(GLOBALS) == gate.ids()
