# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_pin_absent to its result. Private to this collection."""

from __future__ import annotations

import typing as t
from contextlib import suppress

from .._core.engine.run import AnyPlan, apply, plan, predict
from .._core.engine.steps import Action, Outcome, Result
from .._core.kinds.absence.apply import AbsenceKind, path_of
from .._core.kinds.absence.conditions import conditions_of
from .._core.kinds.absence.declaration import AbsentPaths, Prune, absent_paths, prune
from .._core.kinds.absence.plan import Emptied
from .._core.kinds.pins.observed import Pin, PinnedLink, PinnedProg, Sight, memlock_of
from .._core.people import BadField
from .._core.syscall import KernelError
from .._core.visible import visible, visible_lines
from .report import Dictionary, failures_reported, printable, text_diff

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

TOLD = (Action.REMOVE, Action.MISS, Action.SPARE)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    with failures_reported(module):
        kind = AbsenceKind()
        decided = plan(kind, kind.observe([_wanted(module.params)]))
        if decided.problems:
            module.fail_json(msg=visible_lines(decided.texts()), changed=False)
        for warning in losses(decided):
            module.warn(warning)
        result = (predict if module.check_mode else apply)(kind, decided)
        report = report_of(result, with_diff=module._diff)
        if result.error:
            msg = visible(result.error)
            if report["changed"]:
                msg += f"\nRemoved before it failed: {report['counts'][TOLD[0].value]} (see `pins`)"
            module.fail_json(**printable({"msg": msg, **report}))
        module.exit_json(**printable(report))


def losses(decided: AnyPlan, detached: t.Collection[int] = ()) -> t.Iterator[str]:
    """Yield what the user has to know about links and programs that lose their pins.

    `detached` are ids of links that go before.
    """
    for unseen in decided.context or ():
        yield f"users of pins that cannot be seen: {unseen}"
    yield from _still_attached(decided, detached)
    for step in decided.steps:
        link = step.found.found if isinstance(step.found, Sight) else None
        if step.action is Action.REMOVE and isinstance(link, PinnedLink):
            yield f"{path_of(step)}: when the pin is gone, {link.loss}"


def _still_attached(decided: AnyPlan, detached: t.Collection[int]) -> t.Iterator[str]:
    """Yield a warning for each program that goes on, since a link has it attached."""
    programs = {
        path_of(step): step.found.found
        for step in decided.steps
        if step.action is Action.REMOVE
        and isinstance(step.found, Sight)
        and isinstance(step.found.found, PinnedProg)
    }
    if not programs:
        return
    from .._core.kinds.pins.attached import links_of

    with suppress(KernelError):  # who may not ask is not told
        links = links_of({program.id for program in programs.values()})
        for path, program in programs.items():
            for link in (each for each in links[program.id] if each.id not in detached):
                target = "".join(f", {name} {value}" for name, value in link.target.items())
                yield (
                    f"{path}: program {program.id} goes on without this pin: link {link.id} has it "
                    f"attached ({link.type}{target})"
                )


def _wanted(parameters: t.Mapping[str, t.Any]) -> t.Union[AbsentPaths, Prune]:
    kind, recurse = parameters["type"], parameters["recurse"]
    conditions = conditions_of(parameters)
    if parameters["path"] is not None:
        return absent_paths(parameters["path"], kind, recurse=recurse, conditions=conditions)
    if parameters["directory"] is None:
        raise BadField("neither path nor directory is given: say what to remove")
    return prune(
        parameters["directory"],
        parameters["keep"],
        parameters["patterns"],
        kind,
        recurse=recurse,
        shared=parameters["prune_shared"],
        conditions=conditions,
    )


def report_of(result: Result, *, with_diff: bool) -> Dictionary:
    """Return what became of pins that are to be gone."""
    pins, directories = [], []
    for outcome in result.outcomes:
        if not isinstance(outcome.step.found, Emptied):
            pins.append(outcome)
        elif outcome.changed:
            directories.append(path_of(outcome.step))
    told = {action.value: [each for each in pins if each.word == action.value] for action in TOLD}
    removed, missing, spared = told.values()
    report: Dictionary = {
        "changed": result.changed,
        "pins": [_pin(outcome) for outcome in (*removed, *missing)],
        "directories": directories,
        "spared": [
            {"path": path_of(outcome.step), "reason": outcome.step.reason} for outcome in spared
        ],
        "counts": {word: len(outcomes) for word, outcomes in told.items()},
        "freed": _freed(removed),
    }
    if with_diff:
        report["diff"] = [
            text_diff(path_of(outcome.step), _held(outcome.step.found.found), {})
            for outcome in removed
        ] + [text_diff(path, {"directory": "empty"}, {}) for path in directories]
    return report


def _pin(outcome: Outcome) -> Dictionary:
    pin = outcome.step.found.found if outcome.changed else None
    return {
        "path": path_of(outcome.step),
        "action": outcome.word,
        "type": pin and pin.kind,
        "id": pin and pin.id,
        "name": None if pin is None else pin.name,
        "last_reference": outcome.after,
        "memlock": None if pin is None else memlock_of(pin),
    }


def _held(pin: Pin) -> Dictionary:
    memory = memlock_of(pin)
    return {"pin": pin.label} if memory is None else {"pin": pin.label, "memlock": memory}


def _freed(removed: t.Sequence[Outcome]) -> t.Optional[int]:
    """The bytes that the kernel frees with what has lost its last pin; None if it is not known.

    In a check it is known of what nobody else uses.
    """
    freed = {}
    for outcome in removed:
        pin = outcome.step.found.found
        is_last = outcome.after
        if is_last is None and not outcome.step.wanted.conditions.unused:
            return None
        if is_last is not False:
            freed[pin.kind, pin.id] = memlock_of(pin) or 0
    return sum(freed.values())
