# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_host_info to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t

from .._core.adopt.adopt import Question, adopted
from .._core.adopt.describe import relative
from .report import Declared, Dictionary, failures_reported, printable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .._core.adopt.observed import Left


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, look at the host, describe, report."""
    gc.disable()  # many values, no cycles, and the process ends with it
    with failures_reported(module):
        given = module.params
        formats = given["formats"] or {} if given["entries"] else None
        found = adopted(Question(given["directories"] or (), given["objects"] or (), formats))
        module.exit_json(
            changed=False,
            declaration=_as_it_is(relative(found.lists)),
            undeclarable=_told(found.left, "reason"),
            remarks=_told(found.remarks, "remark"),
        )


def _as_it_is(value: t.Any) -> t.Any:
    """Return what is for a declaration, of which no name is to be spelled."""
    if isinstance(value, str):
        return Declared(value)
    if isinstance(value, dict):
        return {key: _as_it_is(each) for key, each in value.items()}
    return list(map(_as_it_is, value)) if isinstance(value, (list, tuple)) else value


def _told(texts: t.Sequence[Left], key: str) -> t.List[Dictionary]:
    return [printable({"path": each.path, key: each.reason}) for each in texts]
