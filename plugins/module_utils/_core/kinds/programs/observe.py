# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is pinned where programs and their maps are to be. Opens read-only, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from ...bpffs import Place, walk
from ...errors import at
from ..pins.objects import look
from ..pins.observe import observe_names
from ..pins.observed import NOTHING, DirectorySeen, Found, PinnedMap, PinnedProg
from .declaration import WantedLoad, WantedProgram
from .notes import origin_of
from .observed import LoadedProg


def observe(
    wanted: Sequence[WantedProgram],
) -> Tuple[List[WantedProgram], List[Found], Dict[str, DirectorySeen]]:
    """Look at every name, and at the maps; raise Problems with all that cannot be looked at."""
    found, directories = observe_names(wanted, look_at)
    seen: Dict[str, Optional[int]] = {}
    known = [replace(each, map_ids=map_ids(each.load, seen)) for each in wanted]
    return known, found, directories


def look_at(place: Place, wanted: WantedProgram) -> Found:
    """Look at one name in an open directory."""
    found = look(place.fd, wanted.name)
    if not isinstance(found, PinnedProg):
        return found
    return LoadedProg(**vars(found), origin=origin_of(found))


def map_ids(load: WantedLoad, seen: Dict[str, Optional[int]]) -> Dict[str, Optional[int]]:
    """Return by name the id of each pinned map of a file; None where none is pinned.

    `seen` has them by path, and gets those that are looked at.
    """
    for each in load.maps:
        if each.pin.path not in seen:
            seen[each.pin.path] = _map_at(each.pin.directory, each.pin.name)
    return {each.name: seen[each.pin.path] for each in load.maps}


def _map_at(directory: str, name: str) -> Optional[int]:
    with at(f"{directory}/{name}"), walk(directory) as place:
        found = NOTHING if place.missing else look(place.fd, name)
    return found.id if isinstance(found, PinnedMap) else None
