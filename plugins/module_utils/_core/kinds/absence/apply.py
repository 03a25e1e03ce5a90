# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Remove pins, and tell what they held and whether that was the last of it."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
    cast,
)

from ...bpffs import ENTRY, PathProblem, Place, walk
from ...engine.kind import Kind, Observed, Session
from ...engine.steps import Action, Outcome, Problem, Site
from ...errors import at
from ...shape import Identity
from ...syscall import Fd, KernelError
from ...values import NamedTuple
from ..pins.objects import object_by_id
from ..pins.observed import NOTHING, Pin, Sight
from .declaration import AbsentPaths, Prune
from .observe import observe_paths, observe_tree
from .plan import (
    STAYING,
    AbsencePlan,
    AbsenceStep,
    Emptied,
    Items,
    decide,
    items_at,
    items_in,
    problems,
    with_spared,
)

if TYPE_CHECKING:
    from .usage_seen import LastLook

Unseen = Optional[Sequence[str]]  # where users of pins might be that cannot be looked at


class AbsenceKind(Kind[Union[AbsentPaths, Prune], Union[Sight, Emptied], Unseen]):
    """How pins are removed. Afterwards it is told whether that was the last of the object."""

    def __init__(self) -> None:
        self._last_look: Optional[LastLook] = None

    def label(self, step: AbsenceStep) -> str:
        return path_of(step)

    def refusal(self, step: AbsenceStep) -> str:
        return step.reason

    def failure(self, step: AbsenceStep, error: str) -> str:
        return error

    def observe(
        self, wanted: Sequence[Union[AbsentPaths, Prune]], *, predicting: bool = False
    ) -> Observed:
        # The first who wants something gone is asked; directories go after all that is in them.
        items: Dict[str, Tuple[Any, Any]] = {}
        for each in wanted:
            for item in _items(each):
                items.setdefault(_path(item[1]), item)
        ordered = sorted(items.values(), key=lambda item: isinstance(item[1], Emptied))
        if not any(each.conditions.any for each in wanted):
            return Observed(ordered)
        from .usage_seen import with_usage  # most absences are without conditions

        return Observed(*with_usage(ordered))

    def observe_expecting(
        self, wanted: Sequence[Union[AbsentPaths, Prune]], is_hidden: Callable[[str], bool]
    ) -> Observed:
        """Look at all but what a mount is going to hide: there will be nothing."""
        seen: List[Union[AbsentPaths, Prune]] = []
        hidden = []
        for each in wanted:
            if isinstance(each, Prune):
                seen += [] if is_hidden(each.directory) else [each]
                continue
            hidden += [(each, path) for path in each.paths if is_hidden(path)]
            paths = tuple(path for path in each.paths if not is_hidden(path))
            seen += [replace(each, paths=paths)] if paths else []
        nothing = [(each, Sight(path, Identity(-1, 0), NOTHING)) for each, path in hidden]
        observed = self.observe(seen)
        return observed._replace(items=[*observed.items, *nothing])

    def decide(
        self, wanted: Union[AbsentPaths, Prune], found: Union[Sight, Emptied], context: Unseen
    ) -> AbsenceStep:
        return decide(wanted, found)

    def agree(self, steps: List[AbsenceStep], context: Unseen) -> List[AbsenceStep]:
        return with_spared(steps)

    def problems(self, steps: Sequence[AbsenceStep], context: Unseen) -> Sequence[Problem]:
        return problems(steps)

    def site_of(self, step: AbsenceStep) -> _Parent:
        path = path_of(step)
        parent = path.rpartition("/")[0] or "/"
        return _Parent(parent, path if isinstance(step.found, Emptied) else None)

    def sites(self, steps: Sequence[AbsenceStep], context: Unseen) -> Sequence[Site]:
        parents = dict.fromkeys(map(self.site_of, steps))
        return [Site(parent, parent.path) for parent in parents]

    def session(self, plan: AbsencePlan) -> ContextManager[Session]:
        self._last_look = None
        if any(step.wanted.conditions.any for step in plan.steps):
            from .usage_seen import LastLook

            self._last_look = LastLook([step for step in plan.steps if not step.is_idle])
        return nullcontext(_Parents())

    def apply(self, step: AbsenceStep, site: Place) -> Optional[Outcome]:
        is_directory = isinstance(step.found, Emptied)
        sight = step.found.sight if isinstance(step.found, Emptied) else step.found
        with at(sight.path):
            if not site.missing:
                if site.identity != sight.directory:
                    raise _moved(site.path)
                if is_directory:
                    return _rmdir(site.fd, step, sight)
                with _still_there(site.fd, sight) as is_there:
                    reason = ""
                    if is_there and step.wanted.conditions.any and self._last_look:
                        reason = self._last_look.why_not(step, site.fd)
                    if reason:
                        return Outcome(replace(step, action=Action.SPARE, reason=reason))
                    if is_there and _unlink(site.fd, sight):
                        return Outcome(step)
        return Outcome(replace(step, action=Action.MISS))

    def finish(self, outcomes: List[Outcome]) -> None:
        removed = [
            index
            for index, outcome in enumerate(outcomes)
            if outcome.changed and isinstance(outcome.step.found, Sight)
        ]
        pins = [outcomes[index].step.found.found for index in removed]
        for index, was_last in zip(removed, _last_references(pins)):
            outcomes[index] = outcomes[index]._replace(after=was_last)


