# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for entries, as for maps that are declared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Sequence

from ...engine.kind import Observed
from ...engine.steps import Site
from ..maps.apply import MapKind
from ..pins.directory import PinDirectory
from ..pins.observe import see
from ..pins.observed import DirectorySeen, Found, PinContext
from .declaration import WantedEntries
from .observe import observe, observe_pin
from .plan import decide


class EntriesKind(MapKind):
    """How maps of others are filled. Neither a map nor a pin nor a directory is made."""

    def observe(self, wanted: Sequence[Any], *, predicting: bool = False) -> Observed:
        found, directories = observe(wanted)
        return self._observed(wanted, found, directories)

    def decide(self, wanted: Any, found: Found, context: PinContext) -> Any:
        return decide(wanted, found, context)

    def sites(self, steps: Sequence[Any], context: PinContext) -> List[Site]:
        return [Site(path, seen) for path, seen in context.directories.items()]

    def decide_again(self, step: Any, site: PinDirectory) -> Any:
        wanted: WantedEntries = step.wanted.declared
        found = observe_pin(site.place, wanted)
        directories = {wanted.directory: see(site.place)}
        return decide(wanted, found, self._observed([wanted], [found], directories).context)

    def _observed(
        self,
        wanted: Sequence[WantedEntries],
        found: Sequence[Found],
        directories: Mapping[str, DirectorySeen],
    ) -> Observed:
        """Return what was seen, but for what killed runs left: that is no matter of this kind."""
        seen: Dict[str, DirectorySeen] = {
            path: replace(each, abandoned=(), obstacle="") for path, each in directories.items()
        }
        return Observed(list(zip(wanted, found)), self.context(wanted, found, seen))
