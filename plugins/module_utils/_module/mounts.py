# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpffs_mount to its result. Private to this collection."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from functools import partial

from .._core.engine.run import AnyPlan, apply, plan
from .._core.engine.steps import Action
from .._core.errors import PinningError, Problems
from .._core.fields import octal, plain
from .._core.kinds.mounts import boot
from .._core.kinds.mounts.apply import MountDone, MountKind
from .._core.kinds.mounts.declaration import (
    DELEGATES,
    SOURCE,
    WantedMount,
    WantedUnmount,
    read_mount,
)
from .._core.kinds.mounts.observed import MountSeen
from .._core.kinds.mounts.plan import (
    MountStep,
    StackChange,
    carried,
    dropped,
    flags_to_set,
    inheriting,
    unmounts,
    unstacked,
)
from .._core.users import group_name, user_name
from .mounted import mount_fields
from .report import (
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


class Fstab(t.NamedTuple):
    """fstab as it is, and what makes it as it is to be."""

    start: boot.Boot
    before: bytes
    change: t.Callable[[bytes], bytes]
    remarks: t.Sequence[str] = ()
    hazards: t.Sequence[boot.Hazard] = ()  # where it is only looked at
    source: str = SOURCE  # of a new mount

    @property
    def after(self) -> bytes:
        return self.change(self.before)

    @property
    def drift(self) -> t.Iterator[Dictionary]:
        """The lines that are not as declared, as found before anything was written."""
        before, after = self.before.splitlines(), self.after.splitlines()
        have = _without(before, after)
        have += [hazard.entry.line.rstrip() for hazard in self.hazards if hazard.at_path]
        want = _without(after, before)
        if have or want or after != before:
            if not (have or want):  # an entry changes its place
                have, want = _exchanged(before, after)
            yield {"field": "boot", "want": _lines(want), "have": _lines(have)}


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    parameters = module.params
    done: t.List[str] = []
    with failures_reported(module, done):
        wanted, awaited = read_awaiting(module, partial(read_mount, parameters))
        warn_of(module, awaited)
        kind = MountKind()
        unmount = WantedUnmount(wanted.path, wanted.force)
        decided = plan(
            kind, kind.observe([wanted if parameters["state"] == "mounted" else unmount])
        )
        if decided.problems:
            raise Problems(decided.texts())
        (step,) = decided.steps
        seen = step.found
        table = planned_fstab(parameters, wanted, step)
        gone = list(dropped(step))
        if module.check_mode:
            mount = predicted(wanted, step, table.source)
            changed = not step.is_idle or table.after != table.before
        else:
            mount, unmounted = _apply(MountKind(lambda _path: table.source), decided, done)
            gone = unmounted or gone
            if parameters["boot"] is not None and write(table):
                done.append(f"{table.start.fstab} written")
            changed = bool(done)
        for remark in table.remarks:
            module.warn(str(printable(remark)))
        report: Dictionary = {
            "changed": changed,
            "action": step.action.value,
            "target": wanted.path,
            "mount": mount,
            "drift": [*map(vars, step.changes), *table.drift],
            "dropped": gone,
        }
        if wanted.repair:
            report["carried"] = list(carried(step))
        if module._diff:
            report["diff"] = diff_of(wanted.path, found_fields(seen), mount, table)
        module.exit_json(**printable(report))


def planned_fstab(parameters: t.Mapping[str, t.Any], wanted: WantedMount, step: MountStep) -> Fstab:
    """Return the planned fstab; FstabProblem, before anything is mounted, if it cannot be."""
    seen = step.found
    asked, path = parameters["boot"], parameters.get("fstab") or ""
    start = boot.look(wanted.path, path if asked is None else plain(path, "fstab"))
    before = boot.glance(start.fstab) if asked is None else _read(start.fstab)
    mounts = step.action is Action.MOUNT
    if asked is not None and mounts and start.fstab.startswith(f"{wanted.path}/"):
        raise PinningError(
            f"{start.fstab} would be hidden by what is mounted at {wanted.path}: declare another "
            "path"
        )
    remarks: t.List[str] = []
    change: t.Callable[[bytes], bytes] = bytes  # as it is
    if asked is not None:
        from .._core.kinds.mounts import fstab_change
    if asked:
        # What is only unmounted says nothing of what is mounted at boot.
        then = replace(seen, bpffs=None) if step.action is Action.UNMOUNT else seen
        manner = boot.manner(wanted, then, unmounts(step), before, start)
        change = partial(fstab_change.with_entry, wanted=wanted, fstab=start.fstab, manner=manner)
        remarks += boot.remarks(then, manner, start)
    elif asked is not None:
        change = partial(fstab_change.without_entry, path=wanted.path)
    after = change(before)
    if after != before:
        from .._core.kinds.mounts.fstab_file import check_writable

        check_writable(start.fstab, len(after))
    hazards = boot.hazards(after, seen, start) if parameters["state"] == "mounted" else []
    remarks += [hazard.warning(start.fstab, wanted.path) for hazard in hazards]
    source = boot.source_of_new(wanted.path, seen.bpffs, before, start)
    return Fstab(start, before, change, remarks, hazards if asked is None else (), source)


def _read(path: str) -> bytes:
    from .._core.kinds.mounts.fstab_file import read  # much, and only where `boot` is declared

    return read(path)


def write(table: Fstab) -> bool:
    """Return whether anything had to be written."""
    from .._core.kinds.mounts.fstab_file import update

    return update(table.start.fstab, table.change)


def _without(lines: t.Sequence[bytes], others: t.Iterable[bytes]) -> t.List[bytes]:
    known = set(others)
    return [line for line in lines if line not in known]


def _exchanged(
    before: t.List[bytes], after: t.List[bytes]
) -> t.Tuple[t.List[bytes], t.List[bytes]]:
    """Return what is left without the lines that both begin with, and those that both end with."""
    shorter = min(len(before), len(after))
    start = end = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return before[start : len(before) - end], after[start : len(after) - end]


def _lines(lines: t.Iterable[bytes]) -> t.List[str]:
    return [os.fsdecode(line) for line in lines]


def _apply(
    kind: MountKind, decided: AnyPlan, done: t.List[str]
) -> t.Tuple[t.Optional[Dictionary], t.List[str]]:
    """The mount afterwards, and the pins that went with an unmount."""
    result = apply(kind, decided)
    (outcome,) = result.outcomes
    after: t.Optional[MountDone] = outcome.after
    if after is None:
        return mount_fields(outcome.step.found), []
    done.extend(after.done)
    if result.error:
        raise Problems([result.error])
    return mount_fields(after.seen) if after.seen else None, list(after.dropped)


def predicted(wanted: WantedMount, step: MountStep, source: str) -> t.Optional[Dictionary]:
    """The mount that `_apply` will return if nothing goes wrong."""
    seen = step.found
    if step.action is Action.MOUNT:
        return _new_mount(inheriting(wanted, seen.bpffs) if seen.bpffs else wanted, source)
    if seen.stack and step.action is Action.ADJUST:
        seen = unstacked(seen, wanted.keep)
    fields = None if step.action is Action.UNMOUNT else mount_fields(seen)
    if fields is not None:
        for change in step.changes:
            if not isinstance(change, StackChange):
                fields[change.field] = change.want
    return fields


def _new_mount(wanted: WantedMount, source: str) -> Dictionary:
    access = wanted.as_new.access
    delegate = dict(wanted.delegate)
    return {
        "path": wanted.path,
        "source": source,
        "opts": sorted(flags_to_set(wanted, frozenset({"relatime"}))),
        "mode": octal(access.mode or 0),
        "owner": user_name(os.geteuid() if access.owner is None else access.owner),
        "group": group_name(os.getegid() if access.group is None else access.group),
        "delegate": {field: sorted(delegate.get(field, ())) for field in DELEGATES},
        "pins": 0,
    }


def found_fields(seen: MountSeen) -> t.Optional[Dictionary]:
    """Return what is mounted, also below, as the side of a diff that was found."""
    fields = mount_fields(seen)
    if fields is not None and seen.stack:
        from .._core.kinds.mounts.stack import layers_told

        fields["layers"] = layers_told(seen.stack)
    return fields


def diff_of(
    path: str,
    before: t.Optional[Dictionary],
    after: t.Optional[Dictionary],
    table: Fstab,
) -> t.List[Dictionary]:
    diff = []
    if before != after:
        diff.append(text_diff(path, _flat(before), _flat(after)))
    if table.after != table.before:
        diff.append(file_diff(table.start.fstab, table.before, table.after))
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
