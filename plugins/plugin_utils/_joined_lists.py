# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of declarations that several groups add to. Pure. Private to this collection."""

from __future__ import annotations

import typing as t

from ..module_utils._core.errors import PinningError
from ._declared import declared
from ._plain_values import is_unset, plain


class Unjoined(PinningError):
    """Two variables declare one path, and not the same of it."""


def joined(
    lists: t.Mapping[str, t.Any], directory: str, path: t.Optional[str] = None
) -> t.Optional[t.List[t.Dict[str, t.Any]]]:
    """Return all items of `lists`, by the names of their variables; what is declared alike, once.

    `directory` is the one of items that name none, `path` what is meant by those that have none at
    all. None if nothing is set. Raises Unjoined with all that do not agree.
    """
    if all(is_unset(plain(value)) for value in lists.values()):
        return None
    first: t.Dict[str, t.Tuple[str, t.Dict[str, t.Any]]] = {}
    items: t.List[t.Dict[str, t.Any]] = []
    problems = []
    for variable, value in lists.items():
        for item in _items(variable, value):
            place = _place(item, directory) or path
            if place is None or place not in first:
                items.append(item)
                if place is not None:
                    first[place] = (variable, _but_place(item))
            elif first[place][0] == variable:
                items.append(item)  # the module says what is wrong with it
            elif first[place][1] != _but_place(item):
                problems.append(
                    f"{place} is declared in {first[place][0]} and otherwise in {variable}: make "
                    "them agree, or keep one"
                )
    if problems:
        raise Unjoined("\n".join(problems))
    return items


def _place(item: t.Mapping[str, t.Any], directory: str) -> t.Optional[str]:
    """What is declared only once: a pin, or an object file for the pins of a directory."""
    if item.get("object"):
        return f"{item['object']} ({item.get('directory') or directory})"
    paths = declared({"items": [item], "directory": directory}, "items")
    return paths[0] if paths else None


def _but_place(item: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    return {key: each for key, each in item.items() if key not in ("name", "path", "directory")}


def _items(variable: str, value: t.Any) -> t.List[t.Dict[str, t.Any]]:
    value = plain(value)
    if is_unset(value):
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Unjoined(f"{variable} is {str(value)[:60]!r}: use a list of dictionaries")
    return value
