# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments of bpf_host_info to its result. Private to this collection."""

from __future__ import annotations

import gc
import typing as t

from .._core.adopt.adopt import adopted
from .._core.adopt.describe import relative
from .report import Dictionary, failures_reported, printable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .._core.adopt.observed import Left


def run(module: AnsibleModule) -> t.NoReturn:
    """Arguments, look at the host, describe, report."""
    gc.disable()  # many values, no cycles, and the process ends with it
    with failures_reported(module):
        given = module.params
        formats = given["formats"] or {} if given["entries"] else None
        found = adopted(given["directories"] or (), formats)
        # Names are told as they are, since they are for a declaration.
        module.exit_json(
            changed=False,
            declaration=relative(found.lists),
            undeclarable=_told(found.left, "reason"),
            remarks=_told(found.remarks, "remark"),
        )


def _told(texts: t.Sequence[Left], key: str) -> t.List[Dictionary]:
    return [printable({"path": each.path, key: each.reason}) for each in texts]
