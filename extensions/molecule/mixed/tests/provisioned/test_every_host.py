# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each machine has what its kernel can."""

from __future__ import annotations

EXTRA = "/sys/fs/bpf/fleet/extra"


def test_every_declared_pin_is_there(pins, declared):
    assert {path: pin for path, pin in pins.items() if path != EXTRA} == declared
