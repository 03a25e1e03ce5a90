# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an object file to what a host has to know of it. Private to this collection."""

from __future__ import annotations

import typing as t

from ..module_utils._core.btf import Btf
from ..module_utils._core.object_file.definitions import Definition, types_to_describe
from ..module_utils._core.object_file.needs import needs_of
from ..module_utils._core.object_file.read import read
from ._elf_maps import Described
from ._helper_names import helper_name

Said = t.Dict[str, t.Any]


def what_is_asked(data: bytes, *, takes_legacy: bool = False) -> Said:
    """All that a host needs, in values that JSON has; PinningError where no loader takes the file.

    Of programs only what they need is told: their code stays here.
    """
    found = read(data, takes_legacy=takes_legacy)
    needs = needs_of(data, found)
    types, described = found.btf, Described()
    return {
        "maps": [
            {"name": name, **_map(types, definition, described)}
            for name, definition in found.maps.items()
        ],
        "programs": [list(each) for each in needs.programs],
        "helpers": [[each, helper_name(each)] for each in needs.helpers],
        "kernel_btf": needs.kernel_btf,
        "asks_first": needs.asks_first,
    }


def _map(types: t.Optional[Btf], definition: Definition, described: Described) -> Said:
    fields = ("type", "key_size", "value_size", "max_entries", "map_flags", "map_extra")
    inner = definition.inner
    ids = types_to_describe(types, definition) if types else None
    return {
        **{field: getattr(definition, field) for field in fields},
        "numa_node": definition.on_numa_node,
        "pinned": bool(definition.pinning),
        "has_value_type": bool(definition.value),
        "btf": described.of(types, ids) if types and ids else None,
        "inner": None if inner is None else _map(types, inner, described),
    }
