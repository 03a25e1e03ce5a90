# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host to try things on: a mount namespace with a bpffs of its own, on this machine's kernel."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .controller import Started
from .playbook import Result, Run, Task, read_results, task
from .samples import BPFFS
from .site import HERE, REPORTING, Site
from .terminal import seen

# The holder keeps the namespace alive, and ends with its standard input: also when the tests are
# killed, nothing stays behind. strictatime, so that a look at a directory cannot go unnoticed.
_UNMOUNT_ALL = f"while mountpoint -q {BPFFS}; do umount -l {BPFFS}; done"
_MOUNT = f"mount -t bpf -o strictatime bpf {BPFFS}"


@dataclass(frozen=True)
class Unfinished:
    """A run of ansible-playbook, and the files that its results and what it prints go to."""

    started: Started
    lines: Path
    output: Path


class Host:
    """Everything done through a host is done inside its mount namespace."""

    def __init__(self, site: Site, scratch: Path, *, mounted: bool = True) -> None:
        self.site = site
        self.scratch = scratch  # a folder for files of this host
        self._count = 0
        script = f"{_UNMOUNT_ALL}; {_MOUNT if mounted else ':'} && echo ready && exec cat"
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            raise OSError("cannot make a mount namespace with a bpffs: see above")

    @property
    def _namespace(self) -> str:
        return f"/proc/{self._holder.pid}/ns/mnt"

    def close(self) -> None:
        """End the namespace, and with it its mounts and pins."""
        self._holder.communicate()

    # Commands

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run inside the namespace. Paths must be absolute."""
        return ["nsenter", f"--mount={self._namespace}", *map(str, command)]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command; an AssertionError with all that it said if it fails (unless not check)."""
        done = subprocess.run(
            self.inside(*command),
            env=self.site.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{shlex.join(done.args)}:\n{done.stdout}{done.stderr}")
        return done

    def shell(self, script: str) -> str:
        """What a shell script prints. It stops at the first command that fails."""
        return self.run("sh", "-ec", script).stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """A command that goes on meanwhile. Killed, by its process id, if it has not ended then."""
        process = subprocess.Popen(
            self.inside(*command),
            env=self.site.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    # Ansible

    def playbook(self, tasks: Sequence[Task], *options: str, **words: Any) -> Run:
        """Run a play with these tasks. All of them run, also after one that failed.

        `options` are for ansible-playbook, such as --check; `words` are more words of the play.
        """
        run = self.ansible_playbook(self.play(tasks, **words), *options)
        assert len(run) == len(tasks), run.output
        return run

    def play(self, tasks: Sequence[Task], **words: Any) -> str:
        """Write a playbook with these tasks; the path of its file."""
        play = {"hosts": "all", "gather_facts": False, "ignore_errors": True, **words}
        file = self._file("play.yml")
        # A YAML file, too, is what JSON looks like.
        file.write_text(json.dumps([{**play, "tasks": list(tasks)}], ensure_ascii=False))
        return str(file)

    def module(self, module: str, /, **arguments: Any) -> Result:
        """Run one task: `host.module("bpf_map_pinned", check=True, name="flows", ...)`."""
        return self.playbook([task(module, **arguments)])[0]

    def ansible_playbook(self, *arguments: str) -> Run:
        """Run ansible-playbook with a playbook of the caller's; for the rest see `playbook`."""
        return self.finish(self.start(*arguments))

    def start(self, *arguments: str) -> Unfinished:
        """Start ansible-playbook and do not wait; `finish` does."""
        lines, output = self._file("results"), self._file("output")
        lines.touch()
        hosts = self.inventory_file()
        with output.open("w") as file:
            started = self.site.controller.start(
                ("-i", str(hosts), *arguments),
                self.site.environment(RESULT_LINES=str(lines)),
                self._namespace,
                file,
            )
        return Unfinished(started, lines, output)

    def inventory_file(self) -> Path:
        """Write an inventory of this host alone."""
        hosts = self._file("hosts.yml")
        hosts.write_text(json.dumps({"all": {"hosts": {"localhost": self.site.local}}}))
        return hosts

    def finish(self, run: Unfinished) -> Run:
        """Wait for what `start` started, and read its results."""
        code = run.started.wait()
        return Run(code, read_results(run.lines.read_text()), run.output.read_text())

    def report(self, folder: Path, words: Sequence[str], **more: str) -> tuple[int, str]:
        """Run ansible-playbook in `folder`, with drift_report: its exit code, and what is seen.

        `more` are further variables of its environment.
        """
        environment = self.site.environment(**{**REPORTING, **more})
        if any(name.startswith("ANSIBLE_") for name in more):
            # Ansible has read these before it is ready. And nsenter would leave the folder.
            command = ["env", "-C", str(folder), self.site.playbook_command, *words]
            return seen(self.inside(*command), environment)
        file = self._file("output")
        with file.open("w") as output:
            started = self.site.reporter.start(
                words, environment, self._namespace, output, str(folder)
            )
        return started.wait(), file.read_text()

    def interpreter(self, script: str) -> dict[str, Any]:
        """Keywords of a task that run its module by a shell script, "$@" being the module.

        `exec python "$@"` in the script is the plain interpreter.
        """
        file = self._file("interpreter")
        file.write_text(f'#!/bin/sh\npython() {{ {self.site.python} "$@"; }}\n{script}\n')
        file.chmod(0o755)
        return {"vars": {"ansible_python_interpreter": str(file)}}

    def strace(self, *options: str) -> dict[str, Any]:
        """Keywords of a task that run its module under strace with these options."""
        # What startup/ would add are system calls that other hosts do not have.
        words = ["env", "-u", "PYTHONPATH", "strace", "-f", "-qq", *options, self.site.python]
        return self.interpreter(f'exec {shlex.join(words)} "$@"')

    def tampered(self, calls: str, how: str) -> dict[str, Any]:
        """Keywords of a task that run its module while system calls go another way than usual.

        `calls` and `how` are as in strace's option inject: `"bpf", "error=ENOMEM:when=3"`. A call
        with a question mark may be one that this machine does not have: "?link,?linkat".
        """
        # Faster, but strace 6.1 then forgets to send signals.
        faster = [] if how.startswith("signal=") else ["--seccomp-bpf"]
        inject = f"inject={calls}:{how}"
        return self.strace(*faster, "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)

    def as_nobody(self) -> dict[str, Any]:
        """Keywords of a task that run its module as an unprivileged user."""
        return {
            "become": True,
            "become_user": "nobody",
            "become_method": "ansible.builtin.su",
            "become_flags": "-s /bin/sh",
            "vars": {"ansible_python_interpreter": self.site.python_of_nobody},
        }

    def run_modules(self, series: Sequence[Sequence[Mapping[str, Any]]]) -> list[list[Any]]:
        """Run modules without Ansible around them, and with faults in their way: see faults.py."""
        file = self._file("series.json")
        file.write_text(json.dumps({"path": str(self.site.scratch), "series": series}))
        script = str(HERE / "harness" / "faults.py")
        return json.loads(self.run(sys.executable, script, str(file)).stdout)

    # Witnesses: none of them is our own code

    def bpftool(self, *words: str) -> Any:
        """What `bpftool -j WORDS` prints."""
        return json.loads(self.run("bpftool", "-j", *words).stdout or "null")

    def map_at(self, path: str) -> dict[str, Any]:
        """`bpftool -j map show pinned PATH`."""
        return self.bpftool("map", "show", "pinned", path)

    def info(self, path: str) -> dict[str, Any]:
        """What a pin holds, with the fields that bpftool leaves out (c/info.c)."""
        return json.loads(self.run(self.site.program("info"), path).stdout)

    def inventory(self, directory: str = BPFFS) -> dict[str, dict[str, Any]]:
        """Everything below `directory`, to compare before and after (see inventory.py)."""
        script = str(HERE / "harness" / "inventory.py")
        command = [sys.executable, script, self.site.program("info"), directory]
        return json.loads(self.run(*command).stdout)

    # Others who pin

    def make_pin(self, path: str, **fields: int | str) -> int:
        """Pin a new map at `path` as another tool would (c/make.c); its id.

        Left out, it is a hash with key_size 4, value_size 8, max_entries 1. `type` and `flags`
        are numbers, `inner` is the path of a pinned map.
        """
        words = [f"{field}={value}" for field, value in fields.items()]
        return int(self.run(self.site.program("make"), path, *words).stdout)

    def load(self, bpf_object: str, pin_root: str, *pins: str) -> dict[str, int]:
        """Load an object file with libbpf (c/load.c): the id of each map by name.

        `pins` are the paths to pin the program and its link at.
        """
        program = self.site.program("load")
        done = self.run(program, self.site.bpf_object(bpf_object), pin_root, *pins)
        return json.loads(done.stdout)

    @contextmanager
    def reading(self, path: str) -> Iterator[dict[str, Any]]:
        """Meanwhile the pin is opened over and over; then there are `reads`, `misses` and `ids`."""
        seen: dict[str, Any] = {}
        with self.running(self.site.program("read"), path) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield seen
            output, _nothing = process.communicate()
            seen.update(json.loads(output))

    def _file(self, name: str) -> Path:
        self._count += 1
        return self.scratch / f"{self._count}.{name}"
