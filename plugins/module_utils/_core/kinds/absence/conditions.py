# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What has to be true of a pin for it to be removed. Pure."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, Optional

from ...people import BadField
from ...values import dataclass
from ..pins.observed import Pin, PinnedLink
from ..pins.usage import Usage, processes_told, users_told


@dataclass(frozen=True)
class Conditions:
    """All of them have to be true. With any, a pin stays whose object a process has open."""

    unused: bool = False
    severed: bool = False
    older_than: Optional[int] = None  # seconds

    @property
    def any(self) -> bool:
        """Return whether there are conditions."""
        return self.unused or self.severed or self.older_than is not None

    def why_not(self, pin: Pin, usage: Usage) -> str:
        """Return why a pin stays; empty if all conditions are true of it."""
        reasons = []
        if self.severed:
            reasons += [_not_severed(pin)]
        if self.older_than is not None and usage.age <= self.older_than:
            reasons += [f"{duration(usage.age)} old, not older than {duration(self.older_than)}"]
        told = users_told(pin, usage.users) if self.unused else processes_told(usage.users)
        reasons += told
        reasons = list(filter(None, reasons))
        return f"{pin.label}: {'; '.join(reasons)}" if reasons else ""


NONE = Conditions()


def conditions_of(given: Mapping[str, Any]) -> Conditions:
    """Read the options of an absence; raise BadField."""
    text = given.get("older_than")
    older_than = None if text is None else read_duration(text)
    return Conditions(bool(given.get("unused")), bool(given.get("severed")), older_than)


def read_duration(text: str) -> int:
    """Return the seconds of a duration such as "7d" or "1h30m"; raise BadField."""
    if not _DURATION.fullmatch(text):
        raise BadField(
            f"older_than {text!r} is no duration: write numbers with units, such as 7d, 12h, 30m "
            "or 1d12h (w, d, h, m, s)"
        )
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def duration(seconds: float) -> str:
    """Spell a duration by its two greatest units."""
    left = max(0, int(seconds))
    parts: List[str] = []
    for unit, length in _UNITS.items():
        count, left = divmod(left, length)
        if count or (parts and unit != "s"):
            parts.append(f"{count}{unit}")
    return "".join(each for each in parts[:2] if not each.startswith("0")) or "0s"


def _not_severed(pin: Pin) -> str:
    if not isinstance(pin, PinnedLink):
        return "only links can be severed"
    if pin.attached is None:
        return f"the kernel does not tell whether links of type {pin.type} are severed"
    return "still attached" if pin.attached else ""


_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_DURATION = re.compile(r"(?:\d{1,9}[wdhms])+", re.ASCII)
