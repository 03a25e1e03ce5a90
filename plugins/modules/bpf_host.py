#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ensure that all that is declared of a host is so."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bpf_host
"""

from ..module_utils._core.options import (
    ABSENCE,
    ACCESS,
    DIRECTORY,
    GROWTHS,
    MAP,
    MISMATCHES,
    MOUNTED,
    OBJECT,
    PRUNE,
)
from ..module_utils._module.arguments import PinningModule
from ..module_utils._module.host import run


def main() -> None:
    """Run the module."""
    lists = {
        "mounts": MOUNTED,
        "directories": DIRECTORY,
        "maps": MAP,
        "objects": OBJECT,
        "absent": ABSENCE,
    }
    module = PinningModule(
        argument_spec={
            **{
                name: {"type": "list", "elements": "dict", "options": options}
                for name, options in lists.items()
            },
            "prune": {"type": "dict", "options": PRUNE},
            "directory": {"type": "path", "default": "/sys/fs/bpf"},
            **ACCESS,
            "on_mismatch": {"type": "str", "choices": MISMATCHES, "default": "fail"},
            "value_growth": {"type": "str", "choices": GROWTHS, "default": "refuse"},
            "parents": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()
