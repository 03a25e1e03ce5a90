# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What owner, group and mode do not keep from others, for warnings. Pure."""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
)

from ...engine.steps import Action, Plan
from ...fields import octal
from ...people import People
from ...shape import ROOT, Access, Entry, is_stranger
from ...values import NamedTuple
from .access import merged
from .observed import DirectorySeen


class Remedy(NamedTuple):
    """What helps when others may hold open what a pin holds."""

    of_a_stranger: str
    of_ours: str


class Caution(NamedTuple):
    """What the user has to know about a path."""

    path: str
    text: str


def told(cautions: Iterable[Caution]) -> Iterator[str]:
    """A warning for each that is said, however many paths it is said of."""
    paths: Dict[str, List[str]] = {}
    for caution in cautions:
        paths.setdefault(caution.text, []).append(caution.path)
    for text, alike in paths.items():
        more = f", and {len(alike) - MOST} more" if len(alike) > MOST else ""
        yield f"{', '.join(alike[:MOST])}{more}: {text}"


def cautions(decided: Plan[Any, Any], remedy_of: Callable[[Any], Remedy]) -> Iterator[Caution]:
    """Yield what there is to know about others who can open, or exchange, what is pinned."""
    people, directories = decided.context.people, decided.context.directories
    yield from _open_directories(decided)
    for step in decided.steps:
        if step.action in (Action.CREATE, Action.REFUSE):
            continue
        path, declared, entry = step.wanted.path, step.wanted.access, step.found.entry
        if entry.links > 1:
            yield from _hard_linked(path, entry, directories[step.wanted.directory])
        is_strangers = is_stranger(entry.owner, declared.owner, people.task)
        if step.action is Action.ADJUST:
            kept = _kept_open(declared, entry, people)
            if kept:
                remedy = remedy_of(step)
                way = remedy.of_a_stranger if is_strangers else remedy.of_ours
                yield Caution(path, f"{kept}; {way}")
        elif is_strangers:
            text = (
                f"the pin belongs to {people.user(entry.owner)}, from whom the new one inherits "
                "neither owner nor group nor mode: declare them if others are to open it"
            )
            yield Caution(path, text)


def _open_directories(decided: Plan[Any, Any]) -> Iterator[Caution]:
    """Yield a caution for each directory in which others may exchange pins."""
    levels = {
        level.path: level
        for seen in decided.context.directories.values()
        for level in seen.levels
        if level.is_open and not level.is_declared
    }
    # All who may exchange them may open them anyway, if they are declared for that group.
    groups = {step.wanted.access.group for step in decided.steps} if levels else set()
    for level in levels.values():
        if level.mode & 0o002:
            who = "all users"
        elif level.group != ROOT and {level.group} != groups:
            who = f"group {decided.context.people.group(level.group)}"
        else:
            continue
        text = (
            f"the directory may be written to by {who} and has no sticky bit (mode "
            f"{octal(level.mode)}): they may remove and rename every pin in it, and put another "
            f"in its place; close it with chmod {octal(level.mode & 0o7755)}"
        )
        yield Caution(level.path, text)


def _kept_open(declared: Access, entry: Entry, people: People) -> str:
    """What setting owner, group or mode of a pin does not take away from others; empty if nothing.

    The sentence is to be ended with what helps.
    """
    if is_stranger(entry.owner, declared.owner, people.task):
        who = people.user(entry.owner)
    else:
        after = merged(declared, entry)
        lost = entry.mode & 0o066 & ~(after.mode or 0)
        if after.group != entry.group:
            lost |= entry.mode & 0o060
        if entry.group == ROOT:
            lost &= 0o006
        if not lost:
            return ""
        who = "all users" if lost & 0o006 else f"group {people.group(entry.group)}"
    return (
        f"{who} could open the pin until now (mode {octal(entry.mode)}), and whoever has "
        "it open keeps it open, whatever owner, group and mode are set"
    )


def _hard_linked(path: str, entry: Entry, seen: DirectorySeen) -> Iterator[Caution]:
    """Yield a caution if another user may have given the pin its name, by a hard link."""
    if entry.links > 1 and seen.levels and seen.levels[-1].mode & 0o022:
        text = (
            f"the pin has {entry.links} names (hard links), in a directory that others may write "
            "to: one of them may have linked another pin here. Look for the other names with "
            f"`find {seen.levels[0].path} -samefile {path}`, and remove what should not be"
        )
        yield Caution(path, text)


MOST = 3  # paths in a warning
