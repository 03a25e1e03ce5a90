# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Attach programs as manifests declare, as soon as what they are attached to is there."""

from __future__ import annotations

import time
from typing import Iterator, List, Optional, Sequence

from ..attach_types import Target
from ..engine.run import Act, Verdict, each

# To attach is for later, when an upgrade may have removed the files of this program.
from ..kinds.links import change
from ..kinds.links.apply import LinkKind
from ..kinds.links.declaration import Attach, WantedLink
from ..kinds.links.plan import is_waiting

LOADED = (change,)
_OFTEN = 0.2  # seconds between two looks


def interface_of(attach: Optional[Attach]) -> str:
    """Return the interface of the host that a program is attached to; "" if it is none."""
    if attach is None or attach.type.target is not Target.INTERFACE or attach.text("namespace"):
        return ""
    return attach.text("interface")


def in_time(
    kind: LinkKind, links: Sequence[WantedLink], act: Act, seconds: float
) -> Iterator[Verdict]:
    """Yield what became of each link, of some once what they need is there, or time is up."""
    until = time.monotonic() + seconds
    while links:
        is_last = time.monotonic() >= until
        waiting: List[WantedLink] = []
        for wanted in links:
            (verdict,) = each(kind, [[wanted]], act)
            if is_last or verdict.plan is None or not is_waiting(verdict.plan.steps[0]):
                yield verdict
            else:
                waiting.append(wanted)
        links = waiting
        if links:
            time.sleep(_OFTEN)
