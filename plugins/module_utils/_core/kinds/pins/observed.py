# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can be behind a name in bpffs. Values only: how they are found is elsewhere."""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Tuple, Union

from ...map_types import map_type_name
from ...people import ROOT_ONLY, People
from ...shape import Entry, Identity, Level, MapBtf, MapShape, Survey, is_stranger
from ...values import NamedTuple, dataclass

if TYPE_CHECKING:
    from ...difference import Difference
    from .usage import Usage


class Slot(NamedTuple):
    """A slot of a map of maps, in which a map is declared to be."""

    map_id: Optional[int] = None  # of the map that is in it; None: none is
    refusal: str = ""  # why a map like the declared one cannot be put there
    is_missing: bool = False  # there is no such map of maps, perhaps not yet


@dataclass(frozen=True)
class Nothing:
    """The name is free."""

    without_btf: str = ""  # why this kernel would make the map without the BTF that is declared
    refusal: str = ""  # why it would not make it
    slot: Optional[Slot] = None
    lacking: Tuple[str, ...] = ()  # which maps are to be in it, and are pinned nowhere
    label = "nothing"
    entry = None


@dataclass(frozen=True)
class NotAPin:
    """The name is taken by something that is not a pin."""

    what: str  # "a directory", "a symlink to /x"

    @property
    def entry(self) -> Optional[Entry]:
        """Return whose pin it is, if there is one behind."""
        return None

    @property
    def label(self) -> str:
        return self.what


@dataclass(frozen=True)
class Unreadable:
    """There is something, but the kernel does not let us look."""

    reason: str


class MapDetails(NamedTuple):
    """What costs further system calls; None where it was not asked for or cannot be told."""

    frozen: Optional[bool] = None
    btf: Optional[MapBtf] = None
    btf_hidden: bool = False  # there is some, but it cannot be read
    without_btf: str = ""  # why this kernel would make a new map without BTF; "" if it would not
    inner_fits: Optional[bool] = None
    inner: Optional[MapShape] = None  # of a map that is in there
    inner_fields: Optional[Tuple[str, ...]] = None  # locks and the like in the values of such maps
    contents: Optional[Survey] = None
    btf_id: Optional[int] = None  # 0: it has none
    memlock: Optional[int] = None  # bytes, as the kernel estimates
    refusal: str = ""  # why this kernel would not make the map that is to take its place
    entries: Optional[Difference] = None  # from what is declared to be in it
    slot: Optional[Slot] = None
    lacking: Tuple[str, ...] = ()  # which maps are to be in it, and are pinned nowhere
    counted: Optional[int] = None  # entries, ...
    is_more: bool = False  # ... and whether there are more than were to be counted
    exclusive: Optional[bool] = None  # only the program that it was made for can use it
    digest: bytes = b""  # of the values of a frozen array, where the kernel tells


class PinnedMap(NamedTuple):
    """A pin that holds a map."""

    entry: Entry
    id: int
    name: str
    shape: MapShape
    details: MapDetails

    @property
    def kind(self) -> str:
        return "map"

    @property
    def label(self) -> str:
        return f"a map of type {map_type_name(self.shape.number)} (id {self.id})"


@dataclass(frozen=True)
class PinnedProg:
    """A pin that holds a program."""

    entry: Entry
    id: int
    name: str
    type: str
    tag: str = ""  # hash of its instructions, in hex
    load_time: int = 0  # ns since the machine was started
    loaded_by: int = 0  # uid
    memlock: Optional[int] = None  # bytes, as the kernel counts
    kind = "prog"

    @property
    def label(self) -> str:
        return f"a program, {self.name or 'without name'} of type {self.type} (id {self.id})"


