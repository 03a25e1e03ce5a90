# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a reference to an object of the kernel can lead to. Values only."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Union

from .pins import DirectorySeen, Found


class KernelObject(NamedTuple):
    """A map, a program or a link."""

    kind: str
    id: int
    name: str
    label: str  # for messages
    source_owner: Optional[int] = None  # uid, of the pin that it was found by


class Unresolved(NamedTuple):
    """It leads to none, or to more than one."""

    reason: str


Resolution = Union[KernelObject, Unresolved]


class ObjectPicture(NamedTuple):
    """Everything that the plan is made from: all go with the wanted objects, one by one."""

    resolutions: Sequence[Resolution]
    found: Sequence[Found]
    directories: Dict[str, DirectorySeen]
    user: int = 0  # uid of the task
