# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether those who are declared to read a map get to its pin, for warnings. Pure."""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Iterator, Optional, Sequence, Tuple

from ...engine.steps import Action, Plan
from ...fields import octal
from ...people import Expected
from ...shape import ROOT, UNDECLARED, Level, new_level
from ...values import NamedTuple
from .access import ENTER, NEW_DIRECTORY, NEW_PIN, READ
from .exposure import Caution
from .observed import DirectorySeen
from .plan import access_after


class Reader(NamedTuple):
    """Somebody who is to open pins."""

    name: str
    uid: int
    groups: AbstractSet[int]

    def may(self, bit: int, level: Level) -> bool:
        """Return whether the permission bits let them; root needs none."""
        if self.uid == ROOT:
            return True
        if self.uid == level.owner:
            return bool(level.mode & bit << 6)
        return bool(level.mode & (bit << 3 if level.group in self.groups else bit))


def unreached(
    decided: Plan[Any, Any],
    reader_of: Callable[[int], Reader],
    above: Callable[[str], Sequence[Level]],
    names_of: Callable[[Level], Tuple[str, str]],
) -> Iterator[Caution]:
    """Yield a caution for each declared reader whom something keeps from the pin.

    `above` looks at the directories over the bpffs in which a directory lies; `names_of` says whose
    something is or will be.
    """
    task = decided.context.people.task
    for step in decided.steps:
        wanted = step.wanted
        known = [uid for uid in wanted.readers if not isinstance(uid, Expected)]
        if not known or step.action is Action.REFUSE:
            continue
        seen = decided.context.directories[wanted.directory]
        levels = [*above(seen.levels[0].path if seen.levels else seen.path), *_below(seen, task)]
        access = access_after(step, decided.context)
        pin = new_level(wanted.path, access, NEW_PIN, task)
        for reader in map(reader_of, known):
            reason = _stopped(reader, levels, pin, names_of)
            if reason:
                yield Caution(wanted.path, reason)


def _below(seen: DirectorySeen, task: int) -> Iterator[Level]:
    """The directories of the bpffs, and those that will be made in it."""
    yield from seen.levels
    parts = seen.path.split("/")
    for depth in range(len(parts) - len(seen.missing), len(parts)):
        path = "/".join(parts[: depth + 1])
        yield new_level(path, UNDECLARED, NEW_DIRECTORY, task)


def _stopped(
    reader: Reader,
    levels: Sequence[Level],
    pin: Level,
    names_of: Callable[[Level], Tuple[str, str]],
) -> Optional[str]:
    closed = next((level for level in levels if not reader.may(ENTER, level)), None)
    if closed is not None:
        owner, group = names_of(closed)
        return (
            f"{reader.name} is to read the map, and does not get through {closed.path} (mode "
            f"{octal(closed.mode)}, owner {owner}, group {group}): let them, as with mode 0711, or "
            "with a group of theirs and mode 0750"
        )
    if not reader.may(READ, pin):
        owner, group = names_of(pin)
        return (
            f"{reader.name} is to read the map, and may not open the pin (mode {octal(pin.mode)}, "
            f"owner {owner}, group {group}): declare a group of "
            "theirs and mode 0640"
        )
    return None
