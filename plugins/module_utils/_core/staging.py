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
import time
from contextlib import suppress
from functools import partial
from typing import Callable, Iterator, List, NamedTuple, Optional, Set, Tuple

from . import kernel
from .bpffs import ENTRY, PathProblem, Place, describe_mode, mount_id, open_readable
from .fields import STAGING, is_staging_name, octal
from .lock import Patience, try_lock
from .shape import Access
from .syscall import Fd, KernelError


class _Open(NamedTuple):
    """A staging directory of this user."""

    name: str
    fd: Fd


class Staging:
    """The staging directory of `place`, ours from `__enter__` to `__exit__`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._held: List[_Open] = []
        self._made: Set[str] = set()
        self.cleared: Set[str] = set()  # names: something of a killed run was removed

    def __enter__(self) -> Staging:
        patience = Patience(self._path(STAGING))
        while not self._take():
            patience.wait()
        try:
            self._clear()
        except BaseException:
            _close(self._held)
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
            _close(self._held)

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
        ours = _ours(self._place)
        if not ours and _finds_others(self._place):
            self._make(f"{STAGING}~{os.urandom(8).hex()}")
            ours = _ours(self._place)
        if not ours:
            problem = _whose(self._place)
            if problem:
                raise PathProblem(problem)
            return False
        try:
            for each in ours:
                if not try_lock(each.fd, self._path(each.name)) or not os.fstat(each.fd).st_nlink:
                    _close(ours)
                    return False
        except BaseException:
            _close(ours)
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
            problem = _strange(self._place, each)
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


def names_in(place: Place) -> Optional[Set[str]]:
    """All names in the directory, so that free ones need no look; None where that is forbidden."""
    try:
        with open_readable(".", place.fd, place.path) as readable:
            return set(os.listdir(readable))
    except PathProblem:
        return None


def find_abandoned(place: Place, names: Optional[Set[str]]) -> Tuple[Tuple[str, ...], str]:
    """The staging directories that killed runs left in `place`, and why there can be no new one.

    `names` are those in `place`, if it was listed.
    """
    if names is not None and not any(map(is_staging_name, names)):
        return (), ""
    ours = _ours(place, {STAGING} if names is None else names)
    if not ours:
        problem = _whose(place)
        if not problem or not _finds_others(place):
            return (), problem
        ours = _ours(place)
    try:
        left = [each for each in ours if _is_abandoned(place, each)]
        problems = filter(None, (_strange(place, each) for each in left))
        return tuple(each.name for each in left), next(problems, "")
    finally:
        _close(ours)


def is_in_use(fd: int, path: str) -> bool:
    """Return whether a run works in the staging directory `fd` now."""
    return not try_lock(fd, path)


def _finds_others(place: Place) -> bool:
    """Return whether a staging directory of another name is needed, and would be found again."""
    return not place.private and names_in(place) is not None


def _ours(place: Place, names: Optional[Set[str]] = None) -> List[_Open]:
    """The staging directories of this user in `place`, open."""
    if names is None and not place.private:
        names = names_in(place)
    candidates = [STAGING] if names is None else sorted(filter(is_staging_name, names))
    opened = ((name, _open_ours(place.fd, name)) for name in candidates)
    return [_Open(name, fd) for name, fd in opened if fd is not None]


def _open_ours(parent: int, name: str) -> Fd | None:
    """The staging directory `name`; None when there is none, or one that is not ours."""
    try:
        fd = open_readable(name, parent, name)
    except (FileNotFoundError, PathProblem):
        return None
    if _is_ours(os.fstat(fd)) and mount_id(fd) == mount_id(parent):
        return fd
    os.close(fd)
    return None


def _is_ours(status: os.stat_result) -> bool:
    is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return stat.S_ISDIR(status.st_mode) and is_private


def _is_abandoned(place: Place, staging: _Open) -> bool:
    if not os.listdir(staging.fd):
        # A run that is alive locks it at once after making it.
        time.sleep(_A_MOMENT)
    # One that ended meanwhile has removed it.
    is_unlocked = try_lock(staging.fd, f"{place.path}/{staging.name}")
    return is_unlocked and os.fstat(staging.fd).st_nlink > 0


def _whose(place: Place) -> str:
    """Why the name cannot be used, when it is taken: that is for a person to look at."""
    path = f"{place.path}/{STAGING}"
    try:
        status = os.lstat(STAGING, dir_fd=place.fd)
    except (FileNotFoundError, PermissionError):  # a closed directory: others say that
        return ""
    if not _is_ours(status):
        return (
            f"{path} is {describe_mode(status.st_mode)} of user id {status.st_uid}, mode "
            f"{octal(status.st_mode & 0o7777)}: the name is kept for a directory of user id "
            f"{os.geteuid()}, mode 0700; look at who made it and remove it"
        )
    if _is_mount_point(place.fd):
        return (
            f"{path} is a mount point: the name is kept for a directory of this bpffs; unmount "
            "what is mounted there"
        )
    return ""


def _strange(place: Place, staging: _Open) -> str:
    """Return what is in there that no run has made; empty when there is nothing."""
    for name in os.listdir(staging.fd):
        mode = os.lstat(name, dir_fd=staging.fd).st_mode
        if not stat.S_ISREG(mode):
            path = f"{place.path}/{staging.name}/{name}"
            return (
                f"{path} is {describe_mode(mode)}: only pins are made "
                "there; look at who made it and remove it"
            )
    return ""


def _is_mount_point(parent: int) -> bool:
    try:
        with Fd(os.open(STAGING, ENTRY, dir_fd=parent)) as inside:
            return mount_id(inside) != mount_id(parent)
    except FileNotFoundError:
        return False


def _close(opened: List[_Open]) -> None:
    while opened:
        os.close(opened.pop().fd)


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


_A_MOMENT = 0.02  # seconds
