# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What values may mean that only the kernel holds: pinned programs, and cgroups.

Values may be secrets: no message has a path.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Callable, Collection, Dict, Iterator, Tuple

from ... import kernel
from ...bpffs import DIRECTORY, ENTRY, walk
from ...content.format import Context, Format, Unfit
from ...content.references import CgroupByPath, Device, Program, QueueSize, WithProgram
from ...errors import PinningError
from ...filling import Send
from ...map_types import Means
from ...shape import is_stranger
from ...syscall import Fd, KernelError
from ...uapi import BPF_F_RDONLY, BYTE_ORDER
from ..pins.objects import identify, look
from ..pins.observed import NotAPin, Nothing, PinnedProg

# What values are, for messages.
VALUES_OF = {
    Means.PROGRAMS: "paths of pinned programs",
    Means.DEVICES: "names of interfaces",
    Means.CPUS: "lengths of queues",
    Means.CGROUPS: "paths of cgroups",
}


def names_program(value: bytes, means: Means) -> bool:
    """Return whether a value of this meaning names a program."""
    return means is Means.PROGRAMS or (means is not Means.CGROUPS and any(value[_PLAIN:]))


def meaning(means: Means, size: int, context: Context, references: HostReferences) -> Format:
    """Return the format of values of this meaning, of so many bytes in the map."""
    if means is Means.PROGRAMS:
        return Program(context, references)
    if means is Means.CGROUPS:
        return CgroupByPath(context, references)
    program = Program(context, references, "xdp")
    if means is Means.DEVICES:
        return WithProgram("interface", Device(context), size, program)
    return WithProgram("qsize", QueueSize(context), size, program)


class HostReferences:
    """The programs pinned on this host, and its cgroups; it remembers those that were asked for."""

    def __init__(self, expected: Collection[str] = ()) -> None:
        self._expected = expected  # paths where programs will be pinned
        self._programs: Dict[int, str] = {}  # paths, by id
        self._cgroups: Dict[int, str] = {}

    def program_id(self, path: str, kind: str) -> int:
        """The id of the program that is pinned at a path; `kind` is its type if that counts."""
        parent, name = _parts(path)
        try:
            with walk(parent) as place:
                found = Nothing() if place.missing else look(place.fd, name)
        except KernelError as error:
            raise Unfit(str(error)) from None
        except PinningError:
            raise Unfit(_NO_WAY) from None
        if isinstance(found, Nothing):
            if path in self._expected:
                return 0
            raise Unfit("no program is pinned at this path: pin it before, or correct the path")
        if not isinstance(found, PinnedProg):
            if isinstance(found, NotAPin):
                raise Unfit("this is no pin: declare the path of a pinned program")
            raise Unfit(f"this is the pin of a {found.kind}: declare the path of a pinned program")
        if is_stranger(found.entry.owner, None, os.geteuid()):
            raise Unfit(
                "the pin of this program belongs to another user, who may have put any program "
                "there: run the task as that user, or have the program pinned by root"
            )
        if kind not in ("", found.type):
            raise Unfit(f"this program is of type {found.type}, and the map takes those of {kind}")
        self._programs[found.id] = path
        return found.id

    def program_path(self, program_id: int) -> object:
        """The path by which it was declared; else the id."""
        return self._programs.get(program_id, program_id)

    def cgroup_v2_id(self, path: str) -> int:
        """The id of the cgroup at a path, of version 2."""
        parent, name = _parts(path)
        try:
            with walk(f"{parent}/{name}") as place:
                if place.missing:
                    raise Unfit(_NO_CGROUP)
                os.stat("cgroup.controllers", dir_fd=place.fd)
                found = place.identity.inode
        except (OSError, PinningError):
            raise Unfit(_NO_CGROUP) from None
        self._cgroups[found] = path
        return found

    def cgroup_path(self, cgroup_id: int) -> object:
        """The path by which it was declared; else the id."""
        return self._cgroups.get(cgroup_id, cgroup_id)

    def sender(self, means: Means) -> Send:
        """Return what opens what values of this meaning mean, while they are written."""
        if means is Means.CGROUPS:
            return self._cgroup_sent
        return self._program_sent if means is Means.PROGRAMS else self._with_program_sent

    @contextmanager
    def _program_sent(self, value: bytes) -> Iterator[bytes]:
        with self._open(int.from_bytes(value, BYTE_ORDER)) as fd:
            yield _bytes(fd)

    @contextmanager
    def _with_program_sent(self, value: bytes) -> Iterator[bytes]:
        if not any(value[_PLAIN:]):
            yield value
            return
        with self._open(int.from_bytes(value[_PLAIN:], BYTE_ORDER)) as fd:
            yield value[:_PLAIN] + _bytes(fd)

    def _open(self, program_id: int) -> Fd:
        """Open the program by its path again: to do so by its id takes CAP_SYS_ADMIN."""
        parent, name = _parts(self._programs[program_id])
        with walk(parent) as place:
            if place.missing:
                raise PinningError(_ANOTHER)
            fd = _opened(name, place.fd)
        found = identify(fd, "prog")
        if isinstance(found, PinnedProg) and found.id == program_id:
            return fd
        os.close(fd)
        raise PinningError(_ANOTHER)

    @contextmanager
    def _cgroup_sent(self, value: bytes) -> Iterator[bytes]:
        number = int.from_bytes(value, BYTE_ORDER)
        with walk(self._cgroups[number]) as place:
            if place.missing or place.identity.inode != number:
                raise PinningError("a cgroup that is declared went while this ran: run again")
            # bpf(2) takes no descriptor of O_PATH.
            with Fd(os.open(".", DIRECTORY & ~os.O_PATH, dir_fd=place.fd)) as fd:
                yield _bytes(fd)


def _opened(name: str, directory: Fd) -> Fd:
    try:
        opened = os.open(name, ENTRY, dir_fd=directory)
    except OSError:
        raise PinningError(_ANOTHER) from None
    with Fd(opened) as pin:
        return _not_zero(lambda: kernel.get(pin.proc_path, BPF_F_RDONLY))


def _not_zero(get: Callable[[], Fd]) -> Fd:
    """A descriptor that is not 0, which struct bpf_devmap_val and bpf_cpumap_val have for none."""
    fd = get()
    if fd:
        return fd
    with fd:  # of a process that was started without a standard input
        return get()


def _parts(path: str) -> Tuple[str, str]:
    parts = [part for part in path.split("/") if part]
    if not path.startswith("/") or not parts or "\0" in path or {".", ".."} & {*parts}:
        raise Unfit("must be an absolute path, without `.` and `..`")
    return "/" + "/".join(parts[:-1]), parts[-1]


def _bytes(fd: Fd) -> bytes:
    return int(fd).to_bytes(4, BYTE_ORDER)


_PLAIN = 4  # bytes before the program
_NO_WAY = (
    "the path leads nowhere: symlinks are never followed, and each part of it but the last has to "
    "be a directory that the task may enter"
)
_NO_CGROUP = "there is no cgroup of version 2 at this path (see `findmnt -t cgroup2`)"
_ANOTHER = (
    "a program that is declared is not the one any more that this run found at its path: run again"
)
