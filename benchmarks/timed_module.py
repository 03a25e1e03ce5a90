# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs bpf_map_pinned in this process, and tells how long each of its phases took.

Started by kernel_work.py with the interpreter of the managed node. The arguments of the module
come in as JSON; its result goes out with `seconds` and `cpu_seconds` added, dicts by phase.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import time

from ansible.module_utils.testing import patch_module_args
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps import change, details
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins import directory
from ansible_collections.ebpf.pinning.plugins.module_utils._module import batch
from ansible_collections.ebpf.pinning.plugins.module_utils._module import maps as map_module
from ansible_collections.ebpf.pinning.plugins.modules import bpf_map_pinned

LOADED = (change, details, directory)  # late, which belongs to the start of a module
PHASES = (
    ("read_pins", map_module, "read_pins"),
    ("observe", map_module.MapKind, "observe"),
    ("plan", map_module, "plan"),
    ("apply", batch, "apply"),
)


def main() -> None:
    seconds, cpu_seconds = {}, {}

    def timed(phase, owner, name):
        work = getattr(owner, name)

        @functools.wraps(work)
        def wrapper(*args, **kwargs):
            start, cpu_start = time.perf_counter(), time.process_time()
            try:
                return work(*args, **kwargs)
            finally:
                seconds[phase] = time.perf_counter() - start
                cpu_seconds[phase] = time.process_time() - cpu_start

        return wrapper

    for phase, owner, name in PHASES:
        setattr(owner, name, timed(phase, owner, name))
    output = io.StringIO()
    arguments = patch_module_args(json.load(sys.stdin))
    with arguments, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        bpf_map_pinned.main()
    print(json.dumps(dict(json.loads(output.getvalue()), seconds=seconds, cpu_seconds=cpu_seconds)))


if __name__ == "__main__":
    main()
