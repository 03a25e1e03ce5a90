# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for a Python interpreter, and notes how much memory it took at most.

peak_memory.py LOG PYTHON ARGUMENT...: appends the peak resident set of the process to LOG, in KiB.
"""

from __future__ import annotations

import os
import sys

log, python, *arguments = sys.argv[1:]
process = os.spawnv(os.P_NOWAIT, python, [python, *arguments])
_process, status, usage = os.wait4(process, 0)
with open(log, "a", encoding="ascii") as peaks:
    peaks.write(f"{usage.ru_maxrss}\n")
sys.exit(os.waitstatus_to_exitcode(status))
