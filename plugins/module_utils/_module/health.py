# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What results tell of the health of pins and mounts. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.info.health import Health
from .._core.kinds.pins.usage import Users
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
