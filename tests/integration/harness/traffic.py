# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: something that programs of BPF see, over and over.

    traffic.py frames DEVICE     sends frames of 0x88b5 through it
    traffic.py connections       connects to this machine

Prints "ready" after the first and goes on until its input ends, then prints how many there were.
"""

from __future__ import annotations

import itertools
import select
import socket
import sys
import time
from collections.abc import Callable

_FRAME = b"\xff" * 6 + b"\2" * 6 + b"\x88\xb5" + bytes(50)
_AT_ONCE = 20  # frames, before the other end gets time to take them


def main(what: str, *words: str) -> None:
    act = {"frames": _sender, "connections": _connector}[what](*words)
    for count in itertools.count(1):
        act()
        if count == 1:
            print("ready", flush=True)
        if count % _AT_ONCE == 0:
            time.sleep(0.001)
            if select.select([sys.stdin], [], [], 0)[0]:
                print(count)
                return


def _sender(device: str) -> Callable[[], object]:
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((device, 0))
    return lambda: sender.send(_FRAME)


def _connector() -> Callable[[], object]:
    def connect() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", 9))

    return connect


if __name__ == "__main__":
    main(*sys.argv[1:])
