# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Manifests: declarations that a host keeps, to put them back after a restart.

One JSON file for each declaration, in a directory of their own. A file that anybody but root
could have written, or that does not hold together, is refused as a whole.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Sequence

from .. import options
from ..errors import TROUBLE, PinningError, ProblemCollector
from ..fields import absolute, read_access
from ..host import this_host
from ..kinds.directories.declaration import WantedDirectory, read_directories
from ..kinds.maps.declaration import WantedPin, read_pins
from ..kinds.mounts.declaration import WantedMount, read_mount
from ..kinds.objects.declaration import WantedObject, read_objects
from ..options import Options
from ..ownership import roots_own
from ..people import BadField, UnknownUser
from ..users import Users
from ..values import NamedTuple, dataclass

VERSION = 2  # of the format; a program reads all versions up to its own
SUFFIX = ".json"
Json = Dict[str, object]
Check = Callable[[object], object]


@dataclass(frozen=True)
class Manifest:
    """What one file declares."""

    path: str
    mounts: Sequence[WantedMount]
    pins: Sequence[WantedPin]
    obstacles: Mapping[str, str]  # by path: why this host cannot have it as declared
    directories: Sequence[WantedDirectory] = ()
    objects: Sequence[WantedObject] = ()


class Loaded(NamedTuple):
    """All manifests that could be read, and what is wrong with the others."""

    manifests: Sequence[Manifest]
    problems: Sequence[str]


def content(declared: Mapping[str, Sequence[Json]], defaults: Json) -> bytes:
    """A manifest as it is written: the same declarations are the same bytes.

    `declared` has a list for each of LISTS.
    """
    lists = {key: [_lasting(item) for item in declared.get(key, ())] for key in LISTS}
    whole = {"version": VERSION, "defaults": defaults, **lists}
    return (json.dumps(_given(whole), indent=1, sort_keys=True) + "\n").encode()


def load_all(directory: str) -> Loaded:
    """Read every manifest in `directory`, by name; none when it does not exist."""
    manifests: List[Manifest] = []
    problems: List[str] = []
    try:
        names = manifest_names(directory)
        check_directory(directory)
    except FileNotFoundError:
        return Loaded((), ())
    except OSError as error:
        return Loaded((), [f"{directory} {_spelled(error)}"])
    except PinningError as error:
        return Loaded((), [str(error)])
    for name in names:
        path = f"{directory}/{name}"
        try:
            manifests.append(_load(path))
        except TROUBLE as error:
            problems += [f"{path}: {_cut(line)}" for line in _spelled(error).splitlines()]
    return Loaded(manifests, problems)


def manifest_names(directory: str) -> List[str]:
    """The files in `directory` that are manifests, in the order they are read in."""
    return sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX))


def parse(text: bytes, path: str) -> Manifest:
    """Check a manifest like the arguments of the modules; PinningError with all that is wrong."""
    try:
        return _read(text, path)
    except RecursionError:  # while it is read, or while it is said what is wrong
        raise BadField(f"is nested too deeply: {_AGAIN}") from None


