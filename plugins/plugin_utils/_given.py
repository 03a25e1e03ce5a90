# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a variable, unless it is blank: the filter `given`. Private to this collection."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.validation import check_type_bool

from ._plain_values import is_omitted, is_unset


def given(
    value: t.Any,
    name: str,
    type: str = "raw",  # the word of every argument spec
    default: t.Any = None,
    choices: t.Optional[t.Sequence[str]] = None,
    needed_by: t.Optional[str] = None,
) -> t.Any:
    """Return the value, checked, or the default; AnsibleFilterError with the variable's name."""
    if is_unset(value):
        if needed_by:
            raise AnsibleFilterError(
                f"{name} is not set, and {needed_by} would remove all there is: set it, to [] if "
                "nothing is to stay"
            )
        return default
    if choices is not None and value not in choices:
        raise AnsibleFilterError(f"{name} is {value!r}: use one of {', '.join(choices)}")
    return _CHECKS[type](value, name)


def _bool(value: t.Any, name: str) -> bool:
    try:
        return bool(check_type_bool(value))
    except TypeError:
        raise AnsibleFilterError(f"{name} is {value!r}: use true or false") from None


def _list(value: t.Any, name: str) -> t.Any:
    items = _without_omitted(value)
    if items is not None:
        return items
    if isinstance(value, (str, int, float)):
        return value
    raise AnsibleFilterError(f"{name} is {value!r}: use a list")


def _dicts(value: t.Any, name: str) -> t.Any:
    items = _without_omitted(value)
    if items is not None and all(isinstance(each, dict) for each in items):
        return items
    raise AnsibleFilterError(f"{name} is {str(value)[:60]!r}: use a list of dictionaries")


def _without_omitted(value: t.Any) -> t.Optional[t.List[t.Any]]:
    if isinstance(value, (list, tuple)):
        return [each for each in value if not is_omitted(each)]
    return None


_CHECKS: t.Dict[str, t.Callable[[t.Any, str], t.Any]] = {
    "raw": lambda value, _name: value,
    "bool": _bool,
    "list": _list,
    "dicts": _dicts,
}
