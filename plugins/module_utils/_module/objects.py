# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_object_pinned to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.engine.run import plan
from .._core.engine.steps import Action, Cure, Outcome
from .._core.kinds.objects.apply import ObjectKind
from .._core.kinds.objects.declaration import read_objects
from .._core.kinds.objects.plan import ObjectPlan, ObjectStep, expecting, held_open, known, sources
from .._core.kinds.pins.exposure import Caution, cautions
from .._core.kinds.pins.observed import PinnedLink, PinnedMap
from .._core.kinds.pins.programs import programs_using
from .._core.syscall import KernelError
from .batch import Batch, carry_out, not_kept
from .report import (
    Declared,
    Dictionary,
    access_fields,
    but_freed,
    failures_reported,
    read_awaiting,
    still_using,
    text_diff,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = (Action.CREATE, Action.ADJUST, Action.REPLACE)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    parameters = module.params
    kind = ObjectKind(parents=parameters["parents"])
    with failures_reported(module):
        items = [parameters] if parameters["objects"] is None else parameters["objects"]
        wanted, awaited = read_awaiting(module, lambda ids: read_objects(items, parameters, ids))
        observed = but_freed(module, kind.observe(wanted))
        decided = plan(kind, observed)
        if module.check_mode:
            announced = plan(kind, expecting(observed, awaited))
            decided = decided if announced.texts(Cure.NONE) else announced
        carry_out(module, OBJECTS, kind, decided, awaited)


def _cautions(decided: ObjectPlan) -> t.Iterator[Caution]:
    """Yield what there is to know about others who can open or exchange the pins."""
    yield from cautions(decided, held_open)
    yield from sources(decided)
    yield from not_kept(decided, lambda step: False if known(step).kind == "map" else None)


def _warnings(decided: ObjectPlan) -> t.Iterator[str]:
    replaced = [step for step in decided.steps if step.action is Action.REPLACE]
    for step in replaced:
        if isinstance(step.found, PinnedLink):
            yield f"{step.wanted.path}: when the pin is replaced, {step.found.loss}"
    for kept in decided.steps:
        link = kept.found if kept.action in (Action.KEEP, Action.ADJUST) else None
        if isinstance(link, PinnedLink) and link.attached is False:
            yield f"{kept.wanted.path}: {link.idleness}"
    maps = [(step, step.found) for step in replaced if isinstance(step.found, PinnedMap)]
    try:
        users = programs_using(found.id for _step, found in maps)
    except KernelError as error:
        yield f"The kernel does not say which programs use the maps that are replaced: {error}"
        return
    for step, found in maps:
        if users[found.id]:
            yield f"{step.wanted.path}: {still_using(users[found.id])}"


def _object(outcome: Outcome) -> Dictionary:
    step: ObjectStep = outcome.step
    meant = None if step.action is Action.REFUSE else known(step)
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.name),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
        "type": (meant and meant.kind) or None,
        "id": (meant and meant.id) or None,
        "object_name": meant and meant.name,
    }
    if outcome.error:
        report["error"] = outcome.error
    return report


def _diff(outcome: Outcome) -> Dictionary:
    step: ObjectStep = outcome.step
    after: Dictionary = {change.field: change.want for change in step.changes}
    before: Dictionary = {change.field: change.have for change in step.changes}
    if step.action is Action.CREATE:
        after.update(object=known(step).label, **access_fields(step.wanted.access))
    return text_diff(step.wanted.path, before, after)


OBJECTS = Batch("objects", DONE, _object, _diff, _cautions, _warnings)
