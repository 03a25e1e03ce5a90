# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What to do about a mount. Pure: reads nothing, changes nothing."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, FrozenSet, Optional, Sequence, Tuple, Union

from ...engine.steps import Action, Change, Plan, Step
from ...errors import refusal
from ...mountinfo import Mount
from ...people import People
from ...shape import Access
from ..pins.access import access_drift
from .declaration import ATIME, WantedMount, WantedUnmount
from .observed import Bpffs, MountSeen


class FlagChange(Change):
    """Flags of the mount, which a remount sets."""


class StackChange(Change):
    """Several bpffs over one another, of which one is to stay."""


if TYPE_CHECKING:
    from .stack import Merge

MountStep = Step[Union[WantedMount, WantedUnmount], MountSeen]
MountPlan = Plan[Union[WantedMount, WantedUnmount], MountSeen]


def decide(wanted: Union[WantedMount, WantedUnmount], seen: MountSeen, people: People) -> MountStep:
    """Decide what makes a bpffs be on top at the path, or go away. Never a second one."""
    if isinstance(wanted, WantedUnmount):
        return _decide_unmount(wanted, seen)
    if seen.stack:
        return _decide_stacked(wanted, seen, people)
    problem = _obstacle(seen)
    if wanted.repair and seen.is_mixed:
        problem = (
            f"has another file system between the bpffs over one another: unmount it by hand "
            f"(`findmnt {wanted.path}`), then run again"
        )
    if problem:
        return _refuse(wanted, seen, f"{wanted.path} {problem}")
    there = seen.bpffs
    if there is None:
        problem = seen.hindrance if seen.may_mount else _not_allowed("mount", seen)
        return _refuse(wanted, seen, problem) if problem else Step(wanted, seen, Action.MOUNT)
    delegate = _delegate_drift(wanted, there)
    if delegate:
        if not wanted.force or there.pins != [] or there.mount.root != "/":
            return _refuse(wanted, seen, _delegate_problem(wanted, there, delegate))
        problem = _held(seen)
        if problem:
            return _refuse(wanted, seen, problem)
        return Step(wanted, seen, Action.MOUNT, delegate)
    flags = _flag_drift(wanted, there)
    if flags and not seen.may_mount:
        return _refuse(wanted, seen, _not_allowed("mount", seen))
    drift = access_drift(wanted.access, there.root, people) + flags
    return Step(wanted, seen, Action.ADJUST if drift else Action.KEEP, drift)


def _decide_stacked(wanted: WantedMount, seen: MountSeen, people: People) -> MountStep:
    """Decide about what will be there once one of several bpffs is left."""
    from .stack import obstacle

    problem = obstacle(seen, wanted.keep, people.task, force=wanted.force)
    if not problem and not seen.may_mount:
        problem = _not_allowed("umount", seen)
    if problem:
        return _refuse(wanted, seen, problem)
    step = decide(wanted, unstacked(seen, wanted.keep), people)
    if step.action is Action.MOUNT:  # an empty one, that would have to be mounted anew
        return _refuse(
            wanted,
            seen,
            f"{wanted.path} delegates otherwise, too: repair it in a task without delegate_*, then "
            "declare these",
        )
    if step.action is Action.REFUSE:
        return _refuse(wanted, seen, step.reason)
    change = StackChange("layers", 1, len(seen.stack))
    return Step(wanted, seen, Action.ADJUST, (change, *step.changes))


def unstacked(seen: MountSeen, keep: Optional[str]) -> MountSeen:
    """Return what there will be once only the lowest bpffs is left."""
    from .stack import merge_of

    lowest, merge = seen.stack[0], merge_of(seen.stack, keep)
    names = {pin.path for pin in lowest.pins} | {each.pin.path for each in merge.carried}
    pins = [f"{seen.path}/{name}" for name in sorted(names)]
    layers = seen.layers[: len(seen.layers) - len(seen.stack) + 1]
    there = Bpffs(lowest.mount, lowest.root, pins)
    identity = lowest.root.identity
    return replace(
        seen, identity=identity, mount=lowest.mount, layers=layers, bpffs=there, stack=()
    )


def unmounts(step: MountStep) -> bool:
    """Return whether what is mounted goes, be it that another one takes its place."""
    replaces = step.action is Action.MOUNT and step.found.bpffs is not None
    return replaces or step.action is Action.UNMOUNT


def dropped(step: MountStep) -> Sequence[str]:
    """Return the pins that are lost by it."""
    there = step.found.bpffs
    merge = _merge(step)
    if merge:
        return [f"{step.wanted.path}/{pin.path}" for pin in merge.dropped]
    return (there.pins or ()) if there and step.action is Action.UNMOUNT else ()


def carried(step: MountStep) -> Sequence[str]:
    """Return the pins that are made in the lowest of several bpffs, as they are in others."""
    merge = _merge(step)
    return [f"{step.wanted.path}/{each.pin.path}" for each in merge.carried] if merge else ()


def _merge(step: MountStep) -> Optional[Merge]:
    wanted = step.wanted
    if isinstance(wanted, WantedUnmount) or step.action is not Action.ADJUST:
        return None
    if not step.found.stack:
        return None
    from .stack import merge_of  # few bpffs are mounted over others

    return merge_of(step.found.stack, wanted.keep)


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


def _decide_unmount(wanted: WantedUnmount, seen: MountSeen) -> MountStep:
    there = seen.bpffs
    if there is None:
        if any(layer.fstype == "bpf" for layer in seen.layers):  # hidden by another mount
            return _refuse(wanted, seen, f"{wanted.path} {_other_mount(seen.layers[-1])}")
        return Step(wanted, seen, Action.KEEP)
    if seen.stacked:
        return _refuse(wanted, seen, f"{wanted.path} {_stacked(seen)}")
    if there.pins != [] and not wanted.force:
        return _refuse(
            wanted,
            seen,
            f"{wanted.path} holds {_pins(there)}, which an unmount would drop. Remove them "
            "first with ebpf.pinning.bpf_pin_absent, or set force: true to drop them",
        )
    problem = _held(seen)
    return _refuse(wanted, seen, problem) if problem else Step(wanted, seen, Action.UNMOUNT)


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


def _refuse(wanted: Union[WantedMount, WantedUnmount], seen: MountSeen, reason: str) -> MountStep:
    return Step(wanted, seen, Action.REFUSE, reason=reason)


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
        f"of the lower ones are hidden; repair: true says which are in which, or look yourself, "
        f"and `umount {seen.path}` by hand"
    )


def _delegate_drift(wanted: WantedMount, there: Bpffs) -> Tuple[Change, ...]:
    return tuple(
        Change(f"delegate_{field}", sorted(names), sorted(there.delegate[field]))
        for field, names in wanted.delegate
        if names != there.delegate[field]
    )


def _delegate_problem(wanted: WantedMount, there: Bpffs, drift: Sequence[Change]) -> str:
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


def _flag_drift(wanted: WantedMount, there: Bpffs) -> Tuple[Change, ...]:
    have = there.flags
    want = flags_to_set(wanted, have)
    return (FlagChange("opts", sorted(want), sorted(have)),) if want != have else ()


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
