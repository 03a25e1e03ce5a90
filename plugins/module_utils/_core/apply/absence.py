# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Remove pins, and tell what they held and whether that was the last of it."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

from .. import kernel
from ..bpffs import ENTRY, PathProblem, walk
from ..errors import PinningError, Problems
from ..found.pins import PinnedLink, PinnedMap, PinnedProg, Sight
from ..kernel import Fd, KernelError
from ..plan.absence import AbsencePlan
from ..shape import Identity
from ..uapi import Command


@dataclass
class Removal:
    """What was done. `error` is empty when it was everything."""

    pins: List[Sight] = field(default_factory=list)
    directories: List[str] = field(default_factory=list)
    last_reference: Dict[str, Optional[bool]] = field(default_factory=dict)  # by path
    error: str = ""


def foresee(plan: AbsencePlan) -> Removal:
    """The result that `apply` will have if nothing goes wrong, for check mode."""
    return Removal(list(plan.pins), [sight.path for sight in plan.directories])


def apply(plan: AbsencePlan) -> Removal:
    """Do what the plan says. Stops at the first refusal and tells what was removed by then."""
    if plan.problems:
        raise Problems(plan.problems)
    removal = Removal()
    try:
        for parent, sights in _by_parent(plan.pins).items():
            with walk(parent) as place:
                if place.missing:
                    continue  # gone, and with it all that was to go
                for sight in sights:
                    if place.identity != sight.directory:
                        raise _moved(parent)
                    if _unlink(place.fd, sight):
                        removal.pins.append(sight)
        for sight in plan.directories:
            if _rmdir(sight):
                removal.directories.append(sight.path)
    except PinningError as error:
        removal.error = str(error)
    removal.last_reference = _last_references(removal.pins)
    return removal


def _by_parent(sights: Sequence[Sight]) -> Dict[str, List[Sight]]:
    groups: Dict[str, List[Sight]] = {}
    for sight in sights:
        groups.setdefault(sight.path.rpartition("/")[0] or "/", []).append(sight)
    return groups


def _unlink(directory: int, sight: Sight) -> bool:
    name = sight.path.rpartition("/")[2]
    try:
        with Fd(os.open(name, ENTRY, dir_fd=directory)) as entry:
            status = os.fstat(entry)
    except FileNotFoundError:
        return False
    assert isinstance(sight.found, (PinnedMap, PinnedProg, PinnedLink))
    if Identity(status.st_dev, status.st_ino) != sight.found.entry.identity:
        raise _moved(sight.path)
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PathProblem(f"{sight.path}: {KernelError.of('unlink', error)}") from None
    return True


def _rmdir(sight: Sight) -> bool:
    parent, _slash, name = sight.path.rpartition("/")
    with walk(parent or "/") as place:
        if place.missing:
            return False
        if place.identity != sight.directory:
            raise _moved(parent)
        try:
            os.rmdir(name, dir_fd=place.fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:
                raise PathProblem(
                    f"{sight.path}: something was pinned in it meanwhile, so it stays: run again"
                ) from None
            raise PathProblem(f"{sight.path}: {KernelError.of('rmdir', error)}") from None
    return True


def _moved(path: str) -> PathProblem:
    return PathProblem(f"{path} is another one than a moment ago: it was left alone; run again")


def _last_references(removed: List[Sight]) -> Dict[str, Optional[bool]]:
    """By path, whether the object is gone from the kernel; None where that cannot be told."""
    answers: Dict[str, Optional[bool]] = {}
    waiting = {sight.path: sight for sight in removed}
    deadline = time.monotonic() + _GRACE
    while waiting:
        for path, sight in list(waiting.items()):
            alive = _is_alive(sight)
            if alive is not True:
                answers[path] = None if alive is None else True
                del waiting[path]
        if time.monotonic() > deadline:
            break
        time.sleep(0.002 if waiting else 0)
    answers.update(dict.fromkeys(waiting, False))
    return answers


def _is_alive(sight: Sight) -> Optional[bool]:
    assert isinstance(sight.found, (PinnedMap, PinnedProg, PinnedLink))
    try:
        with kernel.fd_by_id(_BY_ID[sight.found.kind], sight.found.id):
            return True
    except KernelError as error:
        return False if error.errno == errno.ENOENT else None


_BY_ID = {
    "map": Command.MAP_GET_FD_BY_ID,
    "prog": Command.PROG_GET_FD_BY_ID,
    "link": Command.LINK_GET_FD_BY_ID,
}
_GRACE = 0.1  # seconds; up to Linux 6.8 unlink drops the reference after an RCU grace period
