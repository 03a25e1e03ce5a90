# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet on one machine: each host is an sshd on an address of its own, with a bpffs of its own.

Connections, forks, mount namespaces and pins are real; the kernel and the rest of the file system
are those of this machine, so hosts differ in their bpffs only.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .samples import BPFFS

_CONFIGURATION = """\
AuthorizedKeysFile {scratch}/key.pub
HostKey {scratch}/host_key
LogLevel ERROR
MaxSessions 100
MaxStartups 1000
PasswordAuthentication no
PerSourcePenalties no
PermitRootLogin prohibit-password
PidFile none
Port {port}
StrictModes no
UseDNS no
UsePAM no
{set_env}
"""


class Fleet:
    """`size` hosts, reachable over ssh as `environment` and `inventory` say.

    `python` runs their modules, and each session has `variables` in its environment.
    """

    def __init__(
        self,
        scratch: Path,
        size: int,
        python: str = os.path.realpath(sys.executable),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._python = python
        self._variables = variables or {}
        self.scratch = scratch
        self.names = [f"host{number:03}" for number in range(1, size + 1)]
        self.inventory = scratch / "hosts.yml"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]  # so that two fleets keep out of each other's way
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Fleet:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd wants it, and keeps it empty
        for name in ("key", "host_key"):
            file = self.scratch / name
            words = ["-q", "-t", "ed25519", "-N", "", "-f", str(file)]
            subprocess.run(["ssh-keygen", *words], check=True)
        sshd = Path(shutil.which("sshd", path="/usr/sbin:/usr/bin") or "sshd")
        set_env = " ".join(f"{name}={value}" for name, value in self._variables.items())
        text = _CONFIGURATION.format(
            scratch=self.scratch, port=self.port, set_env=set_env and f"SetEnv {set_env}"
        )
        if b"PerSourcePenalties" not in sshd.read_bytes():  # new in OpenSSH 9.8
            text = text.replace("PerSourcePenalties no\n", "")
        (self.scratch / "sshd_config").write_text(text)
        try:
            for name in self.names:
                self._start(name, str(sshd))
            for name in self.names:
                self._await(name)
        except BaseException:
            self.__exit__()
            raise
        self.write_inventory({})
        return self

    def __exit__(self, *_exception: object) -> None:
        for name in list(self._processes):
            self.stop(name)

    def address(self, name: str) -> str:
        """The loopback address of a host."""
        number = self.names.index(name) + 1
        return f"127.0.{100 + number // 250}.{number % 250 + 1}"

    def write_inventory(
        self, variables: Mapping[str, Any], names: int = 0, **hosts: Mapping[str, Any]
    ) -> None:
        """Write the inventory with `variables` for all, and more for some of the hosts.

        With more `names` than there are hosts, each host has several.
        """
        everywhere = {
            "ansible_user": "root",
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": str(self.scratch / "key"),
            "ansible_ssh_common_args": " ".join(self._ssh_options()),
            "ansible_python_interpreter": self._python,
            **variables,
        }
        each = {
            name: {"ansible_host": self.address(name), **hosts.get(name, {})} for name in self.names
        }
        for number in range(len(each), names):
            name = self.names[number % len(self.names)]
            each[f"{name}-{number // len(self.names)}"] = each[name]
        self.inventory.write_text(json.dumps({"all": {"hosts": each, "vars": everywhere}}))

    def environment(self) -> dict[str, str]:
        """What ssh needs of Ansible: sockets in a short path, pipelining."""
        return {
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.scratch / "cp"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_HOST_KEY_CHECKING": "false",
        }

    def ssh(self, name: str) -> list[str]:
        """The words to run a command on a host with; the command follows."""
        return [
            *("ssh", "-i", str(self.scratch / "key"), "-p", str(self.port), "-o", "BatchMode=yes"),
            *self._ssh_options(),
            f"root@{self.address(name)}",
        ]

    def run(self, name: str, script: str) -> str:
        """What a shell script prints on a host. It must succeed."""
        command = self.inside(name, ["sh", "-ec", script])
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def inside(self, name: str, command: Sequence[str]) -> list[str]:
        """`command` in the host's mount namespace, without ssh: for witnesses."""
        pid = self._processes[name].pid
        return ["nsenter", f"--mount=/proc/{pid}/ns/mnt", *command]

    def stop(self, name: str) -> None:
        """Make a host unreachable: its sshd ends, with the connections that it holds open."""
        process = self._processes.pop(name)
        namespace = _namespace(process.pid)
        process.terminate()
        process.wait()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with suppress(ProcessLookupError, FileNotFoundError):
                if namespace is not None and _namespace(int(pid)) == namespace:
                    os.kill(int(pid), signal.SIGTERM)

    def _ssh_options(self) -> list[str]:
        return [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
            "-F",
            "/dev/null",
        ]

    def _start(self, name: str, sshd: str) -> None:
        # pdeathsig: however this process ends, no sshd stays behind.
        script = (
            f"while mountpoint -q {BPFFS}; do umount -l {BPFFS}; done; "
            f"mount -t bpf bpf {BPFFS} && exec {sshd} -D -e -f {self.scratch}/sshd_config "
            f"-o ListenAddress={self.address(name)}"
        )
        self._processes[name] = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "TERM"),
                *("unshare", "--mount", "--propagation", "private", "sh", "-c", script),
            ],
            stdin=subprocess.DEVNULL,
        )

    def _await(self, name: str) -> None:
        deadline = time.monotonic() + 60
        while not self._answers(name):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise OSError(f"the sshd of {name} does not answer: see above")
            time.sleep(0.05)

    def _answers(self, name: str) -> bool:
        command = [*self.ssh(name), "true"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _namespace(pid: int) -> tuple[int, int] | None:
    """What tells a mount namespace from others; None for our own, and if nothing can be seen."""
    try:
        there, here = os.stat(f"/proc/{pid}/ns/mnt"), os.stat("/proc/self/ns/mnt")
    except OSError:
        return None
    return None if there.st_ino == here.st_ino else (there.st_dev, there.st_ino)
