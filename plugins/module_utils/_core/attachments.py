# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where programs are attached without a link: XDP, tc, cgroups, perf events. Changes nothing."""

from __future__ import annotations

import errno
import os
from typing import Callable, Collection, Dict, Iterator, List, Sequence, Set, Tuple

from .attach_types import ATTACH_TYPES, Target
from .attaching import event_program, on_hook
from .bpffs import DIRECTORY
from .cgroups import ROOT, all_cgroups
from .descriptors import Event
from .errors import TROUBLE
from .mountinfo import mounts
from .networks import Network
from .rtnetlink import OnInterface, on_interfaces
from .syscall import Fd, KernelError

Hooks = Dict[int, List[str]]  # by the id of the program, in words

MOST_CGROUPS = 20_000
_OF_INTERFACES = frozenset({"xdp", "sched_cls"})
_OF_EVENTS = frozenset({"kprobe", "tracepoint"})


def hooks_of(prog_types: Collection[str], events: Sequence[Event]) -> Tuple[Hooks, List[str]]:
    """Return what is attached of programs of these types, and what could not be looked at."""
    hooks: Hooks = {}
    unseen: List[str] = []
    if not _OF_INTERFACES.isdisjoint(prog_types):
        _add_interfaces(hooks, unseen)
    if not _OF_EVENTS.isdisjoint(prog_types):
        for event in events:
            program = event_program(event.process.pid, event.fd)
            if program:
                hooks.setdefault(program, []).append(f"a perf event of {event.process.label}")
    numbers = [
        (row.number, row.kernel_name)
        for row in ATTACH_TYPES.values()
        if row.target is Target.CGROUP and not set(row.prog_types).isdisjoint(prog_types)
    ]
    if numbers:
        _add_cgroups(hooks, numbers, unseen)
    return hooks, unseen


def looked_at(prog_types: Collection[str]) -> List[str]:
    """Return where `hooks_of` looks for programs of these types, in words."""
    places = []
    if not _OF_INTERFACES.isdisjoint(prog_types):
        places.append("XDP and tc on interfaces of all network namespaces")
    if not _OF_EVENTS.isdisjoint(prog_types):
        places.append("perf events of processes")
    if any(
        row.target is Target.CGROUP and not set(row.prog_types).isdisjoint(prog_types)
        for row in ATTACH_TYPES.values()
    ):
        places.append("cgroups")
    return places


def _add_interfaces(hooks: Hooks, unseen: List[str]) -> None:
    def ask() -> List[OnInterface]:
        return list(on_interfaces())

    for label, run in _networks(unseen):
        try:
            for program, interface, hook in run(ask):
                where = f"{hook} on {interface}{label}"
                if where not in hooks.setdefault(program, []):
                    hooks[program].append(where)
        except TROUBLE as error:
            unseen.append(f"interfaces{label}: {error}")


def _networks(unseen: List[str]) -> Iterator[Tuple[str, Callable[..., List[OnInterface]]]]:
    """Yield each network namespace of a process, or that has a name, first that of the task."""
    seen: Set[int] = set()
    own = "/proc/self/ns/net"
    named = [each.point for each in mounts() if each.root.startswith("net:[")]
    of_processes = [f"/proc/{pid}/ns/net" for pid in os.listdir("/proc") if pid.isdigit()]
    for path in (own, *named, *of_processes):
        try:
            fd = Fd(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except (FileNotFoundError, ProcessLookupError):  # it ended
            continue
        except PermissionError:
            unseen.append(f"the network namespace {path} is kept even from root")
            continue
        with fd:
            network = Network("" if path == own else path, fd)
            if network.inode not in seen:
                seen.add(network.inode)
                yield ("" if path == own else f" in {path}"), network.run


def _add_cgroups(hooks: Hooks, numbers: Sequence[Tuple[int, str]], unseen: List[str]) -> None:
    """Ask all cgroups of version 2."""
    asked: Set[int] = set()
    for cgroup, path in all_cgroups():
        if len(asked) == MOST_CGROUPS:
            unseen.append(f"cgroups: only the first {MOST_CGROUPS} were looked at")
            return
        asked.add(cgroup)
        try:
            with Fd(os.open(path, DIRECTORY & ~os.O_PATH)) as fd:
                for number, name in numbers:
                    for program in _on_cgroup(fd, number):
                        hooks.setdefault(program, []).append(f"{name} of {path}")
        except OSError:  # removed meanwhile
            continue
    if not asked:
        unseen.append("cgroups: no cgroup2 is mounted")
    elif ROOT not in asked:
        unseen.append("cgroups: only some are mounted here")


def _on_cgroup(fd: int, number: int) -> Sequence[int]:
    try:
        return on_hook(fd, number).prog_ids
    except KernelError as error:
        if error.errno in (errno.EINVAL, errno.ENODEV):  # a hook that this kernel does not have
            return ()
        raise
