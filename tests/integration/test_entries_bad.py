# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries that are declared wrongly: told where, and what is right, before anything changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from harness.host import BPFFS, Host

Fields = dict[str, Any]

SHAPE: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 4}
MAP: Fields = {**SHAPE, "key_format": "ipv4", "value_format": "u32"}
ONE = {"key": "10.0.0.1", "value": 1}
PORTS = [{"name": "port", "format": "be16"}, {"name": "count", "format": "u16"}]
TRIE: Fields = {
    **MAP,
    "type": "lpm_trie",
    "key_size": 8,
    "key_format": "cidr4",
    "flags": ["no_prealloc"],
}
ARRAY: Fields = {"type": "array", "value_size": 4, "max_entries": 4, "value_format": "u32"}


def _of(**item: Any) -> list[Fields]:
    return [{**ONE, **item}]


_AT = {
    "/dev": "/dev is a directory, not a file: declare the path of the list",
    "/dev/zero": "/dev/zero is a character device, not a file: declare the path of the list",
}


def _bad() -> Iterator[tuple[str, Fields, str]]:
    yield (
        "an unknown field",
        {**MAP, "value_format": PORTS, "entries": _of(value={"port": 1, "count": 1, "prot": 1})},
        "entries[0].value.prot: is not one of the fields: port, count",
    )
    yield (
        "a missing field",
        {**MAP, "value_format": PORTS, "entries": _of(value={"port": 1})},
        "entries[0].value.count: must be given, as all fields of a struct",
    )
    yield (
        "a doubled field",
        {**MAP, "value_format": [PORTS[0], PORTS[0]], "entries": [ONE]},
        "field 2 of the value has the name of another: port",
    )
    yield (
        "a number out of range",
        {**MAP, "entries": [ONE, {"key": "10.0.0.2", "value": 2**32}]},
        "entries[1].value: must be a whole number from 0 to 4294967295",
    )
    yield (
        "a negative number",
        {**MAP, "entries": _of(value=-1)},
        "entries[0].value: must be a whole number from 0 to 4294967295",
    )
    yield (
        "a fraction",
        {**MAP, "entries": _of(value=1.5)},
        "entries[0].value: must be a whole number from 0 to 4294967295",
    )
    yield (
        "nothing",
        {**MAP, "entries": _of(value=None)},
        "entries[0].value: must be a whole number from 0 to 4294967295",
    )
    yield (
        "a text that is too long",
        {**MAP, "value_format": "string", "entries": _of(value="four")},
        "entries[0].value: must have at most 3 bytes as UTF-8",
    )
    yield (
        "host bits",
        {**TRIE, "entries": _of(key="10.0.0.1/8")},
        "entries[0].key: has bits set beyond the length of its prefix",
    )
    yield (
        "a key twice",
        {**MAP, "entries": [ONE, {**ONE, "value": 2}]},
        "entries[1]: its key is that of entries[0]: keep one",
    )
    yield (
        "a key twice in two notations",
        {**MAP, "key_format": "u32", "entries": [{**ONE, "key": 10}, {**ONE, "key": "0x0a"}]},
        "entries[1]: its key is that of entries[0]: keep one",
    )
    yield (
        "a key twice that is masked",
        {
            **TRIE,
            "host_bits": "mask",
            "entries": [{**ONE, "key": "10.0.0.1/8"}, {**ONE, "key": "10.0.0.2/8"}],
        },
        "entries[1]: its key is that of entries[0]: keep one",
    )
    yield (
        "more than there is room for",
        {**MAP, "entries": [{**ONE, "key": f"10.0.0.{last}"} for last in range(5)]},
        "entries: 5 entries or more are declared, and the map has room for max_entries 4",
    )
    yield (
        "a format that does not fit the size",
        {**MAP, "value_format": "u64", "entries": [ONE]},
        "the value has 4 bytes, but the format u64 takes 8",
    )
    yield (
        "fields that do not fit the size",
        {**MAP, "value_format": PORTS[:1], "entries": [ONE]},
        "the value has 4 bytes, but its fields and their padding have 2",
    )
    yield (
        "a format that is none",
        {**MAP, "value_format": "int", "entries": [ONE]},
        "the value has a format that is none: there are u8,",
    )
    yield (
        "entries of a stack trace",
        {"type": "stack_trace", "value_size": 8, "max_entries": 4, "entries": [ONE]},
        "entries of the type stack_trace cannot be declared: its entries are stacks that programs "
        "recorded, and only they can write them",
    )
    yield (
        "an interface that is not there",
        {**MAP, "key_format": "ifindex", "entries": _of(key="nosuch0")},
        "entries[0].key: there is no interface of this name here",
    )
    yield (
        "a cgroup that is not there",
        {**MAP, "key_size": 8, "key_format": "cgroup", "entries": _of(key="/sys/fs/cgroup/no")},
        "entries[0].key: there is no cgroup at this path",
    )
    for path in _AT:
        source = {"src": path, "remote_src": True}
        yield f"a list at {path}", {**MAP, "entries_from": source}, _AT[path]
    yield (
        "names of fields without BTF",
        {**MAP, "value_format": {"port": "be16"}, "entries": [ONE]},
        "the value has no BTF, so its fields have no names: declare btf, or give a list of fields",
    )
    yield (
        "neither a format nor BTF",
        {**SHAPE, "entries": [{"key": 1, "value": 1}]},
        "entries[0].key: must be 4 bytes, such as 0x0a 0x00, as the map has no BTF",
    )
    yield (
        "a slot that there is not",
        {**ARRAY, "key_format": "u32", "entries": [{"key": 4, "value": 1}]},
        "entries[0].key: must be from 0 to 3, as the map has 4 slots",
    )
    yield (
        "slots to be absent",
        {**ARRAY, "key_format": "u32", "entries_absent": [1]},
        "entries_absent is not for array, whose slots are always there: declare the value 0",
    )
    yield (
        "there and absent",
        {**MAP, "entries": [ONE], "entries_absent": ["10.0.0.9", "10.0.0.1"]},
        "entries_absent[1]: its key is declared to be there, too: keep one",
    )
    yield (
        "exact without entries",
        {**MAP, "entries_absent": ["10.0.0.1"], "entries_mode": "exact"},
        "entries_mode exact needs entries or entries_from, to say what is to stay",
    )
    yield (
        "a mode without entries",
        {**MAP, "entries_mode": "exact"},
        "entries_mode is for entries, and none are declared: add entries, or drop it",
    )
    yield (
        "a value for some CPUs",
        {**MAP, "type": "percpu_hash", "entries": _of(value=[1] * 4097)},
        "entries[0].value: must be one value for all CPUs, or a list of ",
    )


