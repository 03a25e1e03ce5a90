# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Mount, unmount and adjust a bpffs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Union, cast

from ...engine.kind import Kind, Observed, failed
from ...engine.steps import Action, Outcome
from ...errors import TROUBLE, explained
from ...people import People
from ...shape import new_level
from ...values import NamedTuple
from ..pins.access import merged
from .declaration import SOURCE, WantedMount, WantedUnmount
from .observe import observe, people_of
from .observed import Bpffs, MountSeen
from .plan import (
    FlagChange,
    MountPlan,
    MountStep,
    decide,
    flags_to_set,
    inheriting,
    unstacked,
)

if TYPE_CHECKING:
    from ..pins.forecast import Forecast


class MountDone(NamedTuple):
    """What was done to a mount, in words, and what is there afterwards."""

    done: Sequence[str]
    seen: Optional[MountSeen] = None
    dropped: Sequence[str] = ()  # pins that went with an unmount


def _observe(wanted: Union[WantedMount, WantedUnmount]) -> MountSeen:
    """Look at a path, and, if a stack is to be repaired, also at what is hidden in it."""
    seen = observe(wanted.path)
    repairs = isinstance(wanted, WantedMount) and wanted.repair
    if not (repairs and seen.stacked and seen.may_mount) or seen.is_mixed:
        return seen
    from .change import with_stack

    return with_stack(seen)


def _usual_source(_path: str) -> str:
    return SOURCE


class MountKind(Kind[Union[WantedMount, WantedUnmount], MountSeen, People]):
    """How a bpffs is mounted, adjusted and unmounted. `source` says that of a new one at a path.

    With `looks_only`, it does not matter whether this process may mount.
    """

    def __init__(
        self, source: Callable[[str], str] = _usual_source, *, looks_only: bool = False
    ) -> None:
        self._source = source
        self._looks_only = looks_only

    def label(self, step: MountStep) -> str:
        return step.wanted.path

    def refusal(self, step: MountStep) -> str:
        return step.reason

    def failure(self, step: MountStep, error: str) -> str:
        return error

    def observe(
        self, wanted: Sequence[Union[WantedMount, WantedUnmount]], *, predicting: bool = False
    ) -> Observed:
        seen = [_observe(each) for each in wanted]
        if self._looks_only:
            seen = [replace(each, may_mount=True) for each in seen]
        return Observed(list(zip(wanted, seen)), people_of(wanted, seen))

    def decide(
        self, wanted: Union[WantedMount, WantedUnmount], found: MountSeen, context: People
    ) -> MountStep:
        return decide(wanted, found, context)

    def foretell(self, plan: MountPlan, forecast: Forecast) -> None:
        for step in plan.steps:
            wanted, there, task = step.wanted, step.found.bpffs, plan.context.task
            if not isinstance(wanted, WantedMount):
                continue
            if step.action is Action.MOUNT:
                new = (inheriting(wanted, there) if there else wanted).as_new
                forecast.mounts[wanted.path] = new_level(wanted.path, new.access, 0, task)
                if "ro" in new.set_flags:
                    forecast.read_only.add(wanted.path)
            elif step.action is Action.ADJUST:
                if step.found.stack:
                    there = unstacked(step.found, wanted.keep).bpffs
                access = merged(wanted.access, cast(Bpffs, there).root)
                forecast.directories[wanted.path] = new_level(wanted.path, access, 0, task)
                if any(isinstance(each, FlagChange) for each in step.changes):
                    flags = flags_to_set(wanted, cast(Bpffs, there).flags)
                    forecast.remounts[wanted.path] = "ro" in flags

    def site_of(self, step: MountStep) -> str:
        return step.wanted.path

    def apply(self, step: MountStep, site: object) -> Outcome:
        # What changes mounts takes 15 ms to load, and in most runs nothing is to be changed.
        from .change import mount, unmount

        done: List[str] = []
        try:
            if isinstance(step.wanted, WantedUnmount):
                gone = unmount(step.found, force=step.wanted.force)
                return Outcome(step, after=MountDone([Action.UNMOUNT.value], None, gone))
            seen = mount(step.wanted, step, self._source, done)
        except TROUBLE as error:
            return failed(step, explained(error))._replace(after=MountDone(done))
        return Outcome(step, after=MountDone(done, seen))
