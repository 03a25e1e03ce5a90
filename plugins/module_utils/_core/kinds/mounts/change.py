# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is done to mounts: mount, unmount and adjust a bpffs."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from typing import Callable, FrozenSet, List

from ... import kernel
from ...advice import ActsOn
from ...bpffs import PathProblem, Place, make_open, walk
from ...engine.steps import Action
from ...errors import TROUBLE, PinningError, Problems
from ...lock import alone
from ...staging import set_access_of
from ...syscall import KernelError
from ..pins.access import AccessChange
from .declaration import WantedMount, flag_bits
from .layers import carry, look_into
from .observe import observe, people_of
from .observed import Bpffs, MountSeen
from .plan import MountStep, decide, flags_to_set, inheriting
from .stack import merge_of


def with_stack(seen: MountSeen) -> MountSeen:
    """Return what was seen, with what is in each of the bpffs over one another."""
    return replace(seen, stack=look_into(seen))


def mount(
    wanted: WantedMount, step: MountStep, source_of: Callable[[str], str], done: List[str]
) -> MountSeen:
    """Mount and adjust as decided; `done` gets what was done, in words."""
    seen = step.found
    if seen.stack and step.action is Action.ADJUST:
        _unstack(wanted, seen, done)
        seen = observe(wanted.path)
        step = _decided(wanted, seen)
    if step.action is Action.MOUNT:
        source = source_of(wanted.path)
        if seen.bpffs:
            wanted = inheriting(wanted, seen.bpffs)
            _try_out(wanted, source)
            unmount(seen, force=False)
            done.append(Action.UNMOUNT.value)
        _mount_alone(wanted, done, source)
        seen = observe(wanted.path)
        step = _decided(wanted, seen)
    if seen.bpffs and step.changes:
        _adjust(wanted, seen.bpffs, step, done)
    return observe(wanted.path)


def _decided(wanted: WantedMount, seen: MountSeen) -> MountStep:
    """Decide again about what another run may have left; Problems if it is refused."""
    step = decide(wanted, seen, people_of([wanted], [seen]))
    if step.action is Action.REFUSE:
        raise Problems([step.reason])
    return step


def _unstack(wanted: WantedMount, seen: MountSeen, done: List[str]) -> None:
    """Pin in the lowest bpffs what those above have, then unmount these, the topmost first."""
    merge = merge_of(seen.stack, wanted.keep)
    if [each.pins for each in look_into(seen)] != [each.pins for each in seen.stack]:
        raise _changed(wanted.path)
    carry(seen, merge.carried)
    if merge.carried:
        done.append("pins carried to the lowest")
    for layer in reversed(seen.stack[1:]):
        now = observe(wanted.path)
        pins = now.bpffs.pins if now.bpffs else None
        if not now.mount or now.mount.id != layer.mount.id or pins is None:
            raise _changed(wanted.path)
        # Whoever has pinned something meanwhile would lose it: then it is carried by the next run.
        if sorted(pins) != sorted(f"{wanted.path}/{each.path}" for each in layer.pins):
            raise _changed(wanted.path)
        unmount(now, force=False)
        done.append(Action.UNMOUNT.value)


def unmount(seen: MountSeen, *, force: bool) -> List[str]:
    """Unmount what was seen on top at its path; return the pins that were in it.

    PathProblem when it is something else now, or has other pins and `force` is not set.
    """
    now = observe(seen.path)
    if not (seen.mount and now.mount and now.bpffs) or now.mount.id != seen.mount.id:
        raise _changed(seen.path)
    if not force and (seen.bpffs is None or now.bpffs.pins != seen.bpffs.pins):
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
    return list(now.bpffs.pins or ())


def _mount_alone(wanted: WantedMount, done: List[str], source: str) -> None:
    made: List[str] = []
    try:
        _make_directories(wanted.path, made)
        with walk(wanted.path) as place, alone(place):
            # Another run may have mounted it while this one waited: then there is nothing to do.
            seen = observe(wanted.path)
            if _decided(wanted, seen).action is Action.MOUNT:
                _mount(wanted, os.fsdecode(place.proc_path), wanted.path, source)
                _check_new(wanted, seen)
                done.append(Action.MOUNT.value)
    except TROUBLE:
        for path in reversed(made):
            with suppress(OSError):
                os.rmdir(path)
        raise