class _Parent(NamedTuple):
    """A directory that something is removed from."""

    path: str
    directory: Optional[str] = None  # in it; each goes by itself, after all that is in it


class _Parents(Session):
    """The directories that things are removed from."""

    @contextmanager
    def open(self, site: Site) -> Iterator[Place]:
        with at(site.where), walk(site.where) as place:
            yield place


def path_of(step: AbsenceStep) -> str:
    """Return what is to be gone."""
    return _path(step.found)


def _path(found: Union[Sight, Emptied]) -> str:
    return found.sight.path if isinstance(found, Emptied) else found.path


def _items(wanted: Union[AbsentPaths, Prune]) -> Items:
    if isinstance(wanted, Prune):
        return items_in(wanted, observe_tree(wanted))
    return items_at(wanted, observe_paths(wanted))


@contextmanager
def _still_there(directory: int, sight: Sight) -> Iterator[bool]:
    """Tell whether the name means this very pin; nobody else has its inode while that is open."""
    name, pin = sight.path.rpartition("/")[2], cast(Pin, sight.found)
    try:
        entry = Fd(os.open(name, ENTRY, dir_fd=directory))
    except FileNotFoundError:
        yield False
        return
    with entry:
        status = os.fstat(entry)
        if Identity(status.st_dev, status.st_ino) != pin.entry.identity:
            raise _moved(sight.path)
        yield True


def _unlink(directory: int, sight: Sight) -> bool:
    try:
        os.unlink(sight.path.rpartition("/")[2], dir_fd=directory)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PathProblem(f"{sight.path}: {KernelError.of('unlink', error)}") from None
    return True


def _rmdir(directory: int, step: AbsenceStep, sight: Sight) -> Outcome:
    try:
        os.rmdir(sight.path.rpartition("/")[2], dir_fd=directory)
    except FileNotFoundError:
        return Outcome(replace(step, action=Action.MISS))
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise _moved(sight.path) from None
        if error.errno == errno.ENOTEMPTY:
            if step.wanted.conditions.any:
                return Outcome(replace(step, action=Action.SPARE, reason=STAYING))
            raise PathProblem(
                f"{sight.path}: another process pinned something in it, so it stays: run again"
            ) from None
        raise PathProblem(f"{sight.path}: {KernelError.of('rmdir', error)}") from None
    return Outcome(step)


def _moved(path: str) -> PathProblem:
    return PathProblem(f"{path} changed while this task ran and was left untouched; run again")


def _last_references(removed: Sequence[Pin]) -> List[Optional[bool]]:
    """Return whether each object is gone from the kernel; None where that cannot be told."""
    answers: List[Optional[bool]] = [False] * len(removed)
    waiting = list(range(len(removed)))
    deadline = time.monotonic() + _GRACE
    while waiting:
        for index in waiting:
            answers[index] = _is_gone(removed[index])
        waiting = [index for index in waiting if answers[index] is False]
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(0.002)
    return answers


def _is_gone(pin: Pin) -> Optional[bool]:
    try:
        with object_by_id(pin.kind, pin.id):
            return False
    except KernelError as error:
        return True if error.errno == errno.ENOENT else None


_GRACE = 0.1  # seconds; up to Linux 6.8 unlink drops the reference after an RCU grace period
