# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The process that loads: forked, fenced in, listened to, and ended whatever it does.

libbpf is opened in there only. What it reads was written by others, and a crash, a message or a
leak of it must not be ours. Descriptors of programs come back by SCM_RIGHTS.
"""

from __future__ import annotations

import array
import os
import re
import select
import signal
import socket
import time
from contextlib import contextmanager, suppress
from typing import Dict, Iterator, List, Mapping, Sequence

from ..syscall import Fd
from .fence import Fence
from .libbpf import Failed, Libbpf, LoadedObject, Missing, TooOld
from .request import LoadRequest
from .told import Told

_MOST_LOG = 64 << 20  # bytes; the verifier's own has at most 16 MiB
_AT_ONCE = 128  # descriptors in a message; the kernel takes 253
_MOST_MESSAGE = 4096  # bytes
_MOST_TEXT = 300  # characters, each of which takes up to six bytes


def run(request: LoadRequest) -> Told:
    """Load what is asked for in a process of its own, and return what has become of it.

    The caller closes the descriptors that were told.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reads, writes = os.pipe2(os.O_CLOEXEC)
    with ours, Fd(reads) as pipe, _children_awaited():
        try:
            targets = [target.program_fd for target in request.targets.values()]
            fence = Fence((theirs.fileno(), *request.maps.values(), *targets))
            listener = _Listener(ours, pipe, len(request.programs) + len(request.returned_maps))
            pid = os.fork()
            if not pid:
                _be_the_loader(request, fence, theirs, writes)
        finally:
            os.close(writes)
            theirs.close()
        return listener.listen(pid, request.seconds)


@contextmanager
def _children_awaited() -> Iterator[None]:
    """Have a child keep its pid until it is waited for, also where SIGCHLD is ignored."""
    is_ignored = signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    if is_ignored:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        if is_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _be_the_loader(request: LoadRequest, fence: Fence, told: socket.socket, output: int) -> None:
    """Never return: all else in this process is a copy of the one that it was forked from."""
    try:
        fence.close(output)
        _send(told, _load(request, told))
    except BaseException as error:
        with suppress(BaseException):
            _send(told, {"error": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _load(request: LoadRequest, told: socket.socket) -> Dict[str, str]:
    try:
        libbpf = Libbpf()
        loaded = LoadedObject(libbpf, request)
        fds = [loaded.program_fd(name) for name in request.programs]
        fds += [loaded.map_fd(name) for name in request.returned_maps]
        for start in range(0, len(fds), _AT_ONCE):
            _send(told, {}, fds[start : start + _AT_ONCE])
        return {"version": libbpf.version()}
    except Missing as error:
        return {"missing": str(error)}
    except TooOld as error:
        return {"old": str(error), "version": libbpf.version()}
    except Failed as error:
        names = {"program": error.program, "map": error.map}
        return {"step": error.step, "errno": str(error.number), **names}


def _send(told: socket.socket, message: Mapping[str, str], fds: Sequence[int] = ()) -> None:
    """A message is names and texts in turn, with a NUL before each."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    parts = [part[:_MOST_TEXT] for item in message.items() for part in item]
    told.sendmsg(["".join(f"\0{part}" for part in parts).encode() or b"\0"], rights)


class _Listener:
    """To the process that loads, until it has ended."""

    def __init__(self, told: socket.socket, output: int, most: int) -> None:
        self._pid = 0
        self._told = told
        self._output = output
        self._most = most  # descriptors
        self._log: List[bytes] = []
        self._log_size = 0
        self._fds: List[Fd] = []
        self._message: Dict[str, str] = {}
        os.set_blocking(output, False)
        self._poll = select.poll()
        self._poll.register(told, select.POLLIN)
        self._poll.register(output, select.POLLIN)

    def listen(self, pid: int, seconds: float) -> Told:
        """Return what it told; it has ended then, and nobody of its session is left."""
        self._pid = pid
        try:
            is_late = not self._hear_until(time.monotonic() + seconds)
        except BaseException:
            self._close()
            raise
        finally:
            status = self._end()
        while self._read_log():
            pass
        return Told(
            tuple(self._fds),
            self._message,
            b"".join(self._log).decode("utf-8", "replace"),
            status,
            is_late=is_late,
            is_too_much=self._log_size >= _MOST_LOG,
        )

    def _hear_until(self, deadline: float) -> bool:
        """Return whether it came to an end, or wrote too much, before that time."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for fd, _event in self._poll.poll(left * 1000):
                if fd == self._output:
                    if not self._read_log():
                        self._poll.unregister(self._output)
                    if self._log_size >= _MOST_LOG:
                        return True
                elif not self._hear():
                    return True

    def _hear(self) -> bool:
        """Take one message; False after the last one."""
        room = socket.CMSG_SPACE(_AT_ONCE * array.array("i").itemsize)
        data, rights, _flags, _address = self._told.recvmsg(
            _MOST_MESSAGE, room, socket.MSG_CMSG_CLOEXEC
        )
        for _level, _type, packed in rights:
            fds = array.array("i")
            fds.frombytes(packed[: len(packed) // fds.itemsize * fds.itemsize])
            self._fds += map(Fd, fds)
        if not data:
            return False
        self._message = _understood(data)
        return not self._message and len(self._fds) <= self._most

    def _read_log(self) -> bool:
        """Take what it has written; False if that is all for now, or for ever."""
        try:
            read = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return False
        if self._log_size < _MOST_LOG:
            self._log.append(read)
            self._log_size += len(read)
        return bool(read)

    def _end(self) -> int:
        """End it, with all that it may have started, and return its status (man 2 wait)."""
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self._pid, signal.SIGKILL)
        return os.waitpid(self._pid, 0)[1]

    def _close(self) -> None:
        for fd in self._fds:
            os.close(fd)


def _understood(data: bytes) -> Dict[str, str]:
    """What a message says; it may be anything, where libbpf was made to do what it should not."""
    if data == b"\0":
        return {}
    before, *parts = data.decode("utf-8", "replace").split("\0")
    message = dict(zip(parts[::2], parts[1::2]))
    is_sound = not before and bool(parts) and not len(parts) % 2
    if not is_sound or not re.fullmatch("[0-9]{1,9}", message.get("errno", "0")):
        return {"error": "what it told makes no sense"}
    return message
