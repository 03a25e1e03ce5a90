# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible face of the core. Private to this collection: not covered by semantic versioning."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager

from ._core.advice import advice_for, errno_name
from ._core.errors import PinningError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Dictionary = t.Dict[str, t.Any]


@contextmanager
def failures_reported(module: AnsibleModule) -> t.Iterator[None]:
    """Turn an error of the core, whose text is complete, into `fail_json`."""
    try:
        yield
    except PinningError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        number = error.errno or 0
        module.fail_json(
            msg=f"{error.filename or module.params.get('path')}: {errno_name(number)}: "
            f"{advice_for('', number)}"
        )


def text_diff(
    path: str, before: t.Mapping[str, object], after: t.Mapping[str, object]
) -> Dictionary:
    """One entry of `diff`: both sides as YAML, a field a line."""
    return {
        "before_header": f"{path} (found)",
        "after_header": f"{path} (declared)",
        "before": _yaml(before),
        "after": _yaml(after),
    }


def _yaml(fields: t.Mapping[str, object]) -> str:
    return "".join(f"{name}: {_scalar(value)}\n" for name, value in fields.items())


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]"
    if isinstance(value, str) and value.isdigit():
        return f'"{value}"'
    return str(value)
