# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What mounts a bpffs at boot, and what would mount a second one over it.

mount(8) takes an entry of fstab for mounted when /proc/self/mountinfo has a line of the same
source, the same root and the same mount point (mnt_table_is_fs_mounted in util-linux), and else
mounts it, over whatever is there. systemd mounts /sys/fs/bpf by itself, with the source `bpf`
(src/shared/mount-setup.c), and then reads no entry for it.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import Iterable, Iterator, List, Optional

from ...fields import octal
from ...kernel import shows_source_of_bpffs
from ...values import dataclass
from . import fstab, systemd_units
from .declaration import NEW_MODE, SOURCE, STICKY, WantedMount
from .fstab import FstabProblem
from .observed import Bpffs, MountSeen

FSTAB = "/etc/fstab"
SYSTEMDS_OWN = "/sys/fs/bpf"
NO_SOURCE = "none"  # what kernels show that take no source of a bpffs

# What to do about an entry.
REMOVE = "remove it"
CURE_AT_PATH = "boot: true of ebpf.pinning.bpffs_mount fixes it, boot: false removes it"
CURE_ABOVE = "remove it, or unmount the bpffs, mount what the entry says, and run again"


@dataclass(frozen=True)
class Boot:
    """What starts this host, and the file it reads."""

    fstab: str
    systemd_runs: bool
    systemd_starts: bool  # it does not run here, as in a container or a chroot, but may at boot
    unit: Optional[str] = None  # the file by which it mounts the path that is asked about
    source: Optional[str] = None  # with which it mounts that path, whatever fstab says
    shows_sources: bool = True  # else the kernel shows each bpffs with the source `none`


@dataclass(frozen=True)
class Hazard:
    """An entry by which a second file system would be mounted over the bpffs, and why."""

    entry: fstab.Entry
    reason: str
    cure: str = REMOVE
    at_path: bool = False  # else at a directory in it or above, or at another mount of the same

    def warning(self, path: str, bpffs: str) -> str:
        """Return what to tell of it; `path` is that of fstab."""
        line = os.fsdecode(self.entry.line).strip()
        return (
            f"{path} has an entry by which `mount -a` mounts over {bpffs}, and hides pins: {line} "
            f"({self.reason}); {self.cure}"
        )


def glance(path: str) -> bytes:
    """The content as `mount` would read it; nothing where that cannot be told."""
    with suppress(OSError), open(path, "rb", opener=_without_waiting) as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file.read()
    return b""


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK)  # it may be a FIFO, or a terminal


def look(path: str, file: str = FSTAB) -> Boot:
    """Return how this host starts, and what that means for `path`."""
    runs = os.path.isdir("/run/systemd/system")  # sd_booted(3)
    init = os.path.realpath("/sbin/init")
    starts = runs or not os.path.exists(init) or os.path.basename(init) == "systemd"
    shows = shows_source_of_bpffs()
    if not starts:
        return Boot(file, runs, starts, shows_sources=shows)
    if path == SYSTEMDS_OWN:
        return Boot(file, runs, starts, source=SOURCE, shows_sources=shows)
    return Boot(file, runs, starts, *systemd_units.source_of(path), shows_sources=shows)


def source_of_new(path: str, before: Optional[Bpffs], content: bytes, boot: Boot) -> str:
    """The source for a bpffs that is mounted at `path` from now on; `before` is what it replaces.

    It is the one that its entry in fstab has, unless systemd mounts it at the next boot, or the
    kernel shows no other than `none`.
    """
    if boot.source is not None:
        return boot.source
    if not boot.shows_sources:
        return NO_SOURCE
    sources = [before.mount.source] if before else []
    sources += [entry.source for entry in fstab.entries_at(content, path) if _is_plain(entry)]
    return next(filter(_can_be_named, sources), SOURCE)


def manner(
    wanted: WantedMount, seen: MountSeen, anew: bool, content: bytes, boot: Boot
) -> fstab.Manner:
    """How the entry is to be, so that it never mounts a second one; FstabProblem if it cannot.

    `anew`: what is mounted will be unmounted, and perhaps mounted again.
    """
    there = seen.bpffs
    source = source_of_new(wanted.path, there, content, boot)
    fits = there is None or anew or _is_mounted(source, there)
    if there and not fits and boot.source is None:
        raise FstabProblem(
            f"{boot.fstab}: no entry can stand for what is mounted at {wanted.path} (source "
            f"{there.mount.source!r}, root {there.mount.root}): `mount -a` would mount a second "
            "bpffs over it; leave boot unset, or remove the pins, unmount it and run again"
        )
    mode = NEW_MODE if there is None else there.root.mode | STICKY
    absent = [] if mode == _KERNELS_MODE else [f"mode={octal(mode)}"]
    if seen.below and seen.below.fstype in _VOLATILE:
        absent.append("x-mount.mkdir")  # the mount point is gone at boot
    return fstab.Manner(source, tuple(absent), auto=fits, in_order=not boot.systemd_starts)


