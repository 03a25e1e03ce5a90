# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: runs modules, thousands a minute, each killed or refused at one chosen system call.

    faults.py FILE     what is in the file: see `main`

The modules run in forks of this process, which has them imported. Not under strace, which counts
the calls of bpf(2) as a whole, and how many there are depends on the programs of this machine:
a seccomp filter makes each call that may change something wait until we have seen what it is
about (man 2 seccomp_unotify). What is refused does not happen.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import gc
import importlib
import io
import json
import multiprocessing
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout, suppress
from typing import Any, NamedTuple

from ansible.module_utils.testing import patch_module_args
from child import end_after, import_all

Run = dict[str, Any]
Done = dict[str, Any]

_PLUGINS = "ansible_collections.ebpf.pinning.plugins"

# Which of them a libc calls differs from machine to machine; not every machine has all.
_CALLS = {
    "bpf": ("bpf",),
    "chmod": ("chmod", "fchmod", "fchmodat", "fchmodat2"),
    "chown": ("chown", "fchown", "lchown", "fchownat"),
    "flock": ("flock",),
    "link": ("link", "linkat"),
    "mkdir": ("mkdir", "mkdirat"),
    "rename": ("rename", "renameat", "renameat2"),
    "rmdir": ("rmdir",),
    "symlink": ("symlink", "symlinkat"),
    "unlink": ("unlink",),
    "unlinkat": ("unlinkat",),  # rmdir, too: see `_name`
}
_AT_REMOVEDIR = 0x200
_COMMON_ATTRS = 1 << 16  # BPF_COMMON_ATTRS
_SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

# linux/filter.h, linux/seccomp.h; the numbers of the ioctls are those of most machines.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOTIFY, _CONTINUE = 0x7FFF0000, 0x7FC00000, 1
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # id, pid, flags, call, machine, address, arguments
_RESPONSE = struct.Struct("=QqiI")  # id, value, error, flags


def main(file: str) -> None:
    """Do the runs and print, as JSON, what became of each.

    In the file: `path`, where the collection is imported from, and `series`, lists of runs. The
    runs of a series follow each other; series are side by side.

    A run has `module` and `arguments`; `watched`, without which it goes by itself, and faster;
    `fault`, None or a call, the how manieth of this call, and KILL or the name of an error;
    `always`, errors by call, each time; `meanwhile`, shell scripts by call, each run when it first
    comes to this call, before that happens; and `tuning`, private numbers of the collection, such
    as the size of a batch, to be set before.

    What became of it: `calls`, to which it came, in order; `hit`, whether the fault was among
    them; `code`, its exit status, negative for a signal; `output` and `complaints`, its streams.
    """
    with open(file, encoding="utf-8") as stream:
        task = json.load(stream)
    sys.path.insert(0, task["path"])
    import_all()
    for name in {run["module"] for series in task["series"] for run in series}:
        module = importlib.import_module(f"{_PLUGINS}.modules.{name}")
        # Without arguments it fails, but then what Ansible imports late is there, too.
        with patch_module_args({}), redirect_stdout(io.StringIO()), suppress(SystemExit):
            module.main()
    work = functools.partial(_in_turn, _Names.of_this_machine())
    gc.freeze()  # so that no fork looks through, and copies, what all have in common
    with multiprocessing.get_context("fork").Pool(2 * (os.cpu_count() or 1)) as pool:
        json.dump(pool.map(work, task["series"], chunksize=1), sys.stdout)


class _Names(NamedTuple):
    """What system calls, and commands of bpf(2), are called."""

    calls: dict[int, str]
    commands: list[str]
    seccomp: int  # the number of that call

    @classmethod
    def of_this_machine(cls) -> _Names:
        """From the headers of the kernel."""
        headers = ["-include", "sys/syscall.h", "-include", "linux/bpf.h"]
        command = ["gcc", "-E", "-dD", "-P", *headers, "-xc", os.devnull]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        numbers = dict(re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE))
        (commands,) = re.findall(r"enum bpf_cmd \{(.*?)\}", text, re.DOTALL)
        return cls(
            {
                int(numbers[each]): name
                for name, variants in _CALLS.items()
                for each in variants
                if each in numbers
            },
            re.findall(r"(?<!= )\bBPF_(\w+),", commands),
            int(numbers["seccomp"]),
        )


def _in_turn(names: _Names, series: Sequence[Run]) -> list[Done]:
    return [_run(names, run) for run in series]


