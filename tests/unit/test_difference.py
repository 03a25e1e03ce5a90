# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared to be in a map beside what is there: a dict is the model of a map.

Writing what `compare` tells, in whatever interleaving with others, leads to what is declared, and
is told as nothing afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Dict

from ansible_collections.ebpf.pinning.plugins.module_utils._core.difference import (
    Difference,
    Entries,
    Mode,
    compare,
    compare_some,
)
from hypothesis import event, given
from hypothesis import strategies as st
from strategies import examples

Map = Dict[bytes, bytes]

ZERO = b"\0"
KEYS = st.sampled_from([bytes([number]) for number in range(8)])
VALUES = st.sampled_from([ZERO, b"\1", b"\2"])
MAPS = st.dictionaries(KEYS, VALUES)


@st.composite
def declarations(draw: st.DrawFn) -> Entries:
    pairs = draw(MAPS)
    absent = draw(st.frozensets(KEYS)) - pairs.keys()
    return Entries(draw(st.sampled_from(Mode)), pairs, 1, absent)


@st.composite
def batches_of(draw: st.DrawFn, there: Map) -> list[tuple[list[bytes], list[bytes]]]:
    """The entries of a map in any order, some at a time."""
    items = draw(st.permutations(sorted(there.items())))
    size = draw(st.integers(1, 4))
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return [([key for key, _value in part], [value for _key, value in part]) for part in parts]


def compared(
    data: st.DataObject,
    entries: Entries,
    batches: list[tuple[list[bytes], list[bytes]]],
    empty: bytes = b"",
) -> Difference:
    """What `compare` tells, with values that are short, or longer than what is quick."""
    width = data.draw(st.sampled_from([1, 7, 8, 20]))
    wide = {key: value * width for key, value in entries.pairs.items()}
    there = [
        (b"".join(keys), b"".join(value * width for value in values)) for keys, values in batches
    ]
    widened = entries._replace(pairs=wide, value_size=width)
    return compare(widened, there, 1, empty * width)


def written(there: Mapping[bytes, bytes], entries: Entries, told: Difference) -> Iterator[Map]:
    """The map after each step of writing what differs, in the order of the contract."""
    now = dict(there)
    for key in told.different:
        now[key] = entries.pairs[key]
        yield dict(now)
    for key in told.missing:
        if entries.mode is not Mode.INITIAL or key not in now:
            now[key] = entries.pairs[key]
        yield dict(now)
    for key in told.extra:
        now.pop(key, None)
        yield dict(now)


def meant(there: Mapping[bytes, bytes], entries: Entries) -> Map:
    """What is to be there, by the words of the documentation."""
    if entries.mode is Mode.EXACT:
        return dict(entries.pairs)
    kept = {key: value for key, value in there.items() if key not in entries.absent}
    if entries.mode is Mode.INITIAL:
        return {**entries.pairs, **kept}
    return {**kept, **entries.pairs}


@examples(200)
@given(st.data())
def test_what_differs_leads_to_what_is_declared_and_no_further(data: st.DataObject) -> None:
    entries, there = data.draw(declarations()), data.draw(MAPS)
    told = compared(data, entries, data.draw(batches_of(there)))
    steps = list(written(there, entries, told))
    last = steps[-1] if steps else there
    event(entries.mode.value)
    assert last == meant(there, entries)
    assert len(steps) == sum(map(len, told[:3]))
    assert told.total == len(there)
    for before, after in zip([there, *steps], steps):
        assert before != after  # nothing is written that is the same already
    for step in steps:
        for key in {*there, *entries.pairs}:
            assert step.get(key) in (there.get(key), meant(there, entries).get(key))
    # Never more at a time than what is said to need room.
    assert max(map(len, [there, *steps])) <= len(there) + len(told.missing)


@examples(200)
@given(st.data())
def test_looking_at_declared_keys_alone_tells_the_same(data: st.DataObject) -> None:
    entries, there = data.draw(declarations()), data.draw(MAPS)
    whole = compared(data, entries, data.draw(batches_of(there)))
    some = compare_some(entries, {key: there.get(key) for key in (*entries.pairs, *entries.absent)})
    if entries.mode is not Mode.EXACT:
        for one, other in zip(whole[:3], some[:3]):
            assert sorted(one) == sorted(other)
        assert list(whole.missing) == list(some.missing)


@examples(200)
@given(st.data())
def test_a_slot_of_zeros_is_nothing_too_much(data: st.DataObject) -> None:
    """In an array all keys are there."""
    there = {**dict.fromkeys([bytes([number]) for number in range(8)], ZERO), **data.draw(MAPS)}
    entries = Entries(data.draw(st.sampled_from(Mode)), data.draw(MAPS), 1)
    told = compared(data, entries, data.draw(batches_of(there)), ZERO)
    assert not told.missing
    now = {**there, **{key: entries.pairs[key] for key in told.different}}
    now.update(dict.fromkeys(told.extra, ZERO))
    zeros = dict.fromkeys(there, ZERO)
    assert (
        now
        == {
            Mode.EXACT: {**zeros, **entries.pairs},
            Mode.PRESENT: {**there, **entries.pairs},
            Mode.INITIAL: there,
        }[entries.mode]
    )
    assert compared(data, entries, data.draw(batches_of(now)), ZERO).is_none


@examples(200)
@given(st.data())
def test_what_is_read_twice_is_told_once(data: st.DataObject) -> None:
    """A map that others write to may show an entry again, with another value perhaps."""
    entries, there, later = (data.draw(each) for each in (declarations(), MAPS, MAPS))
    told = compared(data, entries, [*data.draw(batches_of(there)), *data.draw(batches_of(later))])
    for keys in told[:3]:
        assert len(keys) == len({*keys})
    assert not {*told.missing} & {*there, *later}


@examples(200)
@given(st.data())
def test_whatever_others_do_meanwhile_the_next_run_puts_right(data: st.DataObject) -> None:
    """Runs that are stopped at any step, and others who write between them."""
    entries, now = data.draw(declarations()), data.draw(MAPS)
    for _run in range(3):
        told = compared(data, entries, data.draw(batches_of(now)))
        before = dict(now)
        steps = [now, *written(now, entries, told)]
        now = dict(data.draw(st.sampled_from(steps)))
        if entries.mode is Mode.INITIAL:
            kept = {key: value for key, value in before.items() if key in entries.pairs}
            assert kept.items() <= now.items()  # what programs made of a value stays
        now.update(data.draw(MAPS))
    told = compared(data, entries, data.draw(batches_of(now)))
    steps = [now, *written(now, entries, told)]
    assert steps[-1] == meant(now, entries)
    again = compared(data, entries, data.draw(batches_of(steps[-1])))
    assert again.is_none
    assert again.words == ""
