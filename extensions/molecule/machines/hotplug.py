# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second network card, hot0, for the machine that `boot` started in FOLDER.

hotplug.py add|remove FOLDER
"""

from __future__ import annotations

import json
import socket
import sys
import time

CARD = {
    "driver": "virtio-net-pci",
    "netdev": "hot",
    "id": "card",
    "addr": "0x8",
    "mac": "52:54:00:12:34:99",
    "romfile": "",
}


def main(word: str, folder: str) -> None:
    """Ask qemu for it (QMP)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{folder}/qmp")
        with connection.makefile("rw") as monitor:
            monitor.readline()

            def ask(command: str, **arguments: str) -> None:
                monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                monitor.flush()
                while True:
                    answer = json.loads(monitor.readline())
                    if "error" in answer:
                        raise SystemExit(f"{command}: {answer['error']['desc']}")
                    if "return" in answer:
                        return

            ask("qmp_capabilities")
            if word == "add":
                ask("netdev_add", type="user", id="hot")
                ask("device_add", **CARD)
            else:
                ask("device_del", id="card")
                time.sleep(5)  # the machine lets it go
                ask("netdev_del", id="hot")


if __name__ == "__main__":
    main(*sys.argv[1:])
