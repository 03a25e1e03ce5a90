# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The kinds of things that can be declared, in the order in which they are carried out."""

from __future__ import annotations

from typing import Dict, Iterator, cast

from ..engine.run import AnyKind, plan
from ..engine.whole import Part
from ..kinds.absence.apply import AbsenceKind
from ..kinds.directories.apply import DirectoryKind
from ..kinds.maps.apply import MapKind
from ..kinds.mounts.apply import MountKind
from ..kinds.objects.apply import ObjectKind
from ..kinds.pins.forecast import Forecast
from .declaration import Declaration


class AbsencePart(Part):
    """Absences, which look at no directory that a mount of the same declaration will hide."""

    def decide(self, forecast: Forecast, *, predicting: bool) -> None:  # noqa: ARG002
        kind = cast(AbsenceKind, self.kind)
        observed = kind.observe_expecting(
            self.wanted, lambda path: forecast.mount_of(path) is not None
        )
        self.plan = plan(kind, observed)


def parts_of(declared: Declaration, *, parents: bool = True) -> Iterator[Part]:
    """Yield a part for each kind that something is declared of."""
    owners = declared.owners
    kinds: Dict[str, AnyKind] = {
        "mounts": MountKind(),
        "directories": DirectoryKind(parents=parents, owners=owners),
        "maps": MapKind(parents=parents, owners=owners),
        "objects": ObjectKind(parents=parents, owners=owners),
        "absent": AbsenceKind(),
    }
    for name, kind in kinds.items():
        wanted = getattr(declared, name)
        if wanted:
            yield (AbsencePart if name == "absent" else Part)(name, kind, wanted)
