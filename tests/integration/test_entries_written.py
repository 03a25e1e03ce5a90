# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How declared entries are written: in which order, how many at once, and no more than differ.

harness/faults.py tells which calls a run comes to, refuses some, and kills it at others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from entries_table import ROWS, Fields, Row, dump, put
from harness.host import Host

WRITES = ("MAP_UPDATE_ELEM", "MAP_UPDATE_BATCH", "MAP_DELETE_ELEM", "MAP_DELETE_BATCH")
NO_BATCHES = dict.fromkeys(("MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"), "EINVAL")
OLD = {1: 91, 2: 92, 3: 93, 21: 1, 22: 2, 23: 3, 31: 31}
NEW = {1: 11, 2: 12, 3: 13, 11: 14, 12: 15, 13: 16, 31: 31}  # 3 differ, 3 are added, 3 go
LARGE: Fields = {"max_entries": 64}
OF_EACH_KIND = [row for row in ROWS if row.size == 4 and row.kind != "lru_percpu_hash"]


def run(arguments: Fields, **more: Any) -> Fields:
    """A run for harness/faults.py."""
    usual: Fields = {"fault": None, "always": {}, "tuning": {}, "meanwhile": {}, "watched": True}
    return {"module": "bpf_map_pinned", "arguments": arguments, **usual, **more}


def done(host: Host, arguments: Fields, **more: Any) -> tuple[Fields, list[str]]:
    """What one run said, and in which calls it wrote."""
    (((told),),) = host.run_modules([[run(arguments, **more)]])
    result = json.loads(told["output"]) if told["output"] else {}
    return result, [call for call in told["calls"] if call in WRITES]


def exact(row: Row, content: Mapping[int, int], **more: Any) -> Fields:
    wanted = {"entries": row.entries_of(content), "entries_mode": "exact", **LARGE}
    return row.declared(**{**wanted, **more})


def made(host: Host, row: Row, content: Mapping[int, int], **more: Any) -> None:
    result, _writes = done(host, exact(row, content, **more))
    assert not result.get("failed"), result


def seen(row: Row, content: Mapping[int, int]) -> Fields:
    every = dict.fromkeys(range(LARGE["max_entries"]), 0) if row.is_array else {}
    return row.seen({**every, **content})


@pytest.mark.parametrize("row", OF_EACH_KIND, ids=lambda row: row.name)
def test_what_differs_is_written_at_once_or_one_by_one_with_the_same_result(
    host: Host, row: Row, subtests: pytest.Subtests
) -> None:
    zeros = "MAP_UPDATE_BATCH" if row.is_array else "MAP_DELETE_BATCH"
    updates = ["MAP_UPDATE_BATCH"] * (1 if row.is_array else 2)
    in_twos = ["MAP_UPDATE_BATCH", "MAP_UPDATE_ELEM"] * len(updates)
    single = zeros.replace("BATCH", "ELEM")
    # An array has no slots to be added: what has other values is all updated together.
    six = ["MAP_UPDATE_BATCH"] * 3
    by_twos = [*(six if row.is_array else in_twos), zeros, single]
    ways: dict[str, tuple[Fields, list[str]]] = {
        "at once": ({}, [*updates, zeros]),
        "two at a time": ({"tuning": {"_core.filling._BATCH": 2}}, by_twos),
        "one by one": ({"always": NO_BATCHES}, ["MAP_UPDATE_ELEM"] * 6 + [single] * 3),
    }
    for about, (way, expected) in ways.items():
        with subtests.test(about):
            made(host, row, OLD)
            result, writes = done(host, exact(row, NEW), **way)
            assert not result.get("failed"), result
            assert result["changed"]
            refused = way.get("always", {})
            assert [call for call in writes if call not in refused] == expected
            assert dump(host, row.path) == seen(row, NEW)
            counts = result["maps"][0]["entries"]
            added = 0 if row.is_array else 3
            assert counts == {"declared": 7, "added": added, "updated": 6 - added, "removed": 3}
        with subtests.test(f"{about}, and nothing again"):
            result, writes = done(host, exact(row, NEW), **way)
            assert not result["changed"]
            assert writes == []


def test_a_run_that_is_killed_has_updated_first_then_added_then_removed(
    host: Host, subtests: pytest.Subtests
) -> None:
    row = ROWS[1]
    updated = {**OLD, 1: 11, 2: 12, 3: 13}
    added = {**updated, **NEW}
    kills: list[tuple[str, int, Fields, Mapping[int, int]]] = [
        ("MAP_UPDATE_BATCH", 1, {}, OLD),
        ("MAP_UPDATE_BATCH", 2, {}, updated),
        ("MAP_DELETE_BATCH", 1, {}, added),
        ("MAP_UPDATE_ELEM", 1, {"always": NO_BATCHES}, OLD),
        ("MAP_UPDATE_ELEM", 4, {"always": NO_BATCHES}, updated),
        ("MAP_DELETE_ELEM", 1, {"always": NO_BATCHES}, added),
    ]
    for call, number, way, left in kills:
        with subtests.test(f"{call} {number}"):
            made(host, row, OLD)
            done(host, exact(row, NEW), fault=[call, number, "KILL"], **way)
            assert dump(host, row.path) == seen(row, left)
            result, _writes = done(host, exact(row, NEW))
            assert result["changed"]
            assert dump(host, row.path) == seen(row, NEW)


def _without_room() -> Iterator[tuple[str, Fields]]:
    """Four are there, and four is max_entries."""
    yield "exact", {"entries_mode": "exact", "declared": {5: 5, 6: 6}}
    yield "present", {"entries_mode": "present", "declared": {1: 1, 5: 5}}
    yield "initial", {"entries_mode": "initial", "declared": {5: 5}}


