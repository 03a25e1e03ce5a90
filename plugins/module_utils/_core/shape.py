# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The values that the wanted and the found have in common.

Those that are made for every pin of a batch are named tuples, which are quicker to make.
"""

from __future__ import annotations

import stat
from operator import itemgetter
from typing import TYPE_CHECKING, Optional, Tuple

from .uapi import MapCreate, MapInfo
from .values import NamedTuple, dataclass

if TYPE_CHECKING:
    from .btf import Btf


class MapShape(NamedTuple):
    """What the kernel reports of a map and loaders compare (struct bpf_map_info)."""

    number: int  # of the type
    key_size: int  # bytes
    value_size: int  # bytes; of one CPU for per-CPU types
    max_entries: int
    flags: int
    map_extra: int

    @classmethod
    def of(cls, info: MapInfo) -> MapShape:
        """Return what the kernel reports of a map."""
        return cls._make(_reported(info))

    def request(
        self, map_name: bytes = b"", numa_node: int = 0, inner_map_fd: int = 0, **btf: int
    ) -> MapCreate:
        """Return what asks the kernel for such a map; `btf` are its fields that begin so."""
        return MapCreate(
            self.number,
            self.key_size,
            self.value_size,
            self.max_entries,
            self.flags,
            inner_map_fd,
            numa_node,
            map_name,
            map_extra=self.map_extra,
            **btf,
        )


_reported = itemgetter(
    *map(
        MapInfo._fields.index,
        ("type", "key_size", "value_size", "max_entries", "map_flags", "map_extra"),
    )
)


@dataclass(frozen=True)
class Access:
    """Who may open a pin. None: not declared, left as it is."""

    owner: Optional[int] = None  # uid
    group: Optional[int] = None  # gid
    mode: Optional[int] = None  # permission bits


UNDECLARED = Access()


def is_stranger(owner: int, declared: Optional[int], user: int) -> bool:
    """Return whether `owner` is none of those whose pins and directories a task of `user` takes."""
    return owner not in (ROOT, user, declared)


ROOT = 0  # uid, gid


@dataclass(frozen=True)
class MapBtf:
    """The BTF that describes a map, and which of its types are key and value (0: none)."""

    types: Btf
    type_ids: Tuple[int, int]

    def is_like(self, other: MapBtf) -> bool:
        """Return whether keys and values have the same layout, by name."""
        return all(
            self.types.same_type(one, other.types, two)
            for one, two in zip(self.type_ids, other.type_ids)
        )

    @property
    def fields(self) -> Tuple[str, ...]:
        """The locks, timers and the like that values hold."""
        return self.types.kernel_fields(self.type_ids[1])


class Identity(NamedTuple):
    """Which inode it is: the same numbers now and later mean the same pin or directory."""

    device: int
    inode: int


class Entry(NamedTuple):
    """A pin, or the root directory of a bpffs, as a file."""

    identity: Identity
    owner: int  # uid
    group: int  # gid
    mode: int  # permission bits
    links: int = 1  # its names


class Survey(NamedTuple):
    """How much there is in a map that is to be migrated."""

    entries: int  # that would be copied
    room: int  # the least max_entries that takes all that is not empty


class Level(NamedTuple):
    """A directory that a path leads through, as a file."""

    path: str
    owner: int  # uid
    group: int  # gid
    mode: int  # permission bits
    is_declared: bool = False  # for its owner

    @property
    def is_for_others(self) -> bool:
        """Return whether somebody other than root may make names in it."""
        return bool(
            self.mode & 0o002
            or (self.mode & 0o020 and self.group)
            or (self.mode & 0o200 and self.owner)
        )

    @property
    def is_open(self) -> bool:
        """Return whether others than its owner may remove and replace what is not theirs in it."""
        return bool(self.mode & 0o022) and not self.mode & stat.S_ISVTX


def new_level(path: str, access: Access, mode: int, task: int) -> Level:
    """Return a directory that the task will make."""
    return Level(
        path,
        task if access.owner is None else access.owner,
        0 if access.group is None else access.group,
        mode if access.mode is None else access.mode,
    )


@dataclass(frozen=True)
class Drift:
    """One field that is not as declared, in the words that users write."""

    field: str
    want: object
    have: object
