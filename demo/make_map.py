# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a hash map and pin it, with nothing of the collection: make_map.py PATH MAX_ENTRIES.

Stands for the other hand that changes things on a host, like `bpftool map create`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
MAP_CREATE, OBJ_PIN = 0, 6
HASH, KEY_SIZE, VALUE_SIZE = 1, 16, 32


def bpf(command: int, attributes: bytes) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(BPF[platform.machine()], command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def main(path: str, max_entries: str) -> None:
    shape = struct.pack("5I", HASH, KEY_SIZE, VALUE_SIZE, int(max_entries), 0)
    name = ctypes.create_string_buffer(os.fsencode(path))
    bpf(OBJ_PIN, struct.pack("QII", ctypes.addressof(name), bpf(MAP_CREATE, shape), 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
