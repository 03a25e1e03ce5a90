# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Owner, group and mode: what differs, and whose pins and directories are taken. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple

from ...engine.steps import Change
from ...fields import octal
from ...people import People
from ...shape import ROOT, Access, Entry, Level, is_stranger

if TYPE_CHECKING:
    from ...bpffs import Place
    from .observed import DirectorySeen, Found


class AccessChange(Change):
    """Owner, group or mode, which can be set in place."""


READ, WRITE, ENTER = 4, 2, 1  # permission bits
NEW_PIN = 0o600  # the mode that the kernel gives a new pin (bpf_obj_do_pin)
NEW_DIRECTORY = 0o755  # the mode of a new directory, unless one is declared


def strangers_of(place: Place, found: Found, owner: Optional[int], task: int) -> Iterator[int]:
    """Yield who decides what is at a name: owners of its pin and of the directories above.

    All but root, the user of the task and the declared owner.
    """
    uids = [level.owner for level in place.levels]
    if found.entry:
        uids.insert(0, found.entry.owner)
    yield from (uid for uid in uids if is_stranger(uid, owner, task))


def access_drift(want: Access, have: Entry, people: People) -> Tuple[Change, ...]:
    """Return a change for every declared field of `want` that `have` does not have."""
    changes: List[Change] = []
    if want.owner is not None and want.owner != have.owner:
        changes.append(AccessChange("owner", people.user(want.owner), people.user(have.owner)))
    if want.group is not None and want.group != have.group:
        changes.append(AccessChange("group", people.group(want.group), people.group(have.group)))
    if want.mode is not None and want.mode != have.mode:
        changes.append(AccessChange("mode", octal(want.mode), octal(have.mode)))
    return tuple(changes)


def strangers_drift(want: Access, have: Entry, people: People) -> Tuple[Change, ...]:
    """Return the same for a stranger's pin, which is to belong to the task's user if undeclared."""
    owner = people.task if want.owner is None else want.owner
    return access_drift(Access(owner, want.group, want.mode), have, people)


def inherited(declared: Access, entry: Entry, user: int) -> Access:
    """Return what a pin that takes the place of another gets: as declared, else as it was.

    From a stranger it inherits nothing: it is as a new one.
    """
    return declared if is_stranger(entry.owner, declared.owner, user) else merged(declared, entry)


def merged(declared: Access, entry: Entry) -> Access:
    """Return what a pin has when it is set in place."""
    return Access(
        entry.owner if declared.owner is None else declared.owner,
        entry.group if declared.group is None else declared.group,
        entry.mode if declared.mode is None else declared.mode,
    )


def of_a_stranger(entry: Entry, people: People) -> str:
    """Why a pin is not taken that belongs to somebody whom nobody has declared."""
    owner = people.user(entry.owner)
    return (
        f"the pin belongs to {owner}, who may hold it open whatever its mode says, and pins are "
        f"taken only of {_trusted(people)} and of a declared owner. If it is meant, declare "
        f"owner: {owner}"
    )


def strangers_directory(seen: DirectorySeen, declared: Optional[int], user: int) -> Optional[Level]:
    """The first directory on the way that belongs to somebody whom the pin is not declared for."""
    strange = (each for each in seen.levels if is_stranger(each.owner, declared, user))
    return next((level for level in strange if not level.is_declared), None)


def directory_change(level: Level, people: People) -> Change:
    """Return that as a change, for the report."""
    have = f"{level.path} of {people.user(level.owner)}"
    return Change("directory", f"of {_trusted(people)}", have)


def in_a_strangers_directory(level: Level, people: People) -> str:
    """Why nothing is pinned below the directory of somebody whom nobody has declared."""
    owner = people.user(level.owner)
    return (
        f"the directory {level.path} belongs to {owner}, who may put other pins in the place of "
        f"these, and directories are taken only of {_trusted(people)} and of a declared owner. If "
        f"it is meant, declare owner: {owner}; else look at what is in it, then "
        f"`chown {people.user(people.task)} {level.path}`"
    )


def _trusted(people: People) -> str:
    return "root" if people.task == ROOT else f"root, of {people.user(people.task)}"
