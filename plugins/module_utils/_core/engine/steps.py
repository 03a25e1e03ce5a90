# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is decided and what became of it: values that can be printed, tested and refused. Pure."""

from __future__ import annotations

import enum
from typing import Any, Collection, Generic, Hashable, List, Sequence, Tuple, TypeVar

from ..errors import WithLog, explained
from ..values import NamedTuple, dataclass

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")


class Action(enum.Enum):
    """What makes the found into the wanted. The values are the words of results."""

    CREATE = "created"
    KEEP = "unchanged"
    ADJUST = "adjusted"
    REPLACE = "replaced"
    UPDATE = "updated"  # another program in place
    MIGRATE = "migrated"
    MOUNT = "mounted"
    UNMOUNT = "unmounted"
    REMOVE = "removed"
    MISS = "missing"  # to be removed, and not there
    SPARE = "spared"  # not declared, and yet it stays
    REFUSE = "incompatible"
    WRITE = "written"  # an ordinary file

    is_idle: bool  # nothing is to be done
    is_change: bool  # something is to be changed, and can be


# Attributes, as every item is asked several times, and to hash a member takes longer.
for _each in Action:
    _each.is_idle = _each in (Action.KEEP, Action.MISS, Action.SPARE)
    _each.is_change = not _each.is_idle and _each is not Action.REFUSE


class State(enum.Enum):
    """How far a step came. The values of the last two are words of results, too."""

    DONE = "done"
    FAILED = "failed"
    NOT_DONE = "not_done"


@dataclass(frozen=True)
class Change:
    """One field that is not as declared. Its values are typed: see `words` for how they are told.

    A subclass says that it can be set in place.
    """

    field: str  # as the option is called
    want: object
    have: object


@dataclass(frozen=True)
class Step(Generic[Wanted, Found]):
    """What is to be done about one item."""

    wanted: Wanted
    found: Found
    action: Action
    changes: Tuple[Change, ...] = ()
    reason: str = ""  # why it is refused or spared

    # There is one for every item: spelled out, it takes a third of the time.
    def __init__(
        self,
        wanted: Wanted,
        found: Found,
        action: Action,
        changes: Tuple[Change, ...] = (),
        reason: str = "",
    ) -> None:
        values = self.__dict__
        values["wanted"] = wanted
        values["found"] = found
        values["action"] = action
        values["changes"] = changes
        values["reason"] = reason

    @property
    def is_idle(self) -> bool:
        """Return whether nothing is to be done."""
        return self.action.is_idle


AnyStep = Step[Any, Any]


class Outcome(NamedTuple):
    """What became of a step, which may differ from the planned one if another run was faster.

    With an error and DONE, something was changed, but not all that the step says.
    """

    step: AnyStep
    state: State = State.DONE
    error: str = ""
    after: Any = None  # what is there now, in a value of the kind's
    warnings: Tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """Return what became of it, as results say it."""
        done: str = self.step.action.value
        return done if self.state is State.DONE else self.state.value

    @property
    def changed(self) -> bool:
        """Return whether something was, or would be, changed."""
        return self.state is State.DONE and self.step.action.is_change


class Cure(enum.Enum):
    """What may take a problem away before a run that is not a check."""

    NONE = "none"
    EARLIER_TASK = "earlier_task"
    MOUNT = "mount"


class Problem(NamedTuple):
    """Why something cannot be done. Nothing is done of a batch that has one."""

    text: str
    items: Collection[int] = ()  # indexes of the steps it stops; none: all
    cure: Cure = Cure.NONE


class Site(NamedTuple):
    """Where steps are carried out together, such as a directory that is opened and locked once."""

    key: Hashable
    where: Any = None  # what the kind observed of it
    makes: Sequence[str] = ()  # paths that are missing, and made on the way
    clears: Sequence[str] = ()  # paths that killed runs left, and that go


@dataclass(frozen=True)
class Plan(Generic[Wanted, Found]):
    """All steps in the order of the declarations, and what must happen around them."""

    steps: Sequence[Step[Wanted, Found]]
    problems: Sequence[Problem] = ()
    sites: Sequence[Site] = ()
    context: Any = None  # what the kind observed of all items

    @property
    def makes(self) -> List[str]:
        return list(dict.fromkeys(path for site in self.sites for path in site.makes))

    @property
    def clears(self) -> List[str]:
        return [path for site in self.sites for path in site.clears]

    def texts(self, *cures: Cure) -> List[str]:
        """The problems that have one of these cures; all, if none is named."""
        return [each.text for each in self.problems if not cures or each.cure in cures]


class Result:
    """What was done. `error` is empty when it was everything."""

    def __init__(
        self, outcomes: List[Outcome], made: Sequence[str] = (), cleared: Sequence[str] = ()
    ) -> None:
        self.outcomes = outcomes
        self.made = list(made)
        self.cleared = list(cleared)
        self.written: List[str] = []  # files
        self.partly: List[str] = []  # what was done of steps that failed, in words
        self.error = ""
        self.log: Sequence[str] = ()  # the last lines of what the kernel said of it

    def fail(self, error: Exception) -> None:
        """Have it told that and why something was not done."""
        self.error = explained(error)
        self.log = error.lines if isinstance(error, WithLog) else ()

    @property
    def changed(self) -> bool:
        done = self.made or self.cleared or self.written or self.partly
        return bool(done or any(each.changed for each in self.outcomes))
