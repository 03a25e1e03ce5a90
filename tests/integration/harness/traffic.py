# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: something that programs of BPF see, one after the other.

    traffic.py frames FROM TO          from one network device to the other, of protocol 0x88b5
    traffic.py connections CGROUP      to this machine, by a process of this control group
    traffic.py datagrams               likewise, by whichever process

Prints "ready" after the first and goes on until its input ends, then prints how many there were.
"""

from __future__ import annotations

import itertools
import os
import select
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_KIND = 0x88B5  # ETH_P_802_EX1
_FRAME = b"\xff" * 6 + b"\2" * 6 + _KIND.to_bytes(2, "big") + bytes(46)
_HERE = ("127.0.0.1", 9)
_PATIENCE = 60  # seconds


def main(what: str, *words: str) -> None:
    send = {"frames": _frames, "connections": _connections, "datagrams": _datagrams}[what](*words)
    for count in itertools.count(1):
        send()
        if count == 1:
            print("ready", flush=True)
        elif select.select([sys.stdin], [], [], 0)[0]:
            print(count)
            return


def _frames(of: str, to: str) -> Callable[[], object]:
    receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_KIND))
    receiver.bind((to, _KIND))
    receiver.settimeout(_PATIENCE)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((of, 0))

    def send() -> None:
        sender.send(_FRAME)
        receiver.recv(100)  # which gets it after all programs

    return send


def _connections(cgroup: str) -> Callable[[], object]:
    Path(cgroup, "cgroup.procs").write_text(str(os.getpid()))

    def connect() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect(_HERE)

    return connect


def _datagrams() -> Callable[[], object]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(_HERE)  # else there would be an answer by ICMP, which is seen, too
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send() -> None:
        sender.sendto(b"x", receiver.getsockname())

    return send


if __name__ == "__main__":
    main(*sys.argv[1:])
