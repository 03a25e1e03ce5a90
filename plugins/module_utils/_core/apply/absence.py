# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Remove pins, and tell what they held and whether that was the last of it."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence

from ..bpffs import ENTRY, PathProblem, walk
from ..errors import TROUBLE, Problems, at, explained
from ..found.pins import Pin, Sight
from ..objects import object_by_id
from ..plan.absence import AbsencePlan, Unlink
from ..shape import Identity
from ..syscall import Fd, KernelError


@dataclass
class Removal:
    """What was done. `error` is empty when it was everything."""

    pins: List[Unlink] = field(default_factory=list)
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
        for parent, unlinks in _by_parent(plan.pins).items():
            with at(parent), walk(parent) as place:
                if place.missing:
                    continue  # gone, and with it all that was to go
                for unlink in unlinks:
                    if place.identity != unlink.directory:
                        raise _moved(parent)
                    with at(unlink.path):
                        gone = _unlink(place.fd, unlink)
                    if gone:
                        removal.pins.append(unlink)
        for sight in plan.directories:
            if _rmdir(sight):
                removal.directories.append(sight.path)
    except TROUBLE as error:
        removal.error = explained(error)
    removal.last_reference = _last_references(removal.pins)
    return removal


def _by_parent(unlinks: Sequence[Unlink]) -> Dict[str, List[Unlink]]:
    groups: Dict[str, List[Unlink]] = {}
    for unlink in unlinks:
        groups.setdefault(unlink.path.rpartition("/")[0] or "/", []).append(unlink)
    return groups


def _unlink(directory: int, unlink: Unlink) -> bool:
    name = unlink.path.rpartition("/")[2]
    try:
        with Fd(os.open(name, ENTRY, dir_fd=directory)) as entry:
            status = os.fstat(entry)
    except FileNotFoundError:
        return False
    if Identity(status.st_dev, status.st_ino) != unlink.pin.entry.identity:
        raise _moved(unlink.path)
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PathProblem(f"{unlink.path}: {KernelError.of('unlink', error)}") from None
    return True


def _rmdir(sight: Sight) -> bool:
    parent, _slash, name = sight.path.rpartition("/")
    with at(sight.path), walk(parent or "/") as place:
        if place.missing:
            return False
        if place.identity != sight.directory:
            raise _moved(parent)
        try:
            os.rmdir(name, dir_fd=place.fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ENOTDIR:
                raise _moved(sight.path) from None
            if error.errno == errno.ENOTEMPTY:
                raise PathProblem(
                    f"{sight.path}: something was pinned in it meanwhile, so it stays: run again"
                ) from None
            raise PathProblem(f"{sight.path}: {KernelError.of('rmdir', error)}") from None
    return True


def _moved(path: str) -> PathProblem:
    return PathProblem(f"{path} is another one than a moment ago: it was left alone; run again")


def _last_references(removed: Sequence[Unlink]) -> Dict[str, Optional[bool]]:
    """By path, whether the object is gone from the kernel; None where that cannot be told."""
    answers: Dict[str, Optional[bool]] = {}
    waiting = {unlink.path: unlink.pin for unlink in removed}
    deadline = time.monotonic() + _GRACE
    while waiting:
        for path, pin in list(waiting.items()):
            gone = _is_gone(pin)
            if gone is not False:
                answers[path] = gone
                del waiting[path]
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(0.002)
    answers.update(dict.fromkeys(waiting, False))
    return answers


def _is_gone(pin: Pin) -> Optional[bool]:
    try:
        with object_by_id(pin.kind, pin.id):
            return False
    except KernelError as error:
        return True if error.errno == errno.ENOENT else None


_GRACE = 0.1  # seconds; up to Linux 6.8 unlink drops the reference after an RCU grace period
