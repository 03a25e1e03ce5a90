# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: writes how long each task took to the file that $TASK_TIMES names."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_times
type: aggregate
short_description: Writes how long each task took
description:
  - For one host. A task lasts from its start to whatever comes next, so that all it costs the
    controller is in it.
"""


class CallbackModule(CallbackBase):
    """A JSON object: name of the task to seconds, changed and counts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._tasks = {}
        self._running = None
        self._start = 0.0

    def v2_playbook_on_play_start(self, play):  # noqa: ARG002
        self._end()

    def v2_playbook_on_task_start(self, task, is_conditional):  # noqa: ARG002
        self._end()
        self._running = {"name": task.get_name()}
        self._start = time.perf_counter()

    def v2_runner_on_ok(self, result):
        facts = result.result
        self._running.update(changed=facts.get("changed"), counts=facts.get("counts"))

    def v2_playbook_on_stats(self, stats):  # noqa: ARG002
        self._end()
        Path(os.environ["TASK_TIMES"]).write_text(json.dumps(self._tasks), encoding="utf-8")

    def _end(self) -> None:
        if self._running is not None:
            seconds = time.perf_counter() - self._start
            self._tasks[self._running.pop("name")] = dict(self._running, seconds=seconds)
            self._running = None
