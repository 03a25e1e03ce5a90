# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A map is migrated unless something is in the way, and then the message says what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import strategies as some
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    WantedPin,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.migration import (
    with_btf_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.plan import decide
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    NO_DETAILS,
    PinnedMap,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import ROOT_ONLY
from hypothesis import assume, given
from hypothesis import strategies as st
from models import ENTRIES, Held, are_kin, kernel_makes, kernel_takes
from situations import TIMER, outgrown, read_inner, read_one, struct_named, takes_btf
from strategies import RARELY, YES_OR_NO, examples

ZERO_SEED = 0x40
_COUNTS = st.sampled_from([0, 1, 2, 16, 2**32])
_NUMBERS = st.sampled_from([*(row.number for row in MAP_TYPES.values()), 26, 99])
_SHAPES = st.one_of(some.COPYABLE_SHAPES, some.COPYABLE_SHAPES, some.SHAPES_OF_MAPS)
_POLICY = {"name": "a", "on_mismatch": "migrate"}


def outgrown_map(draw: st.DrawFn, shape: dict[str, Any]) -> tuple[WantedPin, Held]:
    """A declaration, and a map of another shape with nothing in the way."""
    wanted = read_one({**shape, **_POLICY, "value_growth": "zero_pad"})
    have = outgrown(draw, kernel_makes(wanted.map.shape))
    have = have._replace(flags=have.flags ^ ZERO_SEED)
    inner = kernel_makes(wanted.map.inner.shape) if wanted.map.inner else None
    entries = min(draw(_COUNTS), have.max_entries, wanted.map.shape.max_entries)
    btf = struct_named("other", have.value_size) if takes_btf(have.number) else None
    return wanted, Held(
        PinnedMap(draw(ENTRIES), 7, "a", have, NO_DETAILS),
        frozen=draw(RARELY),
        btf=btf if draw(YES_OR_NO) else None,
        template=inner,
        shows_inner=bool(entries and inner),
        entries=entries,
    )


@st.composite
def moves(draw: st.DrawFn) -> tuple[WantedPin, Held]:
    return outgrown_map(draw, draw(_SHAPES))


def in_shape(there: Held, **fields: int) -> Held:
    """The same map in another shape."""
    return replace(there, found=there.found._replace(shape=there.found.shape._replace(**fields)))


def _another_key(_draw: st.DrawFn, _wanted: WantedPin, there: Held) -> Held:
    return in_shape(there, key_size=there.found.shape.key_size + 1)


def _longer_values(_draw: st.DrawFn, wanted: WantedPin, there: Held) -> Held:
    return replace(in_shape(there, value_size=wanted.map.shape.value_size + 1), btf=None)


def _another_kind(draw: st.DrawFn, wanted: WantedPin, there: Held) -> Held:
    number = draw(_NUMBERS)
    assume(not are_kin(number, wanted.map.shape.number))
    return in_shape(there, number=number)


def _too_many(_draw: st.DrawFn, wanted: WantedPin, there: Held) -> Held:
    entries = wanted.map.shape.max_entries + 1
    assume(entries < 2**32)
    return replace(in_shape(there, max_entries=entries), entries=entries)


def _a_timer(_draw: st.DrawFn, _wanted: WantedPin, there: Held) -> Held:
    shape = there.found.shape
    assume(takes_btf(shape.number))
    return replace(there, btf=struct_named(TIMER, shape.value_size))


def _hidden_btf(_draw: st.DrawFn, _wanted: WantedPin, there: Held) -> Held:
    return replace(there, btf_hidden=True)


def _other_inner_maps(draw: st.DrawFn, wanted: WantedPin, there: Held) -> Held:
    assume(wanted.map.inner is not None and there.found.shape.number == wanted.map.shape.number)
    assert wanted.map.inner is not None
    template = kernel_makes(read_inner(draw(some.INNER_SHAPES)).shape)
    assume(not kernel_takes(template, kernel_makes(wanted.map.inner.shape)))
    return replace(there, template=template, entries=1, shows_inner=True)


class Obstacle(NamedTuple):
    """`put` puts it in the way of a map; `text` is what the message says then."""

    name: str
    put: Callable[[st.DrawFn, WantedPin, Held], Held]
    text: str


OBSTACLES = [
    Obstacle("keys of another size", _another_key, "keys of"),
    Obstacle("values that are too long", _longer_values, "values of"),
    Obstacle("a type that is no kin", _another_kind, ""),
    Obstacle("more entries than there is room for", _too_many, "is too small for that"),
    Obstacle("what only programs can put there", _a_timer, "bpf_timer"),
    Obstacle("BTF that cannot be read", _hidden_btf, "BTF cannot be read"),
    Obstacle("maps that do not go into it", _other_inner_maps, "inner_map declares"),
]


@examples(100)
@given(moves())
def test_all_entries_go_into_a_map_that_takes_them(move: tuple[WantedPin, Held]) -> None:
    wanted, there = move
    for predicting in (True, False):
        step = decide(wanted, there.as_seen(wanted, predicting=predicting), ROOT_ONLY)
        assert step.action is Action.MIGRATE
        assert isinstance(step.found, PinnedMap)
        made = with_btf_of(wanted.map, step.found)
        assert made == replace(wanted.map, btf=made.btf)
        # One that is declared counts; else that of the old map, while it describes the values.
        same = there.found.shape.value_size == wanted.map.shape.value_size
        assert made.btf is (wanted.map.btf or (there.btf if same else None))


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=[each.name for each in OBSTACLES])
def test_a_map_stays_as_it_is_when_in_the_way_are(obstacle: Obstacle) -> None:
    met = []

    @examples(40)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        shapes = some.SHAPES_OF_MAPS if obstacle.put is _other_inner_maps else _SHAPES
        wanted, there = outgrown_map(data.draw, data.draw(shapes))
        there = obstacle.put(data.draw, wanted, there)
        step = decide(wanted, there.as_seen(wanted, predicting=False), ROOT_ONLY)
        assert step.action is Action.REFUSE
        assert "It cannot be migrated: " in step.reason
        assert obstacle.text in step.reason
        met.append(step)

    check()
    assert len(met) >= 10


@examples(60)
@given(moves())
def test_values_grow_only_when_that_is_allowed(move: tuple[WantedPin, Held]) -> None:
    wanted, there = move
    careful = replace(wanted, value_growth=type(wanted.value_growth).REFUSE)
    step = decide(careful, there.as_seen(careful, predicting=True), ROOT_ONLY)
    grows = there.found.shape.value_size < wanted.map.shape.value_size
    assert step.action is (Action.REFUSE if grows else Action.MIGRATE)
    assert not grows or "value_growth: zero_pad" in step.reason
