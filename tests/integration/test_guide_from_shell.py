# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/from-shell.md: what goes wrong does, and the task in its place does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from harness.guide import Guide
from harness.host import BPFFS, Host
from mount_table import access, mounts_at
from restoring import keep_apart

AGENT, GLOBALS = f"{BPFFS}/agent", f"{BPFFS}/tc/globals"
FLOWS = f"{AGENT}/flows"
ENTRY = ["key", *("1 " * 16).split(), "value", *("7 " * 8).split()]
NETWORK = """
ip link add eth0 type veth peer name peer0
tc qdisc add dev eth0 clsact
echo ready
exec cat
"""
PROGRAM = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, ENTRIES);
    __type(key, __u32);
    __type(value, __u64);
    __uint(pinning, LIBBPF_PIN_BY_NAME);
} metered SEC(".maps");
SEC("tc") int agent_meter(struct __sk_buff *frame)
{
    __u32 first = 0;
    __u64 *count = bpf_map_lookup_elem(&metered, &first);
    if (count)
        __sync_fetch_and_add(count, 1);
    return -1;
}
char _license[] SEC("license") = "GPL";
"""


class Page(Guide):
    """One section of the page at a time."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "from-shell.md")
        self.whole = self.text
        keep_apart(host)

    def turn_to(self, heading: str) -> tuple[str, str]:
        """The commands and the playbook of a section."""
        (self.text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", self.whole, re.M | re.S)
        return self.blocks("console")[0], self.blocks("yaml")[0]

    def make_flows(self, entries: int) -> int:
        """The map of the page as another tool makes it, with one entry; its id."""
        words = f"type lru_hash key 16 value 8 entries {entries} name flows"
        self.host.run("mkdir", "-p", AGENT)
        self.host.run("bpftool", "map", "create", FLOWS, *words.split())
        self.host.run("bpftool", "map", "update", "pinned", FLOWS, *ENTRY)
        return int(self.host.map_at(FLOWS)["id"])

    def entries(self) -> int:
        return len(self.host.bpftool("map", "dump", "pinned", FLOWS))

    def compile(self, entries: int = 1) -> None:
        (self.folder / "files" / "agent.bpf.c").write_text(PROGRAM)
        self.shell(
            f"clang -g -O2 -target bpf -DENTRIES={entries} -I/usr/include/$(uname -m)-linux-gnu"
            " -c agent.bpf.c -o agent.bpf.o"
        )


@pytest.fixture
def page(host: Host) -> Page:
    return Page(host)


def test_every_section_is_tried_here_and_linked_from_the_table(page: Page) -> None:
    sections = re.findall(r"^## (.*)$", page.whole, re.M)
    anchors = re.findall(r"\]\(#([\w-]+)\)", page.whole)
    assert anchors == [heading.lower().replace(" ", "-") for heading in sections]
    for heading in sections:
        page.turn_to(heading)
        name = "test_" + heading.lower().replace(" ", "_")
        assert name in globals()


def test_mounting(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Mounting")
    page.make_flows(16)
    page.shell(habit)
    assert len(mounts_at(host, BPFFS)) == 2
    assert not host.inventory().get(FLOWS)
    host.run("umount", BPFFS)
    page.play_twice(task)
    (row,) = mounts_at(host, BPFFS)
    assert {"nosuid", "nodev", "noexec"} <= row.flags
    assert access(host, BPFFS) == "1700 0 0"
    assert page.entries() == 1


def test_making_a_map(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Making a map")
    page.make_flows(1024)
    page.shell(habit)
    assert host.map_at(FLOWS)["max_entries"] == 1024
    refused = page.play(task)
    assert refused.code != 0
    assert "65536" in refused.output
    assert "1024" in refused.output
    host.run("rm", FLOWS)
    page.play_twice(task)
    assert host.map_at(FLOWS)["max_entries"] == 65536
    again = host.run("sh", "-c", habit.replace("|| true", ""), check=False)
    assert again.returncode != 0
    assert "File exists" in again.stdout + again.stderr


def test_another_size(page: Page) -> None:
    habit, task = page.turn_to("Another size")
    page.make_flows(65536)
    page.shell(habit)
    assert page.entries() == 0
    page.host.run("rm", FLOWS)
    page.make_flows(65536)
    page.play_twice(task)
    assert page.entries() == 1
    assert page.host.map_at(FLOWS)["max_entries"] == 131072


def test_owner_and_mode(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Owner and mode")
    page.make_flows(131072)
    page.shell(habit)
    wanted = access(host, FLOWS)
    assert wanted.startswith("640 0 ")
    assert not wanted.endswith(" 0")
    host.run("rm", FLOWS)
    page.make_flows(131072)
    assert access(host, FLOWS) == "600 0 0"
    page.play_twice(task)
    assert access(host, FLOWS) == wanted
    assert page.entries() == 1


def test_pinning_what_is_loaded(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Pinning what is loaded")
    page.compile()
    pin = f"{AGENT}/agent_meter"
    host.run("mkdir", AGENT)
    for name in ("old", "new"):
        page.shell(f"bpftool prog load agent.bpf.o {BPFFS}/{name}")
    old, new = (
        host.bpftool("prog", "show", "pinned", f"{BPFFS}/{name}") for name in ("old", "new")
    )
    page.shell(habit)
    assert host.bpftool("prog", "show", "pinned", pin)["id"] == old["id"]
    host.run("rm", pin)
    refused = page.play(task)
    assert refused.code != 0
    assert str(old["id"]) in refused.output
    assert str(new["id"]) in refused.output
    assert not host.inventory().get(pin)
    host.shell(
        f"rm {BPFFS}/old; for i in $(seq 300); do"
        f" bpftool prog show id {old['id']} >/dev/null 2>&1 || break; sleep 0.1; done"
    )
    page.play_twice(task)
    assert host.bpftool("prog", "show", "pinned", pin)["id"] == new["id"]


def test_a_second_name(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("A second name")
    page.make_flows(16)
    second = f"{BPFFS}/monitoring/flows"
    page.shell(habit)
    host.run("chmod", "0644", second)
    assert access(host, FLOWS) == "644 0 0"
    host.run("rm", second)
    host.run("chmod", "0600", FLOWS)
    page.play_twice(task)
    assert access(host, FLOWS) == "600 0 0"
    assert access(host, second).startswith("644 0 ")
    assert host.map_at(second)["id"] == host.map_at(FLOWS)["id"]


def test_removing(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Removing")

    def fill() -> None:
        page.make_flows(16)
        host.make_pin(f"{AGENT}/old")
        page.shell(f"bpftool prog load agent.bpf.o {AGENT}/agent_meter")

    page.compile()
    fill()
    page.shell(habit)
    assert not host.inventory().get(AGENT)
    fill()
    page.play_twice(task)
    left = [path for path in host.inventory() if path.startswith(f"{AGENT}/")]
    assert sorted(left) == [f"{AGENT}/agent_meter", FLOWS]


def test_unmounting(page: Page) -> None:
    host = page.host
    habit, task = page.turn_to("Unmounting")
    number = page.make_flows(16)
    page.shell(habit)
    host.shell(
        f"for i in $(seq 300); do bpftool map show id {number} >/dev/null 2>&1 || break;"
        " sleep 0.1; done"
    )
    assert host.run("bpftool", "map", "show", "id", str(number), check=False).returncode != 0
    host.run("mount", "-t", "bpf", "bpf", BPFFS)
    assert not host.inventory().get(AGENT)
    page.make_flows(16)
    assert page.play(task).code != 0
    assert page.entries() == 1
    host.run("rm", "-r", AGENT)
    page.play_twice(task)
    assert mounts_at(host, BPFFS) == []


@pytest.fixture
def network(page: Page) -> Iterator[list[str]]:
    with page.host.running("unshare", "--net", "sh", "-ec", NETWORK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield ["nsenter", f"--net=/proc/{process.pid}/ns/net"]


def test_tc(page: Page, network: list[str]) -> None:
    host = page.host
    habit, task = page.turn_to("tc")
    _habit, replace = page.blocks("console")

    def filters() -> int:
        shown = page.shell("tc filter show dev eth0 ingress", network)
        return len(re.findall(r" handle 0x1 ", shown))

    page.compile()
    for count in (1, 2):
        page.shell(habit, network)
        assert filters() == count
    assert host.map_at(f"{GLOBALS}/metered")["max_entries"] == 1
    page.compile(entries=2)
    refused = host.run(*network, "sh", "-c", f"cd {page.folder}/files; {habit}", check=False)
    assert refused.returncode != 0
    assert filters() == 2

    page.shell("tc filter del dev eth0 ingress", network)
    host.run("rm", f"{GLOBALS}/metered")
    page.compile()
    page.play_twice(task)
    provisioned = host.map_at(f"{GLOBALS}/metered")["id"]
    for _twice in range(2):
        page.shell(replace, network)
        assert filters() == 1
    assert host.map_at(f"{GLOBALS}/metered")["id"] == provisioned
    shown = host.bpftool("prog", "show", "name", "agent_meter")  # of one program no list
    programs = [shown] if isinstance(shown, dict) else shown
    assert [provisioned] in [program.get("map_ids") for program in programs]
