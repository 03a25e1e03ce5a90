# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a reference to an object of the kernel can lead to. Values only."""

from __future__ import annotations

from typing import Optional, Union

from ...shape import Identity
from ...values import NamedTuple


class SourcePin(NamedTuple):
    """A pin that leads to an object, also for who may not open objects by id."""

    path: str
    identity: Identity
    owner: int  # uid


class KernelObject(NamedTuple):
    """A map, a program or a link."""

    kind: str
    id: int
    name: str
    label: str  # for messages
    pin: Optional[SourcePin] = None  # where it was found, if not by id or name


class Unresolved(NamedTuple):
    """It leads to none, or to more than one."""

    reason: str
    may_come: bool = False  # a task before may make it


Resolution = Union[KernelObject, Unresolved]