def remarks(seen: MountSeen, made: fstab.Manner, boot: Boot) -> Iterator[str]:
    """Yield what the user must know of an entry that was asked for."""
    loose = seen.loose
    if loose:
        yield (
            f"{loose.path} belongs to user id {loose.owner}, group id {loose.group}, mode "
            f"{octal(loose.mode)}, so others than root decide what {seen.path} means at boot, and "
            "mount follows symlinks, to wherever they lead: declare a path on which all belongs to "
            "root, or leave boot unset and have bpf_restore_mounts of the role "
            "ebpf.pinning.bpf_restore mount it, which follows none"
        )
    if boot.unit:
        yield (
            f"{boot.unit} mounts {seen.path} at boot, and the entry of {boot.fstab} counts for "
            "nothing there: declare mode, owner, group and opts in its Options=, too, or remove it"
        )
    elif boot.systemd_runs and boot.source is not None:
        yield (
            f"systemd mounts {seen.path} at boot by itself, with mode 0700, and reads no entry of "
            f"{boot.fstab} for it: mode, owner, group and opts that are declared here hold until "
            "the next boot. bpf_restore_mounts of the role ebpf.pinning.bpf_restore sets them at "
            "each boot"
        )
    if seen.bpffs and not made.auto and not boot.shows_sources:
        yield (
            f"this kernel shows every bpffs with source {NO_SOURCE!r}, newer ones show {seen.path} "
            f"with source {boot.source!r}, by which systemd mounts it: its entry in {boot.fstab} "
            "has noauto, or `mount -a` would mount a second one with one of them"
        )
    elif seen.bpffs and not made.auto:
        yield (
            f"{seen.path} is mounted with source {seen.bpffs.mount.source!r}, and systemd mounts "
            f"it with source {boot.source!r}: its entry in {boot.fstab} has noauto, or `mount -a` "
            "would mount a second one, now or after the next boot. Run again after that"
        )


def hazards(content: bytes, seen: MountSeen, boot: Boot) -> List[Hazard]:
    """The entries that would mount something over a bpffs, or over a directory in it."""
    found: List[Hazard] = []
    before = 0
    all_of_them = [entry for entry in fstab.entries(content) if entry.is_mounted_by_all]
    for number, entry in enumerate(all_of_them):
        if entry.is_at(seen.path):
            reason = _hazard(entry, seen, before, boot)
            if not reason and not boot.systemd_starts:
                reason = _covered_by(all_of_them[number + 1 :], seen.path)
            before += 1
            if reason:
                cure = CURE_AT_PATH if _is_plain(entry) else REMOVE
                found.append(Hazard(entry, reason, cure, at_path=True))
        elif entry.is_above(seen.path):
            if entry.resolved not in seen.points:
                reason = f"nothing is mounted at {entry.resolved} yet, which is above"
                found.append(Hazard(entry, reason, CURE_ABOVE))
        elif seen.bpffs and f"{entry.resolved}/".startswith(f"{seen.path}/"):
            if os.path.isdir(entry.resolved) and entry.resolved not in seen.points:
                found.append(Hazard(entry, f"{entry.resolved} is a directory in it"))
        elif _is_alias(entry, seen):
            found.append(Hazard(entry, f"the same file system is mounted at {entry.resolved}"))
    return found


def _covered_by(later: Iterable[fstab.Entry], path: str) -> str:
    """Why the order is wrong where nobody sorts the entries: one for above comes after."""
    for entry in later:
        if entry.is_above(path):
            return f"the entry of {entry.resolved} comes after it, and covers it"
    return ""


def _hazard(entry: fstab.Entry, seen: MountSeen, before: int, boot: Boot) -> str:
    """Why an entry for the very path would mount something over the bpffs; else empty."""
    there = seen.bpffs
    if entry.binds:
        return "" if _is_root(entry.source, seen) else "it binds another tree there"
    if entry.fstype != "bpf":
        return f"it is of type {entry.fstype}"
    if before:
        return "another entry mounts it before"
    if there and not _is_mounted(entry.source, there):
        return f"what is mounted has the source {there.mount.source!r}"
    if boot.source is not None and entry.source != boot.source:
        return f"systemd mounts it at boot, with the source {boot.source!r}"
    if not boot.shows_sources and entry.source != NO_SOURCE:
        return f"this kernel shows every bpffs with source {NO_SOURCE!r}"
    return ""


def _is_alias(entry: fstab.Entry, seen: MountSeen) -> bool:
    """Return whether it would mount the same file system, mounted elsewhere, a second time."""
    there = seen.bpffs
    if there is None or not _is_plain(entry) or _is_mounted(entry.source, there):
        return False
    return _is_root(entry.resolved, seen)


def _is_plain(entry: fstab.Entry) -> bool:
    return entry.fstype == "bpf" and not entry.binds


def _is_root(path: str, seen: MountSeen) -> bool:
    """Return whether `path` is the root of the bpffs that was seen, by whatever mount."""
    if seen.bpffs is None:
        return False
    with suppress(OSError):
        status = os.stat(path)
        return (status.st_dev, status.st_ino) == seen.bpffs.root.identity
    return False


def _is_mounted(source: str, there: Bpffs) -> bool:
    """Return whether mount(8) takes an entry of that source for what is mounted there."""
    return there.mount.root == "/" and there.mount.source == source and not _TAG.match(source)


def _can_be_named(source: str) -> bool:
    # mount(8) reads NAME=value as a tag of a device, and systemd waits for the device of a path,
    # and unmounts what has none.
    return bool(source) and not _UNSPEAKABLE.match(source)


_TAG = re.compile(r"\w+=")
_UNSPEAKABLE = re.compile(r"/|\w+=|[^\0]*\0")
_VOLATILE = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_KERNELS_MODE = STICKY | 0o777
