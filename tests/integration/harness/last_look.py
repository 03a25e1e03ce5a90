# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: decides which pins go, waits for a line, then removes them.

last_look.py PLUGINS OPTIONS    PLUGINS holds the installed collection, OPTIONS are JSON

It says "decided" and what it is going to remove; at the end what became of each path, as JSON.
"""

from __future__ import annotations

import importlib
import json
import sys

_CORE = "ansible_collections.ebpf.pinning.plugins.module_utils._core"


def main(plugins: str, options: str) -> None:
    """Run the program."""
    sys.path.insert(0, plugins)
    run = importlib.import_module(f"{_CORE}.engine.run")
    absence = importlib.import_module(f"{_CORE}.kinds.absence.apply")
    whole = importlib.import_module(f"{_CORE}.whole.declaration")
    host = importlib.import_module(f"{_CORE}.host")
    users = importlib.import_module(f"{_CORE}.users")

    item = json.loads(options)
    declared = whole.read_declaration({"absent": [item]}, host.this_host(), users.Users())
    kind = absence.AbsenceKind()
    decided = run.plan(kind, kind.observe(declared.absent))
    going = [absence.path_of(step) for step in decided.steps if not step.is_idle]
    print(json.dumps(["decided", *going]), flush=True)
    sys.stdin.readline()
    result = run.apply(kind, decided)
    told = {
        absence.path_of(each.step): [each.word, each.error or each.step.reason]
        for each in result.outcomes
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
