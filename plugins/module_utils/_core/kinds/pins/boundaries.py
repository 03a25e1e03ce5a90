# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What declared modes mean to keep from others, and the kernel does not, for warnings. Pure."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, Optional, Sequence

from ...engine.steps import Action, Plan
from ...fields import octal
from ...people import People
from ...shape import UNDECLARED, Access, Level, is_stranger
from ...values import NamedTuple
from .access import NEW_PIN, READ, WRITE
from .exposure import Caution
from .plan import access_after


class Boundary(NamedTuple):
    """What a mode is meant to keep from some users, who may open the pin for one thing only."""

    path: str
    mode: int
    bits: int  # what they may: 4, read, or 2, write
    owner: int  # whose pin it is
    group: Optional[int] = None  # its members; None: all users
    is_owners: bool = False  # from the owner
    who: str = "all users"

    @property
    def text(self) -> str:
        """Return what it lets them do, and is meant to keep from them."""
        may, may_not = ("read", "write") if self.bits == READ else ("write", "read")
        return f"mode {octal(self.mode)} lets {self.who} {may} the map, and not {may_not} it"


def boundaries(path: str, access: Access, people: People, *, frozen: bool) -> Iterator[Boundary]:
    """Yield what the mode of a map means to keep from others; `access` is what the pin will have.

    A frozen map is written by nobody, so readers of it are no matter.
    """
    mode = NEW_PIN if access.mode is None else access.mode
    owner = people.task if access.owner is None else access.owner
    classes = [Boundary(path, mode, mode & 6, owner)]
    if access.group:
        who = f"group {people.group(access.group)}"
        classes.append(Boundary(path, mode, mode >> 3 & 6, owner, access.group, who=who))
    if is_stranger(owner, None, people.task):
        who = people.user(owner)
        classes.append(Boundary(path, mode, mode >> 6 & 6, owner, is_owners=True, who=who))
    for each in classes:
        if each.bits == WRITE or (each.bits == READ and not frozen):
            yield each


def boundaries_of(
    decided: Plan[Any, Any], frozen: Callable[[Any], Optional[bool]]
) -> Iterator[Boundary]:
    """Yield what the declared modes of maps are meant to keep from some users.

    `frozen` says of a step whether its map is; None where it is about no map.
    """
    context = decided.context
    for step in decided.steps:
        if step.wanted.access is UNDECLARED or step.action is Action.REFUSE:
            continue
        is_frozen = frozen(step)
        if is_frozen is not None:
            access = access_after(step, context)
            yield from boundaries(step.wanted.path, access, context.people, frozen=is_frozen)


def undrawn(
    boundaries: Iterable[Boundary],
    openings: Sequence[Level],
    is_member: Callable[[int, int], bool],
) -> Iterator[Caution]:
    """Yield a caution for each boundary that the kernel does not draw.

    Whoever has a map open, for reading only or for writing only, may pin it in a directory that
    they may write to (bpf_obj_do_pin). The pin is theirs, and opens for both. `openings` are
    directories that others than root may write to; `is_member` knows users and their groups.
    """
    for boundary in boundaries:
        if boundary.is_owners:
            text = (
                f"{boundary.text}, but that is no boundary: they own the pin, and may set its "
                "mode. Let root own it, or freeze a map that nobody is to write to"
            )
            yield Caution(boundary.path, text)
            continue
        opening = next((each for each in openings if _may_pin_in(each, boundary, is_member)), None)
        if opening is not None:
            text = (
                f"{boundary.text}, but that is no boundary: they may write to the directory "
                f"{opening.path} (mode {octal(opening.mode)}), so they may pin the map there under "
                "a name of their own, which opens for both. Close the directory to them (mode "
                "0711 with ebpf.pinning.bpffs_mount for the root of a bpffs), or freeze a map "
                "that nobody is to write to"
            )
            yield Caution(boundary.path, text)


def _may_pin_in(opening: Level, boundary: Boundary, is_member: Callable[[int, int], bool]) -> bool:
    if opening.mode & 0o002 or (opening.mode & 0o020 and opening.group):
        return True
    if boundary.group is None:
        return opening.owner != boundary.owner
    return is_member(opening.owner, boundary.group)
