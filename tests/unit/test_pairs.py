# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many entries in few objects: a dict is the model, whatever sizes keys and values have."""

from __future__ import annotations

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.difference import (
    Entries,
    Mode,
    compare,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.pairs import (
    PairCollector,
    Pairs,
    Words,
)
from hypothesis import event, given
from hypothesis import strategies as st
from strategies import examples

SIZES = [(1, 1), (4, 4), (3, 5), (8, 1), (16, 2), (4, 8), (1, 7)]
MANY = 1_000  # more than are looked at in one step


def key_of(number: int, size: int) -> bytes:
    return number.to_bytes(size, "big")


def collected(model: dict[bytes, bytes], key_size: int, value_size: int) -> Pairs:
    collector = PairCollector(key_size, value_size)
    assert collector.take(list(model), list(model.values()))
    return collector.done()


@st.composite
def chunks(draw: st.DrawFn) -> tuple[tuple[int, int], list[list[tuple[bytes, bytes]]]]:
    """Sizes, and entries in some chunks; often all values are the same."""
    key_size, value_size = draw(st.sampled_from(SIZES))
    keys = st.integers(0, 30).map(lambda number: key_of(number, key_size))
    some = draw(
        st.sets(st.binary(min_size=value_size, max_size=value_size), min_size=1, max_size=2)
    )
    pairs = st.tuples(keys, st.sampled_from(sorted(some)))
    return (key_size, value_size), draw(
        st.lists(st.lists(pairs, min_size=1, max_size=6), max_size=5)
    )


@examples(500)
@given(chunks())
def test_a_key_that_comes_twice_is_found_with_whatever_value(
    drawn: tuple[tuple[int, int], list[list[tuple[bytes, bytes]]]],
) -> None:
    sizes, all_of_them = drawn
    collector = PairCollector(*sizes)
    model: dict[bytes, bytes] = {}
    for chunk in all_of_them:
        before = len(model)
        is_new = len({*model, *(key for key, _value in chunk)}) == before + len(chunk)
        assert collector.take([key for key, _v in chunk], [value for _k, value in chunk]) == is_new
        event("new" if is_new else "doubled")
        if not is_new:
            assert collector.keys == list(model)  # those of the chunks before
            return
        model.update(chunk)
        assert len(collector) == len(model)
    pairs = collector.done()
    assert list(pairs) == list(model.items())
    assert len(pairs) == len(model)
    words = Words(*sizes)
    assert {*map(words.split, pairs.words)} == {*model.items()}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_parts_of_many_entries_are_those_of_the_whole(sizes: tuple[int, int]) -> None:
    count = min(MANY, 256 ** sizes[0])
    model = {key_of(number, sizes[0]): bytes([number % 251] * sizes[1]) for number in range(count)}
    pairs = collected(model, *sizes)
    items = list(model.items())
    assert list(pairs) == items
    assert [list(each) for each in pairs.slices(300)] == [
        items[start : start + 300] for start in range(0, count, 300)
    ]
    assert list(pairs.part(7, 11)) == items[7:11]
    assert list(pairs.of(items[3:5])) == items[3:5]
    wanted = {items[index][0] for index in (0, 5, count - 1)} | {b"no such key"}
    assert pairs.among(wanted) == [items[0], items[5], items[-1]]
    assert pairs.among(set()) == []


@pytest.mark.parametrize("sizes", [(4, 4), (16, 2)], ids=str)
@pytest.mark.parametrize("is_alike", [True, False], ids=["one value", "some values"])
def test_few_differences_among_many_entries_are_found(
    sizes: tuple[int, int], is_alike: bool
) -> None:
    model = {
        key_of(number, sizes[0]): bytes([1 if is_alike else number % 7] * sizes[1])
        for number in range(MANY)
    }
    keys = list(model)
    there = {**model, keys[300]: b"\xff" * sizes[1], key_of(MANY + 1, sizes[0]): bytes(sizes[1])}
    del there[keys[10]], there[keys[999]]
    joined = (b"".join(reversed(there)), b"".join(reversed(there.values())))
    told = compare(Entries(Mode.EXACT, collected(model, *sizes)), [joined])
    assert list(told.missing) == [(keys[10], model[keys[10]]), (keys[999], model[keys[999]])]
    assert list(told.different) == [(keys[300], model[keys[300]])]
    assert told.extra == [key_of(MANY + 1, sizes[0])]
    assert (told.total, told.words) == (MANY - 1, "2 missing, 1 different, 1 extra")
