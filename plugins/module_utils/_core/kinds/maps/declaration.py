# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which maps are wanted: from what people write to what the kernel will report."""

from __future__ import annotations

import enum
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from ...errors import ProblemCollector, Problems
from ...fields import absolute, read_readers
from ...map_types import MAP_TYPES, UNDECLARABLE, Host, MapType, TakesBtf, spell_sizes
from ...map_words import nearest, plain_word
from ...options import AT_BOOT, CONTENT
from ...people import Awaited, BadField, Ids
from ...shape import MapBtf, MapShape
from ...uapi import MAP_FLAGS, OBJ_NAME_LEN, MapFlag, flag_names
from ...values import dataclass
from ..pins.declaration import (
    Arguments,
    OnMismatch,
    WantedName,
    filled_up,
    read_name,
    read_named,
)

if TYPE_CHECKING:
    from .content import WantedContent


class ValueGrowth(enum.Enum):
    """What to do with values that are shorter than declared when they are copied."""

    REFUSE = "refuse"
    ZERO_PAD = "zero_pad"


@dataclass(frozen=True)
class MapSpec:
    """A map as it is to be made. `shape` is as the kernel will report it."""

    kind: MapType
    shape: MapShape
    numa_node: Optional[int]
    btf: Optional[MapBtf]
    inner: Optional[MapSpec]

    def inheriting(self, btf: Optional[MapBtf], value_size: int) -> MapSpec:
        """Return this with the BTF of an older map, if none is declared and that one applies."""
        applies = btf is not None and btf.type_ids[1] and value_size == self.shape.value_size
        return replace(self, btf=btf) if applies and self.btf is None else self


class SlotKey:
    """Which slot of a map of maps is meant. Keys may be secrets, so it shows none."""

    def __init__(self, key: object, key_format: object) -> None:
        self.key = key
        self.format = key_format


@dataclass(frozen=True)
class WantedSwap:
    """The map is to be in a slot of the map of maps that is pinned at `outer`."""

    outer: str  # path
    slot: SlotKey
    is_declared: bool = False  # the map of maps, by the same declaration


@dataclass(frozen=True)
class WantedPin(WantedName):
    """A map that is to be pinned."""

    map: MapSpec
    frozen: Optional[bool]
    value_growth: ValueGrowth = ValueGrowth.REFUSE
    readers: Tuple[int, ...] = ()  # uids of those who are to open it
    content: Optional[WantedContent] = None
    swap: Optional[WantedSwap] = None
    needs_btf: bool = True  # False: one without any serves, too, unless the kernel reads the BTF

    @property
    def may_be_replaced(self) -> bool:
        return super().may_be_replaced or self.swap is not None

    @property
    def turn(self) -> int:
        if self.swap is not None:
            return 2
        return 1 if self.content is not None and self.content.paths else 0

    @property
    def asks_more(self) -> bool:
        """Return whether more is to be known of what is there than its shape."""
        spec = self.map
        is_special = self.frozen is not None or spec.btf is not None or spec.inner is not None
        is_filled = self.content is not None
        return is_special or is_filled or self.on_mismatch is OnMismatch.MIGRATE

    @property
    def kernel_name(self) -> bytes:
        """At most 15 bytes of [A-Za-z0-9_.]: what the kernel takes, cut as libbpf does."""
        return _UNNAMEABLE.sub(b"_", self.name.encode("utf-8", "surrogateescape"))[:OBJ_NAME_LEN]


def read_pins(
    items: Sequence[Arguments],
    defaults: Arguments,
    host: Host,
    ids: Ids,
) -> List[WantedPin]:
    """Read all `items`, filled up from `defaults`; raise Problems with all that is wrong."""
    pins = read_named(items, lambda item: _read_pin(item, defaults, host, ids), "map")
    if any(pin.turn for pin in pins):
        # Few maps have to do with others, and to load what reads it takes 20 ms.
        from .together import agreed

        return agreed(pins)
    return pins


