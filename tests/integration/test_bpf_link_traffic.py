# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs change under traffic: each packet is seen by the old or the new one, never by none."""

from __future__ import annotations

from typing import Any

import pytest
from harness.playbook import task
from link_table import LINKS, LOADED, Hooks, hooks

__all__ = ["hooks"]  # a fixture

CHANGES = 50
# Each sends one packet after the other until its standard input ends, and says how many they were.
LOOP = """
sys.stdout.write("ready\\n"); sys.stdout.flush()
sent = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    send()
    sent += 1
print(sent)
"""
# A socket gets the frame after all programs.
FRAMES = """
import select, socket, sys
KIND = 0x88b5
receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(KIND))
receiver.bind(("v0", KIND))
receiver.settimeout(60)
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind(("v1", 0))
frame = bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + KIND.to_bytes(2, "big") + bytes(46)
def send():
    sender.send(frame)
    receiver.recv(100)
"""
CONNECTIONS = """
import select, socket, sys
open(sys.argv[1] + "/cgroup.procs", "w").write("0")
def send():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 9))
"""
DATAGRAMS = """
import select, socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("127.0.0.1", 9))  # else there is an answer by ICMP, which is seen, too
def send():
    one.sendto(b"x", ("127.0.0.1", 9))
"""
# Attach type: program, what is sent, numbers for the loader, whether the link takes another one.
UNDER_TRAFFIC = {
    "xdp": ("xdp", FRAMES, (), True),
    "tcx_ingress": ("tc", FRAMES, (), True),
    "cgroup_inet4_connect": ("inet4_connect", CONNECTIONS, (), True),
    "netfilter": ("netfilter", DATAGRAMS, (32, 45), False),
}


@pytest.mark.parametrize("name", UNDER_TRAFFIC)
def test_each_packet_is_seen_by_the_old_program_or_the_new_one(hooks: Hooks, name: str) -> None:
    host = hooks.host
    program, sending, numbers, in_place = UNDER_TRAFFIC[name]
    seen = f"{LOADED}/seen"
    for each in ("old", "new"):
        hooks.load(f"{program}_{each}", *numbers)

    def declared(which: str) -> dict[str, Any]:
        return {
            "path": f"{LINKS}/{name}",
            "program": f"{LOADED}/{program}_{which}",
            "attach": hooks.declared(name),
        }

    host.module("bpf_link_pinned", **declared("old")).good()
    command = hooks.inside(host.site.python, "-c", sending + LOOP, hooks.cgroup)
    with host.running(*command) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
        changes = ("new", "old") * (CHANGES // 2)
        run = host.playbook([task("bpf_link_pinned", **declared(each)) for each in changes])
        said, _nothing = sender.communicate("end\n")
    word = "updated" if in_place else "replaced"
    assert [each.good()["links"][0]["action"] for each in run] == [word] * CHANGES
    sent = int(said)
    entries = host.bpftool("map", "dump", "pinned", seen)
    old, new = (int(each["formatted"]["value"]) for each in entries)
    assert sent > 1000
    assert min(old, new) > 0
    if in_place:
        assert old + new == sent
    else:
        assert old + new >= sent  # for a moment both see them
