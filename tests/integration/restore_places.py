# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where tests of bpf_restore let it write, and what it then said."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.host import Host
from harness.samples import HASH
from restoring import Fields

MAPS = [{"name": "flows", **HASH}, {"name": "counts", "type": "array", "value_size": 8}]
MAPS[1]["max_entries"] = 4

MANIFEST = "etc/restore.d/agent.json"  # below a place


@dataclass(frozen=True)
class Place:
    """A library and a directory of manifests of their own, below `path`."""

    path: Path

    @property
    def library(self) -> Path:
        return self.path / "lib" / "ebpf-pinning"

    @property
    def manifests(self) -> Path:
        return self.path / "etc" / "restore.d"

    @property
    def starter(self) -> Path:
        return self.library / "ebpf-pinning"

    def arguments(self, **fields: Any) -> Fields:
        places = {"library": str(self.library), "manifests": str(self.manifests)}
        return {"name": "agent", **places, **fields}

    def run(self, *, check: bool = False, fault: Any = None, **fields: Any) -> Fields:
        """A run as harness/faults.py takes it."""
        return {
            "module": "bpf_restore",
            "arguments": {
                **self.arguments(**fields),
                "_ansible_check_mode": check,
                "_ansible_diff": True,
                "_ansible_remote_tmp": str(self.path),
            },
            "watched": bool(fault) or fault == [],
            "fault": fault or None,
            "always": {},
            "tuning": {},
            "meanwhile": {},
        }

    def files(self) -> dict[str, tuple[Any, ...]]:
        """All that is below: owner, group, mode, and what is in it."""
        found: dict[str, tuple[Any, ...]] = {}
        for path in sorted(self.path.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
            target = os.readlink(path) if path.is_symlink() else None
            what = (status.st_uid, status.st_gid, f"{status.st_mode:o}", content, target)
            found[str(path.relative_to(self.path))] = what
        return found

    def picture(self) -> dict[str, tuple[int, int, int]]:
        """Equal if nothing was touched."""
        return {
            str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_ctime_ns)
            for path in [self.path, *self.path.rglob("*")]
        }


def results(host: Host, series: Sequence[Sequence[Fields]]) -> list[list[Fields]]:
    """What the modules returned; none of them wrote anything else."""
    done = host.run_modules(series)
    for runs in done:
        for run in runs:
            assert not run["complaints"], run["complaints"]
    return [[json.loads(run["output"]) for run in runs] for runs in done]


def actions(result: Fields, place: Place) -> dict[str, str]:
    """What is reported about files, but for those of the core, which are counted."""
    told = {each["path"]: each["action"] for each in result["files"]}
    assert len(told) == len(result["files"])
    found: dict[str, str] = {}
    for path, action in told.items():
        name = str(Path(path).relative_to(place.path))
        if "/core-" in name and path.endswith(".py"):
            name = "core"
        found[name] = action
    return found


def without_invocation(result: Fields) -> Fields:
    """A result without the arguments it repeats."""
    return {name: value for name, value in result.items() if name != "invocation"}
