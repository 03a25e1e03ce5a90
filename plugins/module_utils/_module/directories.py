# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How directories are told. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.engine.steps import Action, Outcome
from .._core.fields import octal
from .._core.kinds.directories.plan import Directory, DirectoryStep
from .._core.users import group_name, user_name
from .batch import Batch
from .report import Declared, Dictionary, access_fields, text_diff

DONE = (Action.CREATE, Action.ADJUST)


def _directory(outcome: Outcome) -> Dictionary:
    step: DirectoryStep = outcome.step
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
    }
    if outcome.error:
        report["error"] = outcome.error
    return report


def _diff(outcome: Outcome) -> Dictionary:
    step: DirectoryStep = outcome.step
    if not isinstance(step.found, Directory):
        declared = access_fields(step.wanted.access)
        return text_diff(step.wanted.path, {}, {"directory": "new", **declared})
    entry = step.found.entry
    before: Dictionary = {
        "owner": user_name(entry.owner),
        "group": group_name(entry.group),
        "mode": octal(entry.mode),
    }
    after = {**before, **{change.field: change.want for change in step.changes}}
    return text_diff(step.wanted.path, before, after)


def _nothing(_decided: t.Any) -> t.Iterator[t.Any]:
    return iter(())


DIRECTORIES = Batch("directories", DONE, _directory, _diff, _nothing, _nothing)
