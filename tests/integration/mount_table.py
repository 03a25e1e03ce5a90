# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts as findmnt and find show them: witnesses of the tests of bpffs_mount."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from harness.host import Host
from harness.playbook import Result, Task, task


@dataclass(frozen=True)
class Row:
    """A mount, as a line of /proc/self/mountinfo has it."""

    id: int
    fstype: str
    source: str
    flags: frozenset[str]  # of this mount
    options: tuple[str, ...]  # of the file system


def mounts_at(host: Host, path: str) -> list[Row]:
    """Every mount at exactly `path`, the lowest first."""
    columns = "ID,TARGET,FSTYPE,SOURCE,VFS-OPTIONS,FS-OPTIONS"
    done = host.run("findmnt", "--kernel", "--list", "--json", "--output", columns)
    return [
        Row(
            row["id"],
            row["fstype"],
            row["source"],
            frozenset(row["vfs-options"].split(",")),
            tuple(row["fs-options"].split(",")),
        )
        for row in json.loads(done.stdout)["filesystems"]
        if row["target"] == path
    ]


def access(host: Host, path: str) -> str:
    """Mode, owner and group, as in `1777 0 0`."""
    return host.run("stat", "-c", "%a %u %g", path).stdout.strip()


def picture(host: Host, *directories: str) -> list[str]:
    """All mounts, and what stat says of all below `directories`: equal if nothing was touched.

    Without access times: looking moves them.
    """
    return host.shell(_script(directories)).splitlines()


def picture_task(label: str, *directories: str) -> Task:
    """A task that takes the picture in the middle of a play; `taken` reads it."""
    return task("ansible.builtin.shell", label=label, cmd=_script(directories))


def taken(result: Result) -> list[str]:
    """The picture that a task took."""
    return str(result.good()["stdout"]).splitlines()


def _script(directories: Sequence[str]) -> str:
    names = shlex.join(directories)
    what = r"%p %y %m %U %G %i %n %s %T@ %C@ %l\n"
    return f"cat /proc/self/mountinfo; find {names} -printf '{what}' | sort"
