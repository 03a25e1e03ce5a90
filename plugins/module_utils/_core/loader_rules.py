# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What each loader makes of a definition, and what it compares before it reuses a pinned map. Pure.

Sources: map_is_reuse_compat, fill_map_from_def and map_set_def_max_entries in libbpf/src/libbpf.c;
MapSpec.fixupMagicFields and MapSpec.Compatible in cilium/ebpf/map.go;
MapData::create_pinned_by_name in aya/src/maps/mod.rs; lib/bpf_libbpf.c in iproute2, which leaves it
to libbpf. Each row is tried with the loader itself in tests/integration/test_preflight_loaders.py,
but for those of aya.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, FrozenSet, Optional, Tuple

from .map_types import MAP_TYPES, MAP_TYPES_BY_NUMBER, Host, MapType
from .shape import MapShape
from .values import NamedTuple, dataclass

KNOWN_LOADERS = ("libbpf", "cilium", "aya", "iproute2")


@dataclass(frozen=True)
class LoaderRules:
    """What one version of a loader does. Fields are those of MapShape."""

    name: str
    compares: Tuple[str, ...]
    rounds_rings: bool = False  # before it compares
    counts_cpus_for: FrozenSet[str] = frozenset()  # types of which 0 entries mean one for each CPU
    limits_to_cpus: FrozenSet[str] = frozenset()  # types of which it makes no more entries
    takes_any_for_zero: FrozenSet[str] = frozenset()  # types of which it then compares no entries
    knows_devmaps: bool = False  # that the kernel adds rdonly_prog to their flags
    fills_in_new: FrozenSet[str] = frozenset()  # types of which 0 entries mean so when it makes one
    ignores_annotations: bool = False  # a type of values that only says what events look like
    sets_sizes: bool = False  # of keys and values of perf_event_array
    sets_new_sizes: bool = False  # the same, only when it makes one
    renames: bool = False  # a map that it reuses has the name of that from then on
    unknown: FrozenSet[str] = frozenset()  # fields of definitions for which it refuses the object
    makes_directories: int = 0  # how many levels, where a pin is to be
    takes_legacy: bool = False  # definitions of maps that are not in BTF
    refusal: str = ""  # what it says when a pin is another map
    default_directory: str = "/sys/fs/bpf"


class Mismatch(NamedTuple):
    """A field for which a loader does not take a map that is pinned."""

    field: str
    want: int
    have: int


def rules_of(loader: str, version: str = "") -> LoaderRules:
    """Return the rules of a loader; of its newest version that is known, if none is given."""
    given = _numbers(version)
    rows = _RULES[loader]
    fitting = [rules for since, rules in rows if given is None or since <= given]
    return fitting[-1] if fitting else rows[0][1]


def asked_for(
    rules: LoaderRules, definition: MapShape, host: Host, *, has_value_type: bool = False
) -> MapShape:
    """Return the map that a loader compares with a pin; for the one it makes see `made`."""
    row = MAP_TYPES_BY_NUMBER.get(definition.number)
    if row is None:
        return definition
    name = _NAMES[row.number]
    asked = definition
    if rules.ignores_annotations and has_value_type:
        asked = asked._replace(value_size=size_of_values(name, asked.value_size))
    if rules.sets_sizes and name == "perf_event_array":
        asked = asked._replace(key_size=4, value_size=4)
    return asked._replace(max_entries=_entries(rules, name, row, asked, host))


def made(rules: LoaderRules, asked: MapShape, host: Host) -> MapShape:
    """Return the map that a loader asks the kernel for where nothing is pinned."""
    name = _NAMES.get(asked.number)
    if name not in rules.fills_in_new:
        return asked
    if rules.sets_new_sizes:
        asked = asked._replace(key_size=4, value_size=4)
    return asked._replace(max_entries=asked.max_entries or host.possible_cpus)


def _entries(rules: LoaderRules, name: str, row: MapType, asked: MapShape, host: Host) -> int:
    entries = asked.max_entries
    if name in RINGS:
        can_be_rounded = rules.rounds_rings and entries in row.entries
        return row.rounded(entries, asked.flags, host) if can_be_rounded else entries
    if name in rules.limits_to_cpus:
        entries = min(entries, host.possible_cpus)
    return entries or (host.possible_cpus if name in rules.counts_cpus_for else 0)


