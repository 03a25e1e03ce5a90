# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_object_pinned to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from ._core.apply.names import Result, apply, foresee
from ._core.apply.objects import ObjectCraft, ObjectOutcome
from ._core.found.pins import PinnedLink, PinnedMap
from ._core.objects import programs_using
from ._core.observe.objects import observe
from ._core.observe.openings import openings
from ._core.plan.exposure import Caution, boundaries_of, cautions, told, undrawn
from ._core.plan.objects import (
    HELD_OPEN,
    AdjustObject,
    KeepObject,
    ObjectPlan,
    RefuseObject,
    ReplaceObject,
    expecting,
    plan,
    sources,
)
from ._core.spec.fields import group_name, octal, user_name
from ._core.spec.objects import read_objects
from ._core.syscall import KernelError
from ._face import (
    Declared,
    Dictionary,
    batch_report,
    but_freed,
    certain_problems,
    failures_reported,
    printable,
    read_awaiting,
    refused,
    remaining_problems,
    stopped,
    text_diff,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = ("created", "adjusted", "replaced")


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    parameters = module.params
    craft = ObjectCraft()
    with failures_reported(module):
        items = [parameters] if parameters["objects"] is None else parameters["objects"]
        wanted, awaited = read_awaiting(
            module, lambda awaited: read_objects(items, parameters, awaited)
        )
        picture = observe(wanted)
        picture = picture._replace(found=but_freed(module, wanted, picture.found))
        decided = plan(wanted, picture, parents=parameters["parents"])
        if module.check_mode:
            picture = expecting(wanted, picture, awaited)
            announced = plan(wanted, picture, parents=parameters["parents"])
            decided = decided if certain_problems(announced) else announced
        known = list(told(_cautions(decided)))
        for warning in (*known, *_foreseeable(decided)):
            module.warn(warning)
        problems = remaining_problems(module, decided, awaited)
        if problems:
            report = _report(foresee(decided, craft), known, with_diff=False)
            module.fail_json(**refused(report, problems))
        if module.check_mode:
            result = foresee(decided, craft)
        else:
            with craft.holding(decided):
                result = apply(decided, craft)
        report = _report(result, known, with_diff=module._diff)
        if result.error:
            report["msg"] = stopped(result, DONE, "objects")
            module.fail_json(**printable(report))
        module.exit_json(**report)


def _cautions(decided: ObjectPlan) -> t.Iterator[Caution]:
    """What there is to know about others who can open or exchange the pins."""
    yield from cautions(decided, HELD_OPEN)
    yield from sources(decided)
    meant = list(boundaries_of(decided, lambda step: False if step.object.kind == "map" else None))
    if meant:
        yield from undrawn(meant, list(openings()))


def _foreseeable(decided: ObjectPlan) -> t.Iterator[str]:
    replaced = [step for step in decided.steps if isinstance(step, ReplaceObject)]
    for step in replaced:
        if isinstance(step.found, PinnedLink):
            yield f"{step.wanted.path}: when the pin is replaced, {step.found.loss}"
    for kept in decided.steps:
        link = kept.found if isinstance(kept, (KeepObject, AdjustObject)) else None
        if isinstance(link, PinnedLink) and link.attached is False:
            yield f"{kept.wanted.path}: {link.idleness}"
    maps = [step for step in replaced if isinstance(step.found, PinnedMap)]
    try:
        users = programs_using(step.found.id for step in maps)
    except KernelError as error:
        yield f"Whether programs use the maps that are replaced cannot be told: {error}"
        return
    for step in maps:
        programs = ", ".join(program.label for program in users[step.found.id])
        if programs:
            yield (
                f"{step.wanted.path}: programs go on using the map that is replaced until they are "
                f"loaded again: {programs}"
            )


def _report(
    result: Result[ObjectOutcome], known: t.Sequence[str], *, with_diff: bool
) -> Dictionary:
    report = batch_report(result, "objects", DONE, _object, _diff if with_diff else None)
    return {**report, "cautions": known}


def _object(outcome: ObjectOutcome) -> Dictionary:
    step = outcome.step
    known = None if isinstance(step, RefuseObject) else step.object
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.name),
        "action": outcome.action,
        "drift": [vars(drift) for drift in step.drift],
        "type": (known and known.kind) or None,
        "id": (known and known.id) or None,
        "object_name": known and known.name,
    }
    if outcome.error:
        report["error"] = outcome.error
    return report


def _diff(outcome: ObjectOutcome) -> Dictionary:
    step = outcome.step
    after: Dictionary = {drift.field: drift.want for drift in step.drift}
    before: Dictionary = {drift.field: drift.have for drift in step.drift}
    if outcome.action == "created" and not isinstance(step, RefuseObject):
        access = step.wanted.access
        after["object"] = step.object.label
        if access.owner is not None:
            after["owner"] = user_name(access.owner)
        if access.group is not None:
            after["group"] = group_name(access.group)
        if access.mode is not None:
            after["mode"] = octal(access.mode)
    return text_diff(step.wanted.path, before, after)
