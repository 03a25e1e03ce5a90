# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which processes have maps, programs and links open, by /proc (man 5 proc). Changes nothing.

Not seen are descriptors on their way through a socket, and those that only io_uring has.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Dict, List, Set, Tuple

from .errors import PinningError
from .process_names import process_name
from .syscall import Fd
from .values import NamedTuple

Object = Tuple[str, int]  # map, prog or link; its id


class Process(NamedTuple):
    """A process, by what `ps` calls it."""

    pid: int
    name: str

    @property
    def label(self) -> str:
        return f"{self.pid} ({self.name})"


class Event(NamedTuple):
    """A perf event that a process has open."""

    process: Process
    fd: int


class Descriptors:
    """What all processes but this one have open."""

    def __init__(self) -> None:
        self.holders: Dict[Object, List[Process]] = {}
        self.mapping: List[Process] = []  # those with memory of maps, nobody knows of which
        self.events: List[Event] = []

    def add(self, held: Object, process: Process) -> None:
        """Note that a process has an object open."""
        holders = self.holders.setdefault(held, [])
        if process not in holders:
            holders.append(process)


def why_unseen() -> str:
    """Return why this process cannot see what all others have open; empty if it can."""
    if os.geteuid():
        return "only root sees what other users have open: run with `become: true`"
    try:
        is_first = os.stat("/proc/self/ns/pid").st_ino == _FIRST_PID_NAMESPACE
        sees_all = is_first and os.readlink("/proc/self") == str(os.getpid())
    except OSError as error:
        return f"/proc does not say which processes there are ({error.strerror}): mount it"
    if not sees_all:
        return (
            "the task runs in a pid namespace of its own, as in a container, and sees no processes "
            "outside: run it on the host itself"
        )
    return ""


def check_sight() -> None:
    """Raise PinningError where this process cannot see what all others have open."""
    reason = why_unseen()
    if reason:
        raise PinningError(f"which processes have a pin open cannot be known: {reason}")


def look(*, mapped: bool = False, strict: bool = True) -> Descriptors:
    """Look at all processes once; PinningError where they cannot all be looked at, if `strict`.

    `mapped`: also at who has memory of maps, which /proc tells for a price.
    """
    if strict:
        check_sight()
    found = Descriptors()
    seen = {os.getpid()}
    for _round in range(_ROUNDS):
        # A process may have been made meanwhile by one that had not been looked at.
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()} - seen
        if not pids:
            return found
        seen |= pids
        for pid in sorted(pids):
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended
                _look_patiently(pid, found, mapped, strict)
    raise PinningError(
        "new processes start faster than they can be looked at: run again when the host is calmer"
    )


def _look_patiently(pid: int, found: Descriptors, mapped: bool, strict: bool) -> None:
    """Look at a process; at one that is kept from us for a while, as some begin or end so."""
    deadline = time.monotonic() + (_PATIENCE if strict else 0)
    while True:
        try:
            _look_into(pid, found, mapped)
        except PermissionError:
            if time.monotonic() < deadline:
                time.sleep(_PAUSE)
                continue
            if strict:
                raise PinningError(
                    f"what process {pid} has open is kept even from root: give the task "
                    "CAP_SYS_PTRACE, and see whether SELinux or AppArmor confines it"
                ) from None
        return


def _look_into(pid: int, found: Descriptors, mapped: bool) -> None:
    base = f"/proc/{pid}"
    numbers = _look_at_table(f"{base}/fd", f"{base}/fdinfo", pid, found)
    tasks = os.listdir(f"{base}/task")
    for task in tasks if len(tasks) > 1 else ():
        with suppress(FileNotFoundError, ProcessLookupError):
            # Threads mostly share one table; after unshare(2) they do not.
            table = f"{base}/task/{task}"
            if set(os.listdir(f"{table}/fd")) != numbers:
                _look_at_table(f"{table}/fd", f"{table}/fdinfo", pid, found)
    if mapped and _maps_memory(pid):
        found.mapping.append(_process(pid))


def _look_at_table(links: str, infos: str, pid: int, found: Descriptors) -> Set[str]:
    """Note what BPF objects a table of descriptors has; return all numbers in it."""
    with Fd(os.open(links, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)) as directory:
        numbers = set(os.listdir(directory))
        for number in numbers:
            try:
                target = os.readlink(number, dir_fd=directory)
            except FileNotFoundError:  # closed meanwhile
                continue
            if not target.startswith("anon_inode:"):
                continue
            if "bpf" in target:
                with suppress(FileNotFoundError, ProcessLookupError):
                    for held in _held(f"{infos}/{number}"):
                        found.add(held, _process(pid))
            elif "perf_event" in target:
                found.events.append(Event(_process(pid), int(number)))
    return numbers


def _process(pid: int) -> Process:
    return Process(pid, process_name(pid) or "gone by now")


def _held(info: str) -> List[Object]:
    """Return what a descriptor of BPF is. That of a link names its program, too."""
    with open(info, "rb") as fields:
        told = dict(line.split(b":", 1) for line in fields if b":" in line)
    return [(kind, int(told[field])) for kind, field in _IDS.items() if field in told]


def _maps_memory(pid: int) -> bool:
    with open(f"/proc/{pid}/maps", "rb") as areas:
        return any(b"anon_inode:" in line and b"bpf-map" in line for line in areas)


_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO in include/linux/proc_ns.h
_ROUNDS = 100
_PATIENCE, _PAUSE = 1.0, 0.01  # seconds
_IDS = {"map": b"map_id", "prog": b"prog_id", "link": b"link_id"}
