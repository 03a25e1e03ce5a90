# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The staging directory: where a new pin is made ready before it takes its name.

It lies inside the target directory, belongs to the user of the task with mode 0700, and is
locked (flock) by the one run that uses it. So it is also the lock for everything that must not
happen twice at once, and whatever is found in it without its lock was left by a killed run.

Where others may make names in the target directory, one of them may hold the name. Then it has
another one, with a random end. A run first makes its own, then lists the directory, and locks
every one of its user's that is there: of two runs, the second to list sees the first one's.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import partial
from typing import Callable, Iterator, List, Set

from . import kernel
from .bpffs import ENTRY, PathProblem, Place
from .fields import STAGING
from .leftovers import OpenStaging, close, finds_others, own_ones, strange, whose
from .lock import Patience, try_lock
from .shape import Access
from .syscall import Fd, KernelError


class Staging:
    """The staging directory of `place`, ours from `__enter__` to `__exit__`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._held: List[OpenStaging] = []
        self._made: Set[str] = set()
        self.cleared: Set[str] = set()  # names: something of a killed run was removed

    def __enter__(self) -> Staging:
        patience = Patience(self._path(STAGING))
        while not self._take():
            patience.wait()
        try:
            self._clear()
        except BaseException:
            close(self._held)
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            self._clear()
            for each in self._held:
                try:
                    with suppress(FileNotFoundError):
                        os.rmdir(each.name, dir_fd=self._place.fd)
                except OSError as error:
                    path = self._path(each.name)
                    raise PathProblem(f"{path}: {KernelError.of('rmdir', error)}") from None
        finally:
            close(self._held)

    @property
    def fd(self) -> Fd:
        """Where pins are made ready."""
        return self._held[0].fd

    @property
    def leftovers(self) -> List[str]:
        """The paths of what killed runs left, and is gone or goes with this one."""
        names = self.cleared.union(each.name for each in self._held) - self._made
        return [self._path(name) for name in sorted(names)]

    def _path(self, name: str) -> str:
        return f"{self._place.path}/{name}"

    def _take(self) -> bool:
        """Lock what there is, made by us or not; False when another run was faster."""
        self._make(STAGING)
        ours = own_ones(self._place)
        if not ours and finds_others(self._place):
            self._make(f"{STAGING}~{os.urandom(8).hex()}")
            ours = own_ones(self._place)
        if not ours:
            problem = whose(self._place)
            if problem:
                raise PathProblem(problem)
            return False
        try:
            for each in ours:
                if not try_lock(each.fd, self._path(each.name)) or not os.fstat(each.fd).st_nlink:
                    close(ours)
                    return False
        except BaseException:
            close(ours)
            for name in self._made:
                with suppress(OSError):
                    os.rmdir(name, dir_fd=self._place.fd)
            raise
        self._held = ours
        return True

    def _make(self, name: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=self._place.fd)
        except FileExistsError:
            self._made.discard(name)
            return
        except OSError as error:
            raise PathProblem(f"{self._path(name)}: {KernelError.of('mkdir', error)}") from None
        self._made.add(name)

    def _clear(self) -> None:
        for each in self._held:
            problem = strange(self._place, each)
            if problem:
                raise PathProblem(problem)
            for name in os.listdir(each.fd):
                try:
                    os.unlink(name, dir_fd=each.fd)
                except OSError as error:
                    path = f"{self._path(each.name)}/{name}"
                    raise PathProblem(f"{path}: {KernelError.of('unlink', error)}") from None
                self.cleared.add(each.name)

    def pin(self, fd: int, name: str, access: Access) -> None:
        """Pin `fd` under `name` in here, with owner, group and mode as they are to be."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)
        kernel.pin_at(fd, self.fd, os.fsencode(name))
        set_access(self.fd, name, access)

    def publish(self, name: str) -> bool:
        """Give the pin its name in the target directory; False when that is taken."""
        try:
            # A link, not RENAME_NOREPLACE: as atomic, and in every libc.
            os.link(name, name, src_dir_fd=self.fd, dst_dir_fd=self._place.fd)
        except FileExistsError:
            return False
        except OSError as error:
            raise KernelError.of("link", error) from None
        return True  # `__exit__` removes the staged name

    def replace(self, name: str) -> None:
        """Give the pin its name in the target directory, from whoever has it now."""
        try:
            os.rename(name, name, src_dir_fd=self.fd, dst_dir_fd=self._place.fd)
        except OSError as error:
            raise KernelError.of("rename", error) from None


def set_access(directory: int, name: str, access: Access) -> None:
    """Set what is declared of owner, group and mode on the pin `name`, never through a link."""
    with Fd(os.open(name, ENTRY, dir_fd=directory)) as entry:
        set_access_of(entry, access)


def set_access_of(entry: Fd, access: Access) -> None:
    """Set owner, group and mode of an entry that is open already (O_PATH)."""
    for change in access_changes(entry, access):
        change()


def access_changes(entry: Fd, access: Access) -> Iterator[Callable[[], None]]:
    """Yield what does that, one system call each."""
    if access.owner is not None or access.group is not None:
        # Whoever it comes to belong to has no more than both modes allow, until it has its own.
        have = stat.S_IMODE(os.fstat(entry).st_mode)
        narrow = have if access.mode is None else have & access.mode
        if narrow != have:
            yield partial(_call, "chmod", os.chmod, entry.proc_path, narrow)
        owner = -1 if access.owner is None else access.owner
        group = -1 if access.group is None else access.group
        yield partial(_call, "chown", os.chown, entry.proc_path, owner, group)
    if access.mode is not None:
        yield partial(_call, "chmod", os.chmod, entry.proc_path, access.mode)


def _call(name: str, function: Callable[..., None], *arguments: object) -> None:
    try:
        function(*arguments)
    except OSError as error:
        raise KernelError.of(name, error) from None
