# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mounts of a declaration, with their entries in fstab. Private to this collection."""

from __future__ import annotations

import typing as t
from collections import Counter
from functools import partial

from .._core.engine.steps import Outcome, Result
from .._core.engine.whole import Part
from .._core.errors import TROUBLE, ProblemCollector, explained
from .._core.kinds.mounts.apply import MountDone, MountKind
from .._core.kinds.mounts.declaration import WantedMount, read_mount
from .._core.kinds.mounts.observe import observe
from .._core.kinds.mounts.plan import MountStep, carried, dropped
from .._core.people import Ids
from .mounted import mount_fields
from .mounts import Fstab, diff_of, found_fields, planned_fstab, predicted, write
from .report import Declared, Dictionary

if t.TYPE_CHECKING:
    from .._core.whole.declaration import Mount

Parameters = t.Mapping[str, t.Any]


class MountPart(Part):
    """Mounts, and what fstab is to say of them. `items` are as the module bpffs_mount takes one."""

    def __init__(self, wanted: t.Sequence[Mount], items: t.Sequence[Parameters], ids: Ids) -> None:
        super().__init__("mounts", MountKind(self._source), wanted)
        self._declared = [(item, read_mount(item, ids)) for item in items]
        self.tables: t.List[Fstab] = []

    def decide(self, forecast: t.Any, *, predicting: bool) -> None:
        super().decide(forecast, predicting=predicting)
        self.tables = []
        if self.plan.problems:
            return
        problems = ProblemCollector()
        tables = [
            problems.of(partial(planned_fstab, item, wanted, step))
            for (item, wanted), step in zip(self._declared, self.plan.steps)
        ]
        problems.raise_any()
        self.tables = tables

    def act(self, *, predicting: bool) -> Result:
        """Mount, then write fstab."""
        result = super().act(predicting=predicting)
        for outcome in result.outcomes:
            if outcome.error and outcome.after is not None:
                result.partly += outcome.after.done
        try:
            for table in self._changing() if not result.error else ():
                path = table.start.fstab
                is_written = predicting or write(table)
                if is_written and path not in result.written:
                    result.written.append(path)
        except TROUBLE as error:
            result.error = explained(error)
        return result

    def _changing(self) -> t.Iterator[Fstab]:
        return (table for table in self.tables if table.after != table.before)

    @property
    def is_idle(self) -> bool:
        return super().is_idle and not any(self._changing())

    def warnings(self) -> t.Iterator[str]:
        """Yield what is to be known of fstab."""
        for table in self.tables:
            yield from table.remarks
        for step in self.plan.steps:
            if step.found.stack and not step.is_idle:
                yield (
                    f"{step.wanted.path}: what a check tells of pins in it is as they are now, "
                    "while one bpffs still hides another"
                )

    def _source(self, path: str) -> str:
        paths = [wanted.path for _item, wanted in self._declared]
        return self.tables[paths.index(path)].source

    def report(self, result: Result, *, with_diff: bool) -> Dictionary:
        """Return what became of each mount, in the words of the module."""
        counts = Counter(outcome.word for outcome in result.outcomes)
        report: Dictionary = {"mounts": [], "counts": dict(counts), "files": result.written}
        diff = report["diff"] = []
        for index, ((_item, wanted), outcome) in enumerate(zip(self._declared, result.outcomes)):
            step: MountStep = outcome.step
            table = self.tables[index] if self.tables else None
            mount = _mount(wanted, outcome, table)
            report["mounts"].append(
                {
                    "target": Declared(wanted.path),
                    "action": outcome.word,
                    "mount": mount,
                    "drift": [*map(vars, step.changes), *(table.drift if table else ())],
                    "dropped": _dropped(step, outcome),
                    **({"carried": list(carried(step))} if wanted.repair else {}),
                    **({"error": outcome.error} if outcome.error else {}),
                }
            )
            if with_diff and table:
                diff += diff_of(wanted.path, found_fields(step.found), mount, table)
        return report


def _dropped(step: MountStep, outcome: Outcome) -> t.List[str]:
    if outcome.after is not None and outcome.after.dropped:
        return list(outcome.after.dropped)
    return list(dropped(step)) if outcome.changed else []


def _mount(
    wanted: WantedMount, outcome: Outcome, table: t.Optional[Fstab]
) -> t.Optional[Dictionary]:
    step: MountStep = outcome.step
    after: t.Optional[MountDone] = outcome.after
    if outcome.error:
        return mount_fields(observe(wanted.path))  # some of it may be done
    if after is not None:
        return mount_fields(after.seen) if after.seen else None
    if table is None or not outcome.changed:
        return mount_fields(step.found)
    return predicted(wanted, step, table.source)
