# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes that a type of map does not take: left out as loaders do, or refused with what helps."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES
from ansible_collections.ebpf.pinning.plugins.plugin_utils._elf_maps import (
    Choice,
    choose,
    find_maps,
)
from bpf_objects import as_libbpf_reads, object_file
from test_map_definitions import one_map

EVENT = "struct event { u32 pid; u64 when; };"
USED = "struct event unused;"


def items_of(source: str, override: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    found = find_maps([object_file(source)])
    return {item["name"]: item for item in choose(found, Choice(True, [], [], override or {}))}


def definition(map_type: str, fields: str) -> str:
    return EVENT + USED + one_map(f"__uint(type, {MAP_TYPES[map_type].number}); {fields}", "events")


# cilium/ebpf: MapType.canHaveValueSize. What is left is what the kernel takes.
@pytest.mark.parametrize("map_type", ["ringbuf", "perf_event_array", "arena"])
@pytest.mark.parametrize("value", ["struct event", "u64", "char[3]"])
def test_a_type_that_only_says_what_events_look_like_is_no_size(map_type: str, value: str) -> None:
    source = definition(map_type, f"__uint(max_entries, 4096); __type(value, {value});")
    theirs = as_libbpf_reads(object_file(source))
    assert theirs
    assert theirs["events"]["value_size"]
    (item,) = items_of(source).values()
    assert item == {"name": "events", "type": map_type, "flags": [], "max_entries": 4096}


def test_it_is_no_size_of_an_inner_map_either() -> None:
    inner = f"struct {{ __uint(type, {MAP_TYPES['ringbuf'].number}); __uint(max_entries, 4096);"
    inner += " __type(value, struct event); }"
    source = definition(
        "array_of_maps", f"__uint(max_entries, 2); __type(key, u32); __array(values, {inner});"
    )
    (item,) = items_of(source).values()
    assert item["inner_map"] == {"type": "ringbuf", "flags": [], "max_entries": 4096}


@pytest.mark.parametrize("fields", ["__type(value, u32);", "__uint(value_size, 4);"])
def test_a_size_that_the_type_takes_stays(fields: str) -> None:
    (item,) = items_of(definition("perf_event_array", fields)).values()
    assert item["value_size"] == 4


BAD = {
    # type, fields, the field that is wrong, what it may be instead
    "a size of a ring buffer": ("ringbuf", "__uint(value_size, 16);", "value_size", 0),
    "a key of a ring buffer": ("ringbuf", "__type(key, u32);", "key_size", 0),
    "a type of what a user ring buffer holds": (
        *("user_ringbuf", "__type(value, struct event);"),
        *("value_size", 0),
    ),
    "a size of perf events": ("perf_event_array", "__uint(value_size, 16);", "value_size", 4),
    "a key of perf events": ("perf_event_array", "__type(key, u64);", "key_size", 4),
    "a key of an array": ("array", "__type(key, u64); __type(value, u64);", "key_size", 4),
    "a key of a queue": ("queue", "__type(key, u32); __type(value, u64);", "key_size", 0),
    "a long key of a trie": ("lpm_trie", "__uint(key_size, 400);", "key_size", 260),
    "half a stack": ("stack_trace", "__uint(value_size, 12);", "value_size", 8),
    "entries of what has none": ("sk_storage", "__uint(max_entries, 5);", "max_entries", 0),
    "a large value for each CPU": ("percpu_array", "char[40000]", "value_size", 32768),
}


@pytest.mark.parametrize("about", BAD)
def test_a_size_that_no_loader_takes_is_refused_with_the_override_that_helps(about: str) -> None:
    map_type, fields, field, instead = BAD[about]
    if fields.startswith("char"):
        fields = f"__type(value, {fields});"
    source = definition(map_type, fields)
    with pytest.raises(
        PinningError, match=f"events: {field} [0-9]+ is not for {map_type}"
    ) as raised:
        items_of(source)
    (written,) = re.findall(r"override=(\{.*\})", str(raised.value))
    override = ast.literal_eval(written)
    assert override == {"events": {field: instead}}
    assert items_of(source, override)["events"][field] == instead


def test_what_is_wrong_with_an_inner_map_is_told_with_its_override() -> None:
    inner = f"struct {{ __uint(type, {MAP_TYPES['queue'].number}); __uint(max_entries, 2);"
    inner += " __type(key, u32); __type(value, u64); }"
    source = definition(
        "array_of_maps", f"__uint(max_entries, 2); __type(key, u32); __array(values, {inner});"
    )
    with pytest.raises(PinningError, match="key_size 4 is not for queue") as raised:
        items_of(source)
    (written,) = re.findall(r"override=(\{.*\})", str(raised.value))
    override = ast.literal_eval(written)
    assert override == {"events": {"inner_map": {"key_size": 0}}}
    assert items_of(source, override)


def test_sizes_that_an_override_makes_wrong_are_left_to_the_module_if_they_are_no_numbers() -> None:
    source = definition("ringbuf", "__uint(max_entries, 4096);")
    items = items_of(source, {"events": {"max_entries": "4096", "type": "no such type"}})
    assert items["events"]["max_entries"] == "4096"
