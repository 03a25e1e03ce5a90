# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is there where maps are wanted. Opens read-only, changes nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Dict, List, Sequence, Tuple

from ...bpffs import Place
from ...errors import ProblemCollector
from ..pins.objects import look, look_in_private
from ..pins.observe import observe_names
from ..pins.observed import DirectorySeen, Found, Nothing, PinnedMap
from .declaration import WantedPin


def observe(
    pins: Sequence[WantedPin], *, predicting: bool = False
) -> Tuple[Sequence[Found], Dict[str, DirectorySeen]]:
    """Look at every name; raise Problems with all that cannot be looked at.

    `predicting`: find out what only a run would tell, too: how many entries it would copy, and
    whether the kernel makes such maps, and with their BTF.
    """
    look_at = partial(observe_pin, predicting=True) if predicting else observe_pin
    found, directories = observe_names(pins, look_at)
    _check_contents(pins, found)
    if any(pin.turn for pin in pins):
        found = _with_others(pins, found)
    return list(map(_predicted, pins, found)) if predicting else found, directories


def observe_pin(place: Place, pin: WantedPin, *, predicting: bool = False) -> Found:
    """Look at one name in an open directory."""
    inspect = None
    if pin.asks_more or (predicting and pin.may_be_replaced):
        # To load that takes 20 ms, and for most maps it is not needed.
        from .details import inspector

        inspect = inspector(pin, predicting=predicting)
    if inspect is None and place.private:
        found = look_in_private(place.fd, pin.name)
        if found is not None:
            return found
    return look(place.fd, pin.name, inspect)


def _check_contents(pins: Sequence[WantedPin], found: Sequence[Found]) -> None:
    """Raise Problems where what is to be in a map that is to be made cannot be encoded."""
    problems = ProblemCollector()
    for pin, there in zip(pins, found):
        if pin.content is not None and not (isinstance(there, PinnedMap) and there.details.entries):
            from .entries import check

            problems.of(partial(check, pin), f"{pin.path}: ")
    problems.raise_any()


def with_others(pin: WantedPin, found: Found) -> Found:
    """Return `found`, with what there is to know of maps that are to be in it, or it in them."""
    if pin.swap is not None:
        from .slot import with_slot

        return with_slot(pin, found)
    if pin.turn:
        from . import holding

        return holding.with_others(pin, found)
    return found


def _with_others(pins: Sequence[WantedPin], found: Sequence[Found]) -> List[Found]:
    problems = ProblemCollector()
    seen = [
        problems.of(partial(with_others, pin, there), f"{pin.path}: ") or there
        for pin, there in zip(pins, found)
    ]
    problems.raise_any()
    return seen


def _predicted(pin: WantedPin, found: Found) -> Found:
    if not isinstance(found, Nothing):
        return found
    from .make import try_out

    trial = try_out(pin.map, frozen=bool(pin.frozen))
    return replace(found, without_btf=trial.without_btf, refusal=trial.refusal)
