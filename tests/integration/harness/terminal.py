# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command, and what somebody sees of it who runs it in a terminal and types nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 900  # seconds


def seen(command: Sequence[str | Path], environment: Mapping[str, str]) -> tuple[int, str]:
    """Its exit code, and what it wrote to both streams."""
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.returncode, done.stdout
