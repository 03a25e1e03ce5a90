# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs bpf_program_pinned in this process, over and over, and tells what CPU time that took.

Started by programs.py with the interpreter of the managed node. Two sets of arguments of the module
come in as JSON, and how often each is to be run; for each run the milliseconds go out, with those
of the process that loads. Neither the start of Python nor that of AnsibleModule is in them, and the
first run of all, which imports what is imported late, does not count.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys

from ansible.module_utils.testing import patch_module_args
from ansible_collections.ebpf.pinning.plugins.modules import bpf_program_pinned


def used() -> float:
    """Milliseconds of processors, of this process and of those that it has waited for."""
    times = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return 1e3 * sum(each.ru_utime + each.ru_stime for each in times)


def main() -> None:
    work, took = bpf_program_pinned.run, []

    def timed(module):
        before = used()
        try:
            work(module)
        finally:
            took.append(used() - before)

    bpf_program_pinned.run = timed
    told = []
    for arguments in json.load(sys.stdin):
        output = io.StringIO()
        taken = patch_module_args(arguments)
        with taken, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            bpf_program_pinned.main()
        result = json.loads(output.getvalue())
        told.append({"milliseconds": took.pop() if took else 0, "result": result})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
