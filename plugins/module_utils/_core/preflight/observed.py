# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can be there where a loader looks for maps. Values only."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Optional, Sequence, Tuple

from ..kinds.maps.declaration import WantedPin
from ..kinds.pins.observed import DirectorySeen, Found, Program
from ..values import NamedTuple, dataclass
from .question import AskedMap


class KernelTypes(NamedTuple):
    """Numbers that the kernel has a name for; None where its BTF does not say."""

    programs: Optional[FrozenSet[int]]
    attach_types: Optional[FrozenSet[int]]
    helpers: Optional[FrozenSet[int]]


@dataclass(frozen=True)
class SeenMap:
    """What there is of one map."""

    asked: AskedMap
    wanted: Optional[WantedPin]  # as the kernel would report it; None: a type that is not known
    found: Found
    directory: Optional[DirectorySeen]  # None: it is not pinned, or cannot be looked at
    trouble: str = ""  # why it cannot be looked at
    is_blocked: bool = False  # a part of its path is a file, so that no loader gets there
    refusal: str = ""  # why this kernel would not make such a map


@dataclass(frozen=True)
class Seen:
    """All that there is."""

    maps: Tuple[SeenMap, ...]
    programs: Sequence[Program]
    kernel: Optional[KernelTypes]
    troubles: Tuple[str, ...]


def users_of(seen: Seen) -> Dict[int, List[Program]]:
    """By the id of a map, the loaded programs that have it."""
    users: Dict[int, List[Program]] = {}
    for program in seen.programs:
        for map_id in program.map_ids:
            users.setdefault(map_id, []).append(program)
    return users
