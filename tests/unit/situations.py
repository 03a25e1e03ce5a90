# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be there when maps are declared: nothing, such a map, one like it, another, no map."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import plan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import Problems
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.apply import MapKind
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    MapSpec,
    WantedPin,
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.steps import MapPlan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.declaration import (
    OnMismatch,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NO_DETAILS,
    NotAPin,
    PinnedLink,
    PinnedMap,
    PinnedProg,
    Program,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import (
    MAP_TYPES,
    Host,
    TakesBtf,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import MapBtf, MapShape
from ansible_collections.ebpf.pinning.plugins.module_utils._core.users import Users
from ansible_collections.ebpf.pinning.plugins.module_utils._module import maps as map_module
from faces import Exited, checked
from hypothesis import assume
from hypothesis import strategies as st
from models import ENTRIES, HOST, Held, World, kernel_makes
from strategies import RARELY, YES_OR_NO

TIMER = "bpf_timer"  # user space sees zeros where a value has one


def read_one(item: Mapping[str, Any], host: Host = HOST) -> WantedPin:
    return read_pins([item], some.DEFAULTS, host, Users())[0]


def read_inner(shape: Mapping[str, Any]) -> MapSpec:
    outer = {"name": "outer", "type": "array_of_maps", "max_entries": 1, "inner_map": shape}
    inner = read_one(outer).map.inner
    assert inner is not None
    return inner


@functools.lru_cache(maxsize=None)
def struct_named(name: str, size: int) -> MapBtf:
    """BTF of a struct of this name and size in bytes as the value."""
    return MapBtf(Btf.parse(some.blob_of([1, 4 << 24, size], f"\0{name}\0".encode())), (0, 1))


NOT_MAPS = st.one_of(
    st.builds(PinnedProg, ENTRIES, st.just(7), st.just("count"), st.just("xdp")),
    st.builds(PinnedLink, ENTRIES, st.just(8), st.just("xdp"), st.just(7)),
    st.sampled_from([A_DIRECTORY, NotAPin("a symlink to /x"), NotAPin("a FIFO")]),
)
_OTHERS = st.sampled_from(["other", "other", TIMER, ""])
_SPECS = some.SHAPES.map(lambda shape: read_one({"name": "other", **shape}).map)
_SOME_FIELDS = st.lists(st.sampled_from(MapShape._fields), min_size=1, max_size=2)
_NUMBERS = st.sampled_from([*(row.number for row in MAP_TYPES.values()), 26, 99])
_LIKE_IT = {1: 9, 9: 35, 35: 1, 5: 10, 10: 5}
_BITS = st.integers(0, 21)
_SHORTER = st.sampled_from([0, 0, 0, 1, 4])
_STEPS = st.sampled_from([-1, 1, 4, -100, 4096])
_COUNTS = st.sampled_from([0, 1, 2, 16, 2**32])


def altered(draw: st.DrawFn, shape: MapShape) -> MapShape:
    """A shape that differs in one field or a few; not always one that the kernel would make."""
    for name in draw(_SOME_FIELDS):
        value = getattr(shape, name)
        if name == "number":
            value = draw(_NUMBERS)
        elif name == "flags":
            value ^= 1 << draw(_BITS)
        else:
            value = min(max(0, value + draw(_STEPS)), 2**32 - 1)
        shape = shape._replace(**{name: value})
    return shape


def outgrown(draw: st.DrawFn, shape: MapShape) -> MapShape:
    """A shape whose entries may well go into `shape`."""
    number = shape.number
    return shape._replace(
        number=_LIKE_IT.get(number, number) if draw(YES_OR_NO) else number,
        value_size=max(1, shape.value_size - draw(_SHORTER)),
        max_entries=min(max(1, shape.max_entries + draw(_STEPS)), 2**32 - 1),
    )


def takes_btf(number: int) -> bool:
    return any(row.number == number and row.btf is not TakesBtf.NO for row in MAP_TYPES.values())


def held(draw: st.DrawFn, wanted: WantedPin) -> Held:
    """A map that was pinned as wanted, or nearly so, or another one."""
    spec = draw(_SPECS) if draw(RARELY) else wanted.map
    shape = kernel_makes(spec.shape)
    if draw(RARELY) or draw(RARELY):
        shape = altered(draw, shape)
    elif wanted.on_mismatch is OnMismatch.MIGRATE and draw(YES_OR_NO):
        shape = outgrown(draw, shape)
    inner = spec.inner.shape if spec.inner else None
    if wanted.map.inner and (inner is None or draw(YES_OR_NO)):
        inner = read_inner(draw(some.INNER_SHAPES)).shape
    entries = min(draw(_COUNTS), shape.max_entries)
    btf = wanted.map.btf
    if shape.value_size != wanted.map.shape.value_size or draw(RARELY):
        name = draw(_OTHERS)
        btf = struct_named(name, shape.value_size) if name and takes_btf(shape.number) else None
    return Held(
        PinnedMap(draw(ENTRIES), 42, "flows", shape, NO_DETAILS),
        frozen=draw(YES_OR_NO),
        btf=btf,
        template=kernel_makes(inner) if inner else None,
        shows_inner=bool(entries and inner),
        btf_hidden=btf is not None and draw(RARELY),
        entries=entries,
    )


@dataclass
class Situation:
    """What is declared, and what is there."""

    arguments: dict[str, Any]
    pins: list[WantedPin]
    world: World

    def plan(self) -> MapPlan:
        kind = self.kind(parents=self.arguments["parents"])
        return plan(kind, kind.observe(self.pins))

    @property
    def kind(self) -> Callable[..., MapKind]:
        return self.world.kind

    def check(self) -> Exited:
        """The result of bpf_map_pinned in check mode."""
        return checked(
            map_module,
            self.arguments,
            MapKind=self.kind,
            this_host=lambda: HOST,
            programs_using=lambda ids: {each: [Program(7, "xdp", "x", (each,))] for each in ids},
        )


_ROOTS = st.sampled_from(World.ROOTS)


@st.composite
def situations(
    draw: st.DrawFn, policy: OnMismatch, shapes: st.SearchStrategy[dict[str, Any]]
) -> Situation:
    items = draw(st.lists(some.declarations(shapes), min_size=1, max_size=3))
    arguments = {
        **some.DEFAULTS,
        "maps": items,
        "parents": draw(YES_OR_NO),
        "on_mismatch": policy.value,
        "value_growth": draw(some.VALUE_GROWTH),
    }
    try:
        pins = read_pins(items, arguments, HOST, Users())
    except Problems:  # one name twice, or a pin that is to be a directory, too
        assume(False)
    world = World({}, {*World.ROOTS}, set(), set(), set(), same=draw(RARELY) and draw(YES_OR_NO))
    for pin in pins:
        if not draw(RARELY):
            world.there[pin.path] = draw(NOT_MAPS) if draw(RARELY) else held(draw, pin)
        path = pin.directory
        while path not in world.directories and (pin.path in world.there or draw(RARELY)):
            parent = path.rpartition("/")[0]
            if parent in world.directories:
                world.directories.add(path)
                path = pin.directory
            else:
                path = parent
    if draw(RARELY) or draw(RARELY):
        (world.off_bpffs if draw(YES_OR_NO) else world.read_only).add(draw(_ROOTS))
    if draw(RARELY) or (world.read_only and draw(YES_OR_NO)):
        world.abandoned.update({pins[0].directory} & world.directories)
    return Situation(arguments, pins, world)
