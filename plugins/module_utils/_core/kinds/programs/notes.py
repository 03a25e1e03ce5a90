# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Notes of where loaded programs are from, which only the user who loaded them can read.

The kernel does not know from which file a program is. A note is named after the id of the program,
and holds for as long as load time and tag agree, so that it ends with the program: neither is
there after a restart of the host, as /run is empty then.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import Iterator, Optional

from ... import kernel
from ...bpffs import DIRECTORY, PathProblem
from ...errors import at
from ...lock import Patience, try_lock
from ...new_file import NewFile
from ...syscall import Fd, KernelError
from ...uapi import Command
from ..pins.observed import PinnedProg
from .observed import Origin

_RUN, _ROOM = "/run", "ebpf-pinning"
NOTES = f"{_RUN}/{_ROOM}/programs"
LOGS = f"{_RUN}/{_ROOM}/logs"
_MOST = 1 << 20  # bytes of a note
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def origin_of(program: PinnedProg) -> Optional[Origin]:
    """Return where a program is from; None if nobody noted that, or of another program."""
    with suppress(OSError, ValueError, TypeError, KeyError, PathProblem), _opened(NOTES) as notes:
        with Fd(os.open(str(program.id), _READ, dir_fd=notes)) as fd:
            status = os.fstat(fd)
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
            note = json.loads(os.read(fd, _MOST))
        same = (note["id"], note["load_time"], note["tag"])
        if same == (program.id, program.load_time, program.tag):
            return Origin(**note["origin"])
    return None


def note(program: PinnedProg, origin: Origin) -> None:
    """Have it known where a program is from. PinningError when that cannot be written."""
    content = {
        "id": program.id,
        "load_time": program.load_time,
        "tag": program.tag,
        "origin": origin._asdict(),
    }
    write(NOTES, str(program.id), json.dumps(content).encode())


def write(path: str, name: str, content: bytes) -> None:
    """Have `content` in a file that only its owner reads, in a directory of ours."""
    with at(f"{path}/{name}"), _made(path) as directory:
        temporary = f"~{name}.{os.urandom(4).hex()}"
        fd = os.open(temporary, _NEW, 0o600, dir_fd=directory)
        with NewFile(fd, temporary, directory) as new:
            new.write([content])
            new.publish(name)


def sweep() -> None:
    """Remove notes of programs that are gone, and what killed runs left. For who has `alone`."""
    with suppress(OSError, PathProblem), _opened(NOTES) as notes:
        with Fd(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=notes)) as listed:
            names = os.listdir(listed)
        for name in names:
            if name.startswith("~") or (name.isdigit() and _is_gone(int(name))):
                with suppress(OSError):
                    os.unlink(name, dir_fd=notes)


@contextmanager
def alone() -> Iterator[None]:
    """Keep other runs that load programs away."""
    with at(NOTES), _made(NOTES) as notes:
        lock = Fd(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=notes))
    with lock:
        patience = Patience(NOTES)
        while not try_lock(lock, NOTES):
            patience.wait()
        yield


def _is_gone(program_id: int) -> bool:
    try:
        with kernel.fd_by_id(Command.PROG_GET_FD_BY_ID, program_id):
            return False
    except KernelError as error:
        return error.errno == errno.ENOENT


def _opened(path: str) -> Fd:
    """Open a directory of ours, which nobody else may write to. OSError when there is none."""
    fd = Fd(os.open("/", DIRECTORY))
    for depth, part in enumerate(path.split("/")[1:], 1):
        with fd:
            fd = Fd(os.open(part, DIRECTORY, dir_fd=fd))
        if depth > 1:
            _check_own(fd, "/".join(path.split("/")[: depth + 1]))
    return fd


def _made(path: str) -> Fd:
    """The same, once it and what is missing above are made."""
    with suppress(FileNotFoundError):
        return _opened(path)
    parts = path.split("/")
    for depth in range(2, len(parts)):
        with suppress(FileExistsError):
            os.mkdir("/".join(parts[: depth + 1]), 0o700)
    return _opened(path)


def _check_own(fd: Fd, path: str) -> None:
    status = os.fstat(fd)
    if status.st_uid in (0, os.geteuid()) and not stat.S_IMODE(status.st_mode) & 0o022:
        return
    os.close(fd)
    raise PathProblem(
        f"{path} belongs to user id {status.st_uid}, mode {stat.S_IMODE(status.st_mode):04o}, so "
        "others decide what is noted there: look at who made it, and remove it"
    )
