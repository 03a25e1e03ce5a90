# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is in a map beside what is declared to be in it, and how it gets there."""

from __future__ import annotations

from typing import Optional

from ... import kernel
from ...difference import Difference
from ...errors import PinningError
from ...filling import fill, fill_empty, look_at
from ...shape import MapBtf, MapShape
from ...syscall import Fd
from ...uapi import MapInfo
from ..pins.btf import btf_of
from .content import WantedContent
from .declaration import WantedPin


def content_of(fd: Fd, info: MapInfo, shape: MapShape, pin: WantedPin) -> Optional[Difference]:
    """Return what is not as declared; None where keys and values are not of the declared sizes."""
    want, content = pin.map.shape, pin.content
    if content is None or shape[:3] != want[:3]:
        return None
    if content.holds_maps:
        from .holding import look_into

        return look_into(fd, pin)
    _check_values(info)
    entries = content.encoded(_btf(pin, content, info))
    content.check_locks(entries, btf_of(info)[0])
    difference = look_at(fd, content.layout._replace(max_entries=shape.max_entries), entries)
    content.try_programs(entries, (*difference.different, *difference.missing), fd)
    return difference


def check(pin: WantedPin) -> None:
    """Raise Problems where the entries of a map that is to be made cannot be written."""
    if pin.content is not None:
        entries = pin.content.encoded(pin.map.btf)
        pin.content.check_locks(entries, pin.map.btf)
        pin.content.try_programs(entries, entries.pairs)


def fill_new(fd: Fd, pin: WantedPin, *, locks: bool) -> None:
    """Put what is declared into a new map; without `locks` the kernel did not take its BTF."""
    content = pin.content
    if content is not None:
        entries = content.encoded(pin.map.btf)
        if content.holds_maps:
            from .holding import put_maps

            put_maps(fd, pin, Difference(missing=entries.pairs), is_new=True)
            return
        locks = locks and has_lock(pin.map.btf)
        fill_empty(fd, content.layout, entries, locks=locks, send=content.send)


def fill_copy(fd: Fd, pin: WantedPin, btf: Optional[MapBtf], *, locks: bool) -> None:
    """Put what is declared into a new map, with this BTF, beside what was copied to it."""
    content = pin.content
    if content is not None and content.holds_maps:
        from .holding import look_into, put_maps

        put_maps(fd, pin, look_into(fd, pin), is_new=True)
    elif content is not None:
        entries = content.encoded(btf if content.needs_btf else pin.map.btf)
        content.check_locks(entries, btf)
        difference = look_at(fd, content.layout, entries)
        locks = locks and has_lock(btf)
        fill(fd, content.layout, entries, difference, locks=locks, send=content.send)


def fill_pinned(fd: Fd, pin: WantedPin, difference: Difference) -> None:
    """Bring the entries of a map that is in use to what is declared."""
    content = pin.content
    if content is not None and content.holds_maps:
        from .holding import put_maps

        put_maps(fd, pin, difference)
    elif content is not None:
        info = kernel.map_info(fd)
        btf, _hidden = btf_of(info)
        entries = content.encoded(_btf(pin, content, info))
        layout = content.layout._replace(max_entries=info.max_entries)
        fill(fd, layout, entries, difference, locks=has_lock(btf), send=content.send)


def _check_values(info: MapInfo) -> None:
    """Raise PinningError where values hold what a write from user space would end.

    Whatever BTF and formats are declared: bpf_obj_free_fields cancels the timers of what is
    overwritten.
    """
    btf, _hidden = btf_of(info)
    part = btf.types.uncopyable_part(btf.type_ids[1]) if btf is not None else ""
    if part:
        raise PinningError(
            f"the values of the pinned map hold {part}, which only programs can put there, and "
            "entries that are written from here would end it: declare the map without entries"
        )


def _btf(pin: WantedPin, content: WantedContent, info: MapInfo) -> Optional[MapBtf]:
    """The types by which keys and values are encoded: those declared, or else the map's own."""
    if pin.map.btf is not None or not content.needs_btf:
        return pin.map.btf
    return btf_of(info)[0]


def has_lock(btf: Optional[MapBtf]) -> bool:
    """Return whether a write can respect a lock (BPF_F_LOCK): only of this kind."""
    return btf is not None and any(each.startswith(_LOCK) for each in btf.fields)


_LOCK = "struct bpf_spin_lock"
