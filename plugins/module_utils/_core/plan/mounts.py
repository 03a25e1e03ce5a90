# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about a mount. Pure: reads nothing, changes nothing."""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from typing import Dict, FrozenSet, Sequence, Tuple

from ..errors import refusal
from ..found.mounts import Bpffs, MountSeen
from ..mountinfo import Mount
from ..shape import Access, Drift
from ..spec.mounts import ATIME, WantedMount, WantedUnmount
from .access import access_drift


@dataclass(frozen=True)
class MountPlan:
    """What to do, in this order. `problems`: nothing is done while there are any."""

    unmount: bool = False
    mount: bool = False
    drift: Tuple[Drift, ...] = ()
    dropped: Sequence[str] = ()  # pins that are lost by it
    problems: Sequence[str] = ()

    @property
    def changes(self) -> bool:
        return self.unmount or self.mount or bool(self.drift)

    @property
    def action(self) -> str:
        """What is done, in a word."""
        if self.mount:
            return "mounted"
        if self.unmount:
            return "unmounted"
        return "adjusted" if self.drift else "unchanged"

    @property
    def sets_access(self) -> bool:
        return any(drift.field in ("owner", "group", "mode") for drift in self.drift)


def plan_mount(wanted: WantedMount, seen: MountSeen) -> MountPlan:
    """Decide what makes a bpffs as wanted be on top at the path. Never a second one."""
    problem = _obstacle(seen)
    if problem:
        return MountPlan(problems=[f"{wanted.path} {problem}"])
    there = seen.bpffs
    if there is None:
        problem = seen.hindrance if seen.may_mount else _not_allowed("mount", seen)
        return MountPlan(problems=[problem]) if problem else MountPlan(mount=True)
    delegate = _delegate_drift(wanted, there)
    if delegate:
        if not wanted.force or there.pins != [] or there.mount.root != "/":
            return MountPlan(problems=[_delegate_problem(wanted, there, delegate)])
        problem = _held(seen)
        if problem:
            return MountPlan(problems=[problem])
        return MountPlan(unmount=True, mount=True, drift=delegate)
    flags = _flag_drift(wanted, there)
    if flags and not seen.may_mount:
        return MountPlan(problems=[_not_allowed("mount", seen)])
    return MountPlan(drift=access_drift(wanted.access, there.root) + flags)


def inheriting(wanted: WantedMount, there: Bpffs) -> WantedMount:
    """`wanted` for a file system that takes the place of `there`: what is not declared stays."""
    access, root = wanted.access, there.root
    return replace(
        wanted,
        access=Access(
            root.owner if access.owner is None else access.owner,
            root.group if access.group is None else access.group,
            root.mode if access.mode is None else access.mode,
        ),
        set_flags=flags_to_set(wanted, there.flags),
        delegate=tuple({**_delegated(there), **dict(wanted.delegate)}.items()),
    )


def _delegated(there: Bpffs) -> Dict[str, FrozenSet[str]]:
    return {field: names for field, names in there.delegate.items() if names}


def plan_unmount(wanted: WantedUnmount, seen: MountSeen) -> MountPlan:
    """Decide what makes the bpffs at the path go away, and whether it may."""
    there = seen.bpffs
    if there is None:
        if any(layer.fstype == "bpf" for layer in seen.layers):  # hidden by another mount
            return MountPlan(problems=[f"{wanted.path} {_other_mount(seen.layers[-1])}"])
        return MountPlan()
    if seen.stacked:
        return MountPlan(problems=[f"{wanted.path} {_stacked(seen)}"])
    if there.pins != [] and not wanted.force:
        return MountPlan(
            problems=[
                f"{wanted.path} holds {_pins(there)}, which an unmount would drop. Remove them "
                "first with ebpf.pinning.bpf_pin_absent, or set force: true to drop them"
            ]
        )
    problem = _held(seen)
    if problem:
        return MountPlan(problems=[problem])
    return MountPlan(unmount=True, dropped=there.pins or ())


def _held(seen: MountSeen) -> str:
    """Why it cannot be unmounted, whatever is in it."""
    if seen.inside:
        return (
            f"{seen.path} cannot be unmounted while something is mounted in it "
            f"({', '.join(seen.inside)}): unmount that first, then run again"
        )
    return "" if seen.may_mount else _not_allowed("umount", seen)


