# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests and answers of bpf(2): each layout has as many values as its tuple has names."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import uapi

# The layout in capitals is that of the tuple in mixed case.
LAYOUTS = {name: value for name, value in vars(uapi).items() if isinstance(value, struct.Struct)}


def tuple_of(layout: str) -> Any:
    return getattr(uapi, layout.title().replace("_", ""))


def test_layouts_are_found() -> None:
    assert {"MAP_CREATE", "OBJ", "MAP_INFO"} <= LAYOUTS.keys()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_has_a_value_for_each_name(layout: str) -> None:
    values = LAYOUTS[layout].unpack(bytes(LAYOUTS[layout].size))
    assert len(values) == len(tuple_of(layout)._fields)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_packs_what_its_tuple_holds(layout: str) -> None:
    zeros = LAYOUTS[layout].unpack(bytes(LAYOUTS[layout].size))
    assert LAYOUTS[layout].pack(*tuple_of(layout)._make(zeros)) == bytes(LAYOUTS[layout].size)
