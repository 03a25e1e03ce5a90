# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of attach types agrees with docs/links.md, and with the names of the kernel."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.ebpf.pinning.plugins.module_utils._core import uapi
from ansible_collections.ebpf.pinning.plugins.module_utils._core.attach_types import (
    ALL_OPTIONS,
    ATTACH_TYPES,
    HOOKS,
    PROTOCOLS,
    XDP_MODES,
    options_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.options import ATTACH

PAGE = (Path(__file__).parents[2] / "docs" / "links.md").read_text()
TOLD, _HEADING, DECLARED = PAGE.partition("## Attach types")


def names(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", cell))


def test_the_page_has_the_table() -> None:
    rows = {}
    for line in re.findall(r"^\| `\w+` \|.*\|$", DECLARED, re.MULTILINE):
        name, program, options, since, way = (cell.strip() for cell in line.split("|")[1:-1])
        needed, _semicolon, possible = options.partition(";")
        if not _semicolon and "namespace" in options:
            needed, possible = "", options
        rows[names(name)[0]] = (names(program), names(needed), names(possible), since, way)
    told = {
        row.name: (
            row.prog_types or ("struct_ops",),
            *options_of(row),
            row.since,
            "in place" if row.is_updatable else "a new link",
        )
        for row in ATTACH_TYPES.values()
    }
    assert rows == told


def test_the_page_says_what_is_told_of_each_type_of_link() -> None:
    cells = re.findall(r"^\| (`\w+`[^|]*) \|", TOLD, re.MULTILINE)
    assert {name for cell in cells for name in names(cell)} == {*uapi.LINK_TYPES[1:]}


def test_the_kernel_has_the_numbers() -> None:
    for row in ATTACH_TYPES.values():
        if row.kernel_name:
            assert uapi.ATTACH_TYPES[row.number] == row.kernel_name
        assert row.link_type in uapi.LINK_TYPES
        assert {*row.prog_types} <= {*uapi.PROG_TYPES}


def test_the_options_are_those_of_the_module() -> None:
    assert {*ALL_OPTIONS, "type"} == {*ATTACH}
    for option, values in (("mode", XDP_MODES), ("pf", PROTOCOLS), ("hook", HOOKS)):
        assert ATTACH[option]["choices"] == [*values]
