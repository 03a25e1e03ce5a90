# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one mouth of all modules. Private to this collection: not covered by semantic versioning."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ._core.visible import visible
from ._face import printable


class PinningModule(AnsibleModule):
    """AnsibleModule, which says nothing that a terminal could obey."""

    def warn(self, warning: str, **more: t.Any) -> None:
        """Warn, in one line."""
        super().warn(visible(warning), **more)

    def exit_json(self, **kwargs: t.Any) -> t.NoReturn:
        """End well."""
        super().exit_json(**printable(kwargs))

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail."""
        super().fail_json(**printable({**kwargs, "msg": msg}))
