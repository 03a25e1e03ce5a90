# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Give objects their names: what all have in common, whatever the objects are."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Callable, Dict, Generic, Iterator, List, Optional, Sequence, TypeVar

from .. import kernel
from ..advice import ActsOn
from ..bpffs import DIRECTORY, ENTRY, PathProblem, Place, make_open, walk
from ..errors import TROUBLE, Problems, at, explained
from ..found.pins import DirectorySeen
from ..observe.names import by_directory
from ..plan.names import NamePlan
from ..shape import UNDECLARED, Access, Identity, is_stranger
from ..spec.fields import user_name
from ..spec.names import WantedName
from ..staging import Staging, access_changes
from ..syscall import Fd, KernelError

Step = TypeVar("Step")
Outcome = TypeVar("Outcome")


@dataclass
class Result(Generic[Outcome]):
    """What was done. `error` is empty when it was everything."""

    outcomes: List[Outcome]
    new_directories: List[str] = field(default_factory=list)
    leftovers: List[str] = field(default_factory=list)  # staging directories cleared
    error: str = ""


class Craft(Generic[Step, Outcome]):
    """How the steps for one sort of objects are carried out, and what becomes of them."""

    def wanted(self, step: Step) -> WantedName:
        """Where it is to be."""
        raise NotImplementedError

    def is_idle(self, step: Step) -> bool:
        """Whether nothing is to be done."""
        raise NotImplementedError

    def foreseen(self, step: Step) -> Outcome:
        """What becomes of it if nothing goes wrong."""
        raise NotImplementedError

    def not_done(self, step: Step) -> Outcome:
        """What has become of it as long as it was not tried."""
        raise NotImplementedError

    def failed(self, step: Step, error: str) -> Outcome:
        """What becomes of it when it was tried in vain."""
        raise NotImplementedError

    def error_of(self, outcome: Outcome) -> str:
        """Why it failed; empty when it did not."""
        raise NotImplementedError

    def attempt(self, work: Work, step: Step) -> Optional[Outcome]:
        """Do it. None when another process was faster, and it is to be decided again."""
        raise NotImplementedError

    def decide_again(self, place: Place, step: Step) -> Step:
        """The step that follows from what is there now."""
        raise NotImplementedError


def foresee(plan: NamePlan[Step], craft: Craft[Step, Outcome]) -> Result[Outcome]:
    """The result that `apply` will have as far as it can be known, for check mode."""
    steps = plan.steps
    result = Result(
        [craft.foreseen(step) for step in steps],
        plan.new_directories if plan.parents else [],
        plan.leftovers,
    )
    busy = [index for index in _in_turn(plan, craft) if not craft.is_idle(steps[index])]
    for done, index in enumerate(busy):
        error = craft.error_of(result.outcomes[index])
        if error:
            result.error = f"{craft.wanted(steps[index]).path}: {error}"
            for later in busy[done + 1 :]:
                result.outcomes[later] = craft.not_done(steps[later])
            used = [f"{craft.wanted(steps[each]).directory}/" for each in busy[:done]]
            result.new_directories = [
                path
                for path in result.new_directories
                if any(each.startswith(f"{path}/") for each in used)
            ]
            break
    return result


def _in_turn(plan: NamePlan[Step], craft: Craft[Step, Outcome]) -> List[int]:
    """The indexes of the steps in the order in which they are carried out."""
    groups = by_directory([craft.wanted(step) for step in plan.steps])
    return [index for seen in plan.directories for index in groups[seen.path]]


def apply(plan: NamePlan[Step], craft: Craft[Step, Outcome]) -> Result[Outcome]:
    """Do what the plan says. Stops at the first refusal of the kernel and tells what is left."""
    problems = [*plan.problems, *plan.not_mounted]
    if problems:
        raise Problems(problems)
    steps = plan.steps
    result = Result(
        [craft.foreseen(step) if craft.is_idle(step) else craft.not_done(step) for step in steps]
    )
    made: Dict[str, Identity] = {}
    try:
        result.error = _carry_out_all(plan, craft, result, made)
    except TROUBLE as error:
        result.error = explained(error)
    if result.error:
        _take_back(made)
    result.new_directories = list(made)
    return result


def _carry_out_all(
    plan: NamePlan[Step],
    craft: Craft[Step, Outcome],
    result: Result[Outcome],
    made: Dict[str, Identity],
) -> str:
    """Do it, directory by directory; the first error, empty when there was none."""
    steps = plan.steps
    groups = by_directory([craft.wanted(step) for step in steps])
    for seen in plan.directories:
        busy = [index for index in groups[seen.path] if not craft.is_idle(steps[index])]
        if not busy and not seen.leftovers:
            continue
        with at(seen.path), _reopened(seen, made) as place, ExitStack() as stack:
            work = Work(place, stack)
            if seen.leftovers:
                work.clear(result.leftovers)
            for index in busy:
                outcome = _carry_out(craft, work, steps[index])
                result.outcomes[index] = outcome
                error = craft.error_of(outcome)
                if error:
                    return f"{craft.wanted(steps[index]).path}: {error}"
    return ""


