# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the callback ebpf.pinning.drift_report along with the playbooks of this directory."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.plugins.loader import callback_loader

DOCUMENTATION = r"""
name: drift_report
type: aggregate
short_description: The callback ebpf.pinning.drift_report, without being enabled
description:
  - See C(ansible-doc -t callback ebpf.pinning.drift_report).
"""

_NAME = "ebpf.pinning.drift_report"
_Callback: t.Any = callback_loader.get(_NAME, class_only=True)


class CallbackModule(_Callback):
    """The same, unless the user has enabled it: then that one does the work."""

    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_name = _Callback._load_name  # whose options count
        self.disabled = _NAME in C.CALLBACKS_ENABLED
