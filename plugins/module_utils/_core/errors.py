# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong, told so that the reader knows what to do."""

from __future__ import annotations

from typing import Callable, List, Sequence, TypeVar, cast

T = TypeVar("T")


class PinningError(Exception):
    """Base of all errors raised on purpose: `str()` of one is a complete message for the user."""


TROUBLE = (PinningError, OSError)


class Problems(PinningError):
    """Everything that is wrong with a request, gathered before anything is changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class Gathering:
    """Collects what is wrong with a request, so that the user sees all of it at once."""

    def __init__(self) -> None:
        self._problems: List[str] = []

    def add(self, problem: str) -> None:
        """Take note of one more problem."""
        self._problems.append(problem)

    def of(self, read: Callable[[], T], prefix: str = "") -> T:
        """What `read` returns. When it raises, that is taken note of.

        What comes back then is None, to be used only after `raise_any`, which is to say never.
        """
        try:
            return read()
        except Problems as error:
            self._problems.extend(prefix + problem for problem in error.problems)
        except PinningError as error:
            self._problems.append(f"{prefix}{error}")
        return cast("T", None)

    def raise_any(self) -> None:
        """Raise Problems if there are any."""
        if self._problems:
            raise Problems(self._problems)