def _mount(wanted: WantedMount, target: str, path: str, source: str) -> None:
    later = frozenset({"ro"})  # what is read-only cannot be given an owner
    flags = flag_bits(wanted.set_flags - later)
    try:
        kernel.mount(source, target, "bpf", flags, wanted.as_new.options)
    except KernelError as error:
        if error.errno == errno.EINVAL and wanted.delegate:
            raise PinningError(
                f"{path}: the kernel does not accept {wanted.options!r}: check the names under "
                "delegate_*; they are those of the kernel's enums, like map_create, hash, xdp, "
                "cgroup_inet_ingress"
            ) from None
        raise PathProblem(f"{path}: {error}") from None


def _check_new(wanted: WantedMount, before: MountSeen) -> None:
    """Take the new mount back unless it is what was meant, where it was meant."""
    seen = observe(wanted.path)
    if seen.bpffs is None or before.mount is None or seen.bpffs.mount.parent != before.mount.id:
        if seen.bpffs and seen.bpffs.pins == []:
            unmount(seen, force=False)
        raise _changed(wanted.path)
    delegated = seen.bpffs.delegate
    if any(delegated[field] != names for field, names in wanted.delegate):
        unmount(seen, force=False)
        if not any(delegated.values()):
            # Kernels take any option of a bpffs, and leave out of mountinfo what they ignore.
            raise PinningError(
                f"{wanted.path}: this kernel does not know delegate_* (Linux 6.9 does): nothing "
                "is mounted; leave them out"
            )
        shown = "; ".join(
            f"delegate_{field}={':'.join(sorted(delegated[field]))}"
            for field, _names in wanted.delegate
        )
        raise PinningError(
            f"{wanted.path}: the kernel calls what is delegated otherwise ({shown}): nothing is "
            "mounted; use its names"
        )


def _try_out(wanted: WantedMount, source: str) -> None:
    """Mount it elsewhere and take it back, before what is there goes for it."""
    directory = tempfile.mkdtemp(prefix="ebpf-pinning-")
    try:
        _mount(wanted, directory, wanted.path, source)
        kernel.umount(directory)
    finally:
        os.rmdir(directory)


def _adjust(wanted: WantedMount, there: Bpffs, step: MountStep, done: List[str]) -> None:
    sets_access = any(isinstance(change, AccessChange) for change in step.changes)
    flags = flags_to_set(wanted, there.flags)
    with walk(wanted.path) as place:
        if place.identity != there.root.identity:
            raise _changed(wanted.path)
        try:
            now = there.flags
            if "ro" in now and (sets_access or "ro" not in flags):
                # What is read-only takes no owner and no mode.
                now = flags - {"ro"}
                _remount(place, there, now)
                done.append("flags set")
            if sets_access:
                set_access_of(place.fd, wanted.access)
                done.append("owner, group or mode set")
            if now != flags:
                _remount(place, there, flags)
                done.append("flags set")
        except KernelError as error:
            raise PathProblem(f"{wanted.path}: {error}") from None


def _remount(place: Place, there: Bpffs, flags: FrozenSet[str]) -> None:
    how = kernel.MS_REMOUNT | kernel.MS_BIND
    if "ro" in there.mount.super_opts and "ro" not in flags:
        how = kernel.MS_REMOUNT  # the file system itself is read-only, not this mount of it
    kernel.mount("", os.fsdecode(place.proc_path), "", how | flag_bits(flags), "")


def _make_directories(path: str, made: List[str]) -> None:
    """Make what is missing of `path`, and add to `made` the paths that were made."""
    while True:
        with walk(path) as place:
            if not place.missing:
                return
            parts = path.split("/")
            deepest = "/".join(parts[: len(parts) - len(place.missing) + 1])
            try:
                make_open(place.missing[0], place.fd)
            except FileExistsError:
                continue
            except OSError as error:
                text = KernelError.of("mkdir", error, ActsOn.FILE)
                raise PathProblem(f"{deepest}: {text}") from None
            made.append(deepest)


def _changed(path: str) -> PathProblem:
    return PathProblem(
        f"{path} changed while this ran: something was mounted or unmounted there; run again"
    )
