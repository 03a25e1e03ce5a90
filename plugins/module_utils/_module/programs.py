# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_program_pinned to its result. Private to this collection."""

from __future__ import annotations

import typing as t

from .._core.engine.steps import Action, Outcome
from .._core.kinds.pins.exposure import Caution, cautions
from .._core.kinds.programs.observed import ProgramAfter
from .._core.kinds.programs.plan import ProgramPlan, ProgramStep, held_open
from .batch import Batch, not_kept
from .report import Declared, Dictionary, access_fields, failures_reported, text_diff

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

DONE = (Action.CREATE, Action.ADJUST, Action.REPLACE)


def run(module: AnsibleModule) -> t.NoReturn:
    """Do what bpf_host does, for the programs of one file and their maps."""
    from .host import carry_out

    given: Dictionary = dict.fromkeys(_OF_HOST)
    given.update(directory=module.params["directory"], parents=module.params["parents"])
    given["on_mismatch"] = "fail"
    if module.params["state"] == "absent":
        with failures_reported(module):
            given["absent"] = [{"path": _pins(module.params), "type": "prog"}]
        lists: t.Sequence[str] = ("absent",)
    else:
        given["programs"] = [module.params]
        lists = ("maps", "programs")
    carry_out(module, given, {"module_args": module.params}, lists)


def _pins(parameters: Dictionary) -> t.List[str]:
    """The pins of the programs, the last first."""
    from .._core.kinds.programs.declaration import pins_of

    return [each.path for each in reversed(pins_of(parameters))]


def _program(outcome: Outcome) -> Dictionary:
    step: ProgramStep = outcome.step
    after: t.Optional[ProgramAfter] = outcome.after
    report: Dictionary = {
        "path": Declared(step.wanted.path),
        "name": Declared(step.wanted.program),
        "object": Declared(step.wanted.load.shown),
        "action": outcome.word,
        "drift": [vars(change) for change in step.changes],
        "id": after and after.id,
        "type": after and after.type,
        "tag": after and after.tag,
    }
    if step.action is Action.CREATE:
        report["declared"] = _declared(step)
    if outcome.error:
        report["error"] = outcome.error
    return report


def _diff(outcome: Outcome) -> Dictionary:
    step: ProgramStep = outcome.step
    before: Dictionary = {change.field: change.have for change in step.changes}
    after: Dictionary = {change.field: change.want for change in step.changes}
    if step.action is Action.CREATE:
        after.update(_declared(step))
    return text_diff(step.wanted.path, before, after)


def _declared(step: ProgramStep) -> Dictionary:
    wanted = step.wanted
    fields = access_fields(wanted.access)
    return {"program": wanted.program, "object": wanted.load.shown, **fields}


def _cautions(decided: ProgramPlan) -> t.Iterator[Caution]:
    """Yield what there is to know about others who can open or exchange the pins."""
    yield from cautions(decided, held_open)
    yield from not_kept(decided, lambda _step: None)


def _warnings(_decided: ProgramPlan) -> t.Iterator[str]:
    return iter(())


_OF_HOST = (
    *("mounts", "directories", "maps", "programs", "objects", "absent", "prune"),
    *("directory", "owner", "group", "mode", "on_mismatch", "value_growth", "at_boot"),
)
PROGRAMS = Batch("programs", DONE, _program, _diff, _cautions, _warnings)
