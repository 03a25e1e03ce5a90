# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: writes each result to the file that $RESULT_LINES names, one JSON a line."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: result_lines
type: notification
short_description: Writes the result of each task as a line of JSON
description:
  - For tests, which compare results and not what is printed.
"""


class CallbackModule(CallbackBase):
    """A line has the name of the task, how it ended, and its result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "result_lines"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        self._write(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):  # noqa: ARG002
        self._write(result, "failed")

    def v2_runner_on_skipped(self, result):
        self._write(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._write(result, "unreachable")

    def _write(self, result, status):
        # Since 2.19 `result`, and its values carry tags, which JSON leaves behind.
        fields = result.result if hasattr(result, "result") else result._result
        task = result.task if hasattr(result, "task") else result._task
        line = {"name": task.get_name(), "status": status, "result": fields}
        with open(os.environ["RESULT_LINES"], "a", encoding="utf-8") as lines:
            json.dump(line, lines, default=str)
            lines.write("\n")
