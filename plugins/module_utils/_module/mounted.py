# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mounted bpffs, told. Apart from bpffs_mount, since what only looks loads it too. Private."""

from __future__ import annotations

import typing as t

from .._core.fields import octal
from .._core.users import group_name, user_name
from .report import Dictionary

if t.TYPE_CHECKING:
    from .._core.kinds.mounts.observed import MountSeen


def mount_fields(seen: MountSeen) -> t.Optional[Dictionary]:
    """Return a mounted bpffs in the words of the options; None if there is none."""
    there = seen.bpffs
    if there is None:
        return None
    return {
        "path": seen.path,
        "source": there.mount.source,
        "opts": sorted(there.flags),
        "mode": octal(there.root.mode),
        "owner": user_name(there.root.owner),
        "group": group_name(there.root.group),
        "delegate": {field: sorted(names) for field, names in there.delegate.items()},
        "pins": None if there.pins is None else len(there.pins),
    }