def _run(names: _Names, run: Run) -> Done:
    streams = [os.memfd_create("output"), os.memfd_create("complaints")]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if child == 0:
            end_after(functools.partial(_be_the_module, names, run, theirs), streams)
        theirs.close()
        _byte, listeners, _flags, _address = socket.recv_fds(ours, 1, 1)
    supervisor = _Supervisor(names, child, run)
    for listener in listeners:
        supervisor.let_it_run(listener)
        os.close(listener)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    output, complaints = map(_content, streams)
    return {
        "calls": supervisor.calls,
        "hit": supervisor.hit,
        "code": code,
        "output": output,
        "complaints": complaints,
    }


def _content(fd: int) -> str:
    with os.fdopen(fd, encoding="utf-8") as stream:
        stream.seek(0)
        return stream.read()


def _be_the_module(names: _Names, run: Run, supervisor: socket.socket) -> None:
    for place, value in run["tuning"].items():
        module, _dot, constant = place.rpartition(".")
        private = importlib.import_module(f"{_PLUGINS}.module_utils.{module}")
        assert hasattr(private, constant), place
        setattr(private, constant, value)
    if run["watched"]:
        listener = _stop_at(names)
        socket.send_fds(supervisor, [b"."], [listener])
        os.close(listener)
    supervisor.close()
    with patch_module_args(run["arguments"]):
        sys.modules[f"{_PLUGINS}.modules.{run['module']}"].main()


def _stop_at(names: _Names) -> int:
    """From now on each of the calls waits for what is said through the descriptor returned."""
    code = [(_LOAD, 0, 0, 0)]  # the number of the call
    for number in names.calls:
        code += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    code.append((_RETURN, 0, 0, _ALLOW))
    filters = b"".join(struct.pack("=HBBI", *each) for each in code)
    buffer = ctypes.create_string_buffer(filters, len(filters))
    program = struct.pack("@HP", len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    listener = libc.syscall(names.seccomp, _SET_MODE_FILTER, _NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


class _Supervisor:
    """Says of each call that the child comes to whether it happens."""

    def __init__(self, names: _Names, child: int, run: Run) -> None:
        self.calls: list[str] = []
        self.hit = False
        self._names = names
        self._child = child
        self._fault = run["fault"]
        self._always = run["always"]
        self._meanwhile = run["meanwhile"]

    def let_it_run(self, listener: int) -> None:
        """Until it ends."""
        counts: Counter[str] = Counter()
        for notification in self._notifications(listener):
            request, pid, _flags, number, _machine, _address, *arguments = notification
            call = self._name(pid, number, arguments)
            self.calls.append(call)
            counts[call] += 1
            if counts[call] == 1 and call in self._meanwhile:
                subprocess.run(["sh", "-c", self._meanwhile[call]], check=False, **_SILENT)
            how = self._always.get(call)
            if self._fault and self._fault[:2] == [call, counts[call]]:
                self.hit, how = True, self._fault[2]
            if how == "KILL":
                os.kill(self._child, signal.SIGKILL)
                continue
            error, flags = (-getattr(errno, how), 0) if how else (0, _CONTINUE)
            fcntl.ioctl(listener, _SEND, _RESPONSE.pack(request, 0, error, flags))

    def _notifications(self, listener: int) -> Iterator[tuple[int, ...]]:
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        # Before Linux 6.11 the listener tells of the end only when the child is waited for.
        end = os.pidfd_open(self._child)
        poll.register(end, select.POLLIN)
        while dict(poll.poll()).get(listener, 0) & select.POLLIN:
            buffer = bytearray(_NOTIFICATION.size)
            with suppress(FileNotFoundError):  # killed meanwhile
                fcntl.ioctl(listener, _RECEIVE, buffer)
                yield _NOTIFICATION.unpack(buffer)
        os.close(end)

    def _name(self, pid: int, number: int, arguments: Sequence[int]) -> str:
        """For example "rename", "MAP_CREATE", "OBJ_GET_INFO_BY_FD of bpf-map"."""
        name = self._names.calls[number]
        if name == "unlinkat":
            return "rmdir" if arguments[2] & _AT_REMOVEDIR else "unlink"
        if name != "bpf":
            return name
        name = self._names.commands[arguments[0] & ~_COMMON_ATTRS]
        if arguments[0] & _COMMON_ATTRS:
            return f"{name} with a log"
        if name != "OBJ_GET_INFO_BY_FD":
            return name
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(arguments[1])
            (fd,) = struct.unpack("=I", memory.read(4))
        kind = os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("anon_inode:")
        return f"{name} of {kind}"


if __name__ == "__main__":
    main(*sys.argv[1:])
