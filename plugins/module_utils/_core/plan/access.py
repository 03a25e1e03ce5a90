# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Owner, group and mode: what differs. Pure."""

from __future__ import annotations

from typing import List, Tuple

from ..shape import Access, Drift, Entry
from ..spec.fields import group_name, octal, user_name


def access_drift(want: Access, have: Entry) -> Tuple[Drift, ...]:
    """Every declared field of `want` that `have` does not have."""
    drift: List[Drift] = []
    if want.owner is not None and want.owner != have.owner:
        drift.append(Drift("owner", user_name(want.owner), user_name(have.owner)))
    if want.group is not None and want.group != have.group:
        drift.append(Drift("group", group_name(want.group), group_name(have.group)))
    if want.mode is not None and want.mode != have.mode:
        drift.append(Drift("mode", octal(want.mode), octal(have.mode)))
    return tuple(drift)


def inherited(declared: Access, entry: Entry) -> Access:
    """What a pin that takes the place of another gets: as declared, else as it was."""
    return Access(
        entry.owner if declared.owner is None else declared.owner,
        entry.group if declared.group is None else declared.group,
        entry.mode if declared.mode is None else declared.mode,
    )
