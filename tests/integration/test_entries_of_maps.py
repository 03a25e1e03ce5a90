# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which maps are in maps of maps, by the path of a pin or declared in place, as bpftool sees it."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task

Fields = dict[str, Any]

INNER: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 8}
ARRAY: Fields = {"type": "array", "value_size": 4, "max_entries": 4}
KINDS: dict[str, Fields] = {
    "array_of_maps": {"type": "array_of_maps", "max_entries": 4},
    "hash_of_maps": {"type": "hash_of_maps", "key_size": 4, "max_entries": 4, "key_format": "u32"},
}
PATH = f"{BPFFS}/tenants"
FORMATS: Fields = {"key_format": "ipv4", "value_format": "u32"}


def in_place(content: dict[str, int], **more: Any) -> Fields:
    entries = [{"key": key, "value": value} for key, value in content.items()]
    return {"entries": entries, **FORMATS, **more}


def outer(kind: str, entries: dict[int, Any], **more: Any) -> Fields:
    declared = [{"key": key, "value": value} for key, value in entries.items()]
    return {**KINDS[kind], "path": PATH, "inner_map": INNER, "entries": declared, **more}


def ids(host: Host, path: str = PATH) -> dict[int, int]:
    """The ids of the maps by the numbers of their keys."""
    told = host.bpftool("map", "dump", "pinned", path)
    return {
        number(each["key"]): number(each["value"])
        for each in told
        if isinstance(each["value"], list)
    }


def number(octets: list[str]) -> int:
    return int.from_bytes(bytes(int(each, 16) for each in octets), "little")


def content(host: Host, map_id: int) -> dict[str, int]:
    told = host.bpftool("map", "dump", "id", str(map_id))
    return {
        ".".join(str(int(each, 16)) for each in entry["key"]): number(entry["value"])
        for entry in told
    }


def twice(host: Host, **words: Any) -> tuple[Result, Result]:
    first, again = host.playbook([task("bpf_map_pinned", **words)] * 2)
    return first.good(), again.good()


ONE, TWO = {"10.0.0.1": 1}, {"10.0.0.2": 2, "10.0.0.3": 3}


@pytest.mark.every_python
@pytest.mark.parametrize("kind", KINDS)
def test_maps_in_place_have_their_entries_before_the_outer_one_has_its_name(
    host: Host, kind: str, subtests: pytest.Subtests
) -> None:
    words = outer(kind, {0: in_place(ONE), 2: in_place(TWO)}, entries_mode="exact")
    check = host.module("bpf_map_pinned", check=True, **words).good()
    assert check.changed
    first, again = twice(host, **words)
    assert first["maps"][0]["entries"] == {"declared": 2, "added": 2, "updated": 0, "removed": 0}
    assert not again.changed
    before = ids(host)
    assert {key: content(host, each) for key, each in before.items()} == {0: ONE, 2: TWO}
    with subtests.test("another content is another map, the others stay"):
        words = outer(kind, {0: in_place(ONE), 2: in_place(ONE), 3: in_place({})})
        check = host.module("bpf_map_pinned", check=True, **words).good()
        assert ids(host) == before
        first, again = twice(host, **words)
        assert first["maps"][0]["drift"] == check["maps"][0]["drift"]
        assert first["maps"][0]["drift"][0]["have"] == "1 missing, 1 different"
        assert not again.changed
        now = ids(host)
        assert now[0] == before[0]
        assert now[2] != before[2]
        assert {key: content(host, each) for key, each in now.items()} == {0: ONE, 2: ONE, 3: {}}
    with subtests.test("what another writes into it is drift"):
        host.shell(
            f"bpftool map update id {now[0]} key 10 0 0 9 value 9 0 0 0;"
            f"bpftool map delete pinned {PATH} key 2 0 0 0"
        )
        first, again = twice(host, **words)
        assert first["maps"][0]["drift"][0]["have"] == "1 missing, 1 different"
        assert not again.changed
        assert ids(host)[0] != now[0]
    with subtests.test("exact empties the other slots"):
        words = outer(kind, {3: in_place(TWO)}, entries_mode="exact")
        first, again = twice(host, **words)
        assert first["maps"][0]["entries"] == {
            "declared": 1, "added": 0, "updated": 1, "removed": 2,
        }  # fmt: skip
        assert not again.changed
        assert {key: content(host, each) for key, each in ids(host).items()} == {3: TWO}
    with subtests.test("absent takes a map out"):
        words = {**outer(kind, {}), "entries": None, "entries_absent": [3, 1]}
        first, again = twice(host, **words)
        assert first.changed
        assert not again.changed
        assert ids(host) == {}
    with subtests.test("initial leaves what is there"):
        words = outer(kind, {1: in_place(ONE)}, entries_mode="initial")
        first, again = twice(host, **words)
        (made,) = ids(host).values()
        host.shell(f"bpftool map update id {made} key 10 0 0 9 value 9 0 0 0")
        first, again = twice(host, **outer(kind, {1: in_place(TWO)}, entries_mode="initial"))
        assert not first.changed
        assert ids(host) == {1: made}


