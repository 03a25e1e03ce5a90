# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: feeds results of a fleet to the callback drift_report, and prints what that took.

feed_report.py COLLECTIONS HOSTS PINS FOLDER    all forms of the report go to FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from types import SimpleNamespace

collections, hosts, pins, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

from ansible.plugins.loader import callback_loader, init_plugin_loader  # noqa: E402

SUFFIXES = {"json": "json", "html": "html", "markdown": "md", "junit": "xml", "prometheus": "prom"}


def result(host: int) -> dict:
    """Of bpf_map_pinned on a host: one pin in ten differs, one in twenty is missing."""
    items = []
    for number in range(pins):
        odd = (number + host) % 20
        differs = odd in (1, 2)
        item = {
            "path": f"/sys/fs/bpf/agent/map_{number}",
            "name": f"map_{number}",
            "action": "created" if odd == 0 else "incompatible" if differs else "unchanged",
            "drift": [{"field": "max_entries", "want": 16, "have": 8 + host}] if differs else [],
            "id": number,
            "shape": {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16},
            "unverified": [],
            "copied": None,
            "caught_up": None,
        }
        items.append(item)
    # From a host they come as text: nothing is shared but what Python shares by itself.
    misfits = [each["path"] for each in items if each["drift"]]
    message = "\n".join(f"{path}: the pinned map is not as declared" for path in misfits)
    return json.loads(json.dumps({"changed": False, "maps": items, "msg": message}))


def main() -> None:
    init_plugin_loader([collections])
    callback = callback_loader.get("ebpf.pinning.drift_report")
    callback.set_options()
    extra = {f"drift_{form}": f"{folder}/drift.{end}" for form, end in SUFFIXES.items()}
    callback._display.display = lambda *_arguments, **_more: None
    manager = SimpleNamespace(extra_vars=extra)
    callback.v2_playbook_on_play_start(SimpleNamespace(get_variable_manager=lambda: manager))
    module = "ebpf.pinning.bpf_map_pinned"
    task = SimpleNamespace(
        resolved_action=module, action=module, check_mode=True, delegate_to=None, vars={}
    )
    callback.v2_playbook_on_task_start(task, False)
    before = _peak()
    taking = 0.0
    for number in range(hosts):
        host = SimpleNamespace(get_name=lambda name=f"host{number:04}": name)
        given = SimpleNamespace(task=task, host=host, result=result(number))
        start = time.perf_counter()
        callback.v2_runner_on_failed(given)
        taking += time.perf_counter() - start
    taken = _peak()
    start = time.perf_counter()
    callback.v2_playbook_on_stats(SimpleNamespace(failures={}))
    writing = time.perf_counter() - start
    print(
        json.dumps(
            {
                "before": before,
                "taken": taken,
                "peak": _peak(),
                "taking": taking,
                "writing": writing,
            }
        )
    )


def _peak() -> float:
    """MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
