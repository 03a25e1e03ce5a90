# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What processes are called, by /proc (man 5 proc)."""

from __future__ import annotations

import os


def process_name(pid: int) -> str:
    """Return what `ps` calls a process; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as name:
            return os.fsdecode(name.read().rstrip(b"\n"))
    except OSError:
        return ""
