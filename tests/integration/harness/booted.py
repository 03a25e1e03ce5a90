# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that systemd runs: the machine's own, in namespaces, on an overlay of its root."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from .host import Host
from .playbook import Run, read_results
from .site import HERE, Site

_UNSHARE = ("unshare", "--fork", "--kill-child")
_NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")

# A cgroup for each host, or two systemds would take each other's processes for theirs.
_ENTER = 'mkdir booted-$$; echo $$ > booted-$$/cgroup.procs; cd /; exec "$@"'
_LEAVE = "find booted-$1 -depth -type d -exec rmdir {} +"


def _in_cgroups(script: str) -> tuple[str, ...]:
    """Words that run a script in the root of cgroup2, wherever the machine has that."""
    mounted = f"mount -t cgroup2 cgroup2 /mnt && cd /mnt && {script}"
    return ("unshare", "--mount", "--propagation", "private", "sh", "-ec", mounted, "sh")


class Booted(Host):
    """A host whose files, processes, network and cgroups are its own; `restart` keeps its files."""

    def __init__(self, site: Site, scratch: Path) -> None:
        self.site = site
        self.scratch = scratch
        self._count = 0
        (scratch / "layers").mkdir()
        self._boot()

    def _boot(self) -> None:
        words = [str(HERE / "harness" / "boot.sh"), str(self.scratch), str(self.site.scratch)]
        with (self.scratch / "console").open("ab") as console:
            self._holder = subprocess.Popen(
                [*_in_cgroups(_ENTER), *_UNSHARE, *_NAMESPACES, *words],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        until = time.monotonic() + 60
        while self._holder.poll() is None and time.monotonic() < until:
            with suppress(IndexError, FileNotFoundError):
                told = self.run("systemctl", "is-system-running", "--wait", check=False).stdout
                if told.strip() in ("running", "degraded"):  # with a unit that failed
                    return
            time.sleep(0.05)
        raise OSError(f"systemd does not come up: {(self.scratch / 'console').read_text()[-2000:]}")

    @property
    def _init(self) -> int:
        """The id, outside, of what is process 1 inside."""
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        return int(children.read_text().split()[0])

    @property
    def _namespace(self) -> str:
        return f"/proc/{self._init}/ns/mnt"

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run inside all namespaces."""
        return ["nsenter", f"--target={self._init}", *_NAMESPACES, *map(str, command)]

    def ansible_playbook(self, *arguments: str) -> Run:
        """Run ansible-playbook, as a process of this host: it looks into /proc."""
        lines = self._file("results")
        lines.touch()
        words = [self.site.playbook_command, "-i", str(self.inventory_file()), *arguments]
        done = subprocess.run(
            self.inside(*words),
            env=self.site.environment(RESULT_LINES=str(lines)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, read_results(lines.read_text()), done.stdout)

    @property
    def log(self) -> str:
        """What services have printed since the first start."""
        return (self.scratch / "log").read_text()

    def close(self) -> None:
        """End all that runs inside, and with it mounts and pins."""
        with suppress(IndexError, FileNotFoundError):
            os.kill(self._init, signal.SIGKILL)
        self._holder.wait()
        subprocess.run([*_in_cgroups(_LEAVE), str(self._holder.pid)], check=True)

    def restart(self) -> None:
        """Pull the plug, and boot again with the files that are there."""
        self.close()
        self._boot()
