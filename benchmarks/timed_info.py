# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs bpf_pin_info in this process, and tells how long it asked the kernel.

Started by pin_info.py with the interpreter of the managed node. The arguments of the module come in
as JSON; out go the result, as the module prints it, and the seconds in a line of their own.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

from ansible.module_utils.testing import patch_module_args
from ansible_collections.ebpf.pinning.plugins.module_utils._module import info as info_module
from ansible_collections.ebpf.pinning.plugins.modules import bpf_pin_info


def main() -> None:
    work = info_module.answer
    seconds = []

    def timed(question):
        start = time.perf_counter()
        try:
            return work(question)
        finally:
            seconds.append(time.perf_counter() - start)

    info_module.answer = timed
    arguments = patch_module_args(json.load(sys.stdin))
    with arguments, contextlib.suppress(SystemExit):
        bpf_pin_info.main()
    print(sum(seconds))


if __name__ == "__main__":
    main()
