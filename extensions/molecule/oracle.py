# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine holds, as bpftool, stat and /proc see it; never our own code."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest


class Pin(NamedTuple):
    """A pinned map: sizes in bytes, `flags` as the kernel has them, `access` as ls shows it."""

    type: str
    key: int
    value: int
    entries: int
    flags: int = 0
    access: str = "root:root 600"
    frozen: int = 0


# One command for all pins: each costs a second on an emulated machine.
_LOOK = """
for pin in $(find $(findmnt -n -l -t bpf -o TARGET) -xdev -type f ! -name '*.debug' | sort -u); do
    stat -c '%n %U:%G %a' "$pin"
    bpftool -j map show pinned "$pin" || echo null
done
"""


@pytest.fixture(scope="module")
def pins(host):
    """Every pin of the machine, by path."""
    lines = host.check_output(_LOOK).splitlines()
    return {
        name: _pin(json.loads(shown), access)
        for (name, access), shown in zip(
            (line.split(" ", 1) for line in lines[::2]), lines[1::2], strict=True
        )
    }


def _pin(shown, access):
    return shown and Pin(
        shown["type"],
        shown["bytes_key"],
        shown["bytes_value"],
        shown["max_entries"],
        shown["flags"],
        access,
        shown["frozen"],
    )


@pytest.fixture
def mounts(host):
    """Every bpffs of the machine: mount point and its flags, one for each layer."""
    lines = host.check_output("grep ' - bpf ' /proc/self/mountinfo").splitlines()
    return [(fields[4], set(fields[5].split(","))) for fields in map(str.split, lines)]


@pytest.fixture
def unit(host):
    """What systemd says of a unit: call it with the unit's name."""

    def show(name):
        return dict(
            line.split("=", 1) for line in host.check_output("systemctl show %s", name).splitlines()
        )

    return show


@pytest.fixture(scope="module")
def linux(host):
    """The kernel's version, as numbers."""
    release = host.check_output("uname -r").split("-")[0]
    return tuple(int(part) for part in release.split(".")[:2])
