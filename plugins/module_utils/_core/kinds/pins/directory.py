# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A directory at work: where names are given to what is open."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from ... import kernel
from ...advice import ActsOn
from ...bpffs import DIRECTORY, ENTRY, PathProblem, Place, make_open, walk
from ...errors import TROUBLE, HalfDone, explained
from ...shape import UNDECLARED, Access, Identity, is_stranger
from ...staging import Staging, access_changes
from ...syscall import Fd, KernelError
from ...users import user_name
from .observed import DirectorySeen


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
            if not (number or isinstance(error, HalfDone)):
                raise
            return f"adjusted in part: {explained(error, ActsOn.PIN)}"
    return ""


@contextmanager
def reopened(seen: DirectorySeen, made: Dict[str, Identity]) -> Iterator[Place]:
    """Open the directory that was observed, its missing parts made; PathProblem if another."""
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
