# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for objects that are in the kernel already."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import Iterator, NamedTuple, Optional, Union

from ..bpffs import Place
from ..objects import object_by_id
from ..observe.objects import Resolver, look_at
from ..plan.access import inherited
from ..plan.objects import (
    AdjustObject,
    KeepObject,
    ObjectPlan,
    ObjectStep,
    PinObject,
    RefuseObject,
    ReplaceObject,
    decide,
)
from ..spec.objects import WantedObject
from ..syscall import Fd
from .names import Craft, Work, adjust


class ObjectOutcome(NamedTuple):
    """What became of one step. `action` may differ from the plan's when another run was first."""

    step: ObjectStep
    action: str
    error: str = ""


class ObjectCraft(Craft[ObjectStep, ObjectOutcome]):
    """How objects get their names."""

    def wanted(self, step: ObjectStep) -> WantedObject:
        return step.wanted

    def is_idle(self, step: ObjectStep) -> bool:
        return isinstance(step, KeepObject)

    def foreseen(self, step: ObjectStep) -> ObjectOutcome:
        return ObjectOutcome(step, step.action)

    def not_done(self, step: ObjectStep) -> ObjectOutcome:
        return ObjectOutcome(step, "not_done")

    def failed(self, step: ObjectStep, error: str) -> ObjectOutcome:
        return ObjectOutcome(step, "failed", error)

    def error_of(self, outcome: ObjectOutcome) -> str:
        return outcome.error

    def decide_again(self, place: Place, step: ObjectStep) -> ObjectStep:
        wanted = step.wanted
        return decide(wanted, Resolver()(wanted.reference), look_at(place, wanted), os.geteuid())

    def attempt(self, work: Work, step: ObjectStep) -> Optional[ObjectOutcome]:
        if isinstance(step, RefuseObject):
            return self.failed(step, step.reason)
        name, access = step.wanted.name, step.wanted.access
        error = ""
        if isinstance(step, PinObject):
            with _open(step) as fd:
                done = work.create(fd, name, access)
        elif isinstance(step, ReplaceObject):
            work.staging()  # from here on no other run replaces it
            entry = step.found.entry
            with _open(step) as fd:
                done = work.replace(
                    fd, name, inherited(access, entry, os.geteuid()), entry.identity
                )
        elif isinstance(step, AdjustObject):
            pin = work.open(name, step.found.entry.identity)
            done = pin is not None
            if pin is not None:
                with pin:
                    error = adjust(pin, access)
        else:
            done = True
        return self.foreseen(step)._replace(error=error) if done else None


@contextmanager
def held(plan: ObjectPlan) -> Iterator[None]:
    """Meanwhile an object that loses a pin to be replaced, and is to get another, stays alive."""
    wanted = {(s.object.kind, s.object.id) for s in plan.steps if not isinstance(s, RefuseObject)}
    losing = {(s.found.kind, s.found.id) for s in plan.steps if isinstance(s, ReplaceObject)}
    with ExitStack() as stack:
        for kind, object_id in wanted & losing:
            stack.enter_context(object_by_id(kind, object_id))
        yield


def _open(step: Union[PinObject, ReplaceObject]) -> Fd:
    return object_by_id(step.object.kind, step.object.id)