@pytest.mark.parametrize("row", OF_EACH_KIND, ids=lambda row: row.name)
def test_more_than_there_is_room_for_is_refused_before_the_first_change(
    host: Host, row: Row, subtests: pytest.Subtests
) -> None:
    if row.is_array or row.kind.startswith("lru"):
        pytest.skip("it has a place for each, or makes room by itself")
    made(host, row, {1: 91, 2: 2, 3: 3, 4: 4}, max_entries=4)
    before = dump(host, row.path)
    for about, case in _without_room():
        with subtests.test(about):
            entries = row.entries_of(case["declared"])
            words = row.declared(entries=entries, entries_mode=case["entries_mode"], max_entries=4)
            result, writes = done(host, words)
            assert result["failed"]
            assert not result["changed"]
            assert writes == []
            assert "4 entries are there, " in result["msg"]
            assert "max_entries is 4" in result["msg"]
            assert dump(host, row.path) == before
    with subtests.test("more than max_entries are declared"):
        five = row.entries_of(dict.fromkeys(range(5), 1))
        result, writes = done(host, row.declared(entries=five, max_entries=4))
        assert "max_entries 4: raise that, or declare fewer" in result["msg"]
        assert writes == []
    with subtests.test("nor is a migration begun that has no room for them"):
        entries = row.entries_of(dict.fromkeys((5, 6, 7), 1))
        words = row.declared(entries=entries, max_entries=6, on_mismatch="migrate")
        for check in (True, False):
            result, writes = done(host, {**words, "_ansible_check_mode": check})
            assert result["failed"]
            assert "4 entries are there, 3 are to be added, and max_entries is 6" in result["msg"]
            assert writes == []
        assert dump(host, row.path) == before
    with subtests.test("but one that has"):
        result, _writes = done(host, {**words, "max_entries": 7})
        assert not result.get("failed"), result
        assert dump(host, row.path) == {
            **before,
            **row.seen(dict.fromkeys((5, 6, 7), 1)),
        }


def _full_meanwhile(row: Row, call: str) -> Fields:
    """Others fill a map of 8 when a run first comes to this call."""
    lines = [
        f"bpftool map update pinned {row.path} key {number} 0 0 0 value 1 0 0 0 || true"
        for number in range(40, 48)
    ]
    return {"meanwhile": {call: "\n".join(lines)}}


def test_a_map_that_others_fill_meanwhile_is_said_to_be_full(
    host: Host, subtests: pytest.Subtests
) -> None:
    """What was written by then is said to be changed, and the next run tells before it writes."""
    row = ROWS[1]
    small: Fields = {"max_entries": 8}
    ways: dict[str, tuple[str, Fields]] = {
        "at once": ("MAP_UPDATE_BATCH", {}),
        "one by one": ("MAP_UPDATE_ELEM", {"always": NO_BATCHES}),
    }
    wanted: dict[str, tuple[Mapping[int, int], Mapping[int, int], bool]] = {
        "after an update": ({1: 1}, {1: 11, 2: 12, 3: 13}, True),
        "after nothing": ({}, {1: 11, 2: 12, 3: 13}, False),
    }
    for about, (there, declared, changes) in wanted.items():
        for way, (call, more) in ways.items():
            with subtests.test(f"{about}, {way}"):
                host.shell(f"rm -f {row.path}")
                made(host, row, there, **small)
                words = row.declared(entries=row.entries_of(declared), **small)
                before = dump(host, row.path)
                result, _writes = done(host, words, **more, **_full_meanwhile(row, call))
                assert result["failed"]
                assert "E2BIG" in result["msg"]
                assert "(8 of 8 entries are there)" in result["msg"]
                kept = {key: value for key, value in dump(host, row.path).items() if key in before}
                assert result["changed"] == changes == (kept != before)
                assert result["maps"][0]["entries"]["added"] is None
                again, writes = done(host, words)
                assert "8 entries are there" in again["msg"]
                assert writes == []


@pytest.mark.parametrize("errno", ["ENOMEM", "EAGAIN", "EBUSY"])
@pytest.mark.parametrize("call", ["MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"])
def test_what_is_refused_for_a_moment_is_written_again(host: Host, errno: str, call: str) -> None:
    for row in OF_EACH_KIND:
        made(host, row, OLD)
        result, _writes = done(host, exact(row, NEW), fault=[call, 1, errno])
        assert not result.get("failed"), result
        assert dump(host, row.path) == seen(row, NEW)


def test_initial_never_sets_back_what_others_add_meanwhile(
    host: Host, subtests: pytest.Subtests
) -> None:
    for row in OF_EACH_KIND:
        with subtests.test(row.name):
            made(host, row, {1: 77})
            words = row.declared(
                entries=row.entries_of({1: 0, 2: 0, 3: 0}), entries_mode="initial", **LARGE
            )
            if row.is_array:
                put(host, row, {2: 88})
            key, value = (
                " ".join(f"0x{part[at : at + 2]}" for at in range(0, len(part), 2))
                for part in (row.key_hex(2), row.value_hex(88).split(" ")[0])
            )
            script = f"bpftool map update pinned {row.path} key {key} value {value}"
            result, writes = done(host, words, meanwhile={"MAP_UPDATE_ELEM": script})
            assert not result.get("failed"), result
            assert ("MAP_UPDATE_ELEM" in writes) != row.is_array
            assert dump(host, row.path) == seen(row, {1: 77, 2: 88, 3: 0})
