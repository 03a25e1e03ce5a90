# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that systemd runs, and what it says of the unit that restores pins."""

from __future__ import annotations

from harness.booted import Booted

UNIT = "ebpf-pinning-restore.service"
TARGET = "ebpf-pinning.target"


def states(host: Booted) -> dict[str, str]:
    """What systemd says of the unit."""
    words = ("UnitFileState", "ActiveState", "Result", "NeedDaemonReload")
    told = host.run("systemctl", "show", f"--property={','.join(words)}", UNIT).stdout
    return dict(line.split("=", 1) for line in told.splitlines())
