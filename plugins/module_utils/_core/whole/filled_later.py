# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Maps whose entries mean programs of the same declaration: those are loaded with them, or after.

Such a map is made first, without entries, and filled once the programs have their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..engine.run import AnyKind
from ..engine.steps import Plan
from ..engine.whole import Part
from ..kinds.pins.forecast import Forecast
from ..kinds.pins.observed import PinContext
from ..options import CONTENT

if TYPE_CHECKING:
    from ..kinds.maps.declaration import WantedPin
    from ..kinds.programs.declaration import WantedProgram
    from ..map_types import Host
    from ..people import Ids

Given = Mapping[str, Any]


class FilledLater:
    """Declarations of maps, to be read once the programs that they mean are there."""

    def __init__(
        self, items: Sequence[Given], given: Given, host: Host, ids: Ids, programs: FrozenSet[str]
    ) -> None:
        self.programs = programs  # paths of pins
        self._items = items
        self._given = given
        self._host = host
        self._ids = ids

    def read(self) -> Sequence[WantedPin]:
        """Return the maps; raises Problems with all that is wrong with their entries."""
        from ..kinds.maps.declaration import read_pins

        return read_pins(self._items, self._given, self._host, self._ids)


class LaterPart(Part):
    """The maps that are filled later. They wait while one of the programs is still to be loaded."""

    def __init__(self, kind: AnyKind, later: FilledLater) -> None:
        super().__init__("maps", kind, ())
        self._later = later
        self._waits = False

    def decide(self, forecast: Forecast, *, predicting: bool) -> None:
        self._waits = bool(self._later.programs & forecast.programs)
        if self._waits:
            self.plan = Plan((), context=PinContext({}))
            return
        self.wanted = self._later.read()
        super().decide(forecast, predicting=predicting)

    @property
    def is_idle(self) -> bool:
        return not self._waits and super().is_idle


def split(
    maps: Sequence[Given], programs: Sequence[WantedProgram]
) -> Tuple[List[Given], List[Given], FrozenSet[str]]:
    """Return all maps as they are made, those that are filled later, and which programs they mean.

    A program may be meant by its name, too.
    """
    paths = {each.path: each.path for each in programs}
    paths.update((each.program, each.path) for each in programs)
    made: List[Given] = []
    later: List[Given] = []
    meant: Dict[str, None] = {}
    for item in maps:
        entries = _meaning(item, paths, meant)
        if entries is None:
            made.append(item)
            continue
        made.append({key: value for key, value in item.items() if key not in _OF_LATER})
        later.append({**item, "entries": entries})
    return made, later, frozenset(meant)


def _meaning(
    item: Given, paths: Mapping[str, str], meant: Dict[str, None]
) -> Optional[List[Given]]:
    """Entries with paths in the place of names; None if they mean none of these programs."""
    entries = item.get("entries")
    if not isinstance(entries, list) or item.get("type") not in _MEANING:
        return None
    if item.get("entries_swap") is not None:
        return None
    found: Dict[str, None] = {}

    def path_of(value: Any) -> Any:
        if isinstance(value, str) and value in paths:
            found[paths[value]] = None
            return paths[value]
        if isinstance(value, dict) and "program" in value:
            return {**value, "program": path_of(value["program"])}
        return value

    whole = [
        {**each, "value": path_of(each["value"])}
        if isinstance(each, dict) and "value" in each
        else each
        for each in entries
    ]
    meant.update(found)
    return whole if found else None


_MEANING = ("prog_array", "devmap", "devmap_hash", "cpumap")
_OF_LATER = frozenset([*CONTENT, "frozen"])