@pytest.mark.parametrize("kind", KINDS)
def test_pinned_maps_are_named_by_their_paths(
    host: Host, kind: str, subtests: pytest.Subtests
) -> None:
    maps = [{"path": f"{BPFFS}/{name}", **INNER} for name in ("one", "two")]
    words = outer(kind, {1: f"{BPFFS}/one", 2: f"{BPFFS}/two"})
    first, again = twice(host, maps=[words, *maps])
    assert [each["action"] for each in first["maps"]] == ["created"] * 3
    assert not again.changed
    one, two = (host.map_at(f"{BPFFS}/{name}")["id"] for name in ("one", "two"))
    assert ids(host) == {1: one, 2: two}
    with subtests.test("another one takes the slot"):
        words = outer(kind, {1: f"{BPFFS}/two", 3: f"{BPFFS}/one"})
        first, again = twice(host, **words)
        assert first.changed
        assert not again.changed
        assert ids(host) == {1: two, 2: two, 3: one}
    with subtests.test("one that is made anew in the same task, too"):
        host.shell(f"rm {BPFFS}/one")
        first, again = twice(host, maps=[words, *maps])
        assert [each["action"] for each in first["maps"]] == ["adjusted", "created", "unchanged"]
        assert not again.changed
        one = host.map_at(f"{BPFFS}/one")["id"]
        assert ids(host) == {1: two, 2: two, 3: one}
    with subtests.test("one that is replaced in the same task, too"):
        larger = [{**each, "max_entries": 16} for each in maps]
        check = host.module(
            "bpf_map_pinned", check=True, maps=[words, *larger], on_mismatch="replace"
        ).good()
        first, again = twice(host, maps=[words, *larger], on_mismatch="replace")
        actions = ["adjusted", "replaced", "replaced"]
        assert [each["action"] for each in first["maps"]] == actions
        assert [each["action"] for each in check["maps"]] == actions
        assert not again.changed
        one, two = (host.map_at(f"{BPFFS}/{name}")["id"] for name in ("one", "two"))
        assert {ids(host)[1], ids(host)[3]} == {one, two}


