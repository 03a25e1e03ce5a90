# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of hosts that were adopted, beside the files. Pure. Private to this collection."""

from __future__ import annotations

import typing as t

from ..module_utils._core.visible import visible

Dictionary = t.Dict[str, t.Any]
_MOST = 20  # lines that a person reads; the result has all
_NAMED = 3  # hosts


def told_of(asked: t.Mapping[str, Dictionary], others: t.Sequence[str]) -> Dictionary:
    """Return what was left out and remarked, each with all hosts that it is about; and warnings."""
    undeclarable = _gathered(asked, "undeclarable", "reason")
    remarks = _gathered(asked, "remarks", "remark")
    warnings = [f"not declared: {_line(each, 'reason')}" for each in undeclarable]
    warnings += [_line(each, "remark") for each in remarks]
    if len(warnings) > _MOST:
        more = len(warnings) - _MOST
        warnings[_MOST:] = [f"{more} more: see undeclarable and remarks in the result (-v)"]
    if others:
        warnings.append(
            f"nothing is known of {_named(others)}, so no file of a group that they are in is "
            "written: mend what keeps them from answering, then adopt again"
        )
    told: Dictionary = {"undeclarable": undeclarable, "remarks": remarks}
    return {**told, "warnings": warnings} if warnings else told


def _gathered(asked: t.Mapping[str, Dictionary], key: str, text: str) -> t.List[Dictionary]:
    hosts: t.Dict[t.Tuple[str, str], t.List[str]] = {}
    for host, result in asked.items():
        for each in result.get(key) or ():
            told = (visible(str(each["path"])), visible(str(each[text])))
            hosts.setdefault(told, []).append(host)
    return [{"path": path, text: why, "hosts": each} for (path, why), each in hosts.items()]


def _line(each: Dictionary, text: str) -> str:
    return f"{each['path']}: {each[text]} ({_named(each['hosts'])})"


def _named(hosts: t.Sequence[str]) -> str:
    more = len(hosts) - _NAMED
    return ", ".join([*hosts[:_NAMED], *([f"{more} more"] if more > 0 else [])])
