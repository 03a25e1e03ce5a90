# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is pinned and mounted on a host that is to be declared. Values only."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, Mapping, Optional, Sequence, Tuple, Union

from ..kinds.mounts.observed import Bpffs
from ..kinds.pins.observed import Pin
from ..shape import Entry, MapBtf, MapShape
from ..values import NamedTuple, dataclass

Item = Dict[str, object]  # with the options of a module
Reference = Tuple[str, Union[int, str]]  # an option of bpf_object_pinned, and its value


class Left(NamedTuple):
    """Something that is not in the declaration, and why, or how far it is."""

    path: str
    reason: str


class InnerSeen(NamedTuple):
    """A map that a map of maps holds."""

    shape: MapShape
    btf: Optional[MapBtf] = None


class DirectorySeen(NamedTuple):
    """A directory in a bpffs."""

    path: str
    entry: Entry
    is_empty: bool


class PinSeen(NamedTuple):
    """A name in a bpffs that leads to an object of the kernel."""

    path: str
    pin: Pin


class FromFile(NamedTuple):
    """A program that this collection has loaded."""

    object: str  # path of the file
    program: str  # its name there
    maps: Mapping[str, str]  # paths of pins, of maps that are not pinned where they are by default


@dataclass(frozen=True)
class Scene:
    """All that is known of a host. What cannot be declared whatever it holds is in `left`."""

    mounts: Sequence[Bpffs]
    directories: Sequence[DirectorySeen]
    pins: Sequence[PinSeen]
    inner: Mapping[str, InnerSeen]  # of maps of maps that hold some, by path
    references: Mapping[str, Reference]  # of objects of the kernel that one leads to, by path
    attached: Mapping[str, Union[Item, str]]  # of links by path: `attach`, or why there is none
    left: Sequence[Left]
    files: Mapping[str, FromFile] = field(default_factory=dict)  # of programs, by path
    remarks: Sequence[Left] = ()
