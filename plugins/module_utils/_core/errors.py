# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong, told so that the reader knows what to do."""

from __future__ import annotations

from typing import Sequence


class PinningError(Exception):
    """Base of all errors raised on purpose: `str()` of one is a complete message for the user."""


class Problems(PinningError):
    """Everything that is wrong with a request, gathered before anything is changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))
