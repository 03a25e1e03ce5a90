# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Maps that a declaration names by the path of their pin. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from typing import Optional

from ...bpffs import walk
from ...errors import PinningError
from ...users import user_name
from ..pins.access import strangers_of
from ..pins.objects import Inspect, look
from ..pins.observed import NotAPin, Nothing, PinnedMap


def map_at(
    path: str, owner: Optional[int], inspect: Optional[Inspect] = None
) -> Optional[PinnedMap]:
    """Return the map that is pinned at `path`; None if nothing is.

    PinningError where it is something else, or where somebody other than the declared `owner` may
    put another in its place.
    """
    parent, _slash, name = path.rpartition("/")
    with walk(parent or "/") as place:
        if place.missing:
            return None
        found = look(place.fd, name, inspect)
        if isinstance(found, Nothing):
            return None
        if not isinstance(found, PinnedMap):
            what = found.what if isinstance(found, NotAPin) else f"the pin of {found.label}"
            raise PinningError(f"there is {what}, and no map: name the pin of a map")
        for uid in strangers_of(place, found, owner, os.geteuid()):
            name = user_name(uid)
            raise PinningError(
                f"the pin, or a directory above it, belongs to {name}, who may have another map "
                f"there: if that is meant, declare owner: {name}"
            )
        return found
