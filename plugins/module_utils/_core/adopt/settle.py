# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether what is described is found as declared: the engine is asked. Changes nothing."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

from ..engine.run import each, predict
from ..engine.whole import Part, decide_all
from ..errors import Problems
from ..host import this_host
from ..info.question import DEFAULT_DIRECTORY
from ..kinds.pins.forecast import Forecast
from ..users import Users
from ..whole.declaration import Declaration, read_declaration
from ..whole.parts import parts_of
from .describe import Adopted
from .observed import Item, Left

Lists = Dict[str, List[Item]]
_DEFAULTS = {"directory": DEFAULT_DIRECTORY, "on_mismatch": "fail"}


def settled(adopted: Adopted) -> Adopted:
    """Return it without the items that a run would change or refuse; those are left, with why."""
    left: List[Left] = list(adopted.left)
    lists = adopted.lists
    try:
        declared = _read(lists)
    except Problems:
        lists = _readable(lists, left)
        declared = _read(lists)
    unfit: Dict[Tuple[str, str], str] = {}
    for part in parts_of(declared):
        for path, reason in _unfit(part):
            unfit.setdefault((part.name, path), reason)
    if not unfit:
        return Adopted(lists, left, adopted.remarks)
    kept: Lists = {}
    for name, items in lists.items():
        kept[name] = [item for item in items if (name, str(item["path"])) not in unfit]
    left += [Left(path, reason) for (_name, path), reason in unfit.items()]
    gone = {path for _name, path in unfit}
    return Adopted(kept, left, [each for each in adopted.remarks if each.path not in gone])


def _read(lists: Mapping[str, Sequence[Item]]) -> Declaration:
    return read_declaration({**_DEFAULTS, **lists}, this_host(), Users())


def _readable(lists: Lists, left: List[Left]) -> Lists:
    kept: Lists = {name: [] for name in lists}
    for name, items in lists.items():
        for item in items:
            try:
                _read({name: [item]})
            except Problems as wrong:
                left.append(Left(str(item["path"]), "; ".join(wrong.problems)))
            else:
                kept[name].append(item)
    return kept


def _unfit(part: Part) -> Iterator[Tuple[str, str]]:
    """Yield the path of each item that is not as declared, and what is the matter."""
    if not decide_all([part], Forecast(), predicting=True):
        stopped = {index: each.text for each in part.problems for index in each.items}
        for index, step in enumerate(part.plan.steps):
            if not step.is_idle or index in stopped:
                drift = ", ".join(change.field for change in step.changes)
                yield step.wanted.path, stopped.get(index, _differs(drift))
        return
    for verdict in each(part.kind, part.wanted, predict):
        plan = verdict.plan
        if plan is None or plan.problems or not all(step.is_idle for step in plan.steps):
            reason = verdict.error or "; ".join(plan.texts() if plan else ())
            yield verdict.wanted.path, reason or _differs("all of it")


def _differs(fields: str) -> str:
    return (
        f"it differs from its own declaration in {fields}, so a run would change it: declare it by "
        "hand"
    )
