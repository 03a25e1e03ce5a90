# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole table changes between two packets: c/swapped.bpf.c looks at all of it for each of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task

Fields = dict[str, Any]

PATH = f"{BPFFS}/current"
OUTER = f"{BPFFS}/tables"
KEYS = 64
TIMES = 200  # that the table changes
SHAPE: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 256}
SLOT: Fields = {"outer": OUTER, "key": 1}
HASH_SLOT: Fields = {**SLOT, "key_format": "u32"}
NETWORK = """
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
echo ready
exec cat
"""
# Sends frames from v1 to v0 until its standard input ends. The pauses are for those who share a CPU.
SENDER = """
import select, socket, sys
frame = bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + (0x88b5).to_bytes(2, "big") + bytes(46)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind(("v1", 0))
    print("sending", flush=True)
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        for number in range(50):
            try:
                sender.send(frame)
            except OSError:  # no buffer left for a moment
                pass
"""


def table(number: int, keys: int = KEYS) -> list[Fields]:
    """All entries of a table that has one number in all of them."""
    return [{"key": key, "value": number} for key in range(keys)]


def declared(number: int, **more: Any) -> Fields:
    fields: Fields = {"path": PATH, **SHAPE, "key_format": "u32", "value_format": "u32"}
    fields |= {"entries": table(number), "entries_mode": "exact", "entries_swap": SLOT}
    return {name: value for name, value in (fields | more).items() if value is not None}


def held(host: Host, slot: int = 1, outer: str = OUTER) -> int | None:
    """The id of the map in a slot, as bpftool dumps it."""
    for each in host.bpftool("map", "dump", "pinned", outer):
        if int(each["key"][0], 16) == slot and isinstance(each["value"], list):
            return int.from_bytes(bytes(int(byte, 16) for byte in each["value"]), "little")
    return None


def numbers(host: Host, *which: str) -> set[int]:
    """Which values a map has."""
    told = host.bpftool("map", "dump", *(which or ("pinned", PATH)))
    return {int.from_bytes(bytes(int(byte, 16) for byte in each["value"]), "little") for each in told}


def counted(host: Host) -> list[int]:
    """What the program has counted."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/seen")
    return [each["formatted"]["value"] for each in told]


@contextmanager
def traffic(host: Host) -> Iterator[None]:
    """Packets meanwhile, in a network of its own, whose device has the program."""
    network = subprocess.Popen(
        ["unshare", "--net", "sh", "-ec", NETWORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert network.stdout is not None
        assert network.stdout.readline() == "ready\n"
        enter = ("nsenter", f"--net=/proc/{network.pid}/ns/net")
        program = ("pinned", f"{BPFFS}/look")
        host.run(*enter, "bpftool", "net", "attach", "xdpgeneric", *program, "dev", "v0")
        with host.running(*enter, "python3", "-c", SENDER) as sender:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "sending\n"
            yield
            sender.communicate()
    finally:
        network.communicate()


def change_often(host: Host, times: int, **more: Any) -> None:
    """Declare another table so many times, one after the other."""
    run: Fields = {"module": "bpf_map_pinned", "watched": False, "fault": None}
    run |= {"always": {}, "meanwhile": {}, "tuning": {}}
    runs = [{**run, "arguments": declared(number, **more)} for number in range(2, times + 2)]
    (done,) = host.run_modules([runs])
    assert [each["code"] for each in done] == [0] * times, done[-1]


@pytest.mark.parametrize("kind", ["", "-DHASH"], ids=["array_of_maps", "hash_of_maps"])
def test_each_packet_sees_a_whole_table(host: Host, kind: str) -> None:
    loaded = host.site.bpf_variant("swapped", *filter(None, [kind]))
    host.run(host.site.program("load"), loaded, BPFFS, f"{BPFFS}/look")
    slot = HASH_SLOT if kind else SLOT
    assert host.module("bpf_map_pinned", **declared(1, entries_swap=slot)).good().changed
    with traffic(host):
        change_often(host, TIMES, entries_swap=slot)
    whole, mixed, missing, none, changes, last = counted(host)
    assert (mixed, missing, none) == (0, 0, 0)
    assert whole > 10_000
    assert TIMES / 2 < changes <= TIMES + 1
    assert last == TIMES + 1
    assert numbers(host) == {TIMES + 1}
    assert held(host) == host.map_at(PATH)["id"]


def test_without_a_swap_packets_see_entries_of_two_tables(host: Host) -> None:
    """What the last test looks for is there to be seen."""
    host.load("swapped", BPFFS, f"{BPFFS}/look")
    host.module("bpf_map_pinned", **declared(1)).good()
    with traffic(host):
        change_often(host, TIMES, entries_swap=None)
    whole, mixed, _missing, _none, _changes, _last = counted(host)
    assert whole > 10_000
    assert mixed > 0
