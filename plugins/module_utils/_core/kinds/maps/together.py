# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Maps of one declaration that have to do with each other: whether they agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, Sequence, Tuple

from ...errors import TROUBLE, ProblemCollector, explained
from ...map_words import spell_shape
from .declaration import WantedPin, WantedSwap
from .inner import meta_equal
from .slot import key_in


def agreed(pins: Sequence[WantedPin]) -> List[WantedPin]:
    """Return the pins, which know of each other now; raise Problems with what cannot all be."""
    by_path = {pin.path: pin for pin in pins}
    problems = ProblemCollector()
    for problem in _problems(pins, by_path):
        problems.add(problem)
    problems.raise_any()
    return [
        replace(pin, swap=replace(pin.swap, is_declared=True))
        if pin.swap is not None and pin.swap.outer in by_path
        else pin
        for pin in pins
    ]


def _problems(pins: Sequence[WantedPin], by_path: Dict[str, WantedPin]) -> Iterator[str]:
    slots: Dict[Tuple[str, bytes], str] = {}
    for pin in pins:
        swap = pin.swap
        if swap is None or swap.outer not in by_path:
            continue
        outer = by_path[swap.outer]
        try:
            key = key_in(swap, outer.map.shape)
        except TROUBLE as error:
            yield f"{pin.path}: {explained(error)}"
            continue
        first = slots.setdefault((swap.outer, key), pin.path)
        if first != pin.path:
            yield f"{pin.path}: entries_swap: {first} is to be in the same slot: keep one"
        yield from _misfits(pin, swap, outer)


def _misfits(pin: WantedPin, swap: WantedSwap, outer: WantedPin) -> Iterator[str]:
    inner = outer.map.inner
    if inner is not None and not meta_equal(pin.map, inner.shape):
        yield (
            f"{pin.path}: entries_swap: {swap.outer} takes no map like this one: want "
            f"{spell_shape(pin.map.shape)}, and its inner_map is {spell_shape(inner.shape)}: "
            "declare both alike"
        )