def _read(text: bytes, path: str) -> Manifest:
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise BadField(f"is not JSON, perhaps cut short: {_AGAIN} ({error})") from None
    version = whole.get("version") if isinstance(whole, dict) else None
    if not isinstance(version, int) or version not in _KEYS:
        raise BadField(f"is not of version 1 to {VERSION}, those that this program reads: {_AGAIN}")
    whole = _checked(whole, _KEYS[version])
    problems = ProblemCollector()
    obstacles: Dict[str, str] = {}
    mounts = [
        problems.of(partial(_mount, mount, obstacles), f"mounts[{index}]: ")
        for index, mount in enumerate(whole.get("mounts", []))
    ]
    defaults = problems.of(lambda: _checked(whole.get("defaults", {}), _DEFAULTS), "defaults: ")
    items = {
        key: [
            problems.of(partial(_checked_item, item, key), f"{key}[{index}]: ")
            for index, item in enumerate(whole.get(key, []))
        ]
        for key in _ITEMS
    }
    problems.raise_any()
    usual: Json = {**defaults, **_POLICY}

    def known(key: str, read: Callable[[List[Json]], Sequence[Any]], above: Json) -> List[Any]:
        """Read the list; what is of a user whom this host lacks has an obstacle."""
        strangers = [_stranger({**above, **item}) for item in items[key]]
        of_root = [{**each, **_ROOT} if who else each for each, who in zip(items[key], strangers)]
        wanted = list(read(of_root))
        if key == "directories":  # in an order of their own
            paths = [absolute(each["path"], "path") for each in items[key]]
        else:
            paths = [each.path for each in wanted]
        obstacles.update({each: who for each, who in zip(paths, strangers) if who})
        return wanted

    return Manifest(
        path,
        mounts,
        known("maps", lambda maps: read_pins(maps, usual, this_host(), Users()), defaults),
        obstacles,
        known("directories", lambda given: read_directories(given, Users()), {}),
        known("objects", lambda given: read_objects(given, usual, Users()), defaults),
    )


def check_directory(path: str) -> None:
    """Raise PinningError unless root alone decides what is in `path`, a directory of root's own."""
    roots_own(os.path.join(os.getcwd(), path))
    with suppress(FileNotFoundError):
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise BadField(f"{path} is a symlink: declare the real path")
        try:
            check_owner(status)
        except BadField as error:
            raise BadField(f"{path} {error}") from None


def check_owner(status: os.stat_result) -> None:
    """Raise BadField unless only root may write to what has this status."""
    if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadField(
            f"belongs to user id {status.st_uid}, mode {status.st_mode & 0o7777:04o}: only root "
            "may be able to write to it; look at who changed it and at what is in it now, then "
            "give it back to root"
        )