def _not_allowed(call: str, seen: MountSeen) -> str:
    return f"{seen.path}: {refusal(call, errno.EPERM)}"


def _obstacle(seen: MountSeen) -> str:
    mount = seen.mount
    if mount is None:
        return (
            "lies in a mount that /proc/self/mountinfo does not show: run in the mount namespace "
            "of the host"
        )
    if mount.fstype == "bpf" and seen.bpffs is None:
        return (
            f"is a directory of the bpffs that is mounted at {mount.point}: use that one, or "
            "declare a path outside it"
        )
    if not seen.kernel_has_bpffs:
        return "cannot be mounted: this kernel has no BPF file system; it needs CONFIG_BPF_SYSCALL"
    if mount.fstype in _NO_DIRECTORIES and seen.missing:
        return (
            f"does not exist, and nobody can make directories in {mount.fstype}: declare "
            "/sys/fs/bpf"
        )
    if seen.bpffs is None and mount.point == seen.path:
        return _other_mount(mount)
    if seen.stacked:
        return _stacked(seen)
    return ""


def _other_mount(mount: Mount) -> str:
    return (
        f"has a file system of type {mount.fstype} on top (source {mount.source}): unmount it, "
        "or declare another path"
    )


def _stacked(seen: MountSeen) -> str:
    layers = ", ".join(f"{layer.fstype} (mount id {layer.id})" for layer in seen.layers)
    return (
        f"is mounted {len(seen.layers)} times over itself, the lowest first: {layers}. The pins "
        f"of the lower ones are hidden; look which is in use, and `umount {seen.path}` by hand"
    )


def _delegate_drift(wanted: WantedMount, there: Bpffs) -> Tuple[Drift, ...]:
    return tuple(
        Drift(f"delegate_{field}", sorted(names), sorted(there.delegate[field]))
        for field, names in wanted.delegate
        if names != there.delegate[field]
    )


def _delegate_problem(wanted: WantedMount, there: Bpffs, drift: Sequence[Drift]) -> str:
    fields = "; ".join(
        f"{each.field}: want {','.join(each.want)}, "  # type: ignore[arg-type]
        f"have {','.join(each.have) or 'nothing'}"  # type: ignore[arg-type]
        for each in drift
    )
    if there.mount.root != "/":
        cure = f"it shows only {there.mount.root} of a bpffs: mount that one anew where it is whole"
    elif there.pins == []:
        cure = "set force: true to unmount the empty file system and mount it anew"
    else:
        cure = f"it holds {_pins(there)}: remove them first with ebpf.pinning.bpf_pin_absent"
    return f"{wanted.path} delegates otherwise, and a mount cannot change that ({fields}); {cure}"


def _flag_drift(wanted: WantedMount, there: Bpffs) -> Tuple[Drift, ...]:
    have = there.flags
    want = flags_to_set(wanted, have)
    return (Drift("opts", sorted(want), sorted(have)),) if want != have else ()


def flags_to_set(wanted: WantedMount, have: FrozenSet[str]) -> FrozenSet[str]:
    """The flags as they are to be: those declared, and all others as they are."""
    kept = have - wanted.clear_flags
    if wanted.set_flags & ATIME:
        kept = kept - ATIME
    return kept | wanted.set_flags


def _pins(there: Bpffs) -> str:
    if there.pins is None:
        return "pins that cannot be listed"
    count = "1 pin" if len(there.pins) == 1 else f"{len(there.pins)} pins"
    more = "" if len(there.pins) <= _SHOWN else f", and {len(there.pins) - _SHOWN} more"
    return f"{count} ({', '.join(there.pins[:_SHOWN])}{more})"


_SHOWN = 5  # paths in a message
# There are none to be made, or they are something else: a control group, an instance, an item.
_NO_DIRECTORIES = frozenset(
    {
        *("binfmt_misc", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs"),
        *("fusectl", "mqueue", "proc", "pstore", "resctrl", "securityfs", "selinuxfs", "sysfs"),
        "tracefs",
    }
)
