# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Whether what is described is found as declared: the engine is asked. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
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
from .describe import Adopted, paths_of
from .observed import Item, Left, Scene

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
        kept[name] = [
            item
            for item in items
            if not any((name, path) in unfit for path in paths_of(name, item))
        ]
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
                reason = "; ".join(wrong.problems)
                left += [Left(path, reason) for path in paths_of(name, item)]
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
    for verdict in each(part.kind, ([item] for item in part.wanted), predict):
        plan, (wanted,) = verdict.plan, verdict.wanted
        if plan is None or plan.problems or not all(step.is_idle for step in plan.steps):
            reason = verdict.error or "; ".join(plan.texts() if plan else ())
            yield wanted.path, reason or _differs("all of it")


def _differs(fields: str) -> str:
    return (
        f"it differs from its own declaration in {fields}, so a run would change it: declare it by "
        "hand"
    )


def without_unfit_files(scene: Scene, adopted: Adopted) -> Scene:
    """Return it without the object files of programs that a run would load again, and with why."""
    files, remarks = dict(scene.files), list(scene.remarks)
    for item in adopted.lists.get("programs", ()):
        tried = settled(Adopted({"programs": [item]}, (), ()))
        if tried.left:
            for path in paths_of("programs", item):
                del files[path]
                remarks.append(
                    Left(path, _not_from_file(str(item["object"]), tried.left[0].reason))
                )
    return replace(scene, files=files, remarks=remarks)


def _not_from_file(object_file: str, reason: str) -> str:
    return f"declared as it is, not as a program of {object_file}: {reason}"
