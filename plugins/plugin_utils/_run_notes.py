# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of a run note about a host for those that come after. Private to this collection.

Each task runs in a process of its own, and facts would be kept in memory, and by caches for the
next run. So the notes are files in the directory that Ansible makes for a run, and removes at its
end.
"""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
from contextlib import suppress

from ansible import constants

C: t.Any = constants  # most of them are made when it is loaded
# Kinds of notes: about paths, and what a task told that is not on the screen.
DECLARED, PRUNED, FREED, TOLD = "declared", "pruned", "freed", "told"
READ = "read"  # what stands in a file of the controller
# A variable of the tasks of the role bpf_maps: whether this call of it prunes.
PRUNES = "__bpf_maps_prunes"


class RunNotes:
    """The notes of this run about one host."""

    def __init__(self, host: str, run: t.Optional[int] = None) -> None:
        # What starts the tasks is the run.
        about = hashlib.sha256(f"{run or os.getppid()} {host}".encode("utf-8", "surrogatepass"))
        self._path = os.path.join(C.DEFAULT_LOCAL_TMP, f"ebpf-pinning-{about.hexdigest()[:32]}")

    def add(self, kind: str, note: t.Any) -> None:
        """Note something; tasks may do so at the same time."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(f"{self._path}-{kind}", flags, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            file.write(json.dumps(note).encode() + b"\n")

    def forget(self, kind: str) -> None:
        """Have no notes of a kind any more."""
        with suppress(FileNotFoundError):
            os.unlink(f"{self._path}-{kind}")

    def all(self, kind: str) -> t.List[t.Any]:
        """All notes of a kind."""
        try:
            with open(f"{self._path}-{kind}", encoding="ascii") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []

    def paths(self, kind: str) -> t.List[str]:
        """The paths of all notes that are lists of paths."""
        return [path for noted in self.all(kind) for path in noted]
