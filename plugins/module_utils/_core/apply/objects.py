# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for objects that are in the kernel already."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import Dict, Iterator, NamedTuple, Optional, Tuple, Union

from .. import kernel
from ..bpffs import ENTRY, PathProblem, Place, walk
from ..found.objects import KernelObject
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
from ..shape import Identity
from ..spec.objects import WantedObject
from ..syscall import Fd
from ..uapi import BPF_F_RDONLY
from .names import Craft, Work, adjust


class ObjectOutcome(NamedTuple):
    """What became of one step. `action` may differ from the plan's when another run was first."""

    step: ObjectStep
    action: str
    error: str = ""


class ObjectCraft(Craft[ObjectStep, ObjectOutcome]):
    """How objects get their names."""

    def __init__(self) -> None:
        self._held: Dict[Tuple[str, int], Fd] = {}

    @contextmanager
    def holding(self, plan: ObjectPlan) -> Iterator[None]:
        """Meanwhile an object that loses a pin, and is to get another, stays alive and open."""
        losing = {(s.found.kind, s.found.id) for s in plan.steps if isinstance(s, ReplaceObject)}
        with ExitStack() as stack:
            for step in plan.steps:
                if isinstance(step, (PinObject, ReplaceObject)):
                    key = (step.object.kind, step.object.id)
                    if key in losing and key not in self._held:
                        self._held[key] = stack.enter_context(_opened(step.object))
            yield
            self._held.clear()

    def _open(self, step: Union[PinObject, ReplaceObject]) -> Fd:
        held = self._held.get((step.object.kind, step.object.id))
        return _opened(step.object) if held is None else Fd(os.dup(held))

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
            with self._open(step) as fd:
                done = work.create(fd, name, access)
        elif isinstance(step, ReplaceObject):
            work.staging()  # from here on no other run replaces it
            entry = step.found.entry
            kept = inherited(access, entry, os.geteuid())
            with self._open(step) as fd:
                done = work.replace(fd, name, kept, entry.identity)
        elif isinstance(step, AdjustObject):
            pin = work.open(name, step.found.entry.identity)
            done = pin is not None
            if pin is not None:
                with pin:
                    error = adjust(pin, access)
        else:
            done = True
        return self.foreseen(step)._replace(error=error) if done else None


def _opened(thing: KernelObject) -> Fd:
    """The object, by the pin it was found at: to open it by its id takes CAP_SYS_ADMIN."""
    if thing.pin is None:
        return object_by_id(thing.kind, thing.id)
    path, identity, _owner = thing.pin
    parent, _slash, name = path.rpartition("/")
    with walk(parent) as place:
        try:
            pin = None if place.missing else Fd(os.open(name, ENTRY, dir_fd=place.fd))
        except FileNotFoundError:
            pin = None
    if pin is None:
        raise _moved(path)
    with pin:
        status = os.fstat(pin)
        if Identity(status.st_dev, status.st_ino) != identity:
            raise _moved(path)
        # As it was looked at: links only open for reading and writing.
        return kernel.get(pin.magic, 0 if thing.kind == "link" else BPF_F_RDONLY)


def _moved(path: str) -> PathProblem:
    return PathProblem(f"{path} is another one than a moment ago: it was left alone; run again")
