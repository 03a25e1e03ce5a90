# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong with a list, line by line; never what stands there, which may be secret."""

from __future__ import annotations

from bisect import insort
from typing import List, NoReturn, Tuple

from ..errors import Problems

MOST_TOLD = 20
MOST_COUNTED = 10_000  # whoever has as many gave another file


class Faults:
    """Collects what is wrong with the list at `path`; whoever encodes its entries adds to it, too.

    A list is wrong as a whole while there is a fault: nothing of it is to be done.
    """

    def __init__(self, path: str) -> None:
        self.count = 0
        self._path = path
        self._first: List[Tuple[int, int, str]] = []  # the first MOST_TOLD, by number

    def add(self, number: int, reason: str, field: str = "", unit: str = "line {}") -> None:
        """Take note of a fault of the line `number`, from 1; Problems if there are too many."""
        self.count += 1
        if len(self._first) < MOST_TOLD or number < self._first[-1][0]:
            at = f"{unit.format(number)}: {field}: " if field else f"{unit.format(number)}: "
            insort(self._first, (number, self.count, f"{self._path}: {at}{reason}"))
            del self._first[MOST_TOLD:]
        if self.count == MOST_COUNTED:
            self._raise()

    def stop(self, number: int, reason: str, unit: str = "line {}") -> NoReturn:
        """Raise Problems: what follows this line cannot be understood, either."""
        self.add(number, reason, unit=unit)
        self._raise()

    def stop_all(self, reason: str) -> NoReturn:
        """Raise Problems: it is the file itself."""
        self.count += 1
        self._first.insert(0, (0, 0, f"{self._path}: {reason}"))
        self._raise()

    def raise_any(self) -> None:
        """Raise Problems if there are any."""
        if self.count:
            self._raise()

    def _raise(self) -> NoReturn:
        told = [text for _number, _order, text in self._first]
        more = self.count - len(told)
        if self.count >= MOST_COUNTED:
            told.append(f"{self._path}: and {more} more, and then reading stopped")
        elif more:
            told.append(f"{self._path}: and {more} more")
        raise Problems(told)
