# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_host to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t
from collections import Counter
from functools import partial

from .._core.engine.kind import Observed
from .._core.engine.run import plan, predict
from .._core.engine.standing import Standing
from .._core.engine.steps import Action, Cure, Outcome
from .._core.engine.whole import Acted, Part, act_all, decide_all
from .._core.errors import TROUBLE, explained
from .._core.host import this_host
from .._core.kinds.pins.exposure import told
from .._core.kinds.pins.forecast import Forecast
from .._core.people import Awaited
from .._core.visible import visible, visible_lines
from .._core.whole.declaration import Declaration, read_declaration
from .._core.whole.parts import parts_of
from .batch import Batch, counts_of, diff_of, how_far
from .report import Dictionary, failures_reported, printable, read_awaiting, warn_of

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .._core.users import Users
    from .at_boot import AtBoot
    from .mount_part import MountPart

_LISTS = ("mounts", "directories", "maps", "programs", "links", "objects", "absent")
# Of an item in the drift report.
_SHOWN = frozenset(["path", "action", "drift", "declared", "copied", "entries", "error"])
_OF_WHOLE_HOST = ("spared", "files", "at_boot", Standing.UNDECLARED.value)
_UNDECLARED = {"action": Standing.UNDECLARED.value}


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, declaration, observe, plan, apply, report."""
    given = module.params
    # Before core 2.21 every result carries all arguments along: a thousand maps, once more.
    counts = {key: f"{len(given[key] or ())} {key}" for key in _LISTS}
    carry_out(module, given, {"module_args": {**given, **counts}})


def carry_out(
    module: AnsibleModule, given: Dictionary, said: Dictionary, lists: t.Sequence[str] = _LISTS
) -> t.NoReturn:
    """Make true what is `given`, as arguments of bpf_host; the result has these `lists`.

    `said` is the invocation in the result.
    """
    gc.disable()  # many values, no cycles, and the process ends with it
    check = module.check_mode
    brief: bool = t.cast(t.Any, module).brief
    with failures_reported(module):
        (declared, parts, boot), awaited = read_awaiting(
            module, lambda ids: _read(given, ids, module.run_command)
        )
        forecast = Forecast(_freed(module))
        problems = decide_all(parts, forecast, predicting=check)
        undeclared = _undeclared(declared, parts, forecast, problems)
        for part in parts if check and not problems else ():
            _await_objects(part, awaited)
        problems += _remaining(module, parts, awaited)
        problems += [f"at_boot: {each}" for each in boot.hindrances()] if boot else []
        cautions = [] if problems else [text for part in parts for text in _cautions(part)]
        detached = _detached(parts)
        for warning in (*cautions, *(text for part in parts for text in _warnings(part, detached))):
            module.warn(warning)
        if problems:
            acted = [Acted(part, predict(part.kind, part.plan)) for part in parts]
            nothing = {"changed": False, "made": [], "leftovers": [], "files": []}
            report = _report(acted, with_diff=False, brief=brief)
            report.update(nothing, msg=visible_lines(problems))
            _add_health(given, declared, report)
            module.fail_json(invocation=said, **printable(_only(lists, report)))
        acted = list(act_all(parts, Forecast, predicting=check))
        for warning in (
            text for each in acted for done in each.result.outcomes for text in done.warnings
        ):
            module.warn(warning)
        report = _report(acted, with_diff=module._diff, brief=brief)
        report.update(cautions=cautions, undeclared=undeclared)
        _add_health(given, declared, report)
        error = next((_named(each) for each in acted if each.result.error), "")
        if boot and not error:
            error = _at_boot(module, boot, report)
        if error:
            report["msg"] = how_far(error, _done_so_far(acted), changed=report["changed"])
            module.fail_json(invocation=said, **printable(_only(lists, report)))
        module.exit_json(invocation=said, **_only(lists, report))


def _read(
    given: Dictionary, ids: Users, run: t.Any
) -> t.Tuple[Declaration, t.List[Part], t.Optional[AtBoot]]:
    if given.get("count_entries"):
        from .._core.info.question import check_limit

        check_limit(given["count_limit"])
    declared = read_declaration(given, this_host(), ids)
    parts = list(parts_of(declared, parents=given["parents"]))
    if declared.mounts:
        from .mount_part import MountPart

        parts[0] = MountPart(declared.mounts, given["mounts"], ids)
    if given["at_boot"] is None:
        return declared, parts, None
    from . import at_boot

    return declared, parts, at_boot.of_host(given, ids, run)


def _only(lists: t.Sequence[str], report: Dictionary) -> Dictionary:
    """`report` with these lists, and without what only bpf_host has where they are not all."""
    if lists is _LISTS:
        return report
    left_out = {*_LISTS, *_OF_WHOLE_HOST}.difference(lists)
    return {key: value for key, value in report.items() if key not in left_out}


def _batch_of(part: Part) -> t.Optional[Batch]:
    """What is particular to a kind in reports; None for mounts and absences, which have parts."""
    if part.name == "directories":
        from .directories import DIRECTORIES

        return DIRECTORIES
    if part.name == "maps":
        from .maps import MAPS

        return MAPS
    if part.name == "programs":
        from .programs import PROGRAMS

        return PROGRAMS
    if part.name == "entries":
        from .entries import ENTRIES

        return ENTRIES
    if part.name == "links":
        from .links import LINKS

        return LINKS
    if part.name == "objects":
        from .objects import OBJECTS

        return OBJECTS
    return None


def _freed(module: t.Any) -> t.Collection[str]:
    freed: t.Collection[str] = module.freed
    return freed


def _await_objects(part: Part, awaited: Awaited) -> None:
    """Expect, in a check, objects that something before the run may load, and so links."""
    if part.name == "objects":
        from .._core.kinds.objects.plan import expecting
    elif part.name == "links":
        from .._core.kinds.links.plan import expecting
    else:
        return
    items = [(step.wanted, step.found) for step in part.plan.steps]
    announced = plan(part.kind, expecting(Observed(items, part.plan.context), awaited))
    if not announced.texts(Cure.NONE):
        part.plan = announced


def _remaining(module: AnsibleModule, parts: t.Sequence[Part], awaited: Awaited) -> t.List[str]:
    """What stops the task. Of what a task before may cure, a check warns, and goes on."""
    found = [(part.name, each) for part in parts for each in part.problems]
    problems = [f"{name}: {each.text}" for name, each in found]
    if not module.check_mode or any(each.cure is Cure.NONE for _name, each in found):
        return problems
    warn_of(module, [*awaited, *problems])
    return []


def _cautions(part: Part) -> t.Iterator[str]:
    batch = None if part.name == "entries" else _batch_of(part)  # their maps are declared, too
    return told(batch.cautions(part.plan)) if batch else iter(())


def _detached(parts: t.Sequence[Part]) -> t.Set[int]:
    """The ids of links that are removed before absences are dealt with."""
    return {
        step.found.id
        for part in parts
        if part.name == "links"
        for step in part.plan.steps
        if step.action is Action.REMOVE
    }


def _warnings(part: Part, detached: t.Collection[int]) -> t.Iterator[str]:
    batch = _batch_of(part)
    if batch:
        return batch.warnings(part.plan)
    if part.name == "mounts":
        return t.cast("MountPart", part).warnings()
    from . import absence

    return absence.losses(part.plan, detached)


def _report(acted: t.Sequence[Acted], *, with_diff: bool, brief: bool) -> Dictionary:
    """A list for each kind, as the module for that kind has it, and what they have in common.

    `brief`: of each item only what the drift report shows.
    """
    report: Dictionary = {key: [] for key in _LISTS}
    report.update(spared=[], counts={}, made=[], leftovers=[], files=[], diff=[], at_boot=None)
    for part, result in acted:
        told_of = _report_of(part, result, with_diff=with_diff, brief=brief)
        if part.name != "entries":
            report["counts"][part.name] = told_of["counts"]
        report["made"] += result.made
        report["leftovers"] += result.cleared
        report["files"] += result.written
        report["diff"] += told_of.get("diff", [])
        if part.name == "absent":
            gone = [
                {"path": path, "action": Action.REMOVE.value, "type": "directory"}
                for path in told_of["directories"]
            ]
            report["absent"] = told_of["pins"] + gone
            report["spared"] = told_of["spared"]
        elif part.name == "entries":
            _add_entries(report, told_of["maps"])
        else:
            report[part.name] = told_of[part.name]
    if not with_diff:
        del report["diff"]
    report["changed"] = any(each.result.changed for each in acted)
    return report


def _add_entries(report: Dictionary, followed: t.Sequence[Dictionary]) -> None:
    """Tell of entries that follow their maps together with them."""
    maps = {each["path"]: each for each in report["maps"]}
    for entries in followed:
        told_of = maps[entries["path"]]
        told_of.update((key, entries[key]) for key in ("entries", "error") if key in entries)
        if entries.get("drift"):
            told_of["drift"] = [*told_of.get("drift", ()), *entries["drift"]]
        if told_of["action"] == Action.KEEP.value:
            told_of["action"] = entries["action"]
    report["counts"]["maps"] = {
        **dict.fromkeys(report["counts"]["maps"], 0),
        **Counter(each["action"] for each in report["maps"]),
    }


def _report_of(part: Part, result: t.Any, *, with_diff: bool, brief: bool) -> Dictionary:
    batch = _batch_of(part)
    if batch:
        describe = partial(_briefly, batch.describe) if brief else batch.describe
        return {
            batch.key: list(map(describe, result.outcomes)),
            "counts": counts_of(batch, result),
            "diff": list(diff_of(batch, result)) if with_diff else [],
        }
    if part.name == "mounts":
        return t.cast("MountPart", part).report(result, with_diff=with_diff)
    from . import absence

    return absence.report_of(result, with_diff=with_diff)


def _briefly(describe: t.Callable[[Outcome], Dictionary], outcome: Outcome) -> Dictionary:
    if outcome.step.is_idle and not outcome.error:
        return {"path": outcome.step.wanted.path, "action": outcome.word}
    return {key: value for key, value in describe(outcome).items() if key in _SHOWN}


def _undeclared(
    declared: Declaration, parts: t.Sequence[Part], forecast: Forecast, problems: t.List[str]
) -> t.List[Dictionary]:
    """The pins that `prune` would remove if it did more; `problems` gets why it cannot look."""
    wanted = declared.looked_for
    if wanted is None or forecast.mount_of(wanted.directory):
        return []
    from .._core.kinds.absence.apply import AbsenceKind, path_of
    from . import absence

    kind = AbsenceKind()
    try:
        looked_at = predict(kind, plan(kind, kind.observe([wanted])))
    except TROUBLE as error:
        problems.append(f"prune: {explained(error)}")
        return []
    going = {
        path_of(step)
        for part in parts
        if part.name == "absent"
        for step in part.plan.steps
        if not step.is_idle
    }
    pins: t.List[Dictionary] = absence.report_of(looked_at, with_diff=False)["pins"]
    return [{**pin, **_UNDECLARED} for pin in pins if pin["path"] not in going]


def _add_health(given: Dictionary, declared: Declaration, report: Dictionary) -> None:
    """Look for what is the matter with the pins, if that is asked for."""
    counts = given.get("count_entries")
    if not (counts or given.get("health")):
        return
    from .health import health_of_host

    health, troubles = health_of_host(declared, given["count_limit"] if counts else 0)
    report["health"] = health
    report["cautions"] = [*report.get("cautions", ()), *map(visible, troubles)]


def _named(acted: Acted) -> str:
    said = "".join(f"\n  {visible(line)}" for line in acted.result.log)
    return f"{acted.part.name}: {visible(acted.result.error)}{said}"


def _done_so_far(acted: t.Sequence[Acted]) -> str:
    told_of = []
    for part, result in acted:
        words = Counter(outcome.word for outcome in result.outcomes)
        counts = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in words.items())
        partly = f" ({', '.join(result.partly)})" if result.partly else ""
        told_of.append(f"{part.name}: {counts}{partly}")
    return "; ".join(told_of)


def _at_boot(module: AnsibleModule, boot: AtBoot, report: Dictionary) -> str:
    """Settle what the host restores its pins with, if this is no check; why that failed, or ""."""
    error = ""
    done: t.List[str] = []
    if not module.check_mode:
        try:
            boot.settle(done)
        except TROUBLE as trouble:
            error = f"at_boot: {visible(explained(trouble))}"
    report["at_boot"] = boot.report()
    report["changed"] |= bool(done) if error else boot.changed
    if module._diff:
        report["diff"] += boot.diff()
    if boot.hint and boot.changed:
        module.warn(boot.hint)
    return error
