# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is pinned where entries are declared, and what is in it. Changes nothing."""

from __future__ import annotations

import errno
import os
from typing import Dict, List, Sequence, Tuple

from ... import kernel
from ...bpffs import Place
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import MapInfo
from ..maps.details import inspector
from ..pins.objects import look
from ..pins.observe import observe_names
from ..pins.observed import DirectorySeen, Found, MapDetails
from .declaration import WantedEntries


def observe(wanted: Sequence[WantedEntries]) -> Tuple[List[Found], Dict[str, DirectorySeen]]:
    """Look at every pin; raise Problems with all that cannot be looked at."""
    return observe_names(wanted, observe_pin)


def observe_pin(place: Place, wanted: WantedEntries) -> Found:
    """Look at one pin in an open directory."""

    def inspect(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        pin = wanted.of(MapShape.of(info))
        details = inspector(pin, predicting=False)(fd, pin_path, info)
        if details.frozen or details.entries is None or details.entries.is_none:
            return details
        return details._replace(refusal=_refusal(pin_path))

    return look(place.fd, wanted.name, inspect)


def _refusal(pin_path: bytes) -> str:
    """Why the map cannot be opened for writing; "" if it can."""
    try:
        os.close(kernel.get(pin_path))
    except KernelError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return str(error)
    return ""
