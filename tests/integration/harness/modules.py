# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: an interpreter that has imported what every module imports, and forks for each.

Most of the CPU time of a short module is that of Python and of Ansible's own code, which starts
anew. The argument is a folder: there `ansible` is, as a module finds it, and the socket through
which c/python.c asks, in place of whom the module runs. The program ends with its standard input.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import gc
import importlib
import os
import random
import re
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Iterator
from types import ModuleType

import sitecustomize  # of startup/

# What Ansible's wrapper of modules imports, and then nearly all modules.
_IMPORTED = (
    *("base64", "dataclasses", "json", "runpy", "shutil", "tempfile", "zipfile"),
    "ansible.module_utils.basic",
    "ansible.module_utils._internal._ansiballz._loader",  # from ansible-core 2.19 on
)
# Of two processes where these differ, a module may see that it runs in the one or in the other.
_STATUS = re.compile("^(?:[UG]id|Cap...|NoNewPrivs|Seccomp):.*", re.M)
_ENVIRONMENT = ("PYTHON", "COMPILED_CODE", "LC_", "LANG", "LD_")
_SHARED = ("cgroup", "pid", "user", "time")
_ENTERED = ("ipc", "mnt", "net", "uts")


class Inside:
    """The path of a package of Ansible's: in whatever sys.path has, as the archive of a module."""

    def __init__(self, package: str) -> None:
        self._folder = package.replace(".", "/")

    def __iter__(self) -> Iterator[str]:
        return (f"{folder}/{self._folder}" for folder in sys.path)


def main() -> None:
    (folder,) = sys.argv[1:]
    _import_all(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(f"{folder}/socket")
        listening.listen(64)
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while listening in select.select([listening, 0], [], [])[0]:
            asking, _address = listening.accept()
            with asking:
                sitecustomize.load_all()
                if os.fork() == 0:
                    try:
                        listening.close()
                        _answer(asking)
                    finally:
                        os._exit(1)  # never on as another server


def _import_all(folder: str) -> None:
    sys.path.insert(0, folder)
    for name in _IMPORTED:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            if name != _IMPORTED[-1]:
                raise
    sys.path.remove(folder)
    for name, module in sys.modules.items():
        if name.partition(".")[0] == "ansible" and hasattr(module, "__path__"):
            module.__path__ = Inside(name)  # type: ignore[assignment]
    importlib.invalidate_caches()
    gc.collect()
    gc.freeze()


def _answer(asking: socket.socket) -> None:
    """Run what is asked for, in place of the process that asks, and tell it the exit code."""
    _message, files, _flags, _address = socket.recv_fds(asking, 1, 3)
    peer = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    process = "/proc/{}".format(*struct.unpack("3i", peer))
    environment = _read_environment(process)
    if _seen(process, environment) != _seen("/proc/self", dict(os.environ)):
        asking.send(b"other")
        return
    # Whoever ends the process that asks means the module.
    fcntl.fcntl(asking, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(asking, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(asking, fcntl.F_GETFL)
    fcntl.fcntl(asking, fcntl.F_SETFL, flags | os.O_ASYNC)
    _take_place(process, environment, files)
    code = _run()
    fcntl.fcntl(asking, fcntl.F_SETFL, flags)
    asking.send(bytes([code & 0xFF]))


def _read_environment(process: str) -> dict[str, str]:
    with open(f"{process}/environ", "rb") as file:
        words = map(os.fsdecode, file.read().split(b"\0"))
    return dict(word.split("=", 1) for word in words if "=" in word)


def _seen(process: str, environment: dict[str, str]) -> tuple[object, ...]:
    """What a module sees of its process that can only be so from the start."""
    texts = []
    for name in ("status", "limits", "cgroup"):
        with open(f"{process}/{name}", encoding="utf-8") as file:
            texts.append(file.read())
    root = os.stat(f"{process}/root")
    return (
        _STATUS.findall(texts[0]),
        texts[1:],
        [os.readlink(f"{process}/ns/{name}") for name in _SHARED],
        (root.st_dev, root.st_ino),
        {name: value for name, value in environment.items() if name.startswith(_ENVIRONMENT)},
    )


def _take_place(process: str, environment: dict[str, str], files: list[int]) -> None:
    with open(f"{process}/status", encoding="utf-8") as file:
        status = dict(line.split(":", 1) for line in file)
    folder = os.open(f"{process}/cwd", os.O_PATH)
    spaces = [
        os.open(f"{process}/ns/{name}", os.O_RDONLY)
        for name in _ENTERED
        if os.readlink(f"{process}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    ]
    libc = ctypes.CDLL(None, use_errno=True)
    for space in spaces:
        if libc.setns(space, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.fchdir(folder)
    os.umask(int(status["Umask"], 8))
    os.setgroups([int(group) for group in status["Groups"].split()])
    for number, file in enumerate(files):
        os.dup2(file, number)
    for file in (*files, *spaces, folder):
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    random.seed()


def _run() -> int:
    """Run the program that standard input is, to the end of the process."""
    code: object = 0
    sys.argv = [""]
    sys.path.insert(0, "")
    main = sys.modules["__main__"] = ModuleType("__main__")
    try:
        exec(compile(sys.stdin.buffer.read(), "<stdin>", "exec"), main.__dict__)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    main()
