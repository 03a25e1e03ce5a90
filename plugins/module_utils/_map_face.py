# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_map_pinned to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t
from dataclasses import replace

from ._core.apply.maps import MapCraft, Outcome
from ._core.apply.names import Result, apply, foresee
from ._core.found.pins import PinnedMap
from ._core.host import this_host
from ._core.map_types import MAP_TYPES
from ._core.objects import programs_using
from ._core.observe.maps import observe
from ._core.observe.openings import openings
from ._core.plan.exposure import Caution, boundaries_of, cautions, told, undrawn
from ._core.plan.maps import (
    HELD_OPEN,
    Create,
    MapPlan,
    Migrate,
    Replace,
    Step,
    plan,
    spell_shape,
    unverified,
)
from ._core.plan.migration import loses_btf
from ._core.spec.fields import group_name, octal, user_name
from ._core.spec.maps import WantedPin, read_pins
from ._core.syscall import KernelError
from ._face import (
    Declared,
    Dictionary,
    batch_report,
    but_freed,
    failures_reported,
    printable,
    read_awaiting,
    refused,
    remaining_problems,
    shape_fields,
    stopped,
    text_diff,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = ("created", "adjusted", "replaced", "migrated")


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    gc.disable()  # a batch makes many values and no cycles, and the process ends with it
    parameters = module.params
    with failures_reported(module):
        items = [parameters] if parameters["maps"] is None else parameters["maps"]
        # Before core 2.21 every result carries all arguments along: a thousand maps, once more.
        said = {"module_args": {**parameters, "maps": f"{len(items)} maps"}}
        pins, awaited = read_awaiting(
            module, lambda awaited: read_pins(items, parameters, this_host(), awaited)
        )
        picture = observe(pins, foreseeing=module.check_mode)
        picture = replace(picture, found=but_freed(module, pins, picture.found))
        decided = plan(pins, picture, parents=parameters["parents"])
        known = list(told(_cautions(decided)))
        for warning in (*known, *_foreseeable(decided)):
            module.warn(warning)
        problems = remaining_problems(module, decided, awaited)
        if problems:
            report = _report(foresee(decided, MapCraft()), known, with_diff=False)
            module.fail_json(invocation=said, **refused(report, problems))
        result = foresee(decided, MapCraft()) if module.check_mode else apply(decided, MapCraft())
        for outcome in result.outcomes:
            for warning in outcome.warnings:
                module.warn(warning)
        report = _report(result, known, with_diff=module._diff)
        if result.error:
            report["msg"] = stopped(result, DONE, "maps")
            module.fail_json(invocation=said, **printable(report))
        module.exit_json(invocation=said, **report)


def _report(result: Result[Outcome], known: t.Sequence[str], *, with_diff: bool) -> Dictionary:
    report = batch_report(result, "maps", DONE, _map, _diff if with_diff else None)
    return {**report, "cautions": known}


def _map(outcome: Outcome) -> Dictionary:
    step = outcome.step
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.name),
        "action": outcome.action,
        "drift": [vars(drift) for drift in step.drift],
        "id": outcome.id,
        "shape": _shape(outcome),
        "unverified": unverified(step),
        "copied": outcome.copied,
        "caught_up": outcome.caught_up,
    }
    if outcome.error:
        report["error"] = outcome.error
    return report


def _shape(outcome: Outcome) -> t.Optional[Dictionary]:
    if outcome.shape is None:
        return None
    return {"name": outcome.kernel_name, **shape_fields(outcome.shape)}


def _diff(outcome: Outcome) -> Dictionary:
    return text_diff(outcome.step.wanted.path, *_sides(outcome.step))


def _sides(step: Step) -> t.Tuple[Dictionary, Dictionary]:
    if isinstance(step, Create) or not isinstance(step.found, PinnedMap):
        return {}, _declared(step.wanted)
    entry = step.found.entry
    before = dict(
        shape_fields(step.found.shape),
        owner=user_name(entry.owner),
        group=group_name(entry.group),
        mode=octal(entry.mode),
    )
    after = dict(before)
    for drift in step.drift:
        before[drift.field], after[drift.field] = drift.have, drift.want
    if isinstance(step, Replace):
        before["entries"] = "those of the old map"
        after["entries"] = "copied" if isinstance(step, Migrate) else "none"
    return before, after


def _declared(wanted: WantedPin) -> Dictionary:
    fields = shape_fields(wanted.map.shape)
    if wanted.map.inner is not None:
        fields["inner_map"] = spell_shape(wanted.map.inner.shape)
    access = wanted.access
    if access.owner is not None:
        fields["owner"] = user_name(access.owner)
    if access.group is not None:
        fields["group"] = group_name(access.group)
    if access.mode is not None:
        fields["mode"] = octal(access.mode)
    if wanted.frozen is not None:
        fields["frozen"] = wanted.frozen
    return fields


def _cautions(decided: MapPlan) -> t.Iterator[Caution]:
    """What there is to know about others who can open or exchange the pins."""
    yield from cautions(decided, HELD_OPEN)
    meant = list(boundaries_of(decided, lambda step: bool(step.wanted.frozen)))
    if meant:
        yield from undrawn(meant, list(openings()))


def _foreseeable(decided: MapPlan) -> t.Iterator[str]:
    """What the user has to know about maps that lose their names."""
    replaced = [step for step in decided.steps if isinstance(step, Replace)]
    for step in replaced:
        if isinstance(step, Migrate) and loses_btf(step.wanted.map, step.found):
            yield (
                f"{step.wanted.path}: the BTF of the old map describes values of another size and "
                "is not carried over: declare btf to keep names of fields"
            )
    try:
        users = programs_using(step.found.id for step in replaced)
    except KernelError as error:
        yield f"Whether programs use the maps that are replaced cannot be told: {error}"
        return
    for step in replaced:
        programs = ", ".join(program.label for program in users[step.found.id])
        if programs:
            yield f"{step.wanted.path}: {_left_behind(step)}: {programs}"


def _left_behind(step: Replace) -> str:
    text = "programs go on using the map that is replaced, and do not see the new one"
    if isinstance(step, Migrate):
        text += ", nor does that one see what they write from then on,"
    if step.found.shape.number == MAP_TYPES["prog_array"].number:
        # prog_array_map_clear, when the last pin and the last descriptor are gone.
        text += "; the kernel takes the programs out of it when it has no pin, so tail calls end"
    return f"{text} until they are loaded again"
