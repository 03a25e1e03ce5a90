# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is known of a program that is pinned: where it is from. Values only."""

from __future__ import annotations

from typing import Mapping, Optional

from ...values import NamedTuple, dataclass
from ..pins.observed import PinnedProg


class Origin(NamedTuple):
    """What a program was loaded from, as the run noted that loaded it."""

    load: str  # the same for all programs that were loaded together
    program: str  # its name in the object file
    object: str  # digest of the file
    globals: str  # digest of the values that were set
    types_of: str  # path and digest of the BTF it was fitted to; "" for that of the kernel
    maps: Mapping[str, int]  # ids of the pinned maps that it was loaded with, by name
    loader: str = ""  # what loaded it


@dataclass(frozen=True)
class LoadedProg(PinnedProg):
    """A pinned program, and its origin if that is known."""

    origin: Optional[Origin] = None


class ProgramAfter(NamedTuple):
    """What is pinned under the name now."""

    id: int
    tag: str
    type: str
