# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is pinned on a host and declared nowhere. Changes nothing."""

from __future__ import annotations

from typing import Collection, Iterator, Sequence

from ..bpffs import walk
from ..engine.standing import Standing
from ..errors import TROUBLE, explained
from ..kinds.pins.observed import NotAPin, Nothing, Sight, Unreadable
from ..kinds.pins.tree import Lookout
from ..mountinfo import mounts
from .work import Line, is_asked


def undeclared(declared: Collection[str], paths: Sequence[str]) -> Iterator[Line]:
    """Yield a line for each pin at or below `paths`, of any bpffs, that is not `declared`."""
    lookout = Lookout(spares_staging=True, waits_for_runs=False, by_two=True)
    for point in sorted({mount.point for mount in mounts() if mount.fstype == "bpf"}):
        try:
            with walk(point) as place:
                sights = lookout.tree(place.fd, point, recurse=True).sights
        except TROUBLE as error:
            yield Line(point, "", Standing.FAILED, explained(error))
            continue
        for sight in sights:
            if sight.path not in declared and is_asked(sight.path, paths):
                yield from _told(sight)


def _told(sight: Sight) -> Iterator[Line]:
    if isinstance(sight.found, Unreadable):
        yield Line(sight.path, "", Standing.FAILED, sight.found.reason)
    elif not isinstance(sight.found, (NotAPin, Nothing)):
        yield Line(sight.path, "", Standing.UNDECLARED, sight.found.label)