@dataclass(frozen=True)
class PinnedLink:
    """A pin that holds a link. Links have no names."""

    entry: Entry
    id: int
    type: str
    prog_id: int
    target: Mapping[str, object] = field(default_factory=dict)  # what the program is attached to
    attached: Optional[bool] = None  # False: no more; None where the kernel does not say
    name = ""
    kind = "link"

    @property
    def label(self) -> str:
        program = f", program {self.prog_id}" if self.prog_id else ""
        state = ", attached to nothing" if self.attached is False else ""
        return f"a link of type {self.type} (id {self.id}{program}{state})"

    @property
    def loss(self) -> str:
        """Return what happens when the pin goes."""
        target = "".join(f", {name} {value}" for name, value in self.target.items())
        what = f"program {self.prog_id}" if self.prog_id else "what it holds"
        if self.attached is False:
            return f"nothing changes for {what}: {self.idleness}"
        return (
            f"{what} is detached ({self.type}{target}) unless another pin or a process holds link "
            f"{self.id}"
        )

    @property
    def idleness(self) -> str:
        """Return what is the matter with a link that is attached to nothing."""
        return (
            f"link {self.id} ({self.type}) is attached to nothing any more: what it was attached "
            "to is gone, or somebody detached it; its loader has to attach the program anew"
        )


class Program(NamedTuple):
    """A program that is loaded, pinned or not."""

    id: int
    type: str
    name: str
    map_ids: Tuple[int, ...]  # the maps that it uses

    @property
    def label(self) -> str:
        return f"{self.id} ({self.type} {self.name})"


Pin = Union[PinnedMap, PinnedProg, PinnedLink]


def memlock_of(pin: Pin) -> Optional[int]:
    """Return the bytes that the object takes, as /proc tells; None where it was not asked for."""
    if isinstance(pin, PinnedMap):
        return pin.details.memlock
    return pin.memlock if isinstance(pin, PinnedProg) else None


@dataclass(frozen=True)
class MountedPin(NotAPin):
    """A single pin that is mounted over a file, as into containers: its name is elsewhere."""

    pin: Pin
    fits_there: bool = False  # whether it serves as well as a pin of its own would

    @property
    def entry(self) -> Entry:
        return self.pin.entry

    @classmethod
    def of(cls, pin: Pin, *, fits_there: bool = False) -> MountedPin:
        """A pin that was seen through such a mount."""
        return cls(f"a file with a pin mounted over it ({pin.label})", pin, fits_there)


Found = Union[Nothing, NotAPin, Pin]
Glimpse = Union[Found, Unreadable]

NOTHING = Nothing()
NO_DETAILS = MapDetails()
A_DIRECTORY = NotAPin("a directory")
A_MOUNT_POINT = NotAPin("a mount point")


@dataclass(frozen=True)
class DirectorySeen:
    """A directory that pins are wanted in."""

    path: str
    identity: Identity  # of the deepest part that exists
    missing: Tuple[str, ...]  # components below that
    on_bpffs: bool
    fstype: str
    read_only: bool = False
    levels: Tuple[Level, ...] = ()  # from the root of the bpffs down to what exists of `path`
    abandoned: Tuple[str, ...] = ()  # names of staging directories that killed runs left
    obstacle: str = ""  # why no staging directory can be had there

    def for_owners(self, owners: Mapping[str, Optional[int]]) -> DirectorySeen:
        """Return this with a note of the levels that `owners`, by path, says somebody may own."""
        if not owners:
            return self
        levels = tuple(
            each._replace(is_declared=owners.get(each.path) == each.owner) for each in self.levels
        )
        return replace(self, levels=levels)

    @property
    def leftovers(self) -> List[str]:
        """The paths of what killed runs left and can be cleared away."""
        return [] if self.read_only else [f"{self.path}/{name}" for name in self.abandoned]


@dataclass(frozen=True)
class PinContext:
    """What pins have in common that are declared together."""

    directories: Dict[str, DirectorySeen]  # by path
    people: People = ROOT_ONLY
    parents: bool = True  # missing directories are made

    @cached_property
    def with_strangers(self) -> FrozenSet[str]:
        """The directories that lie below one that not every declaration is made for."""
        return frozenset(
            path
            for path, seen in self.directories.items()
            if any(
                is_stranger(level.owner, None, self.people.task)
                for level in seen.levels
                if not level.is_declared
            )
        )


class Sight(NamedTuple):
    """One name and what it is. `directory` tells which directory the name was seen in."""

    path: str
    directory: Identity
    found: Glimpse
    read_only: bool = False  # whether the mount it was seen through is
    usage: Optional[Usage] = None  # of a pin, where that is asked about


@dataclass(frozen=True)
class Tree:
    """A directory: what is in it, deepest first, and its subdirectories, deepest first."""

    sights: Tuple[Sight, ...]
    directories: Tuple[Sight, ...]
