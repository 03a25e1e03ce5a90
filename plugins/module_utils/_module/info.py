# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_pin_info to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t

from .._core.fields import octal
from .._core.info.answer import Answer, answer
from .._core.info.question import read_question
from .._core.kinds.pins.observed import (
    MountedPin,
    NotAPin,
    Nothing,
    Pin,
    PinnedLink,
    PinnedMap,
    PinnedProg,
    Program,
    Unreadable,
)
from .._core.map_words import map_fields
from .._core.mountinfo import Mount
from .._core.users import group_name, user_name
from .mounted import mount_fields
from .report import Dictionary, failures_reported, printable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, question, answer, report."""
    gc.disable()  # a walk makes many values and no cycles, and the process ends with it
    parameters = module.params
    with failures_reported(module):
        question = read_question(
            parameters["path"],
            parameters["directory"],
            parameters["type"],
            recurse=parameters["recurse"],
            health=parameters["health"],
            counts_up_to=parameters["count_limit"] if parameters["count_entries"] else None,
        )
        found = answer(question)
        for trouble in found.troubles:
            module.warn(printable(trouble))
        report = _report(found, question.kind)
        if question.health:
            from .health import add_health

            add_health(report, found.health)
        module.exit_json(changed=False, **report)


def _report(found: Answer, kind: t.Optional[str]) -> Dictionary:
    users: t.Dict[int, t.List[Program]] = {}
    for program in found.programs:
        for map_id in program.map_ids:
            users.setdefault(map_id, []).append(program)
    programs = {program.id: program for program in found.programs}
    pins, missing, others, unreadable = [], [], [], []
    for sight in found.sights:
        seen, path = sight.found, printable(sight.path)
        if isinstance(seen, MountedPin):
            seen = seen.pin
        if isinstance(seen, Unreadable):
            unreadable.append({"path": path, "reason": printable(seen.reason)})
        elif isinstance(seen, Nothing):
            missing.append(path)
        elif isinstance(seen, NotAPin):
            others.append({"path": path, "what": printable(seen.what)})
        elif kind in (None, seen.kind):
            pins.append(_pin(path, seen, users, programs))
    counts = {name: sum(pin["type"] == name for pin in pins) for name in ("map", "prog", "link")}
    return {
        "pins": pins,
        "missing": missing,
        "others": others,
        "unreadable": unreadable,
        "counts": dict(counts, unreadable=len(unreadable)),
        "mounts": [
            *(printable(dict(mount_fields(seen) or {}, hidden=False)) for seen in found.visible),
            *(printable(_hidden(mount)) for mount in found.hidden),
        ],
    }


def _pin(
    path: str,
    pin: Pin,
    users: t.Mapping[int, t.Sequence[Program]],
    programs: t.Mapping[int, Program],
) -> Dictionary:
    fields: Dictionary = {
        "path": path,
        "type": pin.kind,
        "id": pin.id,
        "name": pin.name,
        "owner": user_name(pin.entry.owner),
        "group": group_name(pin.entry.group),
        "mode": octal(pin.entry.mode),
    }
    if isinstance(pin, PinnedMap):
        fields["map"] = dict(
            map_fields(pin.shape),
            frozen=pin.details.frozen,
            btf_id=pin.details.btf_id,
            memlock=pin.details.memlock,
        )
        if pin.details.exclusive is not None:
            fields["map"]["exclusive"] = pin.details.exclusive
        if pin.details.digest:
            fields["map"]["hash"] = pin.details.digest.hex()
        if pin.details.counted is not None:
            fields["map"]["entries"] = pin.details.counted
            fields["map"]["has_more_entries"] = pin.details.is_more
        if pin.details.inner is not None:
            fields["map"]["inner_map"] = map_fields(pin.details.inner)
        fields["programs"] = list(map(_program, users.get(pin.id, ())))
    elif isinstance(pin, PinnedProg):
        fields["prog"] = _loaded(pin, programs.get(pin.id))
    else:
        fields["link"] = _attached(pin, programs.get(pin.prog_id))
    return fields


def _loaded(pin: PinnedProg, program: t.Optional[Program]) -> Dictionary:
    return {
        "type": pin.type,
        "tag": pin.tag,
        "load_time": pin.load_time // 10**9,
        "loaded_by": user_name(pin.loaded_by),
        "map_ids": None if program is None else list(program.map_ids),
        "memlock": pin.memlock,
    }


def _attached(pin: PinnedLink, program: t.Optional[Program]) -> Dictionary:
    return {
        "type": pin.type,
        "prog_id": pin.prog_id,
        "prog_name": None if program is None else program.name,
        "target": dict(pin.target),
        "attached": pin.attached,
    }


def _program(program: Program) -> Dictionary:
    return {"id": program.id, "type": program.type, "name": program.name}


def _hidden(mount: Mount) -> Dictionary:
    return {
        "path": mount.point,
        "source": mount.source,
        "opts": sorted(set(mount.opts) - {"rw"}),
        "hidden": True,
    }
