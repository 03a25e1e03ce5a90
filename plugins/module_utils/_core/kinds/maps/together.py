# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Maps of one declaration that are to be in each other: whether they agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterator, List, Sequence, Tuple

from ...difference import Mode
from ...errors import TROUBLE, ProblemCollector, explained
from ...map_words import spell_shape
from .declaration import MapSpec, WantedPin, WantedSwap
from .held import WantedMaps
from .inner import meta_equal
from .slot import key_in

ByPath = Dict[str, WantedPin]


def agreed(pins: Sequence[WantedPin]) -> List[WantedPin]:
    """Return the pins, which know of each other now; raise Problems with what cannot all be."""
    by_path = {pin.path: pin for pin in pins}
    problems = ProblemCollector()
    for problem in (*_of_slots(pins, by_path), *_of_held(pins, by_path)):
        problems.add(problem)
    problems.raise_any()
    return [_knowing(pin, by_path) for pin in pins]


def _knowing(pin: WantedPin, by_path: ByPath) -> WantedPin:
    for path in pin.content.paths if isinstance(pin.content, WantedMaps) else ():
        if path in by_path:
            pin.content.expect(path)  # type: ignore[union-attr]
    if pin.swap is not None and pin.swap.outer in by_path:
        return replace(pin, swap=replace(pin.swap, is_declared=True))
    return pin


def _of_slots(pins: Sequence[WantedPin], by_path: ByPath) -> Iterator[str]:
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
        if outer.map.inner is not None and not meta_equal(pin.map, outer.map.inner.shape):
            yield (
                f"{pin.path}: entries_swap: {swap.outer} takes no map like this one; "
                f"{_both(pin.map, outer.map.inner)}"
            )
        yield from _disagreeing(pin, swap, outer)


def _disagreeing(pin: WantedPin, swap: WantedSwap, outer: WantedPin) -> Iterator[str]:
    """Yield how what is declared of the map of maps would take the map out of its slot."""
    if outer.content is None:
        return
    if pin.path in outer.content.paths:
        yield (
            f"{pin.path}: entries_swap puts it into {swap.outer}, and so do the entries of that: "
            "drop it from those"
        )
    elif outer.content.mode is Mode.EXACT:
        yield (
            f"{pin.path}: entries_swap puts it into {swap.outer}, whose entries_mode exact would "
            "remove it: declare entries_mode: present there"
        )


def _of_held(pins: Sequence[WantedPin], by_path: ByPath) -> Iterator[str]:
    for pin in pins:
        inner = pin.map.inner
        for path in pin.content.paths if pin.content is not None and inner else ():
            named = by_path.get(path)
            if named is not None and inner is not None and not meta_equal(named.map, inner.shape):
                yield (
                    f"{pin.path}: entries: it takes no map like one that is declared beside, and "
                    f"is to be in it; {_both(named.map, inner)}"
                )


def _both(pin: MapSpec, inner: MapSpec) -> str:
    return (
        f"that is {spell_shape(pin.shape)}, and inner_map is {spell_shape(inner.shape)}: declare "
        "both alike"
    )
