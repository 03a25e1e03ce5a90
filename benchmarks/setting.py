# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is measured: one scratch folder, one interpreter, one fresh bpffs at a time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible

MAPS = 1_000
MANY = 10_000
# Small, because the kernel's work to make a map is the same for everybody and would only hide
# the difference.
SHAPE = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}

_SETTLE = 0.2  # seconds; the kernel frees maps in the background


class Failed(Exception):
    """Something that was to be timed did not do its work."""


@dataclass(frozen=True)
class Setting:
    """`scratch` holds all files, `python` runs the modules, `bpftool` is the rival."""

    scratch: Path
    python: str
    bpftool: str

    @property
    def library(self) -> Path:
        """Where Python and Ansible find ansible-core and the collection, and nothing else."""
        return self.scratch / "library"

    @property
    def move(self) -> str:
        """The program c/move.c, compiled."""
        return str(self.scratch / "move")

    @property
    def list(self) -> str:
        """The program c/list.c, compiled."""
        return str(self.scratch / "list")

    def prepare(self, collection: Path) -> None:
        """Fill the scratch folder."""
        for folder in ("bpf", "home"):
            (self.scratch / folder).mkdir()
        (self.scratch / "ansible.cfg").touch()
        namespace = self.library / "ansible_collections" / "ebpf"
        namespace.mkdir(parents=True)
        (namespace / "pinning").symlink_to(collection)
        (self.library / "ansible").symlink_to(Path(ansible.__file__).parent)
        for program in (self.move, self.list):
            source = Path(__file__).parent / "c" / f"{Path(program).name}.c"
            compiler = ["gcc", "-O2", str(source), "-o", program, "-lbpf", "-lelf", "-lz"]
            run_checked(compiler, env=self.environment())

    @contextmanager
    def fresh_bpffs(self) -> Iterator[Path]:
        """An empty folder in a new bpffs. Everything in it is gone afterwards."""
        root = self.scratch / "bpf"
        subprocess.run(["mount", "-t", "bpf", "bpf", root], check=True)
        try:
            pins = root / "pins"  # not the root, where the kernel may have put pins of its own
            pins.mkdir()
            yield pins
        finally:
            subprocess.run(["umount", root], check=True)
            time.sleep(_SETTLE)

    def environment(self, **more: str) -> dict[str, str]:
        """For child processes: nothing of the user's own settings."""
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.scratch / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }


def declarations(count: int) -> list[dict[str, object]]:
    """What the option `maps` of bpf_map_pinned takes."""
    return [{"name": f"map_{number}", **SHAPE} for number in range(count)]


def creation(pin: str, name: str) -> list[str]:
    """The words after `bpftool` that make and pin the same map."""
    sizes = [SHAPE["key_size"], "value", SHAPE["value_size"], "entries", SHAPE["max_entries"]]
    words = ["map", "create", pin, "type", SHAPE["type"], "key", *sizes, "name", name]
    return [str(word) for word in words]


def run_checked(command: Sequence[str], *, env: Mapping[str, str], input: str = "") -> str:
    """The output of `command`. Raises Failed, with all that it said, if it fails."""
    done = subprocess.run(
        command, env=env, input=input, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise Failed(f"{' '.join(command)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def ended(process: subprocess.Popen[Any]) -> float:
    """Wait for a process, and return the seconds of processors that it and its children took."""
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def expect(what: str, found: object, wanted: object) -> None:
    """Raise Failed unless what was timed did what it was timed for."""
    if found != wanted:
        raise Failed(f"{what}: expected {wanted}, got {found}")
