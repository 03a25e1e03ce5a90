# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of this machine that shapes depend on."""

from __future__ import annotations

import os
from typing import FrozenSet, Iterator

from .map_types import Host


def this_host() -> Host:
    """Page size in bytes and the number of possible CPUs, as the kernel counts per-CPU values."""
    return Host(os.sysconf("SC_PAGE_SIZE"), count_cpus(_possible()))


def possible_cpus() -> FrozenSet[int]:
    """Return the numbers of the CPUs that there may be."""
    return frozenset(number for each in _ranges(_possible()) for number in each)


def count_cpus(ranges: str) -> int:
    """Return how many CPUs "0-3,8" names (Documentation/admin-guide/cputopology.rst)."""
    return sum(map(len, _ranges(ranges)))


def _possible() -> str:
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as possible:
        return possible.read()


def _ranges(text: str) -> Iterator[range]:
    for part in text.strip().split(","):
        first, _dash, last = part.partition("-")
        yield range(int(first), int(last or first) + 1)
