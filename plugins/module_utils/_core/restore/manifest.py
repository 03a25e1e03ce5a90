# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Manifests: declarations that a host keeps, to put them back after a restart.

One JSON file for each declaration, in a directory of their own. A file that anybody but root
could have written, or that does not hold together, is refused as a whole.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence

from ..errors import Gathering, PinningError
from ..host import this_host
from ..spec.fields import BadField
from ..spec.maps import WantedPin, read_pins
from ..spec.mounts import DELEGATES, WantedMount, read_mount

VERSION = 1
SUFFIX = ".json"
Json = Dict[str, object]


@dataclass(frozen=True)
class Manifest:
    """What one file declares."""

    path: str
    mounts: Sequence[WantedMount]
    pins: Sequence[WantedPin]


class Loaded(NamedTuple):
    """All manifests that could be read, and what is wrong with the others."""

    manifests: Sequence[Manifest]
    problems: Sequence[str]


def content(mounts: Sequence[Json], maps: Sequence[Json], defaults: Json) -> bytes:
    """A manifest as it is written: the same declarations are the same bytes."""
    whole = {
        "version": VERSION,
        "mounts": [_given(mount) for mount in mounts],
        "defaults": _given(defaults),
        "maps": [_given(each) for each in maps],
    }
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode()


def load_all(directory: str) -> Loaded:
    """Read every manifest in `directory`, by name; none when it does not exist."""
    manifests: List[Manifest] = []
    problems: List[str] = []
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX))
        _check_owner(directory)
    except FileNotFoundError:
        return Loaded((), ())
    except (OSError, PinningError) as error:
        return Loaded((), [f"{directory}: {error}"])
    for name in names:
        path = f"{directory}/{name}"
        try:
            manifests.append(_load(path))
        except (OSError, PinningError) as error:
            problems += [f"{path}: {line}" for line in str(error).splitlines()]
    return Loaded(manifests, problems)


def parse(text: bytes, path: str) -> Manifest:
    """Check a manifest like the arguments of the modules; PinningError with all that is wrong."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise BadField(f"is no JSON ({error}), perhaps cut short: write it again") from None
    if not isinstance(whole, dict) or whole.get("version") != VERSION:
        raise BadField(
            f"is not of version {VERSION}, which this program reads: run the playbook again"
        )
    problems = Gathering()
    mounts = [
        problems.of(partial(_mount, mount), f"mounts[{index}]: ")
        for index, mount in enumerate(_list(whole, "mounts"))
    ]
    defaults = problems.of(lambda: _checked(whole.get("defaults", {}), _DEFAULTS), "defaults: ")
    maps = [
        problems.of(partial(_checked, item, _MAP), f"maps[{index}]: ")
        for index, item in enumerate(_list(whole, "maps"))
    ]
    problems.raise_any()
    # Whoever wrote it, a restart never replaces a map.
    policy = {"on_mismatch": "fail", "value_growth": "refuse"}
    pins = read_pins([{**item, **policy} for item in maps], {**defaults, **policy}, this_host())
    return Manifest(path, mounts, pins)


def _load(path: str) -> Manifest:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(path, flags), "rb") as file:
        _check_owner(file.fileno())
        return parse(file.read(), path)


def _check_owner(file: int | str) -> None:
    status = os.stat(file)
    if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadField(
            f"belongs to user id {status.st_uid}, mode {status.st_mode & 0o7777:04o}: only root "
            "may be able to write it; look at who changed it, then run the playbook again"
        )


def _mount(fields: object) -> WantedMount:
    return read_mount(_checked(fields, _MOUNT))


def _given(fields: Mapping[str, object]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _list(whole: Mapping[str, object], field: str) -> List[object]:
    found = whole.get(field, [])
    if not isinstance(found, list):
        raise BadField(f"{field} is no list")
    return found


def _checked(fields: object, types: Mapping[str, Callable[[object], object]]) -> Json:
    """The fields, each of its type: JSON may hold text where the arguments have numbers."""
    if not isinstance(fields, dict):
        raise BadField(f"{fields!r} is no dictionary")
    unknown = sorted(set(fields) - set(types))
    if unknown:
        raise BadField(f"{', '.join(unknown)} is not known: this program has {', '.join(types)}")
    problems = Gathering()
    checked = {
        name: problems.of(partial(types[name], value), f"{name}: ")
        for name, value in fields.items()
    }
    problems.raise_any()
    return checked


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadField(f"{value!r} is no text")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise BadField(f"{value!r} is no whole number")


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BadField(f"{value!r} is neither true nor false")


def _texts(value: object) -> List[str]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return list(value)
    raise BadField(f"{value!r} is no list of text")


def _btf(value: object) -> Json:
    return _checked(value, {"data": _text, "key_type_id": _whole, "value_type_id": _whole})


_ACCESS: Dict[str, Callable[[object], object]] = {"owner": _text, "group": _text, "mode": _text}
_SHAPE: Dict[str, Callable[[object], object]] = {
    "type": _text,
    "key_size": _whole,
    "value_size": _whole,
    "max_entries": _whole,
    "flags": _texts,
    "map_extra": _whole,
    "numa_node": _whole,
    "btf": _btf,
}
_DEFAULTS = {**_ACCESS, "directory": _text}
_MAP = {
    **_DEFAULTS,
    **_SHAPE,
    "name": _text,
    "path": _text,
    "frozen": _truth,
    "inner_map": lambda value: _checked(value, _SHAPE),
    "on_mismatch": _text,
    "value_growth": _text,
}
_MOUNT = {
    **_ACCESS,
    "path": _text,
    "opts": _texts,
    **{f"delegate_{field}": _texts for field in DELEGATES},
}
