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
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from .. import options
from ..errors import TROUBLE, PinningError, ProblemCollector
from ..fields import absolute, read_access
from ..host import this_host
from ..kinds.directories.declaration import WantedDirectory, read_directories
from ..kinds.links.declaration import WantedLink, read_links
from ..kinds.maps.declaration import WantedPin, read_pins
from ..kinds.mounts.declaration import WantedMount, read_mount
from ..kinds.objects.declaration import WantedObject, read_objects
from ..kinds.programs.declaration import Called, pins_of
from ..ownership import roots_own
from ..people import BadField, UnknownUser
from ..users import Users
from ..values import NamedTuple, dataclass
from .checks import AGAIN, Check, Json, as_list, as_whole_number, checks_of, read_fields

VERSION = 2  # of the format; a program reads all versions up to its own
SUFFIX = ".json"


class WantedLoads(NamedTuple):
    """The programs of one object file, which is read when they are put back."""

    item: Json
    defaults: Json
    pins: Sequence[Called]


@dataclass(frozen=True)
class Manifest:
    """What one file declares."""

    path: str
    mounts: Sequence[WantedMount]
    pins: Sequence[WantedPin]
    obstacles: Mapping[str, str]  # by path: why this host cannot have it as declared
    directories: Sequence[WantedDirectory] = ()
    programs: Sequence[WantedLoads] = ()
    links: Sequence[WantedLink] = ()
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
        raise BadField(f"is nested too deeply: {AGAIN}") from None


def _read(text: bytes, path: str) -> Manifest:
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise BadField(f"is not JSON, perhaps cut short: {AGAIN} ({error})") from None
    version = whole.get("version") if isinstance(whole, dict) else None
    if not isinstance(version, int) or version not in _KEYS:
        raise BadField(f"is not of version 1 to {VERSION}, those that this program reads: {AGAIN}")
    whole = read_fields(whole, _KEYS[version])
    problems = ProblemCollector()
    obstacles: Dict[str, str] = {}
    mounts = [
        problems.of(partial(_mount, mount, obstacles), f"mounts[{index}]: ")
        for index, mount in enumerate(whole.get("mounts", []))
    ]
    defaults = problems.of(lambda: read_fields(whole.get("defaults", {}), _DEFAULTS), "defaults: ")
    items = {
        key: [
            problems.of(partial(_checked_item, item, key), f"{key}[{index}]: ")
            for index, item in enumerate(whole.get(key, []))
        ]
        for key in _ITEMS
    }
    problems.raise_any()
    usual: Json = {**defaults, **_POLICY}
    programs = [
        problems.of(partial(_loads, item, usual), f"programs[{index}]: ")
        for index, item in enumerate(items["programs"])
    ]
    problems.raise_any()

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
        known("maps", lambda maps: _pins(maps, usual), defaults),
        obstacles,
        known("directories", lambda given: read_directories(given, Users()), {}),
        programs,
        known("links", lambda given: read_links(given, usual, Users()), defaults),
        known("objects", lambda given: read_objects(given, usual, Users()), defaults),
    )


def _pins(maps: Sequence[Json], usual: Json) -> List[WantedPin]:
    """What is in them is read when they are put back: what fails then stops no other."""
    later = [{**each, options.AT_BOOT: True} for each in maps]
    return read_pins(later, usual, this_host(), Users())


def _loads(item: Json, usual: Json) -> WantedLoads:
    directory = item.get("directory") or usual.get("directory")
    if directory is None:
        raise BadField(f"directory is missing: {AGAIN}")
    item = {**item, options.AT_BOOT: True, "directory": directory}
    return WantedLoads(item, usual, pins_of(item))


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
    fields = read_fields(fields, _MOUNT)
    if "path" not in fields:
        raise BadField(f"path is missing: {AGAIN}")
    who = _stranger(fields)
    wanted = read_mount({**fields, **_ROOT} if who else fields, Users())
    if who:
        obstacles[wanted.path] = who
    return wanted


def _checked_item(item: object, key: str) -> Json:
    fields = read_fields(item, _ITEMS[key])
    missing = [name for name in _REQUIRED.get(key, ()) if name not in fields]
    if missing:
        raise BadField(f"{', '.join(missing)} is missing: {AGAIN}")
    return fields


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


LISTS = ("mounts", "directories", "maps", "programs", "links", "objects")
_KEYS: Dict[object, Dict[str, Check]] = {
    version: {
        "version": as_whole_number,
        "defaults": lambda value: value,
        **dict.fromkeys(lists, as_list),
    }
    for version, lists in ((1, ("mounts", "maps")), (2, LISTS))
}
_POLICY = {"on_mismatch": "fail", "value_growth": "refuse"}  # a restart never replaces a map
_PASSING = (
    *_POLICY,
    "readers",
    "show_entries",
    *(name for name in options.MOUNTED if name not in options.MOUNT),
)
_MOUNT = checks_of(options.MOUNT)
_ITEMS = {
    "directories": checks_of(options.DIRECTORY),
    "maps": checks_of(options.MAP_AT_BOOT, without=_PASSING),
    "programs": checks_of(options.PROGRAMS_AT_BOOT, without=(*_POLICY, "remote_src")),
    "links": checks_of(options.LINK, without=_PASSING),
    "objects": checks_of(options.OBJECT, without=_POLICY),
}
_REQUIRED = {"directories": ("path",), "programs": ("object", "digest", "programs")}
_DEFAULTS = checks_of({**options.ACCESS, "directory": options.MAP["directory"]})
_LONGEST = 600  # characters of a line for the journal
_ROOT = {"owner": "0", "group": "0"}
