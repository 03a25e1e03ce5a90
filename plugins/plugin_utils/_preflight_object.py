# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an object file to what a host has to know of it. Private to this collection."""

from __future__ import annotations

import base64
import typing as t

from ..module_utils._core.btf import Btf
from ..module_utils._core.btf_excerpt import excerpt
from ..module_utils._core.object_file.definitions import Definition, types_to_describe
from ..module_utils._core.object_file.needs import needs_of
from ..module_utils._core.object_file.read import read

Said = t.Dict[str, t.Any]


def what_is_asked(data: bytes) -> Said:
    """All that a host needs, in values that JSON has; PinningError where no loader takes the file.

    Of programs only what they need is told: their code stays here.
    """
    found = read(data)
    needs = needs_of(data, found)
    types = found.btf
    return {
        "maps": [
            {"name": name, **_map(types, definition)}
            for name, definition in (found.maps.items() if types is not None else ())
        ],
        "programs": [list(each) for each in needs.programs],
        "helpers": list(needs.helpers),
        "kernel_btf": needs.kernel_btf,
    }


def _map(types: t.Optional[Btf], definition: Definition) -> Said:
    fields = ("type", "key_size", "value_size", "max_entries", "map_flags", "map_extra")
    return {
        **{field: getattr(definition, field) for field in fields},
        "numa_node": definition.on_numa_node,
        "pinned": bool(definition.pinning),
        "has_value_type": bool(definition.value),
        "btf": _btf(types, definition),
        "inner": _map(types, definition.inner) if definition.inner else None,
    }


def _btf(types: t.Optional[Btf], definition: Definition) -> t.Optional[t.List[t.Any]]:
    described = None if types is None else types_to_describe(types, definition)
    if types is None or described is None:
        return None
    blob, (key, value) = excerpt(types, *described)
    return [base64.b64encode(blob).decode("ascii"), key, value]
