# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All pins of a machine, in whatever mount namespace. Opens read-only, changes nothing."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Dict, Iterator, List, Set, Tuple

from ...bpffs import mount_id, walk
from ...errors import TROUBLE, explained
from ...mountinfo import Mount, mounts
from .observed import NotAPin, Nothing, Sight, Unreadable
from .tree import Lookout

_OWN = "self"


def all_pins() -> Tuple[List[Sight], List[str]]:
    """Return all pins of all bpffs, and why some cannot be seen.

    What is in the mount namespace of another process is below /proc/PID/root.
    """
    sights: List[Sight] = []
    unseen: List[str] = []
    seen: Set[Tuple[int, str]] = set()
    trouble: Dict[int, str] = {}  # by the device of the file system
    lookout = Lookout(waits_for_runs=False)
    for process, mount in _all_mounts(unseen):
        shown = (mount.device, mount.root)
        if shown in seen or (mount.device, "/") in seen:
            continue
        reason = _look(lookout, process, mount, sights)
        if reason:
            trouble.setdefault(mount.device, reason)
        else:
            seen.add(shown)
    looked_at = {device for device, _root in seen}
    unseen += [reason for device, reason in trouble.items() if device not in looked_at]
    return sights, unseen


def _look(lookout: Lookout, process: str, mount: Mount, sights: List[Sight]) -> str:
    """Add what is in a mount; return why that cannot be looked at, or nothing."""
    root = "/" if process == _OWN else f"/proc/{process}/root"
    path = f"{root.rstrip('/')}{mount.point}"
    try:
        with walk(mount.point, root) as place:
            if place.missing or mount_id(place.fd) != mount.id:
                return f"the pins of the bpffs at {path} are hidden by another mount"
            tree = lookout.tree(place.fd, path, recurse=True)
    except TROUBLE as error:
        return f"{path}: {explained(error)}"
    for sight in tree.sights:
        if isinstance(sight.found, Unreadable):
            return f"{sight.path}: {sight.found.reason}"
    sights.extend(each for each in tree.sights if not isinstance(each.found, (NotAPin, Nothing)))
    return ""


def _all_mounts(unseen: List[str]) -> Iterator[Tuple[str, Mount]]:
    """Yield each bpffs with a process that has it mounted, whole file systems first."""
    found: List[Tuple[str, Mount]] = []
    namespaces: Set[int] = set()
    for process in (_OWN, *filter(str.isdigit, os.listdir("/proc"))):
        try:
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended
                namespace = os.stat(f"/proc/{process}/ns/mnt").st_ino
                if namespace not in namespaces:
                    table = mounts(process)
                    namespaces.add(namespace)
                    found += [(process, each) for each in table if each.fstype == "bpf"]
        except PermissionError:
            unseen.append(f"what process {process} has mounted is kept even from root")
    directories = [each for each in found if not _is_file(*each)]
    yield from sorted(directories, key=lambda each: each[1].root != "/")


def _is_file(process: str, mount: Mount) -> bool:
    """Return whether it is a single pin, mounted over a file."""
    root = "" if process == _OWN else f"/proc/{process}/root"
    try:
        return stat.S_ISREG(os.lstat(f"{root}{mount.point}").st_mode)
    except OSError:
        return False
