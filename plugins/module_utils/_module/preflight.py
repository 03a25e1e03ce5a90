# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_preflight to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.host import this_host
from .._core.people import BadField
from .._core.preflight.judge import Judgement, MapFinding, Verdict, judge
from .._core.preflight.observe import observe
from .._core.preflight.question import Question, read_question
from .report import Dictionary, failures_reported, printable

if t.TYPE_CHECKING:
    from .arguments import PinningModule


def run(module: PinningModule) -> t.NoReturn:
    """Arguments, question, what is there, judgement, report."""
    parameters = module.params
    with failures_reported(module):
        if not module.asked:
            raise BadField(
                "object: the controller has not read it: call the module by its whole name, "
                "ebpf.pinning.bpf_preflight, as a task of its own"
            )
        host = this_host()
        question = read_question(
            module.asked,
            parameters["loader"],
            parameters["loader_version"],
            parameters["directory"],
            parameters["pins"],
            host,
        )
        judgement = judge(question, observe(question, host))
    result = printable({"object": parameters["object"], **_report(question, judgement)})
    if judgement.is_good or not parameters["fail"]:
        module.exit_json(changed=False, **result)
    module.fail_json(msg=printable("\n".join(_lines(judgement)), "msg"), changed=False, **result)


def _report(question: Question, judgement: Judgement) -> Dictionary:
    counts = {
        verdict.value: sum(each.verdict is verdict for each in judgement.maps)
        for verdict in Verdict
    }
    return {
        "loader": question.rules.name,
        "directory": question.directory,
        "ok": judgement.is_good,
        "maps": [_map(each) for each in judgement.maps],
        "lacks": list(judgement.lacks),
        "notes": list(judgement.notes),
        "counts": counts,
    }


def _map(finding: MapFinding) -> Dictionary:
    migration = finding.migration
    return {
        "name": finding.name,
        "path": finding.path or None,
        "verdict": finding.verdict.value,
        "id": finding.id,
        "reasons": list(finding.reasons),
        "differences": [dict(vars(each)) for each in finding.differences],
        "fields": list(finding.fields),
        "notes": list(finding.notes),
        "programs": [
            {"id": each.id, "type": each.type, "name": each.name} for each in finding.programs
        ],
        "migration": None
        if migration is None
        else {
            "fits": migration.fits,
            "obstacles": list(migration.obstacles),
            "entries": migration.entries,
        },
    }


def _lines(judgement: Judgement) -> t.Iterator[str]:
    """What keeps the object from being rolled out, for people."""
    for each in judgement.maps:
        if each.verdict.is_good:
            continue
        yield f"{each.path}: {'. Besides, '.join(each.reasons)}"
        for field in each.fields:
            yield f"{each.path}: {field}"
        if each.migration is not None and each.migration.fits:
            yield f"{each.path}: its entries would fit: {_MIGRATE}"
        elif each.migration is not None:
            yield f"{each.path}: its entries would not fit: {'; '.join(each.migration.obstacles)}"
    yield from judgement.lacks


_MIGRATE = (
    "declare the maps of the new object with on_mismatch: migrate and value_growth: zero_pad "
    "before you load it"
)
