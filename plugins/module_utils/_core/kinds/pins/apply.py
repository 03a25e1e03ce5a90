# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Give names to what is open, directory by directory."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Callable, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence

from ... import kernel
from ...advice import ActsOn
from ...bpffs import DIRECTORY, ENTRY, PathProblem, Place, make_open, walk
from ...engine.kind import Kind, Session
from ...engine.steps import Found, Plan, Problem, Site, Step, Wanted
from ...errors import TROUBLE, at, explained
from ...shape import UNDECLARED, Access, Identity, is_stranger
from ...staging import Staging, access_changes
from ...syscall import Fd, KernelError
from ...users import user_name
from . import observed as pins
from . import plan as plan_names
from .declaration import WantedName
from .observe import people_of
from .observed import DirectorySeen, PinContext

Owners = Mapping[str, Optional[int]]


class PinKind(Kind[Wanted, Found, PinContext]):
    """What maps and other objects have in common that get a name in a directory."""

    def __init__(self, *, parents: bool = True, owners: Owners = MappingProxyType({})) -> None:
        self.parents = parents  # missing directories are made
        self.owners = owners  # by path, who is declared to own a directory

    def context(
        self,
        wanted: Sequence[WantedName],
        found: Sequence[pins.Found],
        directories: Mapping[str, DirectorySeen],
    ) -> PinContext:
        """Return what all items have in common."""
        known = {path: _without(seen, self.owners) for path, seen in directories.items()}
        return PinContext(known, people_of(wanted, found, known), self.parents)

    def label(self, step: Step[Wanted, Found]) -> str:
        return str(step.wanted.path)  # type: ignore[attr-defined]

    def problems(
        self, steps: Sequence[Step[Wanted, Found]], context: PinContext
    ) -> Sequence[Problem]:
        return plan_names.problems(steps, context)

    def sites(self, steps: Sequence[Step[Wanted, Found]], context: PinContext) -> Sequence[Site]:
        return plan_names.sites(context)

    def site_of(self, step: Step[Wanted, Found]) -> str:
        return str(step.wanted.directory)  # type: ignore[attr-defined]

    def session(self, plan: Plan[Wanted, Found]) -> ContextManager[Session]:
        return nullcontext(PinSession())


def _without(seen: DirectorySeen, owners: Owners) -> DirectorySeen:
    levels = tuple(each for each in seen.levels if owners.get(each.path) != each.owner)
    return replace(seen, levels=levels) if levels != seen.levels else seen


class PinSession(Session):
    """Directories at work, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._made: Dict[str, Identity] = {}

    @property
    def made(self) -> List[str]:
        return list(self._made)

    @contextmanager
    def open(self, site: Site) -> Iterator[PinDirectory]:
        seen: DirectorySeen = site.where
        with at(seen.path), _reopened(seen, self._made) as place, ExitStack() as stack:
            directory = self.at(place, stack)
            if site.clears:
                directory.clear(self.cleared)
            yield directory

    def at(self, place: Place, stack: ExitStack) -> PinDirectory:
        """Return what works in an open directory."""
        return PinDirectory(place, stack)

    def take_back(self) -> None:
        """Remove the directories that were made for nothing: those in which there is nothing."""
        for path in reversed(list(self._made)):
            parent, _slash, name = path.rpartition("/")
            with suppress(*TROUBLE), walk(parent) as above, walk(path) as place:
                if not place.missing and place.identity == self._made[path]:
                    os.rmdir(name, dir_fd=above.fd)
                    del self._made[path]


class PinDirectory:
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
                f"{seen.path} was mounted over or renamed while this ran: nothing was done in "
                "it, run again"
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
            f"{path} changed while this ran: something else took its place "
            f"({os.strerror(error.errno or 0)}); run again"
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
