# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The staging directory: where a new pin is made ready before it takes its name.

It lies inside the target directory, belongs to the user of the task with mode 0700, and is
locked (flock) by the one run that uses it. So it is also the lock for everything that must not
happen twice at once, and whatever is found in it without its lock was left by a killed run.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import suppress

from . import kernel
from .bpffs import ENTRY, PathProblem, Place, describe_mode, open_readable
from .errors import PinningError
from .found.pins import NotAPin
from .kernel import Fd, KernelError
from .objects import look
from .shape import Access
from .spec.fields import STAGING, octal

PATIENCE = 60.0  # seconds to wait for another run in the same directory


class Staging:
    """The staging directory of `place`, ours from `__enter__` to `__exit__`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._path = f"{place.path}/{STAGING}"

    def __enter__(self) -> Staging:
        deadline = time.monotonic() + PATIENCE
        while True:
            fd = self._open()
            if fd is not None:
                if _locked(fd) and os.fstat(fd).st_nlink:
                    self.fd = fd
                    break
                os.close(fd)
            if time.monotonic() > deadline:
                raise PinningError(
                    f"{self._path}: another run has worked in this directory for over "
                    f"{PATIENCE:.0f} s: find it with `fuser -v {self._path}`, then run again"
                )
            time.sleep(0.005)
        try:
            _clear(self.fd, self._path)
        except BaseException:
            os.close(self.fd)
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        with self.fd:
            _clear(self.fd, self._path)
            with suppress(FileNotFoundError):
                os.rmdir(STAGING, dir_fd=self._place.fd)

    def pin(self, fd: int, name: str, access: Access) -> None:
        """Pin `fd` under `name` in here, with owner, group and mode as they are to be."""
        kernel.pin(fd, b"/proc/self/fd/%d/%s" % (self.fd, os.fsencode(name)))
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
        finally:
            os.unlink(name, dir_fd=self.fd)
        return True

    def replace(self, name: str) -> None:
        """Give the pin its name in the target directory, from whoever has it now."""
        try:
            os.rename(name, name, src_dir_fd=self.fd, dst_dir_fd=self._place.fd)
        except OSError as error:
            raise KernelError.of("rename", error) from None

    def _open(self) -> Fd | None:
        parent = self._place.fd
        try:
            with suppress(FileExistsError):
                os.mkdir(STAGING, 0o700, dir_fd=parent)
        except OSError as error:
            raise KernelError.of("mkdir", error) from None
        return open_staging(parent, self._path)


def is_abandoned(place: Place) -> bool:
    """Whether a killed run left its staging directory in `place`."""
    fd = open_staging(place.fd, f"{place.path}/{STAGING}")
    if fd is None:
        return False
    with fd:
        return _locked(fd)


def open_staging(parent: int, path: str) -> Fd | None:
    """Open the staging directory in `parent`; None when there is none.

    Raises PathProblem when something else has its name: that is for a person to look at.
    """
    try:
        fd = open_readable(STAGING, parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise KernelError.of("open", error) from None
        what = describe_mode(os.lstat(STAGING, dir_fd=parent).st_mode)
    else:
        status = os.fstat(fd)
        if status.st_uid == os.geteuid() and not status.st_mode & 0o077:
            return fd
        os.close(fd)
        what = f"a directory of user id {status.st_uid}, mode {octal(status.st_mode & 0o7777)}"
    raise PathProblem(
        f"{path} is {what}: the name is kept for a directory of user id {os.geteuid()}, "
        "mode 0700; look at who made it and remove it"
    )


def set_access(directory: int, name: str, access: Access) -> None:
    """Set what is declared of owner, group and mode on the pin `name`, never through a link."""
    with Fd(os.open(name, ENTRY, dir_fd=directory)) as entry:
        set_access_of(entry, access)


def set_access_of(entry: int, access: Access) -> None:
    """The same for an entry that is open already (O_PATH)."""
    path = f"/proc/self/fd/{int(entry)}"
    try:
        if access.owner is not None or access.group is not None:
            call = "chown"
            os.chown(
                path,
                -1 if access.owner is None else access.owner,
                -1 if access.group is None else access.group,
            )
        if access.mode is not None:
            call = "chmod"
            os.chmod(path, access.mode)
    except OSError as error:
        raise KernelError.of(call, error) from None


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clear(fd: int, path: str) -> None:
    for name in os.listdir(fd):
        found = look(fd, name)
        if isinstance(found, NotAPin):
            raise PathProblem(
                f"{path}/{name} is {found.what}: only pins are made there; look at who made it "
                "and remove it"
            )
        os.unlink(name, dir_fd=fd)
