# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map of maps beside what is declared to be in it, and putting it there.

Maps that are declared in place have no pin: the map in the slot is found by its id, and where its
entries differ, a new one is filled, and then takes the slot. So nobody sees half of it.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Iterator, List, Optional

from ... import elements, kernel
from ...difference import Difference, Mode
from ...entries import count, read
from ...errors import HalfDone, PinningError, ProblemCollector
from ...filling import fill_empty, look_at
from ...map_types import settable_flags
from ...map_words import spell_shape
from ...pairs import Pair
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import BPF_ANY, BPF_NOEXIST, BYTE_ORDER, Command, MapInfo
from ..pins.observed import NO_DETAILS, Found, MapDetails, Nothing, PinnedMap
from .declaration import MapSpec, WantedPin
from .entries import has_lock
from .held import Held, WantedMaps
from .inner import meta_equal, put_into
from .make import make_map
from .other_pins import map_at


def look_into(fd: Fd, pin: WantedPin) -> Difference:
    """Return which slots are not as declared."""
    content = _content(pin)
    entries = content.encoded(None)
    missing: List[Pair] = []
    different: List[Pair] = []
    for pair in entries.pairs:
        key = pair[0]
        there = elements.lookup(fd, key, _ID)
        if there is None:
            missing.append(pair)
        elif entries.mode is not Mode.INITIAL and not _is_held(there, content.held[key], pin):
            different.append(pair)
    extra: List[bytes] = []
    total: Optional[int] = None
    if entries.mode is Mode.EXACT:
        keys = [
            key for batch in read(fd, content.layout) for key, _id in content.layout.pairs(batch)
        ]
        extra, total = [key for key in keys if key not in content.held], len(keys)
    else:
        extra = [key for key in entries.absent if elements.lookup(fd, key, _ID) is not None]
        if missing and not content.layout.kin.indexed:
            total = count(fd, content.layout)
    of = entries.pairs.of
    return Difference(of(missing), of(different), extra, total)


def with_others(pin: WantedPin, found: Found) -> Found:
    """Return `found`, with what is wrong with the pinned maps that are to be in it."""
    content = pin.content
    if not isinstance(content, WantedMaps) or not isinstance(found, (Nothing, PinnedMap)):
        return found
    problems = ProblemCollector()
    lacking = []
    for held in content.held.values():
        if held.path:
            there = problems.of(partial(_check_pinned, pin, held), f"{held.where}: ")
            if there is False and not content.expects(held.path):
                lacking.append(f"{held.where}: {_NOT_PINNED}")
    problems.raise_any()
    if isinstance(found, Nothing):
        return replace(found, lacking=tuple(lacking))
    return found._replace(details=found.details._replace(lacking=tuple(lacking)))


def put_maps(fd: Fd, pin: WantedPin, difference: Difference, *, is_new: bool = False) -> None:
    """Put in what is different, then what is missing, then remove what is extra.

    HalfDone where something was changed in a map that has a name before the kernel refused.
    """
    content = _content(pin)
    adds_only = content.mode is Mode.INITIAL and not content.layout.kin.indexed
    done = 0
    try:
        for pairs, flags in (
            (difference.different, BPF_ANY),
            (difference.missing, BPF_NOEXIST if adds_only else BPF_ANY),
        ):
            for key, _number in pairs:
                with _opened(pin, content.held[key]) as inner:
                    put_into(fd, key, int(inner), _inner(pin), flags)
                done += 1
        for key in difference.extra:
            elements.delete(fd, key)
            done += 1
    except PinningError as error:
        if done and not is_new:
            raise HalfDone(str(error)) from None
        raise


@contextmanager
def _opened(pin: WantedPin, held: Held) -> Iterator[Fd]:
    """Open the pinned map, or make and fill the one in place."""
    inner = _inner(pin)
    if held.content is not None:
        with make_map(inner, pin.kernel_name) as new:
            entries = held.content.encoded(inner.btf)
            locks = has_lock(inner.btf) and not new.without_btf
            fill_empty(new, held.content.layout, entries, locks=locks, send=held.content.send)
            yield new
        return
    opened: List[Fd] = []

    def inspect(_fd: Fd, pin_path: bytes, _info: MapInfo) -> MapDetails:
        opened.append(kernel.get(pin_path))
        return NO_DETAILS

    try:
        if map_at(held.path, pin.access.owner, inspect) is None:
            raise PinningError(f"{held.where}: {_NOT_PINNED}")
        yield opened[0]
    finally:
        for each in opened:
            os.close(each)


def _is_held(there: bytes, held: Held, pin: WantedPin) -> bool:
    """Return whether the map of this id is the one that is declared, or has its entries."""
    map_id = int.from_bytes(there, BYTE_ORDER)
    if held.content is None:
        named = map_at(held.path, pin.access.owner)
        return named is not None and named.id == map_id
    inner = _inner(pin)
    try:
        opened = kernel.fd_by_id(Command.MAP_GET_FD_BY_ID, map_id)
    except KernelError as error:
        if error.errno != errno.ENOENT:
            raise
        return False  # somebody put another one in its place since
    with opened as fd:
        shape = MapShape.of(kernel.map_info(fd))
        if shape._replace(flags=settable_flags(shape.number, shape.flags)) != inner.shape:
            return False
        entries = held.content.encoded(inner.btf)
        return look_at(fd, held.content.layout, entries).is_none


def _check_pinned(pin: WantedPin, held: Held) -> bool:
    """Return whether there is a map; PinningError if it is none for this place."""
    there = map_at(held.path, pin.access.owner)
    if there is None:
        return False
    inner = _inner(pin)
    if not meta_equal(inner, there.shape):
        raise PinningError(
            f"the map that is pinned there is not like inner_map: want "
            f"{spell_shape(inner.shape)}, have {spell_shape(there.shape)}: declare both alike"
        )
    return True


def _content(pin: WantedPin) -> WantedMaps:
    if not isinstance(pin.content, WantedMaps):
        raise PinningError("no maps are declared to be in the map")
    return pin.content


def _inner(pin: WantedPin) -> MapSpec:
    if pin.map.inner is None:
        raise PinningError("inner_map is missing")
    return pin.map.inner


_ID = 4  # bytes of what a lookup answers
_NOT_PINNED = (
    "no map is pinned at this path: whoever makes it comes first; or declare it, too, in the same "
    "list of maps"
)
