# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of items of which AnsibleModule has nothing to say. Private to this collection.

It takes 55 microseconds to check a map that is right: for a thousand, twice as long as all that is
asked of the kernel. What is of its type already is found in a tenth of that.
"""

from __future__ import annotations

import typing as t

from .._core.options import Options

Fields = t.Dict[str, t.Any]


class _Unsettled(Exception):
    """AnsibleModule has to convert something, or to say what is wrong with it."""


def settled(given: Fields, options: Options) -> t.Tuple[Fields, Options]:
    """`given` with such lists as AnsibleModule would return them, and what it has to check yet."""
    given, options = dict(given), dict(options)
    for name, option in options.items():
        if option.get("elements") == "dict" and "options" in option and given.get(name):
            try:
                given[name] = _settled(given[name], option)
            except _Unsettled:
                continue
            options[name] = {key: each for key, each in option.items() if key != "options"}
    return given, options


class _Dictionaries:
    """Takes dictionaries that have the same options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._blank = {name: option.get("default") for name, option in options.items()}
        self._required = {name for name, option in options.items() if option.get("required")}

    def __call__(self, item: t.Any) -> Fields:
        if item.__class__ is not dict or not self._required <= item.keys() <= self._blank.keys():
            raise _Unsettled
        options = self._options
        return {**self._blank, **{name: _settled(item[name], options[name]) for name in item}}


def _settled(value: t.Any, option: t.Mapping[str, t.Any]) -> t.Any:
    kind = option["type"]
    if kind == "raw":
        return value
    if value.__class__ is not _PYTHON[kind] or value not in option.get("choices", (value,)):
        raise _Unsettled
    if kind == "path" and ("~" in value or "$" in value):
        raise _Unsettled
    if kind == "list":
        return _list(value, option)
    return _Dictionaries(option["options"])(value) if "options" in option else value


def _list(values: t.List[t.Any], option: t.Mapping[str, t.Any]) -> t.List[t.Any]:
    if "options" in option:
        return list(map(_Dictionaries(option["options"]), values))
    of_each = {"type": option["elements"]}
    return [_settled(each, of_each) for each in values]


_PYTHON: t.Dict[str, t.Any] = {
    "str": str,
    "path": str,
    "int": int,
    "bool": bool,
    "list": list,
    "dict": dict,
}
