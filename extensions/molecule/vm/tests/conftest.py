# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What declared.yml asks for, in the words of bpftool and stat."""

from __future__ import annotations

import pytest
from oracle import Pin

AGENT = "root:adm 640"
NO_PREALLOC, RDONLY_PROG = 0x1, 0x80
PAGES = 8192  # bytes: what a ring buffer of 5000 is rounded to

DECLARED = {
    "/sys/fs/bpf/agent/flows": Pin("lru_hash", 16, 8, 4096, 0, AGENT),
    "/sys/fs/bpf/agent/sessions": Pin("hash", 4, 8, 1000, 0, "root:adm 660"),
    "/sys/fs/bpf/agent/lazy": Pin("hash", 4, 4, 64, NO_PREALLOC, AGENT),
    "/sys/fs/bpf/agent/counters": Pin("percpu_array", 4, 8, 16, 0, AGENT),
    "/sys/fs/bpf/agent/blocked": Pin("lpm_trie", 8, 4, 1000, NO_PREALLOC, AGENT),
    "/sys/fs/bpf/agent/events": Pin("ringbuf", 0, 0, PAGES, 0, AGENT),
    "/sys/fs/bpf/agent/ports": Pin("devmap", 4, 4, 8, RDONLY_PROG, AGENT),
    "/sys/fs/bpf/agent/settings": Pin("array", 4, 16, 4, 0, "root:adm 444", frozen=1),
    "/sys/fs/bpf/agent/a_name_longer_than_fifteen": Pin("array", 4, 4, 1, 0, AGENT),
    "/sys/fs/bpf/agent/per_tenant": Pin("array_of_maps", 4, 4, 4, 0, AGENT),
    "/sys/fs/bpf/agent/per_socket": Pin("sk_storage", 4, 8, 0, NO_PREALLOC, AGENT),
    "/srv/bpf/shared/totals": Pin("array", 4, 8, 2, 0, "nobody:adm 600"),
    "/run/probe/bpf/samples": Pin("queue", 0, 8, 32),
}


@pytest.fixture
def declared():
    return dict(DECLARED)
