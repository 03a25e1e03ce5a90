# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: writes what drift_report took to the file that $REPORT_COST names."""

from __future__ import annotations

import atexit
import functools
import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import callback_loader

DOCUMENTATION = r"""
name: report_cost
type: aggregate
short_description: Writes what the callback drift_report took
description:
  - CPU seconds of all calls of that callback, of taking results and of writing reports.
"""


class CallbackModule(CallbackBase):
    """A JSON object: taking, writing; CPU seconds."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "report_cost"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._pid = os.getpid()
        self._seconds = {"taking": 0.0, "writing": 0.0}
        measured: Any = callback_loader.get("ebpf.pinning.drift_report", class_only=True)
        for name in [each for each in vars(measured) if each.startswith("v2_")]:
            part = "writing" if name == "v2_playbook_on_stats" else "taking"
            setattr(measured, name, self._timed(getattr(measured, name), part))
        atexit.register(self._write)

    def _timed(self, method: Any, part: str) -> Any:
        @functools.wraps(method)
        def timed(*arguments: Any, **more: Any) -> None:
            start = time.thread_time()
            try:
                method(*arguments, **more)
            finally:
                self._seconds[part] += time.thread_time() - start

        return timed

    def _write(self) -> None:
        if os.getpid() == self._pid:  # a fork ends, too
            Path(os.environ["REPORT_COST"]).write_text(json.dumps(self._seconds), encoding="utf-8")
