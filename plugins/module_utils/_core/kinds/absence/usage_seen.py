# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who uses pins that are to be gone on a condition: when that is decided, and at the last moment.

Opens read-only, changes nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple, cast

from ...bpffs import walk
from ...errors import PinningError, at
from ...shape import Identity
from ..pins.objects import look
from ..pins.observed import NotAPin, Nothing, Pin, PinnedProg, Sight
from ..pins.usage import Usage
from ..pins.uses import Uses, look_for_users
from .plan import AbsenceStep, Emptied, Items


def with_usage(items: Items) -> Tuple[Items, List[str]]:
    """Return the items with what uses the pins, and where that cannot be seen."""
    asked = [sight for wanted, sight in items if wanted.conditions.any and _is_pin(sight)]
    if not asked:
        return items, []
    uses = _look([sight.found for sight in asked], items)
    times = _times(asked)
    seen: Items = []
    for wanted, sight in items:
        if wanted.conditions.any and _is_pin(sight):
            age = _age(sight.found, times.get(sight.path))
            sight = sight._replace(usage=Usage(uses.of(sight, sight.found), age))
        seen.append((wanted, sight))
    return seen, list(dict.fromkeys(uses.unseen))


class LastLook:
    """Looks again, right before a pin goes.

    A look counts for `FRESH` seconds, so that many pins do not take as many looks: what was open
    when it began is seen in any case.
    """

    def __init__(self, steps: Sequence[AbsenceStep]) -> None:
        self._items = [(step.wanted, step.found) for step in steps]
        self._uses: Optional[Uses] = None
        self._ended = 0.0

    def why_not(self, step: AbsenceStep, directory: int) -> str:
        """Return why the pin of a step is to stay after all; empty if it may go."""
        sight = cast(Sight, step.found)
        name = sight.path.rpartition("/")[2]
        if self._uses is None or time.monotonic() - self._ended > FRESH:
            pins = [cast(Any, each).found for _wanted, each in self._items if _is_pin(each)]
            self._uses = _look(pins, self._items)
            self._ended = time.monotonic()
        found = look(directory, name)
        if isinstance(found, (Nothing, NotAPin)):
            return ""  # whoever removes it will see
        if (found.kind, found.id) != (sight.found.kind, sight.found.id):  # type: ignore[union-attr]
            raise PinningError(
                f"{sight.path} changed while this task ran and was left untouched; run again"
            )
        changed = os.stat(name, dir_fd=directory, follow_symlinks=False).st_ctime
        usage = Usage(self._uses.of(sight, found), _age(found, changed))
        return str(step.wanted.conditions.why_not(found, usage))


def _look(pins: Sequence[Pin], items: Items) -> Uses:
    unused = any(wanted.conditions.unused for wanted, _found in items)
    return look_for_users(pins, only_processes=not unused)


def _is_pin(sight: Any) -> bool:
    return not isinstance(sight, Emptied) and hasattr(sight.found, "kind")


def _times(sights: Sequence[Sight]) -> Dict[str, float]:
    """Return when each pin was made, or its owner, mode or names last changed."""
    found: Dict[str, float] = {}
    by_directory: Dict[str, List[Sight]] = {}
    for sight in sights:
        by_directory.setdefault(sight.path.rpartition("/")[0], []).append(sight)
    for directory, there in by_directory.items():
        with at(directory), walk(directory) as place:
            for sight in there:
                try:
                    status = os.stat(
                        sight.path.rpartition("/")[2], dir_fd=place.fd, follow_symlinks=False
                    )
                except FileNotFoundError:
                    continue
                if Identity(status.st_dev, status.st_ino) == cast(Pin, sight.found).entry.identity:
                    found[sight.path] = status.st_ctime
    return found


def _age(pin: Pin, changed: Optional[float]) -> float:
    """Return the seconds since a program was loaded, or since anything else was pinned."""
    if isinstance(pin, PinnedProg):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - pin.load_time / 10**9
    return time.time() - changed if changed is not None else 0.0


FRESH = 0.02  # seconds
