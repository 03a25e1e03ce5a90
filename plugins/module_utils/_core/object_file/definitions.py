# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""BTF-style map definitions, read as libbpf reads them.

A definition is a struct whose members say by their types what they mean (bpf_helpers.h):
__uint(x, N) is a pointer to an array of N, __ulong(x, N) an enum with the one value N,
__type(x, T) a pointer to T, and __array(values, S) an array of pointers to S. The rules are those
of parse_btf_map_def and bpf_object__init_user_btf_map in libbpf, which is strict by default.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Collection, Dict, FrozenSet, List, Mapping, Optional, Tuple

from ..btf import Btf
from ..btf_types import (
    ARRAY,
    DATASEC,
    ENUM,
    ENUM64,
    FUNC_PROTO,
    FWD,
    INT,
    PTR,
    STRUCT,
    VAR,
    Type,
)
from ..errors import PinningError, ProblemCollector
from ..map_types import MAP_TYPES, TakesBtf, map_type_name
from ..uapi import MapFlag, flag_names
from ..values import dataclass
from .bound_types import bound_types


class BadDefinition(PinningError):
    """A definition cannot be as it is; the text says what a loader takes."""


@dataclass(frozen=True)
class Definition:
    """One map. As for libbpf, a number that is 0 is the same as one that is not given."""

    type: str  # as bpftool calls it; a number if the type is newer than this collection
    key_size: int = 0  # bytes
    value_size: int = 0  # bytes
    max_entries: int = 0
    map_flags: int = 0
    map_extra: int = 0
    numa_node: int = 0
    pinning: int = 0  # 1: LIBBPF_PIN_BY_NAME
    key: int = 0  # id of its type; 0: only the size is given, or nothing
    value: int = 0
    inner: Optional[Definition] = None

    @property
    def flags(self) -> List[str]:
        return flag_names(self.map_flags)

    @property
    def on_numa_node(self) -> Optional[int]:
        """None: on any. The kernel does not look at the node without the flag."""
        return self.numa_node if self.map_flags & MapFlag.NUMA_NODE.value else None


def read_definitions(types: Btf, hidden: Collection[str]) -> Dict[str, Definition]:
    """All maps of section .maps by name; raise Problems with all that is wrong.

    `hidden` are the names of symbols that do not leave their object file.
    """
    definitions: Dict[str, Definition] = {}
    problems = ProblemCollector()
    for part in _section(types).parts:
        variable = types.types[part.type_id]
        label = f"map {_short(variable.name)}"
        found = problems.of(partial(_read_variable, types, variable, hidden), f"{label}: ")
        if found is not None and definitions.setdefault(variable.name, found) is not found:
            problems.add(f"{label}: it is defined twice: drop one")
    problems.raise_any()
    return definitions


def types_to_describe(types: Btf, definition: Definition) -> Optional[Tuple[int, int]]:
    """Ids of key and value, if the kernel takes a map of this type with BTF for them.

    It has rules for some types (map_check_btf). What it refuses, libbpf then makes without BTF.
    """
    kind = MAP_TYPES.get(definition.type)
    if kind is None or kind.btf is TakesBtf.NO or not definition.value:
        return None
    if definition.type == "bloom_filter":
        return (0, definition.value) if not definition.key else None
    if not definition.key:
        return None
    wanted = _KINDS_OF_KEYS.get(definition.type)
    if definition.key_size == 16 and definition.type in _CGROUP_STORAGE:
        wanted = STRUCT
    if wanted is not None and types.bare(definition.key).kind != wanted:
        return None
    return definition.key, definition.value


def check_shareable(
    types: Btf, definition: Definition, allocated: FrozenSet[str] = frozenset()
) -> None:
    """Raise BadDefinition if a map that one load makes is of no use to the programs of another.

    `allocated` are the names of structs that the programs of the object allocate.
    """
    bound = bound_types(types, allocated)
    while True:
        if definition.value in bound:
            raise BadDefinition(
                f"its values have {bound[definition.value]}, so only programs that are loaded "
                "together with the map can use it: exclude it"
            )
        if definition.inner is None:
            return
        definition = definition.inner


def _section(types: Btf) -> Type:
    for found in types.types:
        if found.kind == DATASEC and found.name == ".maps":
            return found
    raise BadDefinition(
        "its BTF does not describe the maps of section .maps: compile with `clang -g -target bpf`"
    )


def _read_variable(types: Btf, variable: Type, hidden: Collection[str]) -> Definition:
    if variable.kind != VAR or not variable.name:
        raise BadDefinition(
            "section .maps holds something other than named variables: put only maps there"
        )
    linkage = variable.numbers[0]
    if linkage == _STATIC:
        raise BadDefinition("it is static, which loaders refuse: drop `static`")
    if linkage != _GLOBAL:
        raise BadDefinition("it is extern: link the object with the one that defines it")
    if variable.name in hidden:
        raise BadDefinition("it has hidden visibility, which loaders refuse: drop `__hidden`")
    struct = types.bare(variable.target)
    if struct.kind != STRUCT:
        raise BadDefinition("it is not a struct: write one struct for each map")
    return _read_struct(types, struct, _FIELDS)