def _spelled(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == errno.ELOOP:
        return "is a symlink: put the file itself there"
    return f"cannot be read ({error.strerror}): look at it with `stat`, fix that, then run again"


def _load(path: str) -> Manifest:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    fd = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise BadField("is not a regular file: look at who made it, and remove it")
        check_owner(os.fstat(fd))
        with open(fd, "rb", closefd=False) as file:
            return parse(file.read(), path)
    finally:
        os.close(fd)


def _mount(fields: object, obstacles: Dict[str, str]) -> WantedMount:
    fields = _checked(fields, _MOUNT)
    if "path" not in fields:
        raise BadField(f"path is missing: {_AGAIN}")
    who = _stranger(fields)
    wanted = read_mount({**fields, **_ROOT} if who else fields, Users())
    if who:
        obstacles[wanted.path] = who
    return wanted


def _checked_item(item: object, key: str) -> Json:
    checked = _checked(item, _ITEMS[key])
    if key == "directories" and "path" not in checked:
        raise BadField(f"path is missing: {_AGAIN}")
    return checked


def _stranger(fields: Mapping[str, object]) -> Optional[str]:
    """Return what is wrong if this host lacks the owner or group; the file is not at fault."""
    try:
        read_access(fields.get("owner"), fields.get("group"), None, bits=0, ids=Users())
    except UnknownUser as error:
        return str(error)
    except BadField:
        pass  # told where all of it is read
    return None


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _lasting(item: Json) -> Json:
    """What of an item counts at boot, when nothing is replaced and fstab is not written."""
    return {field: value for field, value in item.items() if field not in _PASSING}


def _given(value: Any) -> Any:
    """`value` without what is left to a default."""
    if isinstance(value, dict):
        return {name: _given(each) for name, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_given(each) for each in value]
    return value


def _checked(fields: object, types: Mapping[str, Check]) -> Dict[str, Any]:
    """The fields, each of its type."""
    if not isinstance(fields, dict):
        raise BadField(f"must be a dictionary: {_AGAIN} (found {fields!r})")
    unknown = sorted(set(fields) - set(types))
    if unknown:
        raise BadField(f"{', '.join(unknown)} is not known here, but {', '.join(types)}: {_AGAIN}")
    problems = ProblemCollector()
    checked = {
        name: problems.of(partial(types[name], value), f"{name}: ")
        for name, value in fields.items()
    }
    problems.raise_any()
    return checked


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise BadField(f"must be text: {_AGAIN} (found {value!r})")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise BadField(f"must be a whole number: {_AGAIN} (found {value!r})")


def _mode(value: object) -> object:
    # Numbers, too: what is wrong with them is said where modes are read.
    if isinstance(value, (str, int)):
        return value
    raise BadField(f"must be text: {_AGAIN} (found {value!r})")


def _anything(value: object) -> object:
    # What is wrong with it is said where it is read.
    return value


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BadField(f"must be true or false: {_AGAIN} (found {value!r})")


def _list(value: object) -> List[object]:
    if isinstance(value, list):
        return value
    raise BadField(f"must be a list: {_AGAIN} (found {value!r})")


def _texts(value: object) -> List[str]:
    return [_text(each) for each in _list(value)]


_AGAIN = "run the playbook again, which writes the manifest anew"
_LONGEST = 600  # characters of a line for the journal
_ROOT = {"owner": "0", "group": "0"}
_CHECKS: Dict[str, Check] = {
    "str": _text,
    "path": _text,
    "int": _whole,
    "bool": _truth,
    "list of str": _texts,
    "list of dict": _list,
    "list of raw": _list,
    "dict": _anything,
    "raw": _anything,
    "mode": _mode,
}


def _checks(options: Options, without: Collection[str] = ()) -> Dict[str, Check]:
    """Return what checks each option."""
    return {
        name: _check_of(name, option) for name, option in options.items() if name not in without
    }


def _check_of(name: str, option: Mapping[str, Any]) -> Check:
    check = _check_of_type(name, option)
    return _untold(check) if name in options.SECRETS else check


def _untold(check: Check) -> Check:
    """The same, but what is wrong with a value does not say the value."""

    def checked(value: object) -> object:
        try:
            return check(value)
        except BadField as error:
            reason = str(error).partition(" (found ")[0]
        raise BadField(reason)

    return checked


def _check_of_type(name: str, option: Mapping[str, Any]) -> Check:
    if option["type"] == "dict" and "options" in option:
        return _of_dictionary(option)
    if option["type"] == "list":
        return _CHECKS[f"list of {option['elements']}"]
    return _CHECKS["mode" if name == "mode" else option["type"]]


def _of_dictionary(option: Mapping[str, Any]) -> Check:
    checks = _checks(option["options"])
    required = [name for name, each in option["options"].items() if each.get("required")]

    def check(value: object) -> Json:
        checked = _checked(value, checks)
        missing = [name for name in required if name not in checked]
        if missing:
            raise BadField(f"{', '.join(sorted(missing))} is missing: {_AGAIN}")
        return checked

    return check


LISTS = ("mounts", "directories", "maps", "objects")
_KEYS: Dict[object, Dict[str, Check]] = {
    version: {"version": _whole, "defaults": lambda value: value, **dict.fromkeys(lists, _list)}
    for version, lists in ((1, ("mounts", "maps")), (2, LISTS))
}
_POLICY = {"on_mismatch": "fail", "value_growth": "refuse"}  # a restart never replaces a map
_PASSING = (*_POLICY, "readers", *(name for name in options.MOUNTED if name not in options.MOUNT))
_MOUNT = _checks(options.MOUNT)
_MAP = _checks(options.MAP, without=_PASSING)
_ITEMS = {
    "directories": _checks(options.DIRECTORY),
    "maps": _MAP,
    "objects": _checks(options.OBJECT, without=_POLICY),
}
_DEFAULTS = _checks({**options.ACCESS, "directory": options.MAP["directory"]})
