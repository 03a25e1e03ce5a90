# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether the entries of one map can go into another. Pure."""

from __future__ import annotations

from typing import Iterator

from ...map_types import MAP_TYPES_BY_NUMBER, map_type_name
from ..pins.observed import PinnedMap
from .declaration import MapSpec, ValueGrowth, WantedPin


def obstacles(wanted: WantedPin, found: PinnedMap) -> Iterator[str]:
    """Every reason why the entries of `found` cannot be copied into `wanted`."""
    want, have = wanted.map.shape, found.shape
    row = MAP_TYPES_BY_NUMBER.get(have.number)
    name = map_type_name(have.number)
    if row is None or row.kin is None:
        yield row.not_copied if row else f"type {name} is not known to this collection"
        return
    if row.kin is not wanted.map.kind.kin:
        yield f"entries of a {name} do not go into a {map_type_name(want.number)}"
        return
    if want.key_size != have.key_size:
        yield f"keys of {have.key_size} bytes do not go where keys have {want.key_size}"
    if want.value_size < have.value_size:
        yield f"values of {have.value_size} bytes do not go into {want.value_size}"
    elif want.value_size > have.value_size and wanted.value_growth is ValueGrowth.REFUSE:
        yield (
            f"values would grow from {have.value_size} to {want.value_size} bytes, and "
            "value_growth: zero_pad, which fills them up with zeros, is not set"
        )
    yield from _hidden_parts(found)
    details = found.details
    if details.inner_fits is False and details.inner is not None:
        yield "the maps in it are not as inner_map declares"
    if details.contents is not None and details.contents.room > want.max_entries:
        room = details.contents.room
        held = (
            f"its slot {room - 1} is not empty" if row.kin.indexed else f"it holds {room} entries"
        )
        yield f"{held}, and max_entries {want.max_entries} is too small for that"


def _hidden_parts(found: PinnedMap) -> Iterator[str]:
    btf = found.details.btf
    if found.details.btf_hidden:
        yield "its BTF cannot be read, so what its values hold is unknown (CAP_SYS_ADMIN may help)"
    elif btf is not None and btf.type_ids[1]:
        part = btf.types.uncopyable_part(btf.type_ids[1])
        if part:
            yield f"its values hold {part}, which only programs can put there"


def with_btf_of(spec: MapSpec, found: PinnedMap) -> MapSpec:
    """`spec`, with the BTF of the old map where none is declared and that one still applies."""
    return spec.inheriting(found.details.btf, found.shape.value_size)


def loses_btf(spec: MapSpec, found: PinnedMap) -> bool:
    """Return whether the old map has BTF that the new one will not have."""
    btf = found.details.btf
    return btf is not None and any(btf.type_ids) and with_btf_of(spec, found).btf is None
