# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared to be in a map beside what is there: a dict is the model of a map.

Writing what `compare` tells, in whatever interleaving with others, leads to what is declared, and
is told as nothing afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Dict, NamedTuple

from ansible_collections.ebpf.pinning.plugins.module_utils._core.difference import (
    Difference,
    Entries,
    Mode,
    compare,
    compare_some,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.pairs import PairCollector
from hypothesis import event, given
from hypothesis import strategies as st
from strategies import examples

Map = Dict[bytes, bytes]

ZERO = b"\0"
KEYS = st.sampled_from([bytes([number]) for number in range(8)])
VALUES = st.sampled_from([ZERO, b"\1", b"\2"])
MAPS = st.dictionaries(KEYS, VALUES)


class Declared(NamedTuple):
    """Entries, with a dict in place of bytes."""

    mode: Mode
    pairs: Map
    absent: frozenset[bytes] = frozenset()

    def as_entries(self, width: int = 1) -> Entries:
        """As the core has them, with each value so many times."""
        collector = PairCollector(1, width)
        for key, value in self.pairs.items():
            assert collector.take([key], [value * width])
        return Entries(self.mode, collector.done(), self.absent)

    def told(self, difference: Difference, width: int = 1) -> Told:
        """The keys that are told of; the values with them are those that are declared."""
        for pairs in (difference.missing, difference.different):
            for key, value in pairs:
                assert value == self.pairs[key] * width
        return Told(
            [key for key, _value in difference.missing],
            [key for key, _value in difference.different],
            list(difference.extra),
            difference.total,
        )


class Told(NamedTuple):
    """The keys of what differs."""

    missing: list[bytes]
    different: list[bytes]
    extra: list[bytes]
    total: int | None


@st.composite
def declarations(draw: st.DrawFn) -> Declared:
    pairs = draw(MAPS)
    absent = draw(st.frozensets(KEYS)) - pairs.keys()
    return Declared(draw(st.sampled_from(Mode)), pairs, absent)


@st.composite
def batches_of(draw: st.DrawFn, there: Map) -> list[tuple[list[bytes], list[bytes]]]:
    """The entries of a map in any order, some at a time."""
    items = draw(st.permutations(sorted(there.items())))
    size = draw(st.integers(1, 4))
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return [([key for key, _value in part], [value for _key, value in part]) for part in parts]


def compared(
    data: st.DataObject,
    declared: Declared,
    batches: list[tuple[list[bytes], list[bytes]]],
    empty: bytes = b"",
) -> Told:
    """What `compare` tells, with values that are short, or longer than what is quick."""
    width = data.draw(st.sampled_from([1, 7, 8, 20]))
    there = [
        (b"".join(keys), b"".join(value * width for value in values)) for keys, values in batches
    ]
    difference = compare(declared.as_entries(width), there, empty * width)
    assert difference.is_none == (difference.words == "")
    return declared.told(difference, width)


def written(there: Mapping[bytes, bytes], declared: Declared, told: Told) -> Iterator[Map]:
    """The map after each step of writing what differs, in the order of the contract."""
    now = dict(there)
    for key in told.different:
        now[key] = declared.pairs[key]
        yield dict(now)
    for key in told.missing:
        if declared.mode is not Mode.INITIAL or key not in now:
            now[key] = declared.pairs[key]
        yield dict(now)
    for key in told.extra:
        now.pop(key, None)
        yield dict(now)


def meant(there: Mapping[bytes, bytes], declared: Declared) -> Map:
    """What is to be there, by the words of the documentation."""
    if declared.mode is Mode.EXACT:
        return dict(declared.pairs)
    kept = {key: value for key, value in there.items() if key not in declared.absent}
    if declared.mode is Mode.INITIAL:
        return {**declared.pairs, **kept}
    return {**kept, **declared.pairs}


@examples(200)
@given(st.data())
def test_what_differs_leads_to_what_is_declared_and_no_further(data: st.DataObject) -> None:
    declared, there = data.draw(declarations()), data.draw(MAPS)
    told = compared(data, declared, data.draw(batches_of(there)))
    steps = list(written(there, declared, told))
    last = steps[-1] if steps else there
    event(declared.mode.value)
    assert last == meant(there, declared)
    assert len(steps) == sum(map(len, told[:3]))
    assert told.total == len(there)
    for before, after in zip([there, *steps], steps):
        assert before != after  # nothing is written that is the same already
    for step in steps:
        for key in {*there, *declared.pairs}:
            assert step.get(key) in (there.get(key), meant(there, declared).get(key))
    # Never more at a time than what is said to need room.
    assert max(map(len, [there, *steps])) <= len(there) + len(told.missing)


@examples(200)
@given(st.data())
def test_looking_at_declared_keys_alone_tells_the_same(data: st.DataObject) -> None:
    declared, there = data.draw(declarations()), data.draw(MAPS)
    whole = compared(data, declared, data.draw(batches_of(there)))
    keys = (*declared.pairs, *declared.absent)
    found = {key: there.get(key) for key in keys}
    some = declared.told(compare_some(declared.as_entries(), found))
    if declared.mode is not Mode.EXACT:
        for one, other in zip(whole[:3], some[:3]):
            assert sorted(one) == sorted(other)
        assert list(whole.missing) == list(some.missing)


@examples(200)
@given(st.data())
def test_a_slot_of_zeros_is_nothing_too_much(data: st.DataObject) -> None:
    """In an array all keys are there."""
    there = {**dict.fromkeys([bytes([number]) for number in range(8)], ZERO), **data.draw(MAPS)}
    declared = Declared(data.draw(st.sampled_from(Mode)), data.draw(MAPS))
    told = compared(data, declared, data.draw(batches_of(there)), ZERO)
    assert not told.missing
    now = {**there, **{key: declared.pairs[key] for key in told.different}}
    now.update(dict.fromkeys(told.extra, ZERO))
    zeros = dict.fromkeys(there, ZERO)
    assert (
        now
        == {
            Mode.EXACT: {**zeros, **declared.pairs},
            Mode.PRESENT: {**there, **declared.pairs},
            Mode.INITIAL: there,
        }[declared.mode]
    )
    assert compared(data, declared, data.draw(batches_of(now)), ZERO)[:3] == ([], [], [])


@examples(200)
@given(st.data())
def test_what_is_read_twice_is_told_once(data: st.DataObject) -> None:
    """A map that others write to may show an entry again, with another value perhaps."""
    declared, there, later = (data.draw(each) for each in (declarations(), MAPS, MAPS))
    told = compared(data, declared, [*data.draw(batches_of(there)), *data.draw(batches_of(later))])
    for keys in told[:3]:
        assert len(keys) == len({*keys})
    assert not {*told.missing} & {*there, *later}


@examples(200)
@given(st.data())
def test_whatever_others_do_meanwhile_the_next_run_puts_right(data: st.DataObject) -> None:
    """Runs that are stopped at any step, and others who write between them."""
    declared, now = data.draw(declarations()), data.draw(MAPS)
    for _run in range(3):
        told = compared(data, declared, data.draw(batches_of(now)))
        before = dict(now)
        steps = [now, *written(now, declared, told)]
        now = dict(data.draw(st.sampled_from(steps)))
        if declared.mode is Mode.INITIAL:
            kept = {key: value for key, value in before.items() if key in declared.pairs}
            assert kept.items() <= now.items()  # what programs made of a value stays
        now.update(data.draw(MAPS))
    told = compared(data, declared, data.draw(batches_of(now)))
    steps = [now, *written(now, declared, told)]
    assert steps[-1] == meant(now, declared)
    again = compared(data, declared, data.draw(batches_of(steps[-1])))
    assert again[:3] == ([], [], [])
