# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of options, and what the modules document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.ebpf.pinning.plugins.doc_fragments import entries, map_options
from ansible_collections.ebpf.pinning.plugins.module_utils._core import options
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_words import map_fields
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import MapShape

ROOT = Path(__file__).parents[2]


def documented(module: str, *lists: str) -> dict[str, Any]:
    """The options that a module documents, or those of the items of a list among them."""
    source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
    page = re.search(r'DOCUMENTATION = r"""(.*?)"""', source, re.S)
    assert page is not None
    found: dict[str, Any] = yaml.safe_load(page[1]).get("options", {})
    if module == "bpf_map_entries":
        found = yaml.safe_load(entries.ModuleDocFragment.DOCUMENTATION)["options"]
    if module == "bpf_map_pinned":
        found.update(map_options.documented())
    for name in lists:
        found = found[name]["suboptions"]
    return found


TABLES = {
    "a map": (options.MAP, "bpf_map_pinned", ()),
    "an item of maps": (options.MAP, "bpf_map_pinned", ("maps",)),
    "an inner map": (options.SHAPE, "bpf_map_pinned", ("inner_map",)),
    "an inner map of an item": (options.SHAPE, "bpf_map_pinned", ("maps", "inner_map")),
    "entries": (options.ENTRIES, "bpf_map_entries", ()),
    "entries of an item of maps": (options.ENTRIES, "bpf_map_entries", ("maps",)),
    "a file of programs": (options.PROGRAMS, "bpf_program_pinned", ()),
    "a program": (options.PROGRAM, "bpf_program_pinned", ("programs",)),
    "an object": (options.OBJECT, "bpf_object_pinned", ("objects",)),
    "a mount": (options.MOUNTED, "bpffs_mount", ()),
    "an absence": (options.ABSENCE, "bpf_pin_absent", ()),
    "a directory": (options.DIRECTORY, "bpf_host", ("directories",)),
    "a prune": (options.PRUNE, "bpf_host", ("prune",)),
}
# A fragment has the documentation of these.
IN_FRAGMENTS = {"directory", "parents"}


@pytest.mark.parametrize(("table", "module", "lists"), TABLES.values(), ids=TABLES)
def test_every_option_is_documented_as_it_is(
    table: options.Options, module: str, lists: tuple[str, ...]
) -> None:
    there = documented(module, *lists)
    missing = table.keys() - there.keys() - (set() if lists else IN_FRAGMENTS)
    assert missing == set(), f"{module} does not document {missing} in {lists or 'its options'}"
    if lists:
        assert there.keys() - table.keys() == set()
    for name in table.keys() & there.keys():
        for key in ("type", "choices", "elements", "required"):
            assert table[name].get(key) == there[name].get(key), (name, key)


def test_what_is_told_of_a_shape_can_be_declared() -> None:
    """Also of an inner map."""
    told = map_fields(
        MapShape(number=1, key_size=4, value_size=8, max_entries=1, flags=0, map_extra=0)
    )
    assert told.keys() <= options.SHAPE.keys()
    for module, key in (("bpf_map_pinned", "shape"), ("bpf_pin_info", "map")):
        source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
        page = re.search(r'RETURN = r"""(.*?)"""', source, re.S)
        assert page is not None
        assert told.keys() <= samples(yaml.safe_load(page[1]), key), module


def samples(returned: dict[str, Any], key: str) -> set[str]:
    """The fields of the sample, or of the description, of the value `key` wherever it stands."""
    for name, value in returned.items():
        if name == key and isinstance(value, dict):
            return {*(value.get("sample") or {}), *(value.get("contains") or {})}
        inside = value.get("contains") if isinstance(value, dict) else None
        found = samples(inside, key) if inside else set()
        if found:
            return found
    return set()
