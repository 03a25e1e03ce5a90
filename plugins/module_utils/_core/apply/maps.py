# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out a plan for maps, and tell what was done, item by item."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Iterator, List, NamedTuple, Optional, Union

from .. import kernel
from ..bpffs import DIRECTORY, ENTRY, PathProblem, Place, walk
from ..errors import TROUBLE, Problems
from ..found.pins import DirectorySeen, PinnedMap
from ..kernel import Fd, KernelError, explained
from ..make_map import make_map
from ..objects import name_of, shape_of
from ..observe.maps import by_directory, observe_pin
from ..plan.maps import (
    Adjust,
    Create,
    Keep,
    MapPlan,
    Migrate,
    Replace,
    Step,
    access_to_set,
    decide,
)
from ..shape import UNDECLARED, Identity, MapShape
from ..spec.fields import STAGING
from ..spec.maps import WantedPin
from ..staging import Staging, access_changes
from ..uapi import BPF_F_RDONLY
from .catching_up import CaughtUp, catch_up
from .copying import copy, ends


class Outcome(NamedTuple):
    """What became of one step. `action` may differ from the plan's when another run was first."""

    step: Step
    action: str
    id: Optional[int] = None
    kernel_name: str = ""
    shape: Optional[MapShape] = None
    error: str = ""
    copied: Optional[int] = None  # entries
    caught_up: Optional[int] = None  # entries that changed while they were copied
    warning: str = ""


@dataclass
class Result:
    """What was done. `error` is empty when it was everything."""

    outcomes: List[Outcome]
    new_directories: List[str] = field(default_factory=list)
    leftovers: List[str] = field(default_factory=list)  # staging directories cleared
    error: str = ""


def foresee(plan: MapPlan) -> Result:
    """The result that `apply` will have if nothing goes wrong, for check mode."""
    return Result(
        [_foreseen(step) for step in plan.steps],
        plan.new_directories,
        [f"{seen.path}/{STAGING}" for seen in plan.leftovers],
    )


def apply(plan: MapPlan) -> Result:
    """Do what the plan says. Stops at the first refusal of the kernel and tells what is left."""
    problems = [*plan.problems, *plan.not_mounted]
    if problems:
        raise Problems(problems)
    result = Result(
        [
            _foreseen(step) if isinstance(step, Keep) else Outcome(step, "not_done")
            for step in plan.steps
        ]
    )
    groups = by_directory([step.wanted for step in plan.steps])
    for seen in plan.directories:
        busy = [index for index in groups[seen.path] if not isinstance(plan.steps[index], Keep)]
        if not busy and not seen.has_leftovers:
            continue
        try:
            with _reopened(seen, result.new_directories) as place, ExitStack() as stack:
                work = _Work(place, stack)
                if seen.has_leftovers:
                    work.clear(result.leftovers)
                for index in busy:
                    step = plan.steps[index]
                    result.outcomes[index] = outcome = work.carry_out(step)
                    if outcome.error:
                        result.error = f"{step.wanted.path}: {outcome.error}"
                        return result
        except TROUBLE as error:
            result.error = explained(error)
            return result
    return result


