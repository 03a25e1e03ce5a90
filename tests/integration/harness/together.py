# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a module that all see the same before one of them acts."""

from __future__ import annotations

import time
from typing import Any

from .host import Host
from .playbook import Result, task

_CALLS = "bpf,flock,?mkdir,?mkdirat,?link,?linkat,?rename,?renameat,?renameat2"
_DAWDLE = 20_000  # microseconds before each of these


def at_once(host: Host, runs: int, module: str, **arguments: Any) -> list[Result]:
    """The results of so many runs that begin when all are there; each must succeed."""
    start, ready = host.scratch / "start", host.scratch / "ready"
    options = f"-o /dev/null -e trace={_CALLS} -e inject={_CALLS}:delay_enter={_DAWDLE}"
    together = host.interpreter(
        f"echo >> {ready}; timeout 120 sh -c 'until [ -e {start} ]; do sleep 0.01; done'\n"
        f'exec strace -f --seccomp-bpf -qq {options} {host.site.python} "$@"'
    )
    play = host.play([task(module, keywords=together, **arguments)])
    started = [host.start(play) for _run in range(runs)]
    try:
        while not ready.exists() or len(ready.read_text()) < runs:
            assert all(run.started.goes_on for run in started)
            time.sleep(0.05)
    finally:
        start.touch()
    return [host.finish(run)[0].good() for run in started]
