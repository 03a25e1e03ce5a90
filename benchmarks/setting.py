# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything is measured: one scratch folder, one interpreter, one fresh bpffs at a time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ansible

# Small maps: what the kernel does to make them is the same for everybody, and would only hide
# the difference.
SHAPE = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
SETTLE = 0.2  # seconds; the kernel frees maps in the background


class Failed(Exception):
    """Something that was to be timed did not do its work."""


@dataclass(frozen=True)
class Setting:
    """The scratch folder holds all files; `python` runs the modules."""

    scratch: Path
    python: str
    bpftool: str

    def prepare(self, collection: Path) -> None:
        """Make the folder in which Python and Ansible find ansible-core and the collection."""
        self.pins.mkdir()
        (self.scratch / "home").mkdir()
        namespace = self.library / "ansible_collections" / "ebpf"
        namespace.mkdir(parents=True)
        (namespace / "pinning").symlink_to(collection)
        (self.library / "ansible").symlink_to(Path(ansible.__file__).parent)

    @property
    def pins(self) -> Path:
        return self.scratch / "bpf"

    @property
    def library(self) -> Path:
        return self.scratch / "library"

    @contextmanager
    def fresh_bpffs(self) -> Iterator[Path]:
        """An empty bpffs; everything in it is gone afterwards."""
        subprocess.run(["mount", "-t", "bpf", "bpf", self.pins], check=True)
        try:
            yield self.pins
        finally:
            subprocess.run(["umount", self.pins], check=True)
            time.sleep(SETTLE)

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the user's own settings."""
        return {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.scratch / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }


def declarations(count: int) -> list[dict[str, object]]:
    """What `maps` of bpf_map_pinned takes."""
    return [{"name": f"map_{number}", **SHAPE} for number in range(count)]


def creation(directory: Path | str, name: str) -> list[str]:
    """The words after `bpftool` that make such a map."""
    words = ["map", "create", f"{directory}/{name}", "type", SHAPE["type"], "key"]
    words += [SHAPE["key_size"], "value", SHAPE["value_size"], "entries", SHAPE["max_entries"]]
    return [str(word) for word in [*words, "name", name]]


def run_checked(command: Sequence[str], **how: object) -> str:
    """The output of `command`; raises Failed with all it said when it fails."""
    done = subprocess.run(command, text=True, capture_output=True, check=False, **how)
    if done.returncode:
        raise Failed(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def expect(what: str, found: object, wanted: object) -> None:
    """Raises Failed when a run that was timed did not do what it was timed for."""
    if found != wanted:
        raise Failed(f"{what}: expected {wanted}, found {found}")
