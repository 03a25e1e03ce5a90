# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The maps of an object file that are pins: as the file defines them, and where they are."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping

from ...btf_excerpt import excerpt
from ...errors import ProblemCollector
from ...object_file.definitions import Definition, types_to_describe
from ...object_file.read import ObjectFile
from ...people import BadField, Ids
from ..maps.declaration import read_pins
from ..pins.declaration import Arguments
from .declaration import PinnedBy, pin_of_map

if TYPE_CHECKING:
    from ...btf import Btf
    from ...map_types import Host


def read_maps(
    found: ObjectFile,
    given: Mapping[str, Any],
    item: Arguments,
    defaults: Arguments,
    host: Host,
    ids: Ids,
) -> List[PinnedBy]:
    """Return the maps that `given` names, and those that the file itself wants pinned by name.

    Raises Problems with all that is wrong.
    """
    problems = ProblemCollector()
    for name in given:
        if name not in found.maps:
            problems.add(
                f"maps: there is no {name!r} in the file: it has "
                f"{', '.join(sorted(found.maps)) or 'none'}"
            )
    directory = str(item.get("maps_directory") or defaults["directory"]).rstrip("/")
    policy = {
        option: item.get(option) or defaults.get(option)
        for option in ("on_mismatch", "value_growth")
    }

    def read(types: Btf, name: str, definition: Definition) -> PinnedBy:
        shape = _shape(types, definition)
        wanted = {**shape, "path": pin_of_map(name, given, directory)}
        (pin,) = read_pins([wanted], policy, host, ids)
        return PinnedBy(name, replace(pin, needs_btf=False))

    if found.btf is None:
        return []  # and so it has no maps, either
    pinned = [
        problems.of(partial(read, found.btf, name, definition), f"map {name}: ")
        for name, definition in found.maps.items()
        if name in given or definition.pinning
    ]
    problems.raise_any()
    _check_apart(pinned)
    return pinned


def _check_apart(pinned: List[PinnedBy]) -> None:
    names: Dict[str, str] = {}
    for each in pinned:
        other = names.setdefault(each.pin.path, each.name)
        if other != each.name:
            raise BadField(
                f"maps: {each.name} and {other} are both to be {each.pin.path}: give one of them "
                "another pin"
            )


def _shape(types: Btf, definition: Definition) -> Dict[str, object]:
    """The definition in the options of bpf_map_pinned."""
    shape: Dict[str, object] = {"type": definition.type, "flags": definition.flags}
    sizes = {
        "key_size": definition.key_size,
        "value_size": definition.value_size,
        "max_entries": definition.max_entries,
        "map_extra": definition.map_extra,
        "numa_node": definition.on_numa_node,
    }
    shape.update((field, size) for field, size in sizes.items() if size)
    if definition.inner is not None:
        shape["inner_map"] = _shape(types, definition.inner)
    described = types_to_describe(types, definition)
    if described is not None:
        blob, (key, value) = excerpt(types, *described)
        data = base64.b64encode(blob).decode("ascii")
        shape["btf"] = {"data": data, "key_type_id": key, "value_type_id": value}
    return shape
