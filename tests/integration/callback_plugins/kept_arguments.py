# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: writes which types the arguments have that the controller keeps of a task."""

from __future__ import annotations

import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: kept_arguments
type: notification
short_description: Writes the types of the arguments of tasks with maps, one a line
description:
  - For a test of what the controller keeps in memory.
"""


class CallbackModule(CallbackBase):
    """The file is the one that $KEPT_ARGUMENTS names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kept_arguments"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result):
        task = result.task if hasattr(result, "task") else result._task
        if "maps" in task.args:
            with open(os.environ["KEPT_ARGUMENTS"], "a", encoding="utf-8") as lines:
                lines.writelines(f"{kind.__name__}\n" for kind in _types(task.args["maps"]))


def _types(value):
    yield type(value)
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (*_types(key), *_types(each))
    elif isinstance(value, list):
        for each in value:
            yield from _types(each)
