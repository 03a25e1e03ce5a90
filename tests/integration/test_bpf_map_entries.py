# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of maps that others have made and pinned, as bpftool dumps them."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

Fields = dict[str, Any]

PIN = f"{BPFFS}/ofothers"
FORMATS: Fields = {"key_format": "ipv4", "value_format": "u64"}
TWO = [{"key": "10.0.0.1", "value": 1}, {"key": "10.0.0.2", "value": 2}]


def test_a(host: Host) -> None:
    host.make_pin(PIN, max_entries=4)
    print(host.module("bpf_map_entries", check=True, diff=True, path=PIN, entries=TWO, **FORMATS))
    print(host.module("bpf_map_entries", path=PIN, entries=TWO, **FORMATS))
    print(host.module("bpf_map_entries", path=PIN, entries=TWO, **FORMATS))
    print(host.bpftool("map", "dump", "pinned", PIN))
    print(host.module("bpf_map_entries", path=PIN+"x", entries=TWO, **FORMATS))
    print(host.module("bpf_map_entries", path=PIN+"x", check=True, entries=TWO, **FORMATS))
    print(host.module("bpf_map_entries", path=PIN, entries=TWO*2, **FORMATS))
    print(host.module("bpf_map_entries", path=PIN))
    print(host.module("bpf_map_entries", path="/tmp/x", entries=TWO))
    assert 0