def _read_pin(item: Arguments, defaults: Arguments, host: Host, ids: Ids) -> WantedPin:
    problems = ProblemCollector()
    given = filled_up(item, defaults)
    name = problems.of(lambda: read_name(given, ids))
    spec = problems.of(lambda: _read_map(item, host))
    readers = problems.of(lambda: read_readers(given("readers"), ids))  # type: ignore[arg-type]
    content = problems.of(lambda: _content(item, spec, ids.awaited))
    swap = problems.of(lambda: _swap(item, name, spec))
    problems.raise_any()
    return WantedPin(
        **vars(name),
        map=spec,
        frozen=item.get("frozen"),  # type: ignore[arg-type]
        value_growth=ValueGrowth(given("value_growth") or ValueGrowth.REFUSE),
        readers=readers,
        content=content,
        swap=swap,
    )


def _swap(
    item: Arguments, name: Optional[WantedName], spec: Optional[MapSpec]
) -> Optional[WantedSwap]:
    given: Optional[Dict[str, object]] = item.get("entries_swap")  # type: ignore[assignment]
    if given is None or spec is None:
        return None
    if item.get("entries") is None and item.get("entries_from") is None:
        raise BadField(
            "entries_swap is for entries, and none are declared: add entries, or drop it"
        )
    if item.get("entries_mode") != "exact":
        raise BadField(
            "entries_swap needs entries_mode: exact: a new map takes the place of the old one as a "
            "whole, and what others write to the old one meanwhile would be lost"
        )
    if not spec.kind.can_be_inner:
        raise BadField(
            "entries_swap: the kernel takes no such map into another: choose another type"
        )
    outer = absolute(str(given["outer"]), "entries_swap.outer")
    if name is not None and outer == name.path:
        raise BadField("entries_swap.outer is the map itself: name the map of maps that holds it")
    return WantedSwap(outer, SlotKey(given["key"], given.get("key_format")))


def _content(
    item: Arguments, spec: Optional[MapSpec], awaited: Optional[Awaited]
) -> Optional[WantedContent]:
    if spec is None or not any(item.get(option) is not None for option in _OF_CONTENT):
        return None
    # Few maps have any, and to load what reads it takes 20 ms.
    from .content import WantedContent

    if spec.inner is None:
        content = WantedContent(item, spec.shape, awaited)
    else:
        from .held import WantedMaps

        content = WantedMaps(item, spec.shape, spec.inner)
    if not item.get(AT_BOOT) and (spec.btf is not None or not content.needs_btf):
        content.encoded(spec.btf)
    return content


def _read_map(item: Arguments, host: Host, *, is_inner: bool = False) -> MapSpec:
    kind_name, kind = _kind(item.get("type"))
    problems = ProblemCollector()
    numa_node = item.get("numa_node")
    flags = problems.of(lambda: _flags(item, kind_name, kind)) or 0

    def size(field: str, allowed: range) -> int:
        return problems.of(lambda: _size(item, field, allowed, kind_name)) or 0

    key_size = size("key_size", kind.key)
    value_size = size("value_size", kind.value_for(flags))
    max_entries = size("max_entries", kind.entries)
    map_extra = size("map_extra", kind.extra)
    if kind.extra_within_entries and map_extra > max_entries > 0:
        problems.add(
            f"map_extra {map_extra} is more than max_entries {max_entries}: it is how many entries "
            "the map has room for at first: lower it, or leave it out"
        )
    inner = problems.of(lambda: _inner(item, kind_name, kind, host))
    if is_inner and not kind.can_be_inner:
        problems.add(f"inner_map: the kernel takes no {kind_name} as an inner map: choose another")
    btf = problems.of(lambda: _btf(item, kind, key_size, value_size))
    problems.raise_any()
    shape = MapShape(
        kind.number,
        key_size,
        value_size,
        kind.rounded(_no_more_than_loaded(item, kind, max_entries, host), flags, host),
        flags,
        map_extra,
    )
    return MapSpec(kind, shape, numa_node, btf, inner)  # type: ignore[arg-type]


def _no_more_than_loaded(item: Arguments, kind: MapType, max_entries: int, host: Host) -> int:
    """Return what the loader makes of the number, before it asks the kernel or compares a pin."""
    if kind.for_each_cpu and item.get("loader") == "cilium":
        return min(max_entries, host.possible_cpus)  # MapSpec.fixupMagicFields
    return max_entries


