# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The staging directory: where a new pin is made ready before it takes its name.

It lies inside the target directory, belongs to the user of the task with mode 0700, and is
locked (flock) by the one run that uses it. So it is also the lock for everything that must not
happen twice at once, and whatever is found in it without its lock was left by a killed run.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from functools import partial
from typing import Callable, Iterator

from . import kernel
from .bpffs import ENTRY, PathProblem, Place, describe_mode, mount_id, open_readable
from .lock import Patience, try_lock
from .shape import Access
from .spec.fields import STAGING, octal
from .syscall import Fd, KernelError


class Staging:
    """The staging directory of `place`, ours from `__enter__` to `__exit__`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._path = f"{place.path}/{STAGING}"
        self.is_new = False  # by us, just now
        self.cleared = False  # something of a killed run was removed

    def __enter__(self) -> Staging:
        patience = Patience(self._path)
        while True:
            fd = self._open()
            if fd is not None:
                if self._lock(fd):
                    self.fd = fd
                    break
                os.close(fd)
            patience.wait()
        try:
            self._clear()
        except BaseException:
            os.close(self.fd)
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        with self.fd:
            self._clear()
            try:
                with suppress(FileNotFoundError):
                    os.rmdir(STAGING, dir_fd=self._place.fd)
            except OSError as error:
                raise PathProblem(f"{self._path}: {KernelError.of('rmdir', error)}") from None

    def _lock(self, fd: Fd) -> bool:
        try:
            return try_lock(fd, self._path) and os.fstat(fd).st_nlink > 0
        except BaseException:
            os.close(fd)
            if self.is_new:
                with suppress(OSError):
                    os.rmdir(STAGING, dir_fd=self._place.fd)
            raise

    def _clear(self) -> None:
        for name in os.listdir(self.fd):
            path = f"{self._path}/{name}"
            mode = os.lstat(name, dir_fd=self.fd).st_mode
            if not stat.S_ISREG(mode):
                raise PathProblem(
                    f"{path} is {describe_mode(mode)}: only pins are made there; look at who "
                    "made it and remove it"
                )
            try:
                os.unlink(name, dir_fd=self.fd)
            except OSError as error:
                raise PathProblem(f"{path}: {KernelError.of('unlink', error)}") from None
            self.cleared = True

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

    def _open(self) -> Fd | None:
        parent = self._place.fd
        try:
            os.mkdir(STAGING, 0o700, dir_fd=parent)
            self.is_new = True
        except FileExistsError:
            self.is_new = False
        except OSError as error:
            raise PathProblem(f"{self._path}: {KernelError.of('mkdir', error)}") from None
        fd = _open_ours(parent)
        if fd is None:
            self._check_whose()
        return fd

    def _check_whose(self) -> None:
        """Raise PathProblem when the name is taken: that is for a person to look at."""
        try:
            status = os.lstat(STAGING, dir_fd=self._place.fd)
        except FileNotFoundError:
            return
        is_mine = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if stat.S_ISDIR(status.st_mode) and is_mine:
            if _is_mount_point(self._place.fd):
                raise PathProblem(
                    f"{self._path} is a mount point: the name is kept for a directory of this "
                    "bpffs; unmount what is mounted there"
                )
            return
        raise PathProblem(
            f"{self._path} is {describe_mode(status.st_mode)} of user id {status.st_uid}, mode "
            f"{octal(status.st_mode & 0o7777)}: the name is kept for a directory of user id "
            f"{os.geteuid()}, mode 0700; look at who made it and remove it"
        )


def is_abandoned(place: Place) -> bool:
    """Whether a killed run left its staging directory in `place`."""
    fd = _open_ours(place.fd)
    if fd is None:
        return False
    with fd:
        path = f"{place.path}/{STAGING}"
        if not os.listdir(fd):
            # A run that is alive locks it at once after making it.
            time.sleep(_A_MOMENT)
        # One that ended meanwhile has removed it.
        return try_lock(fd, path) and os.fstat(fd).st_nlink > 0


def is_in_use(fd: int, path: str) -> bool:
    """Whether a run works in the staging directory `fd` now."""
    return not try_lock(fd, path)


def _open_ours(parent: int) -> Fd | None:
    """The staging directory in `parent`; None when there is none, or one that is not ours."""
    try:
        fd = open_readable(STAGING, parent, STAGING)
    except (FileNotFoundError, PathProblem):
        return None
    status = os.fstat(fd)
    is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    if is_private and mount_id(fd) == mount_id(parent):
        return fd
    os.close(fd)
    return None


def _is_mount_point(parent: int) -> bool:
    try:
        with Fd(os.open(STAGING, ENTRY, dir_fd=parent)) as inside:
            return mount_id(inside) != mount_id(parent)
    except FileNotFoundError:
        return False


def set_access(directory: int, name: str, access: Access) -> None:
    """Set what is declared of owner, group and mode on the pin `name`, never through a link."""
    with Fd(os.open(name, ENTRY, dir_fd=directory)) as entry:
        set_access_of(entry, access)


def set_access_of(entry: Fd, access: Access) -> None:
    """The same for an entry that is open already (O_PATH)."""
    for change in access_changes(entry, access):
        change()


def access_changes(entry: Fd, access: Access) -> Iterator[Callable[[], None]]:
    """What does that, one system call each."""
    if access.owner is not None or access.group is not None:
        owner = -1 if access.owner is None else access.owner
        group = -1 if access.group is None else access.group
        yield partial(_call, "chown", os.chown, entry.magic, owner, group)
    if access.mode is not None:
        yield partial(_call, "chmod", os.chmod, entry.magic, access.mode)


def _call(name: str, function: Callable[..., None], *arguments: object) -> None:
    try:
        function(*arguments)
    except OSError as error:
        raise KernelError.of(name, error) from None


_A_MOMENT = 0.02  # seconds
