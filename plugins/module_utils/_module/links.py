# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_link_pinned to its result. Private to this collection."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._core.engine.run import plan
from .._core.engine.steps import Action, Cure, Outcome
from .._core.kinds.links.apply import LinkAfter, LinkKind
from .._core.kinds.links.declaration import Attach, read_links
from .._core.kinds.links.observe import holders_of
from .._core.kinds.links.observed import ProgramSeen, TargetSeen
from .._core.kinds.links.plan import LinkPlan, LinkStep, both_run, expecting, held_open
from .._core.kinds.pins.exposure import Caution, cautions
from .._core.kinds.pins.observed import PinnedLink
from .batch import Batch, carry_out, not_kept
from .report import (
    Declared,
    Dictionary,
    access_fields,
    but_freed,
    failures_reported,
    read_awaiting,
    text_diff,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = (Action.CREATE, Action.ADJUST, Action.UPDATE, Action.REPLACE, Action.REMOVE)


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, spec, observe, plan, apply, report."""
    parameters = module.params
    kind = LinkKind(parents=parameters["parents"])
    with failures_reported(module):
        items = [parameters] if parameters["links"] is None else parameters["links"]
        wanted, awaited = read_awaiting(module, lambda ids: read_links(items, parameters, ids))
        observed = but_freed(module, kind.observe(wanted))
        decided = plan(kind, observed)
        if module.check_mode:
            announced = plan(kind, expecting(observed, awaited))
            decided = decided if announced.texts(Cure.NONE) else announced
        carry_out(module, LINKS, kind, decided, awaited)


def _cautions(decided: LinkPlan) -> t.Iterator[Caution]:
    """Yield what there is to know about others who can open or exchange the pins."""
    staying = replace(decided, steps=[each for each in decided.steps if each.wanted.attach])
    yield from cautions(staying, held_open)
    yield from not_kept(staying, lambda _step: None)


def _warnings(decided: LinkPlan) -> t.Iterator[str]:
    for step in decided.steps:
        if not isinstance(step.found, PinnedLink):
            continue
        path, link = step.wanted.path, step.found
        if both_run(step):
            yield (
                f"{path}: a link of type {link.type} takes no other program: the new one is "
                "attached before the old one is detached, and for that moment both run"
            )
        if step.action in (Action.REMOVE, Action.REPLACE):
            holders = holders_of(link.id)
            if holders:
                yield f"{path}: link {link.id} is held by {', '.join(holders)}, too{_after(link)}"


def _after(link: PinnedLink) -> str:
    if link.type in _UNTIL_THE_LAST:
        return ", and the program stays attached until none of them is left"
    return ": it is detached all the same, and they are left with a link that does nothing"


def _link(outcome: Outcome) -> Dictionary:
    step: LinkStep = outcome.step
    after: t.Optional[LinkAfter] = outcome.after
    attach = step.wanted.attach
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.name),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
        "type": attach and attach.type.name,
        "id": after and after.id,
        "prog_id": (after and after.prog_id) or None,
    }
    if step.action is Action.CREATE and attach is not None:
        report["declared"] = {"program": Declared(step.wanted.program), **_of(attach)}
    if outcome.error:
        report["error"] = outcome.error
    return report


def _of(attach: Attach) -> Dictionary:
    given = {f"attach.{option}": value for option, value in attach.given.items()}
    return {"attach.type": attach.type.name, **given}


def _diff(outcome: Outcome) -> Dictionary:
    step: LinkStep = outcome.step
    after: Dictionary = {change.field: change.want for change in step.changes}
    before: Dictionary = {change.field: change.have for change in step.changes}
    if step.action is Action.REMOVE:
        before = {"link": t.cast(PinnedLink, step.found).label}
    elif step.action is Action.CREATE and step.wanted.seen is not None:
        program, target = step.wanted.seen
        after.update(
            program=t.cast(ProgramSeen, program).label,
            attached=t.cast(TargetSeen, target).label,
            **access_fields(step.wanted.access),
        )
    return text_diff(step.wanted.path, before, after)


# Links that end only with the last who holds them (link_detach in kernel/bpf/syscall.c).
_UNTIL_THE_LAST = ("tracing", "raw_tracepoint", "perf_event", "iter", "kprobe_multi")
LINKS = Batch("links", DONE, _link, _diff, _cautions, _warnings)
