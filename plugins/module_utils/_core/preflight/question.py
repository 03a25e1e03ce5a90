# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What an object file asks of a host, as it travels from the controller. Pure."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, List, Mapping, Optional, Tuple

from ..btf import Btf
from ..fields import absolute, check_pin_name
from ..loader_rules import LoaderRules, asked_for, made, rules_of
from ..map_types import MAP_TYPES, Host, MapType
from ..people import BadField
from ..shape import MapBtf, MapShape
from ..values import dataclass


@dataclass(frozen=True)
class AskedMap:
    """A map of the object file, as a loader asks for it."""

    name: str
    path: str  # where its pin is looked for; "" if it is not pinned
    kind: Optional[MapType]  # None: newer than this collection
    shape: MapShape  # as the loader compares it
    made: MapShape  # as the loader makes it
    numa_node: Optional[int] = None
    btf: Optional[MapBtf] = None
    inner: Optional[AskedMap] = None
    unknown: Tuple[str, ...] = ()  # fields of its definition that the loader does not know


@dataclass(frozen=True)
class Question:
    """All that is asked of the host."""

    rules: LoaderRules
    directory: str
    maps: Tuple[AskedMap, ...]
    programs: Tuple[Tuple[str, str, str], ...]  # name, type, expected attach type or ""
    helpers: Tuple[Tuple[int, str], ...]  # functions of the kernel that programs call: id, name
    asks_first: bool  # whether programs ask what the kernel has, and may do without
    kernel_btf: bool  # whether loaders look into that of the kernel


def read_question(
    said: Mapping[str, Any],
    loader: str,
    version: Optional[str],
    directory: Optional[str],
    pins: Optional[Mapping[str, Any]],
    host: Host,
) -> Question:
    """Read what the controller has read in the file, and the options of the user.

    BadField where they disagree.
    """
    rules = rules_of(loader, version or "")
    where = absolute(directory or rules.default_directory, "directory")
    places = dict(pins or {})
    maps: List[AskedMap] = []
    for each in said["maps"]:
        path = _path(each, where, places.pop(each["name"], None))
        maps.append(_asked(rules, each, path, host))
    if places:
        known = ", ".join(sorted(each["name"] for each in said["maps"])) or "none"
        raise BadField(f"pins: there is no {min(places)!r} in the object file: it has {known}")
    return Question(
        rules,
        where,
        tuple(maps),
        tuple((name, kind, attach) for name, kind, attach in said["programs"]),
        tuple((number, name) for number, name in said["helpers"]),
        bool(said["asks_first"]),
        bool(said["kernel_btf"]),
    )


def _path(said: Mapping[str, Any], directory: str, given: Optional[object]) -> str:
    if given is None:
        return f"{directory.rstrip('/')}/{said['name']}" if said["pinned"] else ""
    path = absolute(str(given), f"pins.{said['name']}")
    check_pin_name(path.rpartition("/")[2])
    return path


def _asked(rules: LoaderRules, said: Mapping[str, Any], path: str, host: Host) -> AskedMap:
    kind = MAP_TYPES.get(said["type"])
    shape = MapShape(
        kind.number if kind else _number(said["type"]),
        said["key_size"],
        said["value_size"],
        said["max_entries"],
        said["map_flags"],
        said["map_extra"],
    )
    asked = asked_for(rules, shape, host, has_value_type=said["has_value_type"])
    inner = said["inner"]
    return AskedMap(
        said.get("name", ""),
        path,
        kind,
        asked,
        made(rules, asked, host),
        said["numa_node"],
        _btf(said["btf"]),
        None if inner is None else _asked(rules, inner, "", host),
        tuple(field for field in sorted(rules.unknown) if said[field] != _NOT_GIVEN[field]),
    )


def _btf(said: Optional[Mapping[str, Any]]) -> Optional[MapBtf]:
    """None also where no kernel takes the BTF of the object: loaders then make maps without."""
    if not said:
        return None
    return MapBtf(_parsed(said["data"]), (said["key_type_id"], said["value_type_id"]))


@lru_cache(maxsize=16)  # many maps of an object have the same key and value
def _parsed(data: str) -> Btf:
    return Btf.parse(base64.b64decode(data))


def _number(map_type: str) -> int:
    """A type that is newer than this collection is told by its number; struct_ops by its name."""
    return int(map_type) if map_type.isdigit() else _STRUCT_OPS


_STRUCT_OPS = 26
_NOT_GIVEN = {"map_extra": 0, "numa_node": None}
