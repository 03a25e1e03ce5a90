# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is known of the program and the target of a declared link. Values only."""

from __future__ import annotations

from typing import Mapping, Optional, Tuple, Union

from ...values import NamedTuple


class ProgramSeen(NamedTuple):
    """The program, or the map, that is pinned where it is declared to be."""

    id: int  # 0: it is not there yet
    label: str
    owner: int = 0  # uid of the pin


class Unresolved(NamedTuple):
    """It is not there, or is not what it has to be."""

    reason: str
    may_come: bool = False  # a task before may make it


class Occupant(NamedTuple):
    """A program that keeps another one from the same hook."""

    label: str
    prog_id: int
    link_id: int = 0  # 0: it has none, or the kernel does not tell which


class TargetSeen(NamedTuple):
    """What the program is to be attached to."""

    label: str
    expected: Mapping[str, object]  # what the kernel says of a link that is attached to it
    occupants: Tuple[Occupant, ...] = ()  # that keep a new link from it
    holds: Optional[bool] = None  # whether the link that is pinned is there; None: unknown
    mode: str = ""  # in which XDP runs there
    misplaced: str = ""  # where the link is, as to the order that is declared
    network: int = 0  # the inode of the network namespace in which it is; 0: in none


class Seen(NamedTuple):
    """Both."""

    program: Union[ProgramSeen, Unresolved]
    target: Union[TargetSeen, Unresolved]
