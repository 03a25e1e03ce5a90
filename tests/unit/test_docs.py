# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES
from ansible_collections.ebpf.pinning.plugins.module_utils._core.uapi import flag_names

ROOT = Path(__file__).parents[2]


def test_the_table_of_map_types_has_a_true_row_for_each() -> None:
    text = (ROOT / "docs" / "map-types.md").read_text()
    rows = {}
    for line in re.findall(r"^\| `.*", text, re.M):
        name, since, _key, _value, _entries, flags, btf, _notes = (
            cell.strip() for cell in line.strip("|").split("|")
        )
        rows[name.strip("`")] = (since, re.findall(r"`(\w+)`", flags), btf)
    assert rows == {
        name: (row.since, flag_names(row.flags), row.btf.value) for name, row in MAP_TYPES.items()
    }


def test_the_module_documents_every_map_type() -> None:
    text = (ROOT / "plugins" / "modules" / "bpf_map_pinned.py").read_text()
    documented = re.search(r"One of V\(arena\),.*?\.\n", text, re.S)
    assert documented is not None
    assert re.findall(r"V\((\w+)\)", documented[0]) == sorted(MAP_TYPES)


def test_every_test_that_the_documentation_names_is_there() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        named = set(re.findall(r"\btest_\w+\.py\b", page.read_text()))
        assert named <= tests, page.name
