# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares, by kernel, in the words of bpftool and stat."""

from __future__ import annotations

import pytest
from oracle import Pin


@pytest.fixture
def declared(linux):
    wanted = {
        "/sys/fs/bpf/fleet/flows": Pin("lru_hash", 16, 8, 1024),
        "/sys/fs/bpf/fleet/events": Pin("ringbuf", 0, 0, 4096),
    }
    if linux >= (6, 1):
        wanted["/sys/fs/bpf/fleet/known"] = Pin("bloom_filter", 0, 4, 64)
        wanted["/sys/fs/bpf/fleet/requests"] = Pin("user_ringbuf", 0, 0, 4096)
    return wanted
