# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is to be in maps that somebody else makes: nothing is said of the maps themselves."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence

from ...map_types import MAP_TYPES_BY_NUMBER
from ...people import NUMBERS_ONLY, Awaited
from ...shape import MapShape
from ...values import dataclass
from ..maps.declaration import MapSpec, WantedPin
from ..pins.declaration import Arguments, OnMismatch, WantedName, read_name, read_named


class Given:
    """The options of one map. Keys and values may be secrets, so it shows none."""

    def __init__(self, options: Mapping[str, object], awaited: Optional[Awaited]) -> None:
        self.options = options
        self.awaited = awaited  # in a check, what a task before may make
        self.read: Dict[MapShape, Filling] = {}  # by the shape of a map that was found


@dataclass(frozen=True)
class WantedEntries(WantedName):
    """Something is to be in the map that is pinned at `path`."""

    given: Given
    is_awaited: bool = False  # a task before may pin the map
    # Of the same declaration: programs that values name, and the map.
    programs: FrozenSet[str] = frozenset()
    spec: Optional[MapSpec] = None

    @property
    def mode(self) -> str:
        """What is declared of the entries, as the option says it."""
        return str(self.given.options.get("entries_mode") or "present")

    def check(self) -> None:
        """Raise Problems with what is wrong whatever the programs will be that values name."""
        from ..maps.content import WantedContent  # it is not pure

        if self.spec is not None:
            options, awaited = self.given.options, self.given.awaited
            content = WantedContent(options, self.spec.shape, awaited, self.programs)
            content.encoded(self.spec.btf)

    def of(self, shape: MapShape) -> Filling:
        """Return what that means for a map of this shape; BadField if it cannot have entries."""
        known = self.given.read.get(shape)
        if known is None:
            from ..maps.content import WantedContent, check_pinned  # it is not pure

            check_pinned(shape)
            content = WantedContent(self.given.options, shape, self.given.awaited)
            spec = MapSpec(MAP_TYPES_BY_NUMBER[shape.number], shape, None, None, None)
            known = Filling(
                self.directory,
                self.name,
                self.access,
                self.on_mismatch,
                map=spec,
                frozen=None,
                content=content,
                declared=self,
            )
            self.given.read[shape] = known
        return known


@dataclass(frozen=True)
class Filling(WantedPin):
    """A map, wanted as it was found, and what is to be in it."""

    declared: Optional[WantedEntries] = None


def read_entries(
    items: Sequence[Arguments], awaited: Optional[Awaited] = None
) -> List[WantedEntries]:
    """Read all `items`; raise Problems with all that is wrong.

    In a check, lists that are not there are added to `awaited`.
    """
    return read_named(items, lambda item: _read(item, awaited), "map")


def _read(item: Arguments, awaited: Optional[Awaited]) -> WantedEntries:
    where = {"path": item.get("path"), "on_mismatch": OnMismatch.FAIL}
    name = read_name(where.get, NUMBERS_ONLY)
    from ..maps.content import check_declared  # it is not pure

    check_declared(item)
    return WantedEntries(**vars(name), given=Given(item, awaited))