def _read_struct(types: Btf, struct: Type, known: Mapping[str, _Read]) -> Definition:
    if len(struct.parts) > _MOST_FIELDS:
        raise BadDefinition(f"it has {len(struct.parts)} fields: use {', '.join(known)}")
    problems = ProblemCollector()
    given: Dict[str, Any] = {}
    for part in struct.parts:
        read = known.get(part.name)
        if read is None:
            problems.add(f"field {_short(part.name)} is not known here: use {', '.join(known)}")
            continue
        given[part.name] = problems.of(partial(read, types, part.type_id), f"{part.name}: ")
    problems.raise_any()
    names = [part.name for part in struct.parts]
    if "values" in names and names[-1] != "values":
        problems.add("values: it must be the last field: move it there")
    for field in ("key", "value"):
        type_id = given.get(field)
        if type_id is not None:
            size = problems.of(partial(_size, types, type_id), f"{field}: ")
            problems.of(partial(_set_size, given, f"{field}_size", size))
    if given.get("pinning", 0) not in (0, 1):
        problems.add(
            f"pinning: it is {given['pinning']}, but loaders know only 0 and 1: "
            "use LIBBPF_PIN_BY_NAME, or drop it"
        )
    problems.raise_any()
    number = given.pop("type", 0)
    if not number:
        raise BadDefinition("type is missing: write it with __uint")
    inner = _inner(types, map_type_name(number), given) if "values" in given else None
    return Definition(map_type_name(number), inner=inner, **given)


def _short(name: str) -> str:
    """For messages: a crafted object may have very long names, and the same one many times."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _size(types: Btf, type_id: int) -> int:
    if types.bare(type_id).kind == FWD:
        raise BadDefinition(
            f"{types.describe(type_id)} has no size here: compilers leave out a struct that "
            "nothing but a pointer or an inner map uses, so define a variable of it"
        )
    return types.size_of(type_id)


def _set_size(given: Dict[str, Any], field: str, size: int) -> None:
    if given.get(field) and given[field] != size:
        raise BadDefinition(
            f"{field} is {given[field]}, but its type has {size} bytes: drop one of the two"
        )
    given[field] = size


def _inner(types: Btf, map_type: str, given: Dict[str, Any]) -> Optional[Definition]:
    element = types.bare(given.pop("values"))
    _set_size(given, "value_size", 4)
    if map_type == "prog_array":
        if element.kind != FUNC_PROTO:
            raise BadDefinition("values: a prog_array holds functions: write it with __array")
        return None  # which of them is for the loader of the programs
    if map_type not in _MAPS_OF_MAPS:
        raise BadDefinition(
            f"values: only maps of maps and prog_array have it, not {map_type}: drop it"
        )
    if element.kind != STRUCT:
        raise BadDefinition(f"values: {map_type} holds maps: write each as a struct")
    problems = ProblemCollector()
    inner = problems.of(partial(_read_struct, types, element, _FIELDS_OF_INNER), "values: ")
    problems.raise_any()
    return inner


def _number(types: Btf, type_id: int) -> int:
    pointer = types.bare(type_id)
    array = types.types[pointer.target]
    if pointer.kind != PTR or array.kind != ARRAY:
        raise BadDefinition("it is not a number: write it with __uint")
    return array.numbers[0]


def _long(types: Btf, type_id: int) -> int:
    enum = types.bare(type_id)
    if enum.kind == PTR:
        return _number(types, type_id)
    if enum.kind not in (ENUM, ENUM64) or len(enum.parts) != 1:
        raise BadDefinition("it is not a number: write it with __uint or __ulong")
    if enum.kind == ENUM and enum.size > 4:
        raise BadDefinition(
            "the compiler cut it to 32 bits, as clang did before version 15: use a newer one"
        )
    return enum.parts[0].numbers[0]


def _type(types: Btf, type_id: int) -> int:
    pointer = types.types[type_id]
    if pointer.kind != PTR:
        raise BadDefinition("it is not a type: write it with __type")
    return pointer.target


def _values(types: Btf, type_id: int) -> int:
    array = types.types[type_id]
    pointer = types.bare(array.target)
    if array.kind != ARRAY or array.numbers[0] or pointer.kind != PTR:
        raise BadDefinition("it is not an array of pointers without a size: write it with __array")
    return pointer.target


_Read = Callable[[Btf, int], int]

_FIELDS_OF_INNER: Dict[str, _Read] = {
    "type": _number,
    "max_entries": _number,
    "key": _type,
    "key_size": _number,
    "value": _type,
    "value_size": _number,
    "map_flags": _number,
    "map_extra": _long,
    "numa_node": _number,
}
_FIELDS: Dict[str, _Read] = {**_FIELDS_OF_INNER, "pinning": _number, "values": _values}

_MOST_FIELDS = 32
_LONGEST_NAME = 128  # characters
_STATIC, _GLOBAL = 0, 1  # linkage of a variable
_MAPS_OF_MAPS = frozenset(name for name, row in MAP_TYPES.items() if row.inner)
_CGROUP_STORAGE = frozenset({"cgroup_storage", "percpu_cgroup_storage"})
_KINDS_OF_KEYS = {
    "array": INT,
    "percpu_array": INT,
    "lpm_trie": STRUCT,
    **dict.fromkeys(_CGROUP_STORAGE, INT),
    **{name: INT for name, row in MAP_TYPES.items() if row.btf is TakesBtf.REQUIRED},
}
