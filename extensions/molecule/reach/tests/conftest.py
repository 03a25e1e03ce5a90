# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bpftool shows of a machine, in few commands: each costs seconds on an emulated one."""

from __future__ import annotations

import json

import pytest

BASE = "/sys/fs/bpf/reach"


@pytest.fixture(scope="session")
def base():
    return BASE


@pytest.fixture(scope="module")
def order(host):
    """The byte order of the machine: "big" or "little"."""
    return host.check_output("python3 -c 'import sys; print(sys.byteorder)'")


@pytest.fixture(scope="module")
def shown(host):
    """What bpftool says of every pinned map, by path."""
    maps = json.loads(host.check_output("bpftool -j -f map show"))
    return {path: each for each in maps for path in each.get("pinned", ())}


@pytest.fixture
def dumps(host):
    """The entries of the maps at some paths, in their order."""

    def read(*paths):
        command = "for map in %s; do bpftool -j map dump pinned $map || echo null; echo; done"
        lines = host.check_output(command % " ".join(paths)).splitlines()
        return [json.loads(line) for line in lines if line]

    return read