@pytest.mark.parametrize("policy", ["replace", "migrate"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_outer_map_that_is_made_anew_has_its_maps_before_it_has_the_name(
    host: Host, kind: str, policy: str
) -> None:
    host.module("bpf_map_pinned", **outer(kind, {0: in_place(ONE), 1: in_place(TWO)})).good()
    old = ids(host)
    words = outer(kind, {1: in_place(TWO), 2: in_place(ONE)}, max_entries=8, on_mismatch=policy)
    first, again = twice(host, **words)
    assert first["maps"][0]["action"] == f"{policy}d"
    assert not again.changed
    now = {key: content(host, each) for key, each in ids(host).items()}
    assert now == ({0: ONE} if policy == "migrate" else {}) | {1: TWO, 2: ONE}
    assert (ids(host)[1] == old[1]) == (policy == "migrate")


def test_an_array_in_place_is_whole(host: Host) -> None:
    def words(number: int) -> Fields:
        place = {"entries": [{"key": number, "value": 7}], "key_format": "u32"}
        entries = [{"key": 0, "value": {**place, "value_format": "u32"}}]
        return {**KINDS["array_of_maps"], "path": PATH, "inner_map": ARRAY, "entries": entries}

    host.module("bpf_map_pinned", **words(1)).good()
    first, again = twice(host, **words(2))
    assert first.changed
    assert not again.changed
    (made,) = ids(host).values()
    told = host.bpftool("map", "dump", "id", str(made))
    assert [number(each["value"]) for each in told] == [0, 0, 7, 0]


# What is declared under the key 1, and what is said of it.
REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (7, "entries[0].value: must be the path of a pinned map, or a dictionary"),
    "a relative path": ("canary", "entries[0].value: must be the whole path of a pinned map"),
    "dots": (f"{BPFFS}/../canary", "entries[0].value: must be the whole path of a pinned map"),
    "nothing there": (f"{BPFFS}/canary", "entries[0].value: no map is pinned at this path"),
    "no map": (f"{BPFFS}", "entries[0].value: there is "),
    "another shape": (
        f"{BPFFS}/other",
        "entries[0].value: the map that is pinned there is not like inner_map: want hash "
        "key_size=4 value_size=4 max_entries=8, have array key_size=4 value_size=4",
    ),
    "another shape beside": (
        f"{BPFFS}/beside",
        f"{PATH}: entries: it takes no map like one that is declared beside",
    ),
    "no entries": ({"key_format": "ipv4"}, "entries[0].value: must be the path of a pinned map"),
    "an unknown option": (
        in_place(ONE, frozen=True),
        "entries[0].value: a map in place takes entries, key_format, value_format, host_bits",
    ),
    "a wrong value in place": (
        in_place({"10.0.0.1": "canary"}),  # type: ignore[dict-item]
        "entries[0].value: entries[0].value: must",
    ),
    "a key twice in place": (
        {**in_place(ONE), "entries": [*in_place(ONE)["entries"]] * 2},
        "entries[0].value: entries[1]: its key is that of entries[0]",
    ),
    "too many in place": (
        in_place({f"10.0.0.{last}": 1 for last in range(9)}),
        "entries[0].value: entries: 9 entries or more are declared, and the map has room for "
        "max_entries 8",
    ),
}


@pytest.mark.parametrize("about", REFUSED)
def test_what_cannot_be_in_a_map_of_maps_is_refused_before_anything_changes(
    host: Host, about: str
) -> None:
    value, text = REFUSED[about]
    host.make_pin(f"{BPFFS}/other", type=2, key_size=4, value_size=4)
    before = host.inventory()
    beside = {"path": f"{BPFFS}/beside", **INNER, "value_size": 8}
    for kind in KINDS:
        for check in (True, False):
            maps = [beside, outer(kind, {1: value})]
            result = host.module("bpf_map_pinned", check=check, maps=maps)
            if check and about == "nothing there":  # a task before may make it
                assert text in str(result.good().warnings)
                continue
            assert result.failed
            assert text in result.msg
            assert "canary" not in str(result["msg"])
            assert host.inventory() == before


WORDS: dict[str, tuple[Fields, str]] = {
    "a slot too far": ({"entries": [{"key": 4, "value": PATH}]}, "entries[0].key: must be from 0"),
    "a slot twice": (
        {"entries": [{"key": 1, "value": f"{BPFFS}/x"}] * 2},
        "entries[1]: its key is that of entries[0]: keep one",
    ),
    "kept and absent": (
        {"entries": [{"key": 1, "value": in_place(ONE)}], "entries_absent": [2, 1]},
        "entries_absent[1]: its key is declared to be there, too",
    ),
    "a file": (
        {"entries": None, "entries_from": {"src": "/etc/hosts", "remote_src": True}},
        "entries_from is not for array_of_maps: list the maps in entries",
    ),
    "a format": ({"value_format": "u32"}, "value_format is not for array_of_maps"),
}


@pytest.mark.parametrize("about", WORDS)
def test_what_makes_no_sense_of_a_map_of_maps_is_refused(host: Host, about: str) -> None:
    change, text = WORDS[about]
    before = host.inventory()
    words = {**outer("array_of_maps", {0: in_place(ONE)}), **change}
    result = host.module(
        "bpf_map_pinned", **{name: value for name, value in words.items() if value is not None}
    )
    assert result.failed
    assert text in result.msg
    assert host.inventory() == before


def test_nothing_of_it_is_told(host: Host) -> None:
    words = outer("hash_of_maps", {3735928559: in_place({"192.0.2.77": 424242})})
    tasks = [task("bpf_map_pinned", **words, check=check, diff=True) for check in (True, False)]
    run = host.playbook(tasks, "-vvv")
    assert all(each.good().changed for each in run)
    for canary in ("3735928559", "deadbeef", "192.0.2.77", "424242"):
        assert canary not in run.output
        assert canary not in str([each.fields for each in run])
    shown = host.module("bpf_map_pinned", **{**words, "path": f"{PATH}2"}, show_entries=True).good()
    told = shown["maps"][0]["entries"]["shown"]["added"]
    assert told == [{"key": 3735928559, "value": {"entries": 1}}]


def test_a_map_in_place_that_goes_while_it_is_looked_at_is_put_there_anew(host: Host) -> None:
    words = outer("hash_of_maps", {1: in_place({"10.0.0.1": 1})})
    host.module("bpf_map_pinned", **words).good()
    # One of these calls opens the map that was in the slot a moment before.
    gone = [host.tampered("bpf", f"error=ENOENT:when={number}") for number in range(3, 16)]
    run = host.playbook([task("bpf_map_pinned", keywords=each, **words) for each in gone])
    assert not [each.msg for each in run if each.failed and "MAP_GET_FD_BY_ID" in each.msg]
    assert any(each.changed for each in run)
    assert content(host, ids(host)[1]) == {"10.0.0.1": 1}
