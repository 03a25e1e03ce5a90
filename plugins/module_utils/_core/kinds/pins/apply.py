# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Give names to what is open, directory by directory."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence

from ...bpffs import Place, walk
from ...engine.kind import Kind, Observed, Session
from ...engine.steps import Found, Plan, Problem, Site, Step, Wanted
from ...errors import TROUBLE, at
from ...shape import Identity
from . import observed as pins
from . import plan as plan_names
from .declaration import WantedName
from .observe import people_of
from .observed import DirectorySeen, PinContext

if TYPE_CHECKING:
    from .directory import PinDirectory
    from .forecast import Forecast

Owners = Mapping[str, Optional[int]]


class PinKind(Kind[Wanted, Found, PinContext]):
    """What maps and other objects have in common that get a name in a directory."""

    def __init__(
        self,
        *,
        parents: bool = True,
        owners: Owners = MappingProxyType({}),
        spares: bool = False,
    ) -> None:
        self.parents = parents  # missing directories are made
        self.owners = owners  # by path, who is declared to own a directory
        self.spares = spares  # programs and links that work stay as they are, whatever is declared

    def context(
        self,
        wanted: Sequence[WantedName],
        found: Sequence[pins.Found],
        directories: Mapping[str, DirectorySeen],
    ) -> PinContext:
        """Return what all items have in common."""
        known = {path: seen.for_owners(self.owners) for path, seen in directories.items()}
        return PinContext(known, people_of(wanted, found, known), self.parents)

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        expected = forecast.expect(observed)
        return expected if expected is observed else self._owned(expected)

    def _owned(self, observed: Observed) -> Observed:
        context: PinContext = observed.context
        seen = {path: each.for_owners(self.owners) for path, each in context.directories.items()}
        return observed._replace(context=replace(context, directories=seen))

    def label(self, step: Step[Wanted, Found]) -> str:
        return str(step.wanted.path)  # type: ignore[attr-defined]

    def problems(
        self, steps: Sequence[Step[Wanted, Found]], context: PinContext
    ) -> Sequence[Problem]:
        return plan_names.problems(steps, context)

    def sites(self, steps: Sequence[Step[Wanted, Found]], context: PinContext) -> Sequence[Site]:
        return plan_names.sites(context)

    def site_of(self, step: Step[Wanted, Found]) -> str:
        return str(step.wanted.directory)  # type: ignore[attr-defined]

    def session(self, plan: Plan[Wanted, Found]) -> ContextManager[Session]:
        return nullcontext(PinSession())


class MakingSession(Session):
    """One that makes missing directories on the way."""

    def __init__(self) -> None:
        super().__init__()
        self._made: Dict[str, Identity] = {}

    @property
    def made(self) -> List[str]:
        return list(self._made)

    def take_back(self) -> None:
        """Remove the directories that were made for nothing: those in which there is nothing."""
        for path in reversed(list(self._made)):
            parent, _slash, name = path.rpartition("/")
            with suppress(*TROUBLE), walk(parent) as above, walk(path) as place:
                if not place.missing and place.identity == self._made[path]:
                    os.rmdir(name, dir_fd=above.fd)
                    del self._made[path]


class PinSession(MakingSession):
    """Directories at work, one after the other."""

    @contextmanager
    def open(self, site: Site) -> Iterator[PinDirectory]:
        # With what it needs it takes 10 ms to load, and in most runs nothing is to be changed.
        from .directory import reopened

        seen: DirectorySeen = site.where
        with at(seen.path), reopened(seen, self._made) as place, ExitStack() as stack:
            directory = self.at(place, stack)
            if site.clears:
                directory.clear(self.cleared)
            yield directory

    def at(self, place: Place, stack: ExitStack) -> PinDirectory:
        """Return what works in an open directory."""
        from .directory import PinDirectory

        return PinDirectory(place, stack)
