# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of many items: decided, then predicted or applied, then told. Private, as all in here."""

from __future__ import annotations

import typing as t
from collections import Counter

from .._core.engine.run import AnyKind, AnyPlan, apply, predict
from .._core.engine.steps import Action, Cure, Outcome, Result
from .._core.kinds.pins.exposure import Caution, told
from .._core.people import Awaited
from .._core.shape import UNDECLARED
from .._core.visible import visible, visible_lines
from .report import Dictionary, printable, text_diff, warn_of

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


class Batch(t.NamedTuple):
    """What is particular to the items of a module."""

    key: str  # under which the result lists them
    done: t.Sequence[Action]  # what changes something
    describe: t.Callable[[Outcome], Dictionary]
    diff: t.Callable[[Outcome], Dictionary]
    cautions: t.Callable[[AnyPlan], t.Iterator[Caution]]
    warnings: t.Callable[[AnyPlan], t.Iterator[str]]


def carry_out(
    module: AnsibleModule,
    batch: Batch,
    kind: AnyKind,
    plan: AnyPlan,
    awaited: Awaited,
    **more: t.Any,
) -> t.NoReturn:
    """Do what the plan says, or tell in check mode what would be done, and end the module.

    `awaited` is what a check expects of tasks before; `more` goes into the result.
    """
    cautions = list(told(batch.cautions(plan)))
    for warning in (*cautions, *batch.warnings(plan)):
        module.warn(warning)
    problems = _remaining_problems(module, plan, awaited)
    if problems:
        report = _report(batch, predict(kind, plan), cautions, with_diff=False)
        module.fail_json(**more, **_refused(report, problems))
    result = (predict if module.check_mode else apply)(kind, plan)
    for outcome in result.outcomes:
        for warning in outcome.warnings:
            module.warn(warning)
    report = _report(batch, result, cautions, with_diff=module._diff)
    if result.error:
        report["msg"] = _stopped(result, batch.key)
        module.fail_json(**more, **printable(report))
    module.exit_json(**more, **report)


def _remaining_problems(module: AnsibleModule, plan: AnyPlan, awaited: Awaited) -> t.Sequence[str]:
    """What stops the task. Of what a task before may cure, a check warns, and goes on.

    Without a bpffs nothing can be told of the items, so a run leaves that problem to `apply`.
    """
    lasting = plan.texts(Cure.NONE, Cure.EARLIER_TASK)
    if not module.check_mode:
        return lasting
    warn_of(module, plan.texts(Cure.MOUNT))
    if plan.texts(Cure.NONE):
        return lasting
    warn_of(module, [*awaited, *plan.texts(Cure.EARLIER_TASK)])
    return []


def _report(
    batch: Batch, result: Result, cautions: t.Sequence[str], *, with_diff: bool
) -> Dictionary:
    report: Dictionary = {
        "changed": result.changed,
        batch.key: list(map(batch.describe, result.outcomes)),
        "counts": counts_of(batch, result),
        "directories": result.made,
        "leftovers": result.cleared,
        "cautions": cautions,
    }
    if with_diff:
        report["diff"] = list(diff_of(batch, result))
    return report


def not_kept(plan: AnyPlan, frozen: t.Callable[[t.Any], t.Optional[bool]]) -> t.Iterator[Caution]:
    """Yield a caution for each declared mode that does not keep from others what it means to."""
    if any(step.wanted.access is not UNDECLARED for step in plan.steps):
        # To tell who may pin where takes 3 ms to load.
        from .._core.kinds.pins.openings import not_kept

        yield from not_kept(plan, frozen)


def not_reached(plan: AnyPlan) -> t.Iterator[Caution]:
    """Yield a caution for each declared reader whom something keeps from the pin."""
    if any(step.wanted.readers for step in plan.steps):
        from .._core.kinds.pins.openings import not_reached

        yield from not_reached(plan)


def counts_of(batch: Batch, result: Result) -> t.Dict[str, int]:
    """Return how many items there are of each action."""
    counts = {action.value: 0 for action in (*batch.done, Action.KEEP, Action.REFUSE)}
    for outcome in result.outcomes:
        counts[outcome.word] = counts.get(outcome.word, 0) + 1
    return counts


def diff_of(batch: Batch, result: Result) -> t.Iterator[Dictionary]:
    """Yield an entry of `diff` for all that is, or would be, changed."""
    for path in result.made:
        yield text_diff(path, {}, {"directory": "new"})
    for path in result.cleared:
        yield text_diff(path, {"leftovers": "of a killed run"}, {})
    yield from (batch.diff(outcome) for outcome in result.outcomes if outcome.changed)


def _refused(report: Dictionary, problems: t.Sequence[str]) -> Dictionary:
    """`report` when nothing is done because of `problems`."""
    nothing = {"changed": False, "directories": [], "leftovers": []}
    return t.cast(Dictionary, printable({**report, **nothing, "msg": visible_lines(problems)}))


def _stopped(result: Result, key: str) -> str:
    """The message of a run that stopped at `result.error`: that, and how far it came."""
    words = Counter(outcome.word for outcome in result.outcomes)
    made, error = len(result.made), visible(result.error)
    if len(result.outcomes) == 1 and not made:
        return error
    summary = [f"{made} directories made"] if made else []
    summary += [f"{count} {word.replace('_', ' ')}" for word, count in words.items()]
    return how_far(error, f"{', '.join(summary)} (see `{key}`)", changed=result.changed)


def how_far(error: str, done: str, *, changed: bool) -> str:
    """Return the message of a run that stopped at `error`, after what is `done`, in words."""
    if changed:
        return (
            f"{error}\nDone so far: {done}. What is done stays; fix the cause, then run again to "
            "do the rest."
        )
    return f"{error}\nNothing was changed: {done}. Fix the cause, then run again."
