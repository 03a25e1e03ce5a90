# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the steps for objects that are in the kernel already."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterator, Optional, Sequence, Tuple, cast

from ... import kernel
from ...bpffs import ENTRY, PathProblem, Place, walk
from ...engine.kind import Observed
from ...engine.steps import Action, Outcome
from ...shape import Identity
from ...syscall import Fd
from ...uapi import BPF_F_RDONLY
from ..pins.access import inherited
from ..pins.apply import PinKind, PinSession
from ..pins.directory import PinDirectory, adjust
from ..pins.objects import object_by_id
from ..pins.observe import observe_names, people_of
from ..pins.observed import Found, NotAPin, Nothing, Pin, PinContext
from ..pins.plan import unless_barred
from .declaration import WantedObject
from .observe import Resolver, look_at, sources_owners
from .observed import KernelObject
from .plan import ObjectPlan, ObjectStep, decide, known, made_meanwhile

if TYPE_CHECKING:
    from ..pins.forecast import Forecast


class ObjectKind(PinKind[WantedObject, Found]):
    """How objects get their names."""

    def observe(self, wanted: Sequence[WantedObject], *, predicting: bool = False) -> Observed:
        resolve = Resolver()
        meant = [replace(each, object=resolve(each.reference)) for each in wanted]
        found, directories = observe_names(wanted, look_at)
        context = self.context(meant, found, directories)
        people = context.people.with_users(sources_owners(meant))
        return Observed(list(zip(meant, found)), replace(context, people=people))

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        return made_meanwhile(super().expect(observed, forecast), forecast)

    def decide(self, wanted: WantedObject, found: Found, context: PinContext) -> ObjectStep:
        return unless_barred(decide(wanted, found, context.people), context)

    def decide_again(self, step: ObjectStep, site: PinDirectory) -> ObjectStep:
        wanted = replace(step.wanted, object=Resolver()(step.wanted.reference))
        found = look_at(site.place, wanted)
        return decide(wanted, found, people_of([wanted], [found]))

    @contextmanager
    def session(self, plan: ObjectPlan) -> Iterator[ObjectSession]:
        with ExitStack() as stack:
            yield ObjectSession(plan, stack)

    def apply(self, step: ObjectStep, site: ObjectDirectory) -> Optional[Outcome]:
        name, access = step.wanted.name, step.wanted.access
        if step.action is Action.CREATE:
            with site.object_of(step) as fd:
                done = site.create(fd, name, access)
            return Outcome(step) if done else None
        entry = cast(Pin, step.found).entry
        if step.action is Action.REPLACE:
            site.staging()  # from here on no other run replaces it
            kept = inherited(access, entry, os.geteuid())
            with site.object_of(step) as fd:
                done = site.replace(fd, name, kept, entry.identity)
            return Outcome(step) if done else None
        pin = site.open(name, entry.identity)
        if pin is None:
            return None
        with pin:
            error = adjust(pin, access)
        return Outcome(step, error=error)


class ObjectSession(PinSession):
    """Meanwhile an object that loses a pin, and is to get another, stays alive and open."""

    def __init__(self, plan: ObjectPlan, stack: ExitStack) -> None:
        super().__init__()
        replaced = [step.found for step in plan.steps if step.action is Action.REPLACE]
        losing = {(f.kind, f.id) for f in replaced if not isinstance(f, (Nothing, NotAPin))}
        self._held: Dict[Tuple[str, int], Fd] = {}
        for step in plan.steps:
            if step.action in (Action.CREATE, Action.REPLACE):
                thing = known(step)
                key = (thing.kind, thing.id)
                if key in losing and key not in self._held:
                    self._held[key] = stack.enter_context(_opened(thing))

    def at(self, place: Place, stack: ExitStack) -> PinDirectory:
        return ObjectDirectory(place, stack, self._held)


class ObjectDirectory(PinDirectory):
    """A directory at work, and the objects that are kept open."""

    def __init__(self, place: Place, stack: ExitStack, held: Dict[Tuple[str, int], Fd]) -> None:
        super().__init__(place, stack)
        self._held = held

    def object_of(self, step: ObjectStep) -> Fd:
        """Open the object that is to get the name."""
        thing = known(step)
        held = self._held.get((thing.kind, thing.id))
        return _opened(thing) if held is None else Fd(os.dup(held))


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
        return kernel.get(pin.proc_path, 0 if thing.kind == "link" else BPF_F_RDONLY)


def _moved(path: str) -> PathProblem:
    return PathProblem(f"{path} changed while this task ran and was left untouched; run again")
