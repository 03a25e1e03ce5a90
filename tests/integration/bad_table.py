# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the tests of what cannot be, and how a refusal is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.playbook import Result


@dataclass(frozen=True)
class Bad:
    """`texts` are all in the message: the culprit, what is wrong, what to do."""

    about: str
    arguments: dict[str, Any]
    texts: Sequence[str]


def assert_told(result: Result, texts: Sequence[str]) -> None:
    assert result.failed
    assert not result.changed
    assert "Traceback" not in result.msg
    for text in texts:
        assert text in result.msg
