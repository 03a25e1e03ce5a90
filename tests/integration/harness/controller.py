# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook from one that is ready: see ready.py, which is the other side."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from ansible import module_utils

_MODULES = Path(__file__).with_name("modules.py")
_READY = Path(__file__).with_name("ready.py")
_PATIENCE = 300  # seconds, for a run


class Controller:
    """An ansible-playbook that waits for runs. `environment` is what it reads its settings from.

    `actions` names action plugins to have ready.
    """

    def __init__(self, python: str, environment: Mapping[str, str], actions: Sequence[str]) -> None:
        self._requests, theirs = _sockets()
        with theirs:
            # -P: the files beside it are no modules of its.
            command = [python, "-P", _READY, *actions]
            self._process = subprocess.Popen(
                command, stdin=theirs, stdout=subprocess.DEVNULL, env=environment
            )

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        namespace: str,
        output: IO[str],
        folder: str = "/",
    ) -> Started:
        """Start a run in `folder` of the mount namespace that this path names.

        What it prints is `output`.
        """
        request = {
            "arguments": arguments,
            "environment": environment,
            "namespace": namespace,
            "folder": folder,
        }
        status, theirs = _sockets()
        with theirs:
            files = [output.fileno(), theirs.fileno()]
            socket.send_fds(self._requests, [json.dumps(request).encode()], files)
        return Started(status)

    def close(self) -> None:
        """Start no more runs."""
        self._requests.close()
        self._process.wait()


class Started:
    """A run that goes on until `wait` has returned."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self._status.settimeout(_PATIENCE)
        self._leader = int(self._told())

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended by itself."""
        told, _writable, _wrong = select.select([self._status], [], [], 0)
        return not told

    def wait(self) -> int:
        """The exit code, once it has ended. If the wait is broken off, so is the run."""
        with self._status:
            try:
                return int(self._told())
            except BaseException:
                os.killpg(self._leader, signal.SIGKILL)  # with the module that it runs
                raise

    def _told(self) -> bytes:
        told = self._status.recv(64)
        if not told:
            raise OSError("what runs ansible-playbook has ended: see above")
        return told


class Modules:
    """An interpreter that waits for modules: see modules.py, which is the other side.

    `folder` is an empty one, in which `command` will be what Ansible calls: `program`, compiled
    from c/python.c.
    """

    def __init__(
        self, folder: Path, program: str, python: str, environment: Mapping[str, str]
    ) -> None:
        folder.chmod(0o755)
        (folder / "ansible").mkdir()
        self.command = shutil.copy(program, folder)
        (folder / "plain").symlink_to(python)
        # As in the archive of a module: nothing of Ansible's but module_utils.
        (folder / "ansible" / "__init__.py").touch()
        (utils,) = module_utils.__path__
        (folder / "ansible" / "module_utils").symlink_to(utils)
        self._process = subprocess.Popen(
            [python, "-P", _MODULES, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise OSError("no interpreter waits for modules: see above")

    def close(self) -> None:
        """Start no more modules."""
        self._process.communicate()


def _sockets() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