class _Work:
    """The steps of one directory. The staging directory is opened when first needed."""

    def __init__(self, place: Place, stack: ExitStack) -> None:
        self._place = place
        self._stack = stack
        self._staging: Optional[Staging] = None

    def staging(self) -> Staging:
        if self._staging is None:
            self._staging = self._stack.enter_context(Staging(self._place))
        return self._staging

    def clear(self, leftovers: List[str]) -> None:
        """Remove what a killed run left; its path is added when any of that is gone."""
        staging = Staging(self._place)
        try:
            self._staging = self._stack.enter_context(staging)
        finally:
            if staging.cleared or (self._staging and not staging.is_new):
                leftovers.append(f"{self._place.path}/{STAGING}")

    def carry_out(self, step: Step) -> Outcome:
        """Do one step; when another process was faster, decide again about what it left."""
        try:
            for _attempt in range(_ATTEMPTS):
                outcome = self._try(step)
                if outcome is not None:
                    return outcome
                step = decide(step.wanted, observe_pin(self._place, step.wanted))
        except TROUBLE as error:
            return Outcome(step, "failed", error=explained(error))
        return Outcome(
            step,
            "failed",
            error="other processes change this pin all the time: find out which, then run again",
        )

    def _try(self, step: Step) -> Optional[Outcome]:
        if isinstance(step, Keep):
            return _foreseen(step)
        if isinstance(step, Create):
            return self._create(step)
        if isinstance(step, Adjust):
            return self._adjust(step)
        if isinstance(step, Migrate):
            return self._migrate(step)
        if isinstance(step, Replace):
            return self._replace(step)
        return Outcome(step, "failed", error=step.reason)

    def _create(self, step: Create) -> Optional[Outcome]:
        wanted = step.wanted
        with _make(wanted) as fd:
            outcome = _outcome(step, fd)
            if wanted.access is UNDECLARED:
                done = _pinned_directly(fd, self._place, wanted.name)
            else:
                # Never seen under its name with another owner or mode than declared.
                self.staging().pin(fd, wanted.name, wanted.access)
                done = self.staging().publish(wanted.name)
            return outcome if done else None

    def _replace(self, step: Replace) -> Optional[Outcome]:
        wanted, staging = step.wanted, self.staging()
        with _make(wanted) as fd:
            outcome = _outcome(step, fd)
            staging.pin(fd, wanted.name, access_to_set(step))
            if not self._is_still_there(step):
                return None
            staging.replace(wanted.name)
            return outcome

    def _migrate(self, step: Migrate) -> Optional[Outcome]:
        wanted, staging = step.wanted, self.staging()
        pin = self._open(step)
        if pin is None:
            return None
        with pin, kernel.get(pin.magic, BPF_F_RDONLY) as old, make_map(
            step.map, wanted.kernel_name
        ) as new:
            source, target = ends(old, step.found.shape, new, step.map.shape)
            copied = copy(source, target)
            outcome = _outcome(step, new)._replace(copied=copied.total)
            staging.pin(new, wanted.name, access_to_set(step))
            if not self._is_still_there(step):
                return None
            staging.replace(wanted.name)
            # The name has changed hands: from here on a failure must not hide that.
            try:
                outcome = _with_news(outcome, catch_up(source, target, copied))
                if wanted.frozen:
                    kernel.freeze(new)
            except TROUBLE as error:
                return outcome._replace(error=explained(error))
            return outcome

    def _adjust(self, step: Adjust) -> Optional[Outcome]:
        pin = self._open(step)
        if pin is None:
            return None
        changes = list(access_changes(pin, step.wanted.access))
        if any(drift.field == "frozen" for drift in step.drift):
            changes.insert(0, partial(_freeze, pin))
        outcome = _foreseen(step)
        with pin:
            for number, change in enumerate(changes):
                try:
                    change()
                except TROUBLE as error:
                    if not number:
                        raise
                    return outcome._replace(error=f"adjusted in part: {explained(error)}")
        return outcome

    def _open(self, step: Union[Adjust, Replace]) -> Optional[Fd]:
        """The pin that was observed; None when it is another one, or none, by now."""
        try:
            pin = Fd(os.open(step.wanted.name, ENTRY, dir_fd=self._place.fd))
        except FileNotFoundError:
            return None
        status = os.fstat(pin)
        if Identity(status.st_dev, status.st_ino) == step.found.entry.identity:
            return pin
        os.close(pin)
        return None

    def _is_still_there(self, step: Replace) -> bool:
        pin = self._open(step)
        if pin is not None:
            os.close(pin)
        return pin is not None


def _freeze(pin: Fd) -> None:
    with kernel.get(pin.magic) as fd:
        kernel.freeze(fd)


def _with_news(outcome: Outcome, news: CaughtUp) -> Outcome:
    warning = ""
    if news.left:
        warning = (
            f"{outcome.step.wanted.path}: {news.left} entries of the old map changed while it was "
            f"copied and are not so in the new one: {news.reason}"
        )
    return outcome._replace(caught_up=news.taken_over, warning=warning)


def _make(wanted: WantedPin) -> Fd:
    fd = make_map(wanted.map, wanted.kernel_name)
    if wanted.frozen:
        try:
            kernel.freeze(fd)
        except KernelError:
            os.close(fd)
            raise
    return fd


def _pinned_directly(fd: Fd, place: Place, name: str) -> bool:
    try:
        kernel.pin_at(fd, place.fd, os.fsencode(name))
    except KernelError as error:
        if error.errno != errno.EEXIST:
            raise
        return False
    return True


@contextmanager
def _reopened(seen: DirectorySeen, made: List[str]) -> Iterator[Place]:
    """The directory that was observed, its missing parts made; PathProblem if it is another."""
    parts = seen.path.split("/")
    place = walk("/".join(parts[: len(parts) - len(seen.missing)]))
    is_same = not place.missing and place.identity == seen.identity
    for name in seen.missing if is_same and place.on_bpffs else ():
        with place:
            place = Place(f"{place.path}/{name}", _made(place, name, made), ())
    with place:
        # Made by another run, or mounted there since.
        if not is_same or place.identity.device != seen.identity.device or not place.on_bpffs:
            raise PathProblem(
                f"{seen.path} is another directory than a moment ago: something was mounted or "
                "renamed there while this ran; nothing was done in it, run again"
            )
        yield place


def _made(place: Place, name: str, made: List[str]) -> Fd:
    """Make a directory, unless another run was faster, and open it."""
    path = f"{place.path}/{name}"
    try:
        os.mkdir(name, 0o755, dir_fd=place.fd)
        made.append(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise PathProblem(f"{path}: {KernelError.of('mkdir', error)}") from None
    try:
        return Fd(os.open(name, DIRECTORY, dir_fd=place.fd))
    except OSError as error:
        raise PathProblem(
            f"{path} is another one than a moment ago: something else took its place while this "
            f"ran ({os.strerror(error.errno or 0)}); run again"
        ) from None


def _foreseen(step: Step) -> Outcome:
    if isinstance(step, Create):
        return Outcome(step, step.action)
    found = step.found
    if not isinstance(found, PinnedMap):
        return Outcome(step, step.action)
    contents = found.details.contents if isinstance(step, Migrate) else None
    copied = contents.entries if contents else None
    return Outcome(step, step.action, found.id, found.name, found.shape, copied=copied)


def _outcome(step: Step, fd: Fd) -> Outcome:
    info = kernel.map_info(fd)
    return Outcome(step, step.action, info.id, name_of(info.name), shape_of(info))


_ATTEMPTS = 16