def _kind(name: object) -> Tuple[str, MapType]:
    if name is None:
        raise BadField(f"type is missing: give one of {', '.join(sorted(MAP_TYPES))}")
    plain = plain_word(name, "bpf_map_type_")
    if plain in UNDECLARABLE:
        raise BadField(f"type {name} cannot be declared: {UNDECLARABLE[plain]}")
    if name not in MAP_TYPES:
        meant, known = nearest(plain, MAP_TYPES), ", ".join(sorted(MAP_TYPES))
        if meant:
            raise BadField(
                f"type {name!r} is unknown: did you mean {meant}? Else use one of {known}"
            )
        raise BadField(f"type {name!r} is unknown: use one of {known}")
    return str(name), MAP_TYPES[str(name)]


def _flags(item: Arguments, kind_name: str, kind: MapType) -> int:
    flags = kind.implied_flags
    names: Sequence[str] = item.get("flags") or ()  # type: ignore[assignment]
    for name in names:
        flags |= _flag(name, kind_name, kind)
    numa_node = item.get("numa_node")
    if numa_node is not None:
        if not kind.flags & _NUMA_NODE:
            raise BadField(f"numa_node is not for {kind_name}: drop it")
        if not isinstance(numa_node, int) or numa_node not in range(2**31):
            raise BadField(f"numa_node must be 0 or greater, not {numa_node!r}")
        flags |= _NUMA_NODE
    if flags & _ONE_SIDED == _ONE_SIDED:
        raise BadField("flags rdonly_prog and wronly_prog exclude each other: keep one")
    return flags


def _flag(name: str, kind_name: str, kind: MapType) -> int:
    plain = plain_word(name, "bpf_f_")
    if plain in _PER_DESCRIPTOR:
        raise BadField(
            f"flag {name} belongs to a file descriptor and is lost when the map is pinned: "
            f"use mode and group of the pin, or {plain}_prog for programs"
        )
    names = flag_names(kind.flags)
    allowed = ", ".join(names) or "none"
    if plain in MAP_FLAGS and plain not in names:
        raise BadField(f"flag {name!r} is not for {kind_name}: {kind_name} takes {allowed}")
    if name not in MAP_FLAGS:
        meant = nearest(plain, names)
        if meant:
            raise BadField(
                f"flag {name!r} is unknown: did you mean {meant}? {kind_name} takes {allowed}"
            )
        raise BadField(f"flag {name!r} is unknown: {kind_name} takes {allowed}")
    return MAP_FLAGS[name]


def _size(item: Arguments, field: str, allowed: range, kind_name: str) -> int:
    value = item.get(field)
    if value is None:
        if allowed.start == 0 or allowed.stop == allowed.start + 1:
            return allowed.start
        raise BadField(f"{field} is missing: {kind_name} takes {spell_sizes(allowed)}")
    if not isinstance(value, int) or value not in allowed:
        raise BadField(f"{field} {value!r} is not for {kind_name}: it takes {spell_sizes(allowed)}")
    return value


def _inner(item: Arguments, kind_name: str, kind: MapType, host: Host) -> Optional[MapSpec]:
    declared = item.get("inner_map")
    if declared is None:
        if kind.inner:
            raise BadField(f"inner_map is missing: {kind_name} needs the shape of what it holds")
        return None
    if not kind.inner:
        raise BadField(f"inner_map is not for {kind_name}: drop it")
    try:
        return _read_map(declared, host, is_inner=True)  # type: ignore[arg-type]
    except Problems as found:
        raise Problems([f"inner_map: {problem}" for problem in found.problems]) from None
    except BadField as bad:
        raise BadField(f"inner_map: {bad}") from None


def _btf(item: Arguments, kind: MapType, key_size: int, value_size: int) -> Optional[MapBtf]:
    declared: Optional[Dict[str, object]] = item.get("btf")  # type: ignore[assignment]
    if declared is None or kind.btf is TakesBtf.NO:
        return None  # libbpf, too, makes such a map without BTF
    # Few maps have any, and to load what reads it takes 10 ms.
    from .declared_btf import read_btf

    return read_btf(declared, key_size, value_size)


_OF_CONTENT = tuple(CONTENT)
_UNNAMEABLE = re.compile(rb"[^A-Za-z0-9_.]")
_NUMA_NODE = MapFlag.NUMA_NODE.value
_PER_DESCRIPTOR = ("rdonly", "wronly")
_ONE_SIDED = MapFlag.RDONLY_PROG.value | MapFlag.WRONLY_PROG.value