def mismatches(rules: LoaderRules, asked: MapShape, found: MapShape) -> Tuple[Mismatch, ...]:
    """Return every field for which the loader does not take `found` for what it asks for."""
    if rules.knows_devmaps and _NAMES.get(asked.number) in _DEVMAPS:
        asked = asked._replace(flags=asked.flags | MAP_TYPES["devmap"].kernel_flags)
    if not asked.max_entries and _NAMES.get(asked.number) in rules.takes_any_for_zero:
        asked = asked._replace(max_entries=found.max_entries)
    return tuple(
        Mismatch(field, getattr(asked, field), getattr(found, field))
        for field in rules.compares
        if getattr(asked, field) != getattr(found, field)
    )


def size_of_values(map_type: str, value_size: int) -> int:
    """Return the size that loaders ask for where a definition has a type of values.

    cilium/ebpf and aya take one that only says what events look like for no size; libbpf does not.
    """
    row = MAP_TYPES.get(map_type)
    if map_type in _OF_EVENTS and row is not None and value_size not in row.value:
        return 0
    return value_size


def are_entries_counted(map_type: str) -> bool:
    """Return whether loaders differ in what they make of max_entries."""
    row = MAP_TYPES.get(map_type)
    return row is not None and row.for_each_cpu


def _numbers(version: str) -> Optional[Tuple[int, ...]]:
    found = re.findall(r"\d+", version)
    return tuple(map(int, found[:2])) if found else None


RINGS = frozenset({"ringbuf", "user_ringbuf"})
_NAMES = {row.number: name for name, row in MAP_TYPES.items()}
_DEVMAPS = frozenset({"devmap", "devmap_hash"})
_OF_EVENTS = frozenset({"ringbuf", "perf_event_array", "arena"})
_PERF = frozenset({"perf_event_array"})
_FOR_EACH_CPU = frozenset(name for name, row in MAP_TYPES.items() if row.for_each_cpu)
_BASIC = ("number", "key_size", "value_size", "max_entries", "flags")
_LIBBPF = LoaderRules(
    "libbpf",
    compares=_BASIC,
    renames=True,
    fills_in_new=_PERF,
    unknown=frozenset({"map_extra"}),
    makes_directories=1,
    refusal="parameter mismatch",
)
_WITH_EXTRA = replace(_LIBBPF, compares=MapShape._fields, unknown=frozenset())
_ADJUSTING = replace(_WITH_EXTRA, rounds_rings=True, counts_cpus_for=_PERF)
_CILIUM = LoaderRules(
    "cilium/ebpf",
    compares=_BASIC,
    limits_to_cpus=_PERF,
    takes_any_for_zero=_PERF,
    fills_in_new=_PERF,
    sets_new_sizes=True,
    unknown=frozenset({"map_extra", "numa_node"}),
    refusal="map spec is incompatible with existing map",
)
_Rows = Tuple[Tuple[Tuple[int, ...], LoaderRules], ...]
_OF_LIBBPF: _Rows = (
    ((0, 0), _LIBBPF),
    ((0, 6), _WITH_EXTRA),
    ((1, 0), _ADJUSTING),
    ((1, 7), replace(_ADJUSTING, knows_devmaps=True)),
)
_OF_CILIUM: _Rows = (
    ((0, 0), _CILIUM),
    (
        (0, 11),
        replace(
            _CILIUM,
            takes_any_for_zero=frozenset(),
            unknown=frozenset({"numa_node"}),
            counts_cpus_for=_FOR_EACH_CPU,
            limits_to_cpus=_FOR_EACH_CPU,
            knows_devmaps=True,
            ignores_annotations=True,
            sets_sizes=True,
        ),
    ),
)
_GLOBALS = "/sys/fs/bpf/tc/globals"
# By loader, from which version on.
_RULES: Dict[str, _Rows] = {
    "libbpf": _OF_LIBBPF,
    "cilium": _OF_CILIUM,
    "aya": (
        (
            (0, 0),
            LoaderRules("aya", (), True, _PERF, _PERF, ignores_annotations=True, takes_legacy=True),
        ),
    ),
    # The version is that of the libbpf that it was built with.
    "iproute2": tuple(
        (since, replace(rules, name="iproute2", default_directory=_GLOBALS))
        for since, rules in _OF_LIBBPF
    ),
}
LOADERS_OF_LEGACY = frozenset(name for name, rows in _RULES.items() if rows[-1][1].takes_legacy)
