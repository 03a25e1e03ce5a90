# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The maps of programs, beside those that are declared by themselves. Pure."""

from __future__ import annotations

from typing import Dict, List, Sequence

from ...errors import ProblemCollector
from ...map_words import spell_shape
from ..maps.declaration import MapSpec, WantedPin
from .declaration import WantedProgram


def with_maps_of(
    maps: Sequence[WantedPin], programs: Sequence[WantedProgram]
) -> Sequence[WantedPin]:
    """Return all maps that are to be pinned: as declared, else as the object files define them.

    Raises Problems where a program could not use the map that another declaration makes.
    """
    wanted: Dict[str, WantedPin] = {each.path: each for each in maps}
    declared = {*wanted}
    found: List[WantedPin] = []
    problems = ProblemCollector()
    for load in dict.fromkeys(each.load for each in programs):
        for each in load.maps:
            pin = each.pin
            other = wanted.setdefault(pin.path, pin)
            if other is pin:
                found.append(pin)
            elif not _serves(other.map, pin.map, is_declared=pin.path in declared):
                problems.add(
                    f"{load.shown}: map {each.name} is {spell_shape(pin.map.shape)}, but "
                    f"{pin.path} is to be {spell_shape(other.map.shape)}, as another declaration "
                    "says: make them agree, or give one of them another pin"
                )
    problems.raise_any()
    return [*maps, *found]


def _serves(there: MapSpec, wanted: MapSpec, *, is_declared: bool) -> bool:
    """Return whether programs can use a map for which they define another.

    What is declared by itself may have another size: that is why it is.
    """
    if not is_declared:
        return there.shape == wanted.shape
    one, two = there.shape, wanted.shape
    same = (one.number, one.key_size, one.value_size) == (two.number, two.key_size, two.value_size)
    if there.inner is None or wanted.inner is None:
        return same and there.inner is wanted.inner
    return same and _serves(there.inner, wanted.inner, is_declared=True)
