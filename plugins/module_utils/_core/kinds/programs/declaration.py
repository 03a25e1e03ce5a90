# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which programs are wanted, of which object file, and with which maps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ...errors import ProblemCollector
from ...fields import absolute, plain
from ...people import BadField, Ids
from ...values import NamedTuple, dataclass
from ..pins.declaration import Arguments, WantedName, filled_up, nested, read_name

if TYPE_CHECKING:
    from ...loader.request import Types
    from ...map_types import Host
    from ..maps.declaration import WantedPin


class Asked(NamedTuple):
    """A program as the declaration asks for it."""

    name: str
    pin: str


class Called(NamedTuple):
    """What entries of maps may call a program."""

    path: str
    pin: str
    name: str


class PinnedBy(NamedTuple):
    """A map of an object file, and the pin that it is."""

    name: str
    pin: WantedPin


@dataclass(frozen=True, eq=False)
class WantedLoad:
    """An object file, loaded in one piece."""

    path: str
    shown: str  # as users call it
    content: bytes  # for the loader; empty: the file is still to come
    digest: str  # of the file
    programs: Tuple[str, ...]  # those that are loaded
    maps: Tuple[PinnedBy, ...]
    data: Mapping[str, bytes]  # first values of sections of variables, where some were set
    globals: str  # digest of them
    kernel_btf: Optional[str]  # path
    types_of: str  # the same with a digest; "" for the types of the running kernel
    log_level: int
    types: Mapping[str, Types]  # of its programs, for a loader that does not know their sections
    slots: Mapping[str, Mapping[int, str]]  # of each pinned prog_array: its programs, by index
    is_for_boot: bool = False  # which does not wait as long for it


@dataclass(frozen=True)
class WantedProgram(WantedName):
    """A program that is to be pinned."""

    program: str
    load: WantedLoad
    map_ids: Mapping[str, Optional[int]]  # of the pinned maps, by name; None: still to be made

    @property
    def may_be_replaced(self) -> bool:
        return True

    @property
    def called(self) -> Called:
        """Return what entries of maps may call it."""
        return Called(self.path, self.name, self.program)


def read_programs(
    items: Sequence[Arguments], defaults: Arguments, host: Host, ids: Ids
) -> List[WantedProgram]:
    """Read all `items`, one an object file; raise Problems with all that is wrong."""
    problems = ProblemCollector()
    wanted: List[WantedProgram] = []
    for index, item in enumerate(items):
        label = f"programs[{index}] " if len(items) > 1 else ""
        label += f"{str(item.get('shown') or item.get('object') or 'object')[:80]}: "
        wanted += problems.of(partial(_read, item, defaults, host, ids), label) or ()
    first: Dict[str, WantedProgram] = {}
    for each in wanted:
        other = first.setdefault(each.path, each)
        if other is not each:
            problems.add(
                f"{each.path} is to be {each.program} of {each.load.shown} and {other.program} of "
                f"{other.load.shown}: give one of them another pin"
            )
    for text in nested(wanted):
        problems.add(text)
    problems.raise_any()
    return wanted


def pins_of(item: Arguments) -> List[Called]:
    """Return the pins, whether or not the programs can be loaded."""
    directory = plain(str(item["directory"]), "directory")
    asked = _asked(item.get("programs"))
    if asked is None:
        from .reading import content_of, names_in

        if item.get("object") is None:
            raise BadField("neither object nor programs are given: say which pins are meant")
        asked = [Asked(name, name) for name in names_in(content_of(item))]
    return [
        Called(absolute(f"{directory}/{each.pin}", "pin"), each.pin, each.name) for each in asked
    ]


def _read(item: Arguments, defaults: Arguments, host: Host, ids: Ids) -> List[WantedProgram]:
    # Few tasks have any, and to read object files takes long to load.
    from .reading import read_load

    problems = ProblemCollector()
    given = filled_up(item, defaults)
    directory = problems.of(lambda: plain(str(given("directory")), "directory"))
    asked = problems.of(lambda: _asked(item.get("programs")))
    if item.get("object") is None:
        problems.add("object is missing: give the path of the object file")
    problems.raise_any()
    load, pins = read_load(item, {**defaults, "directory": directory}, asked, host, ids)

    def named(each: Asked) -> WantedName:
        return read_name(filled_up({**item, "name": each.pin, "path": None}, defaults), ids)

    names = [problems.of(partial(named, each), f"{each.name}: ") for each in pins]
    problems.raise_any()
    unknown = {each.name: None for each in load.maps}
    return [
        WantedProgram(**vars(name), program=each.name, load=load, map_ids=unknown)
        for each, name in zip(pins, names)
    ]


def _asked(given: Any) -> Optional[Sequence[Asked]]:
    """The programs that are listed, but those that are not to be loaded; None: all of the file."""
    if given is None:
        return None
    asked = [
        Asked(str(each["name"]), str(each.get("pin") or each["name"]))
        for each in given
        if each.get("autoload") is not False
    ]
    names = [each.name for each in asked]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            raise BadField(f"programs: {name} is listed twice: keep one")
    if not asked:
        raise BadField(
            "programs lists none that is to be loaded: name one, or leave it out for all"
        )
    return asked


def pin_of_map(name: str, given: Mapping[str, object], directory: str) -> str:
    """Return the path of the pin that a map of an object file is."""
    path = given.get(name)
    if path is None:
        # A pin cannot have a dot in its name, and libbpf does the same.
        return f"{directory}/{name.replace('.', '_')}"
    text = str(path)
    return absolute(text if text.startswith("/") else f"{directory}/{text}", f"maps: {name}")
