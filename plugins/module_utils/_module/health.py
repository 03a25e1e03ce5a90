# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What results tell of the health of pins and mounts. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.info.answer import health_in
from .._core.info.health import Health
from .._core.kinds.pins.observed import PinnedMap, PinnedProg, Sight, memlock_of
from .._core.kinds.pins.usage import Users
from .._core.whole.declaration import Declaration
from .report import Dictionary, printable


def add_health(report: Dictionary, health: t.Optional[Health]) -> None:
    """Add to a report of pins who uses them, and what is the matter with them; None if unknown."""
    users = {} if health is None else health.users
    shown = {printable(path): each for path, each in users.items()}
    for pin in report["pins"]:
        pin["users"] = _users(shown[pin["path"]]) if pin["path"] in shown else None
    report["health"] = None if health is None else health_fields(health)


def health_fields(health: Health) -> Dictionary:
    """Return what is the matter, as results have it."""
    fields: Dictionary = {
        "memlock": health.memlock,
        "unused": list(health.unused),
        "severed": list(health.severed),
        "unattached": list(health.unattached),
        "mounts": [each._asdict() for each in health.mounts],
        "looked_at": list(health.looked_at),
        "unseen": list(health.unseen),
    }
    return t.cast(Dictionary, printable(fields))


def health_of_host(
    declared: Declaration, counts_up_to: int
) -> t.Tuple[t.Optional[Dictionary], t.List[str]]:
    """Return the health of the pins in all directories that are declared, and why it is not known.

    With nothing declared in them, these are the roots of the declared mounts.
    """
    directories = {path.rpartition("/")[0] or "/" for _key, path in declared.named}
    if not directories:
        directories = {each.path for each in declared.mounts if each.is_mounted}
    health, sights, troubles = health_in(sorted(directories), counts_up_to)
    if health is None:
        return None, troubles
    pins = [_sizes(sight) for sight in sights if isinstance(sight.found, (PinnedMap, PinnedProg))]
    return {"pins": printable(pins), **health_fields(health)}, troubles


def _sizes(sight: Sight) -> Dictionary:
    """Return how much there is of a map or program."""
    pin = t.cast("t.Union[PinnedMap, PinnedProg]", sight.found)
    fields: Dictionary = {"path": sight.path, "type": pin.kind, "memlock": memlock_of(pin)}
    if isinstance(pin, PinnedMap) and pin.details.counted is not None:
        fields["entries"] = pin.details.counted
        fields["max_entries"] = pin.shape.max_entries
        fields["has_more_entries"] = pin.details.is_more
    return fields


def _users(users: Users) -> Dictionary:
    fields = {
        "processes": [{"pid": pid, "name": name} for pid, name in users.processes],
        "mapping": [{"pid": pid, "name": name} for pid, name in users.mapping],
        "links": list(users.links),
        "hooks": list(users.hooks),
        "maps": list(users.maps),
        "pins": list(users.pins),
    }
    return t.cast(Dictionary, printable(fields))
