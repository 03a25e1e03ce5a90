# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look at directories of a bpffs, make them, and set their owners and modes."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    ContextManager,
    Dict,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    cast,
)

from ...bpffs import DIRECTORY, PathProblem, Place, make_open, walk
from ...engine.kind import Kind, Observed, Session
from ...engine.steps import Action, Outcome, Problem, Site
from ...errors import at
from ...people import People
from ...shape import UNDECLARED, Access, Entry, Identity, new_level
from ...staging import set_access_of
from ...syscall import Fd, KernelError
from ...users import people
from ...values import NamedTuple
from ..pins.access import NEW_DIRECTORY, merged
from ..pins.apply import MakingSession
from ..pins.directory import reopened
from ..pins.observed import NOTHING, DirectorySeen, PinContext
from .declaration import WantedDirectory
from .observe import found_in, look_at_all
from .plan import Directory, DirectoryPlan, DirectoryStep, Found, decide, missing_above, problems

if TYPE_CHECKING:
    from ..pins.forecast import Forecast


class DirectoryKind(Kind[WantedDirectory, Found, PinContext]):
    """How directories are made and adjusted. Each is a site of its own, those above first."""

    def __init__(
        self,
        *,
        parents: bool = True,
        owners: Mapping[str, Optional[int]] = MappingProxyType({}),
    ) -> None:
        self.parents = parents  # what is missing above is made
        self.owners = owners  # by path, who is declared to own a directory

    def label(self, step: DirectoryStep) -> str:
        return step.wanted.path

    def observe(self, wanted: Sequence[WantedDirectory], *, predicting: bool = False) -> Observed:
        seen = look_at_all(wanted)
        found = [found_in(seen[each.path]) for each in wanted]
        levels = [level for each in seen.values() for level in each.levels]
        known = people(
            [*(level.owner for level in levels), *(each.access.owner for each in wanted)],
            [*(level.group for level in levels), *(each.access.group for each in wanted)],
        )
        return Observed(list(zip(wanted, found)), self.context(seen, known))

    def context(self, seen: Dict[str, DirectorySeen], known: People) -> PinContext:
        """Return what all directories have in common."""
        return PinContext(
            {path: each.for_owners(self.owners) for path, each in seen.items()}, known, self.parents
        )

    def expect(self, observed: Observed, forecast: Forecast) -> Observed:
        context: PinContext = observed.context
        directories = context.directories.items()
        seen = {
            path: forecast.directory(each).for_owners(self.owners) for path, each in directories
        }
        items = [
            (wanted, _expected(wanted.path, found, forecast)) for wanted, found in observed.items
        ]
        return Observed(items, replace(context, directories=seen))

    def foretell(self, plan: DirectoryPlan, forecast: Forecast) -> None:
        task = plan.context.people.task
        for step in plan.steps:
            path, access = step.wanted.path, step.wanted.access
            if step.action is Action.ADJUST:
                access = merged(access, cast(Directory, step.found).entry)
            if step.action in (Action.CREATE, Action.ADJUST):
                forecast.directories[path] = new_level(path, access, NEW_DIRECTORY, task)

    def decide(self, wanted: WantedDirectory, found: Found, context: PinContext) -> DirectoryStep:
        return decide(wanted, found, context)

    def problems(self, steps: Sequence[DirectoryStep], context: PinContext) -> Sequence[Problem]:
        return problems(steps, context)

    def site_of(self, step: DirectoryStep) -> str:
        return step.wanted.path

    def sites(self, steps: Sequence[DirectoryStep], context: PinContext) -> Sequence[Site]:
        declared = {step.wanted.path for step in steps}
        return [
            Site(seen.path, seen, [path for path in missing_above(seen) if path not in declared])
            for seen in (context.directories[step.wanted.path] for step in steps)
        ]

    def session(self, plan: DirectoryPlan) -> ContextManager[Session]:
        return nullcontext(DirectorySession())

    def apply(self, step: DirectoryStep, site: Above) -> Optional[Outcome]:
        if step.action is Action.CREATE:
            return Outcome(step) if site.make(step.wanted) else None
        found = cast(Directory, step.found)
        return Outcome(step) if site.adjust(step.wanted, found.entry.identity) else None

    def decide_again(self, step: DirectoryStep, site: Above) -> DirectoryStep:
        ((wanted, found),), context = self.observe([step.wanted])
        return decide(wanted, found, context)


class Above(NamedTuple):
    """The directory in which one is made or adjusted. `made` gets what was made."""

    place: Place
    made: Dict[str, Identity]

    def make(self, wanted: WantedDirectory) -> bool:
        """Make the directory, never open to more than declared; False when the name is taken."""
        access = wanted.access
        try:
            if access is UNDECLARED:
                make_open(wanted.name, self.place.fd)
            else:
                os.mkdir(wanted.name, 0o700, dir_fd=self.place.fd)
        except FileExistsError:
            return False
        except OSError as error:
            raise PathProblem(f"{wanted.path}: {KernelError.of('mkdir', error)}") from None
        with self._open(wanted.name) as made:
            # Who owns the directory above may have put another one there.
            status = os.fstat(made)
            mode = NEW_DIRECTORY if access is UNDECLARED else 0o700
            if status.st_uid != os.geteuid() or status.st_mode & 0o777 != mode:
                reason = "a directory that others made"
                raise PathProblem(
                    f"{wanted.path} changed while this ran: something else took its place "
                    f"({reason}); run again"
                )
            if access is not UNDECLARED:
                mode = NEW_DIRECTORY if access.mode is None else access.mode
                try:
                    set_access_of(made, Access(access.owner, access.group, mode))
                except KernelError:
                    os.rmdir(wanted.name, dir_fd=self.place.fd)
                    raise
            self.made[wanted.path] = _identity(made)
        return True

    def adjust(self, wanted: WantedDirectory, identity: Identity) -> bool:
        """Set what is declared; False when it is another directory than the one observed."""
        try:
            there = self._open(wanted.name)
        except OSError:
            return False
        with there:
            if _identity(there) != identity:
                return False
            set_access_of(there, wanted.access)
        return True

    def _open(self, name: str) -> Fd:
        return Fd(os.open(name, DIRECTORY, dir_fd=self.place.fd))


class DirectorySession(MakingSession):
    """Directories that are made, each in one that may have been made before."""

    def __init__(self) -> None:
        super().__init__()
        self._declared: Dict[str, Identity] = {}

    @contextmanager
    def open(self, site: Site) -> Iterator[Above]:
        seen: DirectorySeen = site.where
        parent = seen.path.rpartition("/")[0]
        with at(seen.path), self._above(seen, parent) as place:
            yield Above(place, self._declared)

    def _above(self, seen: DirectorySeen, parent: str) -> ContextManager[Place]:
        if not seen.missing:
            return walk(parent)
        above = replace(seen, path=parent, missing=seen.missing[:-1])
        for path in sorted(self._declared, key=len):
            if f"{parent}/".startswith(f"{path}/"):
                below = tuple(filter(None, parent[len(path) :].split("/")))
                above = replace(above, identity=self._declared[path], missing=below)
        return reopened(above, self._made)


def _expected(path: str, found: Found, forecast: Forecast) -> Found:
    root = forecast.mounts.get(path)
    if root is not None:
        return Directory(Entry(Identity(-1, 0), *root[1:]), is_root=True)
    return NOTHING if forecast.mount_of(path) else found


def _identity(fd: int) -> Identity:
    status = os.fstat(fd)
    return Identity(status.st_dev, status.st_ino)
