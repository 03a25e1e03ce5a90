# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The slot of a map of maps that a map is to be in: what is in it, and putting the map there."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import List

from ... import elements, kernel
from ...content.declared_format import Typed, format_of
from ...content.format import Context, Unfit
from ...errors import PinningError, at
from ...map_types import MAP_TYPES, MAP_TYPES_BY_NUMBER, map_type_name
from ...map_words import spell_shape
from ...people import BadField
from ...shape import MapShape
from ...syscall import Fd, KernelError
from ...uapi import BPF_ANY, BYTE_ORDER, MapInfo
from ..pins.objects import fdinfo
from ..pins.observed import NO_DETAILS, Found, MapDetails, MountedPin, Nothing, PinnedMap, Slot
from .declaration import WantedPin, WantedSwap
from .host_names import HostNames
from .inner import observe_inner, put_into
from .other_pins import map_at
from .swap_plan import NO_OUTER


def with_slot(pin: WantedPin, found: Found) -> Found:
    """Return `found`, with what is in the slot that the map is declared to be in."""
    swap = pin.swap
    if swap is None:
        return found
    if isinstance(found, MountedPin):
        return found
    if isinstance(found, Nothing):
        return replace(found, slot=_observe(pin, swap, None))
    if isinstance(found, PinnedMap):
        details = found.details._replace(slot=_observe(pin, swap, found))
        return found._replace(details=details)
    return found


def put(pin: WantedPin, new: int) -> None:
    """Have programs find the map in its slot from now on.

    The kernel waits for all programs that run in the old map (maybe_wait_bpf_programs).
    """
    swap = pin.swap
    if swap is None:
        return
    opened: List[Fd] = []

    def inspect(_fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        _check_type(swap, MapShape.of(info))
        opened.append(kernel.get(pin_path))
        return NO_DETAILS

    with at(f"entries_swap: {swap.outer}"):
        try:
            outer = map_at(swap.outer, pin.access.owner, inspect)
            if outer is None:
                raise PinningError(NO_OUTER)
            put_into(opened[0], key_in(swap, outer.shape), new, pin.map, BPF_ANY)
        except KernelError:
            raise
        except PinningError as error:
            raise PinningError(f"entries_swap: {swap.outer}: {error}") from None
        finally:
            for fd in opened:
                os.close(fd)


def key_in(swap: WantedSwap, outer: MapShape) -> bytes:
    """Return the key of the slot; BadField if no key of such a map of maps is meant."""
    _check_type(swap, outer)
    is_index = outer.number == MAP_TYPES["array_of_maps"].number
    given = swap.slot.format or ("u32" if is_index else None)
    typed = Typed("entries_swap.key", outer.key_size)
    try:
        key = format_of(typed, given, Context(HostNames())).encode(swap.slot.key)
    except Unfit as unfit:
        field = f".{unfit.field}" if unfit.field else ""
        raise BadField(f"entries_swap.key{field}: {unfit.reason}") from None
    if is_index and int.from_bytes(key, BYTE_ORDER) >= outer.max_entries:
        raise BadField(
            f"entries_swap.key: must be from 0 to {outer.max_entries - 1}, as {swap.outer} has "
            f"{outer.max_entries} slots"
        )
    return key


def _check_type(swap: WantedSwap, outer: MapShape) -> None:
    row = MAP_TYPES_BY_NUMBER.get(outer.number)
    if row is None or not row.inner:
        raise BadField(
            f"entries_swap: {swap.outer} is a map of type {map_type_name(outer.number)}, which "
            "holds no maps: name the array_of_maps or hash_of_maps that programs look into"
        )


def _observe(pin: WantedPin, swap: WantedSwap, found: object) -> Slot:
    seen: List[Slot] = []

    def inspect(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        outer = MapShape.of(info)
        value = elements.lookup(fd, key_in(swap, outer), 4)
        held = None if value is None else int.from_bytes(value, BYTE_ORDER)
        refusal = ""
        if not _is_in_place(found, held):
            refusal = _refusal(pin, fd, pin_path, outer)
        seen.append(Slot(held, refusal))
        return NO_DETAILS

    try:
        there = map_at(swap.outer, pin.access.owner, inspect)
    except BadField:
        raise
    except PinningError as error:
        return Slot(None, f"entries_swap: {swap.outer}: {error}")
    return Slot(None, is_missing=True) if there is None else seen[0]


def _is_in_place(found: object, held: object) -> bool:
    if not isinstance(found, PinnedMap) or found.id != held:
        return False
    return found.details.entries is not None and found.details.entries.is_none


def _refusal(pin: WantedPin, fd: Fd, pin_path: bytes, outer: MapShape) -> str:
    """Why the map of maps would not take what is declared; "" if it would, or nobody can tell."""
    where = f"entries_swap: {pin.swap.outer if pin.swap else ''}"
    if fdinfo(fd).get("frozen") == 1:
        return (
            f"{where}: this map of maps is frozen, so its slots stay as they are for good: have "
            "its maker make a new one"
        )
    inner = observe_inner(fd, pin_path, outer, pin.map)
    if inner.fits is not False:
        return ""
    want = spell_shape(pin.map.shape)
    have = "maps of another shape, or with other locks, timers or kptrs in their values"
    if inner.shape is not None:
        have = spell_shape(inner.shape)
        have += ", with other locks, timers or kptrs in its values" if have == want else ""
    return (
        f"{where}: this map of maps takes no map like the declared one: want {want}, and it "
        f"holds {have}: declare the shape that it was made for"
    )
