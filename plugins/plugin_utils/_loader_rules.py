# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What loaders make of sizes that a type of map does not take. Private to this collection."""

from __future__ import annotations

import typing as t

from ..module_utils._core.errors import PinningError, ProblemCollector
from ..module_utils._core.loader_rules import are_entries_counted, size_of_values
from ..module_utils._core.map_types import MAP_TYPES, spell_sizes
from ..module_utils._core.object_file.definitions import Definition
from ..module_utils._core.uapi import MAP_FLAGS


class BadSize(PinningError):
    """No loader can make the map; the text says which override would make one."""


def without_annotation(definition: Definition) -> int:
    """The value size that loaders ask for: a type of values may only say what events look like."""
    if not definition.value:
        return definition.value_size
    return size_of_values(definition.type, definition.value_size)


def sized_by_loader(definition: Definition) -> bool:
    """Whether loaders differ in what they make of max_entries."""
    return are_entries_counted(definition.type)


def check_sizes(name: str, item: t.Mapping[str, t.Any]) -> None:
    """Raise Problems with all sizes that no map of this type can have."""
    problems = ProblemCollector()
    _check(item, lambda fields: {name: fields}, problems)
    problems.raise_any()


def _check(
    item: t.Mapping[str, t.Any],
    override: t.Callable[[t.Dict[str, t.Any]], t.Dict[str, t.Any]],
    problems: ProblemCollector,
) -> None:
    row = MAP_TYPES.get(str(item.get("type")))
    if row is None:
        return  # the module judges
    flags = sum(MAP_FLAGS.get(flag, 0) for flag in item.get("flags") or ())
    fields = {"key_size": row.key, "value_size": row.value_for(flags), "max_entries": row.entries}
    for field, allowed in fields.items():
        given = item.get(field)
        if isinstance(given, int) and given not in allowed:
            problems.add(
                f"{field} {given} is not for {item['type']}: it takes {spell_sizes(allowed)}, and "
                f"no loader makes this map. Correct the definition, or say "
                f"override={override({field: _nearest(given, allowed)})}"
            )
    inner = item.get("inner_map")
    if isinstance(inner, t.Mapping):
        _check(inner, lambda fields: override({"inner_map": fields}), problems)


def _nearest(size: int, allowed: range) -> int:
    steps = max(0, size - allowed.start) // allowed.step
    return allowed[min(steps, len(allowed) - 1)]