def _carry_out(craft: Craft[Step, Outcome], work: Work, step: Step) -> Outcome:
    """Do one step; when another process was faster, decide again about what it left."""
    try:
        for _attempt in range(_ATTEMPTS):
            outcome = craft.attempt(work, step)
            if outcome is not None:
                return outcome
            step = craft.decide_again(work.place, step)
    except TROUBLE as error:
        return craft.failed(step, explained(error, ActsOn.PIN))
    return craft.failed(
        step,
        "other processes change this pin all the time: find out which, then run again",
    )


class Work:
    """One directory at work. Its staging directory is opened when first needed."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self.place = place
        self._stack = stack
        self._staging: Optional[Staging] = None

    def staging(self) -> Staging:
        """The staging directory, locked until the work in this directory is done."""
        if self._staging is None:
            self._staging = self._stack.enter_context(Staging(self.place))
        return self._staging

    def clear(self, leftovers: List[str]) -> None:
        """Remove what a killed run left; its path is added when any of that is gone."""
        staging = Staging(self.place)
        try:
            self._staging = self._stack.enter_context(staging)
        finally:
            leftovers.extend(staging.leftovers)

    def create(self, fd: Fd, name: str, access: Access) -> bool:
        """Give a free name to what is open; False when another process took the name."""
        if access is UNDECLARED:
            return self._pin_directly(fd, name)
        # Never seen under its name with another owner or mode than declared.
        self.staging().pin(fd, name, access)
        return self.staging().publish(name)

    def replace(self, fd: Fd, name: str, access: Access, old: Identity) -> bool:
        """Give a name to what is open, from the pin `old`; False when another one has it."""
        self.staging().pin(fd, name, access)
        pin = self.open(name, old)
        if pin is None:
            return False
        with pin:
            self.staging().replace(name)
        return True

    def open(self, name: str, identity: Identity) -> Optional[Fd]:
        """The pin that was observed (O_PATH); None when it is another one, or none, by now."""
        try:
            pin = Fd(os.open(name, ENTRY, dir_fd=self.place.fd))
        except FileNotFoundError:
            return None
        status = os.fstat(pin)
        if Identity(status.st_dev, status.st_ino) == identity:
            return pin
        os.close(pin)
        return None

    def _pin_directly(self, fd: Fd, name: str) -> bool:
        try:
            kernel.pin_at(fd, self.place.fd, os.fsencode(name))
        except KernelError as error:
            if error.errno != errno.EEXIST:
                raise
            return False
        return True


def adjust(pin: Fd, access: Access, first: Sequence[Callable[[Fd], None]] = ()) -> str:
    """Make changes to a pin, `first` before owner and mode.

    Raises when the first change fails. When a later one does, the text says that it is half done.
    """
    changes: List[Callable[[], None]] = [partial(change, pin) for change in first]
    changes += access_changes(pin, access)
    for number, change in enumerate(changes):
        try:
            change()
        except TROUBLE as error:
            if not number:
                raise
            return f"adjusted in part: {explained(error, ActsOn.PIN)}"
    return ""


@contextmanager
def _reopened(seen: DirectorySeen, made: Dict[str, Identity]) -> Iterator[Place]:
    """The directory that was observed, its missing parts made; PathProblem if it is another."""
    parts = seen.path.split("/")
    place = walk("/".join(parts[: len(parts) - len(seen.missing)]))
    is_same = not place.missing and place.identity == seen.identity
    for name in seen.missing if is_same and place.on_bpffs else ():
        with place:
            place = _made(place, name, made)
    with place:
        # Made by another run, or mounted there since.
        if not is_same or place.identity.device != seen.identity.device or not place.on_bpffs:
            raise PathProblem(
                f"{seen.path} is another directory than a moment ago: something was mounted or "
                "renamed there while this ran; nothing was done in it, run again"
            )
        yield place


def _made(place: Place, name: str, made: Dict[str, Identity]) -> Place:
    """Make a directory, unless another run was faster, and open it."""
    path = f"{place.path}/{name}"
    is_new = True
    try:
        make_open(name, place.fd)
    except FileExistsError:
        is_new = False
    except OSError as error:
        raise PathProblem(f"{path}: {KernelError.of('mkdir', error)}") from None
    try:
        below = Place(path, Fd(os.open(name, DIRECTORY, dir_fd=place.fd)), ())
    except OSError as error:
        if is_new:
            made[path] = Identity(0, 0)
        raise PathProblem(
            f"{path} is another one than a moment ago: something else took its place while this "
            f"ran ({os.strerror(error.errno or 0)}); run again"
        ) from None
    if is_stranger(below.owner, None, os.geteuid()):
        with below:
            raise PathProblem(
                f"{path} was made by {user_name(below.owner)} while this ran: nothing was done in "
                "it, run again"
            )
    if is_new:
        made[path] = below.identity
    return below


def _take_back(made: Dict[str, Identity]) -> None:
    """Remove the directories that were made for nothing: those in which there is nothing."""
    for path in reversed(list(made)):
        parent, _slash, name = path.rpartition("/")
        with suppress(*TROUBLE), walk(parent) as above, walk(path) as place:
            if not place.missing and place.identity == made[path]:
                os.rmdir(name, dir_fd=above.fd)
                del made[path]


_ATTEMPTS = 16