BAD = list(_bad())
LINES = {
    "a slot that there is not": (
        {**ARRAY, "key_format": "u32"},
        "0 1\n4 1\n\n9 1\n",
        ["line 2: key: must be from 0 to 3, as the map has 4 slots", "line 4: key: must be from"],
    ),
    "a key twice": (
        MAP,
        "10.0.0.1 1\n10.0.0.2 1\n10.0.0.1 2\n",
        ["line 3: its key is declared before, perhaps in another notation: keep one"],
    ),
    "no value": (MAP, "10.0.0.1\n", ["line 1: it has no value, and entries_from.value"]),
    "a wrong value": (MAP, "10.0.0.1 1\n10.0.0.2 x\n", ["line 2: value: must be a whole number"]),
    "too many": (
        MAP,
        "".join(f"10.0.0.{last} 1\n" for last in range(5)),
        ["5 entries or more are declared, and the map has room for max_entries 4"],
    ),
    "nothing at all": (
        {**MAP, "entries_mode": "exact"},
        "# failed\n",
        ["lists no entries, and entries_mode exact would remove all that are there"],
    ),
}


def messages(host: Host, declared: list[Fields]) -> list[Fields]:
    """What the module says of each, in a check and in a run, beside a map that is right."""
    good = {"path": f"{BPFFS}/good", **MAP, "entries": [ONE]}
    usual: Fields = {"fault": None, "always": {}, "tuning": {}, "meanwhile": {}, "watched": True}
    series = [
        [
            {
                "module": "bpf_map_pinned",
                "arguments": {
                    "maps": [good, {"path": f"{BPFFS}/bad", **each}],
                    "_ansible_check_mode": check,
                },
                **usual,
            }
            for check in (True, False)
        ]
        for each in declared
    ]
    told = host.run_modules(series)
    for both in told:
        results = [json.loads(run["output"]) for run in both]
        assert [(each["failed"], each["changed"]) for each in results] == [(True, False)] * 2
        assert not {*both[1]["calls"]} & {"OBJ_PIN", "MAP_UPDATE_ELEM", "MAP_UPDATE_BATCH"}
        assert results[0]["msg"] == results[1]["msg"]
    return [json.loads(both[1]["output"]) for both in told]


def test_what_is_declared_wrongly_is_told_and_nothing_changes(
    host: Host, subtests: pytest.Subtests
) -> None:
    before = host.inventory()
    for (about, declared, text), result in zip(
        BAD, messages(host, [declared for _about, declared, _text in BAD]), strict=True
    ):
        with subtests.test(about):
            assert text in result["msg"], result["msg"]
            assert "/bad" in result["msg"]
            for each in declared.get("entries", ()):
                for part in (str(each["key"]), str(each["value"])):
                    assert len(part) < 4 or part not in result["msg"]
    assert host.inventory() == before


def test_what_a_list_has_wrong_is_told_by_line_and_nothing_changes(
    host: Host, subtests: pytest.Subtests
) -> None:
    before = host.inventory()
    declared = []
    for number, (words, text, _told) in enumerate(LINES.values()):
        path = host.scratch / f"list_{number}"
        path.write_text(text)
        declared.append({**words, "entries_from": {"src": str(path), "remote_src": True}})
    for about, result in zip(LINES, messages(host, declared), strict=True):
        with subtests.test(about):
            for text in LINES[about][2]:
                assert text in result["msg"], result["msg"]
    assert host.inventory() == before


def test_the_first_twenty_faults_are_told(host: Host) -> None:
    entries = [{"key": f"10.0.{n}", "value": 1} for n in range(50)]
    (result,) = messages(host, [{**MAP, "max_entries": 99, "entries": entries}])
    assert [f"entries[{n}].key" in result["msg"] for n in range(22)] == [True] * 20 + [False] * 2
