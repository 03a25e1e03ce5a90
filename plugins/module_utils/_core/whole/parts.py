# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of things that can be declared, in the order in which they are carried out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, Iterator, Optional, cast

from ..engine.run import AnyKind, plan
from ..engine.whole import Part
from ..errors import ProblemCollector
from ..kinds.pins.forecast import Forecast
from .declaration import Declaration

if TYPE_CHECKING:
    from ..kinds.absence.apply import AbsenceKind

Owners = Dict[str, Optional[int]]


class AbsencePart(Part):
    """Absences, which look at no directory that a mount of the same declaration will hide."""

    def decide(self, forecast: Forecast, *, predicting: bool) -> None:  # noqa: ARG002
        kind = cast("AbsenceKind", self.kind)
        observed = kind.observe_expecting(
            self.wanted, lambda path: forecast.mount_of(path) is not None
        )
        self.plan = plan(kind, observed)


class EntriesPart(Part):
    """Entries that name programs, of which nothing can be told before these are loaded."""

    def decide(self, forecast: Forecast, *, predicting: bool) -> None:
        from ..kinds.entries.plan import to_follow

        following = [
            each
            for each in self.wanted
            if each.path in forecast.pins or not each.programs.isdisjoint(forecast.programs)
        ]
        problems = ProblemCollector()
        for each in following:
            problems.of(each.check, f"{each.path}: ")
        problems.raise_any()
        others = [each for each in self.wanted if each not in following]
        observed = self.kind.observe(others, predicting=predicting)
        decided = plan(self.kind, self.kind.expect(observed, forecast))
        self.plan = replace(decided, steps=[*decided.steps, *map(to_follow, following)])


_PARTS = {"entries": EntriesPart, "absent": AbsencePart}


def parts_of(declared: Declaration, *, parents: bool = True) -> Iterator[Part]:
    """Yield a part for each kind that something is declared of."""
    for name, kind_of in _KINDS.items():
        wanted = getattr(declared, name)
        if wanted:
            kind = kind_of(declared.owners, parents)
            yield _PARTS.get(name, Part)(name, kind, wanted)


# Each loads what it needs: in most declarations it is not all of them.


def _mounts(_owners: Owners, _parents: bool) -> AnyKind:
    from ..kinds.mounts.apply import MountKind

    return MountKind()


def _directories(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.directories.apply import DirectoryKind

    return DirectoryKind(parents=parents, owners=owners)


def _maps(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.maps.apply import MapKind

    return MapKind(parents=parents, owners=owners)


def _programs(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.programs.apply import ProgramKind

    return ProgramKind(parents=parents, owners=owners)


def _entries(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.entries.apply import EntriesKind

    return EntriesKind(parents=parents, owners=owners)


def _links(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.links.apply import LinkKind

    return LinkKind(parents=parents, owners=owners)


def _objects(owners: Owners, parents: bool) -> AnyKind:
    from ..kinds.objects.apply import ObjectKind

    return ObjectKind(parents=parents, owners=owners)


def _absences(_owners: Owners, _parents: bool) -> AnyKind:
    from ..kinds.absence.apply import AbsenceKind

    return AbsenceKind()


_KINDS: Dict[str, Callable[[Owners, bool], AnyKind]] = {
    "mounts": _mounts,
    "directories": _directories,
    "maps": _maps,
    "programs": _programs,
    "entries": _entries,
    "links": _links,
    "objects": _objects,
    "absent": _absences,
}
