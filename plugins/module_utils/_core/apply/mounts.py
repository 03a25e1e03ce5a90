# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Mount, unmount and adjust a bpffs."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import FrozenSet, Iterator

from .. import kernel
from ..bpffs import PathProblem, Place, open_readable, walk
from ..errors import PinningError, Problems
from ..found.mounts import Bpffs, MountSeen
from ..kernel import KernelError
from ..observe.mounts import observe
from ..plan.mounts import MountPlan, flags_to_set, plan_mount
from ..spec.mounts import WantedMount, flag_bits
from ..staging import set_access_of


def apply_mount(wanted: WantedMount, seen: MountSeen, plan: MountPlan) -> MountSeen:
    """Do what the plan says, and return what is there afterwards."""
    if plan.problems:
        raise Problems(plan.problems)
    if plan.unmount:
        apply_unmount(seen)
    if plan.mount:
        _make_directories(wanted.path)
        with _alone_at(wanted.path) as place:
            # Another run may have mounted it while this one waited: then there is nothing to do.
            if observe(wanted.path).bpffs is None:
                _mount(wanted, place)
        seen = observe(wanted.path)
        plan = plan_mount(wanted, seen)
        if plan.problems:
            raise Problems(plan.problems)
    if seen.bpffs and (plan.set_access or plan.set_flags):
        _adjust(wanted, seen.bpffs, plan)
    return observe(wanted.path)


def apply_unmount(seen: MountSeen) -> None:
    """Unmount what was seen on top at its path; PathProblem when that is something else now."""
    if observe(seen.path).mount != seen.mount:
        raise _changed(seen.path)
    parent, _slash, name = seen.path.rpartition("/")
    with walk(parent or "/") as place:
        # Relative to its parent, so that no symlink can come in between.
        os.fchdir(place.fd)
        try:
            kernel.umount(name)
        except KernelError as error:
            raise PathProblem(f"{seen.path}: {error}") from None
        finally:
            os.chdir("/")


def _mount(wanted: WantedMount, place: Place) -> None:
    later = frozenset({"ro"})  # what is read-only cannot be given an owner
    try:
        kernel.mount(
            "bpffs",
            os.fsdecode(place.magic),
            "bpf",
            flag_bits(wanted.set_flags - later),
            wanted.options,
        )
    except KernelError as error:
        if error.errno == errno.EINVAL and wanted.delegate:
            raise PinningError(
                f"{wanted.path}: the kernel does not accept {wanted.options!r}: check the names "
                "under delegate_*; they are those of the kernel's enums, like map_create, hash, "
                "xdp, cgroup_inet_ingress"
            ) from None
        raise PathProblem(f"{wanted.path}: {error}") from None
    seen = observe(wanted.path)
    if seen.stacked:
        apply_unmount(seen)
        raise _changed(wanted.path)
    if _ignores_delegation(wanted, seen):
        apply_unmount(seen)
        raise PinningError(
            f"{wanted.path}: this kernel does not know delegate_* (Linux 6.9 does): nothing is "
            "mounted; leave them out"
        )


def _ignores_delegation(wanted: WantedMount, seen: MountSeen) -> bool:
    # Kernels take any option of a bpffs, and leave out of mountinfo what they do not know.
    delegated = seen.bpffs.delegate if seen.bpffs else {}
    return bool(wanted.delegate) and not any(delegated.values())


def _adjust(wanted: WantedMount, there: Bpffs, plan: MountPlan) -> None:
    flags = flags_to_set(wanted, there.flags)
    with walk(wanted.path) as place:
        if place.identity != there.root.identity:
            raise _changed(wanted.path)
        try:
            # Writable first, read-only last: a read-only file system takes no owner.
            writable_first = "ro" in there.flags - flags
            if plan.set_flags and writable_first:
                _remount(place, there, flags)
            if plan.set_access:
                set_access_of(place.fd, wanted.access)
            if plan.set_flags and not writable_first:
                _remount(place, there, flags)
        except KernelError as error:
            raise PathProblem(f"{wanted.path}: {error}") from None


def _remount(place: Place, there: Bpffs, flags: FrozenSet[str]) -> None:
    how = kernel.MS_REMOUNT | kernel.MS_BIND
    if "ro" in there.mount.super_opts and "ro" not in flags:
        how = kernel.MS_REMOUNT  # the file system itself is read-only, not this mount of it
    kernel.mount("", os.fsdecode(place.magic), "", how | flag_bits(flags), "")


def _make_directories(path: str) -> None:
    while True:
        with walk(path) as place:
            if not place.missing:
                return
            try:
                os.mkdir(place.missing[0], 0o755, dir_fd=place.fd)
            except FileExistsError:
                continue
            except OSError as error:
                raise PathProblem(f"{path}: {KernelError.of('mkdir', error)}") from None


@contextmanager
def _alone_at(path: str) -> Iterator[Place]:
    """Keep other runs of this collection from mounting at `path` at the same time."""
    with walk(path) as place, open_readable(".", place.fd) as readable:
        fcntl.flock(readable, fcntl.LOCK_EX)
        yield place


def _changed(path: str) -> PathProblem:
    return PathProblem(
        f"{path} is not what it was a moment ago: something was mounted or unmounted there while "
        "this ran; run again"
    )
