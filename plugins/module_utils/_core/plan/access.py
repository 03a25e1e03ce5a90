# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Owner, group and mode: what differs, and whose pins and directories are taken. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from ..found.pins import DirectorySeen
from ..shape import ROOT, Access, Drift, Entry, Level, is_stranger
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


def strangers_drift(want: Access, have: Entry, user: int) -> Tuple[Drift, ...]:
    """The same of a stranger's pin: it is to belong to the user of the task, if to nobody else."""
    owner = user if want.owner is None else want.owner
    return access_drift(Access(owner, want.group, want.mode), have)


def inherited(declared: Access, entry: Entry, user: int) -> Access:
    """What a pin that takes the place of another gets: as declared, else as it was.

    From a stranger it inherits nothing: it is as a new one.
    """
    return declared if is_stranger(entry.owner, declared.owner, user) else merged(declared, entry)


def merged(declared: Access, entry: Entry) -> Access:
    """What a pin has when it is set in place."""
    return Access(
        entry.owner if declared.owner is None else declared.owner,
        entry.group if declared.group is None else declared.group,
        entry.mode if declared.mode is None else declared.mode,
    )


def of_a_stranger(entry: Entry, user: int) -> str:
    """Why a pin is not taken that belongs to somebody whom nobody has declared."""
    owner = user_name(entry.owner)
    return (
        f"the pin belongs to {owner}, who may hold it open whatever its mode says, and pins are "
        f"taken only of {_trusted(user)} and of a declared owner. If it is meant, declare "
        f"owner: {owner}"
    )


def with_strangers(directories: Mapping[str, DirectorySeen], user: int) -> Dict[str, DirectorySeen]:
    """Those of the directories that lie below one that not every declaration is made for."""
    return {
        path: seen
        for path, seen in directories.items()
        if any(is_stranger(level.owner, None, user) for level in seen.levels)
    }


def strangers_directory(seen: DirectorySeen, declared: Optional[int], user: int) -> Optional[Level]:
    """The first directory on the way that belongs to somebody whom the pin is not declared for."""
    return next((level for level in seen.levels if is_stranger(level.owner, declared, user)), None)


def directory_drift(level: Level, user: int) -> Tuple[Drift, ...]:
    """That drift, in a form for the report."""
    return (
        Drift("directory", f"of {_trusted(user)}", f"{level.path} of {user_name(level.owner)}"),
    )


def in_a_strangers_directory(level: Level, user: int) -> str:
    """Why nothing is pinned below the directory of somebody whom nobody has declared."""
    owner = user_name(level.owner)
    return (
        f"the directory {level.path} belongs to {owner}, who may put other pins in the place of "
        f"these, and directories are taken only of {_trusted(user)} and of a declared owner. If "
        f"it is meant, declare owner: {owner}; else look at what is in it, then "
        f"`chown {user_name(user)} {level.path}`"
    )


def _trusted(user: int) -> str:
    return "root" if user == ROOT else f"root, of {user_name(user)}"
