# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpffs_mount to its result. Private to this collection."""

from __future__ import annotations

import os
import typing as t
from functools import partial

from ._core import fstab
from ._core.apply.mounts import apply_mount, apply_unmount
from ._core.errors import Problems
from ._core.found.mounts import MountSeen
from ._core.observe.mounts import observe
from ._core.plan.mounts import MountPlan, flags_to_set, inheriting, plan_mount, plan_unmount
from ._core.spec.fields import absolute, group_name, octal, user_name
from ._core.spec.mounts import DELEGATES, WantedMount, WantedUnmount, read_mount
from ._face import (
    Dictionary,
    failures_reported,
    file_diff,
    printable,
    read_awaiting,
    text_diff,
    warn_of,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class _Boot(t.NamedTuple):
    """fstab as it is, and what makes it as it is to be."""

    path: str
    before: bytes
    change: t.Callable[[bytes], bytes]

    @property
    def after(self) -> bytes:
        return self.change(self.before)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    parameters = module.params
    done: t.List[str] = []
    with failures_reported(module, done):
        wanted, awaited = read_awaiting(module, partial(read_mount, parameters))
        warn_of(module, awaited)
        boot = _boot(parameters, wanted)
        seen = observe(wanted.path)
        if parameters["state"] == "mounted":
            plan = plan_mount(wanted, seen)
        else:
            plan = plan_unmount(WantedUnmount(wanted.path, wanted.force), seen)
        if plan.problems:
            raise Problems(plan.problems)
        dropped = list(plan.dropped)
        if module.check_mode:
            mount = _foreseen(wanted, seen, plan)
            changed = plan.changes or bool(boot and boot.after != boot.before)
        else:
            mount, dropped = _apply(wanted, seen, plan, done)
            if boot and fstab.update(boot.path, boot.change):
                done.append(f"{boot.path} written")
            changed = bool(done)
        report: Dictionary = {
            "changed": changed,
            "action": plan.action,
            "target": wanted.path,
            "mount": mount,
            "drift": [*map(vars, plan.drift), *_boot_drift(boot)],
            "dropped": dropped,
        }
        if module._diff:
            report["diff"] = _diff(wanted.path, mount_fields(seen), mount, boot)
        module.exit_json(**printable(report))


def _boot(parameters: t.Mapping[str, t.Any], wanted: WantedMount) -> t.Optional[_Boot]:
    if parameters["boot"] is None:
        return None
    path = absolute(parameters["fstab"] or "", "fstab")
    if parameters["boot"]:
        boot = _Boot(path, fstab.read(path), partial(fstab.with_entry, wanted=wanted, fstab=path))
    else:
        boot = _Boot(path, fstab.read(path), partial(fstab.without_entry, path=wanted.path))
    boot.change(boot.before)  # so that what cannot be is told before anything is mounted
    return boot


def _boot_drift(boot: t.Optional[_Boot]) -> t.Iterator[Dictionary]:
    """The lines of fstab that are not as declared, as found before anything was written."""
    if boot and boot.after != boot.before:
        have, want = boot.before.splitlines(), boot.after.splitlines()
        yield {
            "field": "boot",
            "want": [os.fsdecode(line) for line in want if line not in have],
            "have": [os.fsdecode(line) for line in have if line not in want],
        }


def _apply(
    wanted: WantedMount, seen: MountSeen, plan: MountPlan, done: t.List[str]
) -> t.Tuple[t.Optional[Dictionary], t.List[str]]:
    """The mount afterwards, and the pins that went with an unmount."""
    if plan.mount or plan.drift:
        return mount_fields(apply_mount(wanted, seen, plan, done)), []
    if plan.unmount:
        dropped = apply_unmount(seen, force=wanted.force)
        done.append("unmounted")
        return None, dropped
    return mount_fields(seen), []


def mount_fields(seen: MountSeen) -> t.Optional[Dictionary]:
    """What a mounted bpffs is like, in the words of the options; None where there is none."""
    there = seen.bpffs
    if there is None:
        return None
    return {
        "path": seen.path,
        "source": there.mount.source,
        "opts": sorted(there.flags),
        "mode": octal(there.root.mode),
        "owner": user_name(there.root.owner),
        "group": group_name(there.root.group),
        "delegate": {field: sorted(names) for field, names in there.delegate.items()},
        "pins": None if there.pins is None else len(there.pins),
    }


def _foreseen(wanted: WantedMount, seen: MountSeen, plan: MountPlan) -> t.Optional[Dictionary]:
    """The picture that `_apply` will give if nothing goes wrong."""
    if plan.mount:
        return _new_mount(inheriting(wanted, seen.bpffs) if seen.bpffs else wanted)
    picture = None if plan.unmount else mount_fields(seen)
    if picture is not None:
        for drift in plan.drift:
            picture[drift.field] = drift.want
    return picture


def _new_mount(wanted: WantedMount) -> Dictionary:
    access = wanted.access
    delegate = dict(wanted.delegate)
    return {
        "path": wanted.path,
        "source": "bpffs",
        "opts": sorted(flags_to_set(wanted, frozenset({"relatime"}))),
        "mode": octal(0o1777 if access.mode is None else access.mode),
        "owner": user_name(os.geteuid() if access.owner is None else access.owner),
        "group": group_name(os.getegid() if access.group is None else access.group),
        "delegate": {field: sorted(delegate.get(field, ())) for field in DELEGATES},
        "pins": 0,
    }


def _diff(
    path: str,
    before: t.Optional[Dictionary],
    after: t.Optional[Dictionary],
    boot: t.Optional[_Boot],
) -> t.List[Dictionary]:
    diff = []
    if before != after:
        diff.append(text_diff(path, _flat(before), _flat(after)))
    if boot and boot.after != boot.before:
        diff.append(file_diff(boot.path, boot.before, boot.after))
    return diff


def _flat(mount: t.Optional[Dictionary]) -> Dictionary:
    if mount is None:
        return {}
    fields = dict(mount)
    del fields["path"]
    for field, names in fields.pop("delegate").items():
        if names:
            fields[f"delegate_{field}"] = names
    return fields
