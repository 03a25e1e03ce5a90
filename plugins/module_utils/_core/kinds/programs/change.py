# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Load programs, first for trial, and give them their names once all of a file are loaded."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import Dict, Iterator, Mapping, Optional, Sequence, Set, cast

from ... import elements, kernel
from ...bpffs import ENTRY, PathProblem, walk
from ...engine.steps import Action, Outcome
from ...errors import at
from ...syscall import Fd
from ...uapi import BPF_ANY, BYTE_ORDER
from ...values import NamedTuple
from ..maps.make import make_map
from ..pins.access import inherited
from ..pins.directory import PinDirectory
from ..pins.objects import identify, look
from ..pins.observed import Nothing, PinnedProg
from . import notes
from .declaration import PinnedBy, WantedLoad
from .load import load
from .observed import Origin, ProgramAfter
from .plan import ProgramStep, loads_of

MapIds = Mapping[str, Optional[int]]


class Held(NamedTuple):
    """Programs that are loaded, and have no names yet."""

    programs: Mapping[str, Fd]
    maps: Mapping[str, Fd]  # the pinned ones
    map_ids: MapIds
    token: str
    loader: str


class Loading:
    """A run that loads programs, alone on this host while it does."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._held: Dict[WantedLoad, Held] = {}
        self._filled: Set[str] = set()  # tokens

    @classmethod
    @contextmanager
    def begun(cls, steps: Sequence[ProgramStep]) -> Iterator[Loading]:
        """Have all that is to be loaded tried: PinningError if the kernel refuses any of it."""
        with notes.alone(), ExitStack() as stack:
            notes.sweep()
            self = cls(stack)
            for wanted, its_steps in loads_of(steps).items():
                if all(map(_is_as_found, its_steps)):
                    self._try(wanted, its_steps[0].wanted.map_ids)
            yield self

    def load_all(self, steps: Sequence[ProgramStep]) -> None:
        """Load all that is to be loaded by `steps`, unless another run did meanwhile."""
        for wanted, its_steps in loads_of(steps).items():
            if all(map(_is_as_found, its_steps)):
                self._loaded(wanted, its_steps[0].wanted.map_ids)

    def pin(self, step: ProgramStep, site: PinDirectory) -> Optional[Outcome]:
        """Give a program its name; None when another run was faster."""
        wanted = step.wanted
        site.staging()  # from here on no other run replaces it
        if not _is_same(step, site.place.fd):
            return None
        held = self._loaded(wanted.load, wanted.map_ids)
        self._fill_slots(wanted.load, held)
        fd = held.programs[wanted.program]
        program = cast(PinnedProg, identify(fd, "prog"))
        # Before it has a name, so that a run that is killed here leaves no pin of unknown origin.
        notes.note(program, _origin(wanted.program, wanted.load, held))
        outcome = Outcome(step, after=ProgramAfter(program.id, program.tag, program.type))
        if step.action is Action.CREATE:
            done = site.create(fd, wanted.name, wanted.access)
        else:
            entry = cast(PinnedProg, step.found).entry
            access = inherited(wanted.access, entry, os.geteuid())
            done = site.replace(fd, wanted.name, access, entry.identity)
        return outcome if done else None

    def _try(self, wanted: WantedLoad, ids: MapIds) -> None:
        """Load it with maps that nobody sees where those that it is to have are still to come."""
        if None not in ids.values():
            self._loaded(wanted, ids)
            return
        with ExitStack() as stack:
            maps = {}
            for each in wanted.maps:
                is_there = ids[each.name] is not None
                fd = _opened(each) if is_there else make_map(each.pin.map, each.pin.kernel_name)
                maps[each.name] = stack.enter_context(fd)
            with load(wanted, maps):
                pass

    def _loaded(self, wanted: WantedLoad, ids: MapIds) -> Held:
        held = self._held.get(wanted)
        if held is not None and held.map_ids == ids:
            return held
        maps = {each.name: self._stack.enter_context(_opened(each)) for each in wanted.maps}
        now = {name: kernel.map_info(fd).id for name, fd in maps.items()}
        done = self._stack.enter_context(load(wanted, maps))
        held = Held(done.programs, maps, now, os.urandom(8).hex(), done.libbpf)
        self._held[wanted] = held
        return held

    def _fill_slots(self, wanted: WantedLoad, held: Held) -> None:
        """Put programs where the file says that they are, in a prog_array that others use, too.

        Before any of them has a name: a run that is killed in between is done again.
        """
        for name, slots in wanted.slots.items() if held.token not in self._filled else ():
            for index, program in slots.items():
                if program in held.programs:
                    key, value = (
                        number.to_bytes(4, BYTE_ORDER) for number in (index, held.programs[program])
                    )
                    elements.update(held.maps[name], key, value, BPF_ANY)
        self._filled.add(held.token)


def _origin(program: str, wanted: WantedLoad, held: Held) -> Origin:
    ids = cast("Mapping[str, int]", held.map_ids)
    digests = wanted.digest, wanted.globals, wanted.types_of
    return Origin(held.token, program, *digests, ids, held.loader)


def _opened(each: PinnedBy) -> Fd:
    """Open a pinned map for programs to use."""
    pin = each.pin
    with at(pin.path), walk(pin.directory) as place:
        entry = None if place.missing else Fd(os.open(pin.name, ENTRY, dir_fd=place.fd))
        if entry is None:
            raise PathProblem(f"{pin.path} changed while this task ran: run it again")
        with entry:
            return kernel.get(entry.proc_path)


def _is_as_found(step: ProgramStep) -> bool:
    with at(step.wanted.path), walk(step.wanted.directory) as place:
        return isinstance(step.found, Nothing) if place.missing else _is_same(step, place.fd)


def _is_same(step: ProgramStep, directory: int) -> bool:
    """Return whether the name still means what it did when that was decided."""
    now = look(directory, step.wanted.name)
    if isinstance(step.found, Nothing) or isinstance(now, Nothing):
        return isinstance(step.found, Nothing) and isinstance(now, Nothing)
    before = step.found.entry
    return bool(before and now.entry and now.entry.identity == before.identity)
