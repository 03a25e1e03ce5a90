# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of this machine that shapes depend on."""

from __future__ import annotations

import os

from .map_types import Host


def this_host() -> Host:
    """Page size in bytes and the number of possible CPUs, as the kernel counts per-CPU values."""
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as possible:
        return Host(os.sysconf("SC_PAGE_SIZE"), count_cpus(possible.read()))


def count_cpus(ranges: str) -> int:
    """Return how many CPUs "0-3,8" names (Documentation/admin-guide/cputopology.rst)."""
    count = 0
    for part in ranges.strip().split(","):
        first, _dash, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count
