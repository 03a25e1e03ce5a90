# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A map that is there -> the options of bpf_map_pinned that declare it. Pure."""

from __future__ import annotations

import base64
from typing import Optional, Tuple

from ..btf import BtfError
from ..btf_excerpt import excerpt
from ..map_types import MAP_TYPES_BY_NUMBER, Host, MapType, TakesBtf
from ..map_words import map_fields
from ..shape import MapBtf, MapShape
from ..uapi import flag_names
from .observed import InnerSeen, Item


def map_item(
    shape: MapShape, btf: Optional[MapBtf], inner: Optional[InnerSeen], host: Host
) -> Tuple[Item, str]:
    """Return what is not left to the type's defaults, and what is to be said of it.

    Only for types of the table.
    """
    row = MAP_TYPES_BY_NUMBER[shape.number]
    item = _shape(row, shape, host)
    described, remark = _btf(row, btf)
    if described:
        item["btf"] = described
    if inner is not None:
        item["inner_map"], inner_remark = map_item(inner.shape, inner.btf, None, host)
        remark = remark or inner_remark
    return item, remark


def _shape(row: MapType, shape: MapShape, host: Host) -> Item:
    fields = map_fields(shape)
    flags = shape.flags & ~row.implied_flags & ~row.kernel_flags
    fields["flags"] = flag_names(flags)
    defaults = {
        "key_size": _default(row.key),
        "value_size": _default(row.value_for(shape.flags)),
        "max_entries": _default_entries(row, shape, host),
        "flags": [],
        "map_extra": 0,
    }
    return {name: value for name, value in fields.items() if value != defaults.get(name, ())}


def _default(allowed: range) -> object:
    """Return the size of a map that declares none; () where it has to."""
    is_known = allowed.start == 0 or allowed.stop == allowed.start + 1
    return allowed.start if is_known else ()


def _default_entries(row: MapType, shape: MapShape, host: Host) -> object:
    given = _default(row.entries)
    # One for each CPU of the host, where the type takes 0 for that.
    return row.rounded(given, shape.flags, host) if isinstance(given, int) else given


def _btf(row: MapType, btf: Optional[MapBtf]) -> Tuple[Optional[Item], str]:
    if btf is None or row.btf is TakesBtf.NO or not btf.type_ids[1]:
        return None, ""
    try:
        blob, (key, value) = excerpt(btf.types, *btf.type_ids)
    except BtfError:
        return None, (
            "declared without its BTF, as its value is a section of variables: take it from the "
            "object file with the lookup ebpf.pinning.elf_maps if the map is to be made anew"
        )
    data = base64.b64encode(blob).decode()
    return {"data": data, "key_type_id": key, "value_type_id": value}, ""
