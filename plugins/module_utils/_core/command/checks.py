# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether what a file says has the fields and the types that options say. Pure."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Collection, Dict, List, Mapping, Sequence

from .. import options
from ..errors import PinningError, ProblemCollector
from ..options import Options
from ..people import BadField

Json = Dict[str, object]
Check = Callable[[object], object]

AGAIN = "run the playbook again, which writes the manifest anew"


def read_fields(fields: object, types: Mapping[str, Check]) -> Dict[str, Any]:
    """The fields, each of its type."""
    fields = _dictionary(fields)
    unknown = sorted(set(fields) - set(types))
    if unknown:
        raise BadField(f"{', '.join(unknown)} is not known here, but {', '.join(types)}: {AGAIN}")
    problems = ProblemCollector()
    read = {
        name: problems.of(partial(types[name], value), f"{name}: ")
        for name, value in fields.items()
    }
    problems.raise_any()
    return read


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadField(f"must be text: {AGAIN} (found {value!r})")


def _one_of(choices: Sequence[object], value: object) -> object:
    if isinstance(value, (str, int)) and not isinstance(value, bool) and value in choices:
        return value
    named = ", ".join(map(str, choices))
    raise BadField(f"must be one of {named}: {AGAIN} (found {value!r})")


def as_whole_number(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadField(f"must be a whole number: {AGAIN} (found {value!r})")


def _mode(value: object) -> object:
    # Numbers, too: what is wrong with them is said where modes are read.
    if isinstance(value, (str, int)):
        return value
    raise BadField(f"must be text: {AGAIN} (found {value!r})")


def _anything(value: object) -> object:
    # What is wrong with it is said where it is read.
    return value


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BadField(f"must be true or false: {AGAIN} (found {value!r})")


def _dictionary(value: object) -> Json:
    if isinstance(value, dict):
        return value
    raise BadField(f"must be a dictionary: {AGAIN} (found {value!r})")


def as_list(value: object) -> List[object]:
    if isinstance(value, list):
        return value
    raise BadField(f"must be a list: {AGAIN} (found {value!r})")


def _texts(value: object) -> List[str]:
    return [_text(each) for each in as_list(value)]


_CHECKS: Dict[str, Check] = {
    "str": _text,
    "path": _text,
    "int": as_whole_number,
    "bool": _truth,
    "list of str": _texts,
    "list of dict": as_list,
    "list of raw": as_list,
    "dict": _dictionary,
    "raw": _anything,
    "mode": _mode,
}


def checks_of(options: Options, without: Collection[str] = ()) -> Dict[str, Check]:
    """Return what checks each option."""
    return {
        name: _check_of(name, option) for name, option in options.items() if name not in without
    }


def _check_of(name: str, option: Mapping[str, Any]) -> Check:
    check = _plain_check_of(name, option)
    return partial(_secretly, check) if name in options.SECRETS else check


def _secretly(check: Check, value: object) -> object:
    try:
        return check(value)
    except PinningError:  # which may say what was found
        raise BadField(f"is not as this program writes it: {AGAIN}") from None


def _plain_check_of(name: str, option: Mapping[str, Any]) -> Check:
    if "options" in option:
        of_one = _of_dictionary(option)
        if option["type"] == "dict":
            return of_one
        return lambda value: [of_one(each) for each in as_list(value)]
    if "choices" in option:
        return partial(_one_of, option["choices"])
    if option["type"] == "list":
        return _CHECKS[f"list of {option['elements']}"]
    return _CHECKS["mode" if name == "mode" else option["type"]]


def _of_dictionary(option: Mapping[str, Any]) -> Check:
    types = checks_of(option["options"])
    required = [name for name, each in option["options"].items() if each.get("required")]

    def check(value: object) -> Json:
        fields = read_fields(value, types)
        missing = [name for name in required if name not in fields]
        if missing:
            raise BadField(f"{', '.join(sorted(missing))} is missing: {AGAIN}")
        return fields

    return check
