# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_map_entries to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t
from dataclasses import replace

from .._core.engine.run import plan
from .._core.engine.steps import Action, Cure, Outcome
from .._core.kinds.entries.apply import EntriesKind
from .._core.kinds.entries.declaration import Filling, WantedEntries, read_entries
from .._core.kinds.entries.plan import EntriesPlan, EntriesStep, expecting
from .._core.kinds.maps.told import told_of
from .._core.kinds.pins.exposure import Caution, Remedy, cautions
from .._core.kinds.pins.observed import Nothing, PinnedMap
from .._core.people import Awaited
from .batch import Batch, carry_out
from .report import Declared, Dictionary, but_freed, failures_reported, text_diff

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = (Action.ADJUST,)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    gc.disable()  # many entries are many values and no cycles, and the process ends with it
    parameters = module.params
    kind, awaited = EntriesKind(), t.cast(Awaited, {})
    with failures_reported(module):
        items = [parameters] if parameters["maps"] is None else parameters["maps"]
        wanted = read_entries(items, awaited if module.check_mode else None)
        observed = but_freed(module, kind.observe(wanted))
        decided = plan(kind, observed)
        if module.check_mode:
            announced = plan(kind, expecting(observed, awaited))
            decided = decided if announced.texts(Cure.NONE) else announced
        carry_out(module, ENTRIES, kind, decided, awaited)


def _map(outcome: Outcome) -> Dictionary:
    step: EntriesStep = outcome.step
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
        "id": step.found.id if isinstance(step.found, PinnedMap) else None,
        "entries": told_of(outcome) if isinstance(step.wanted, Filling) else None,
    }
    if isinstance(step.found, Nothing) and isinstance(step.wanted, WantedEntries):
        report["declared"] = {"entries_mode": step.wanted.mode}
    if outcome.error:
        report["error"] = outcome.error
    return report


def _diff(outcome: Outcome) -> Dictionary:
    changes = outcome.step.changes
    before = {change.field: change.have for change in changes}
    return text_diff(outcome.step.wanted.path, before, {each.field: each.want for each in changes})


def _cautions(decided: EntriesPlan) -> t.Iterator[Caution]:
    """Yield what there is to know about others who can exchange the pins."""
    there = [step for step in decided.steps if isinstance(step.found, PinnedMap)]
    yield from cautions(replace(decided, steps=there), _held_open)


def _held_open(_step: EntriesStep) -> Remedy:
    return Remedy("", "")  # access is not declared, so nobody expects it to close


def _warnings(_decided: EntriesPlan) -> t.Iterator[str]:
    return iter(())


ENTRIES = Batch("maps", DONE, _map, _diff, _cautions, _warnings)
