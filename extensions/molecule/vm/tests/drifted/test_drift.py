# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check run found the drift, and left it alone."""

from __future__ import annotations

FLOWS, EVENTS = "/sys/fs/bpf/agent/flows", "/sys/fs/bpf/agent/events"


def test_check_mode_repairs_nothing(pins, declared):
    del declared[EVENTS]
    declared[FLOWS] = declared[FLOWS]._replace(access="root:adm 600")
    assert pins == declared
