# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: runs the installed command `ebpf-pinning` many times, each in a fork of this process.

    commands.py STARTER < LISTS     LISTS is JSON: the arguments of each run

Prints for each its exit code, negative for a signal, and what it wrote. A fork, since starting
Python takes longer than all that the command does. Standard output is as strict as in any locale
but C: a text that is no UTF-8 cannot be written there.
"""

from __future__ import annotations

import io
import json
import os
import runpy
import signal
import sys
from contextlib import redirect_stdout, suppress
from functools import partial

from child import end_after

PATIENCE = 60  # seconds, after which a run is killed


def main(starter: str) -> None:
    with redirect_stdout(io.StringIO()), suppress(SystemExit):
        _start(starter, ["--help"])  # so that all that it imports is there for the forks
    done = [_run(starter, arguments) for arguments in json.load(sys.stdin)]
    json.dump(done, sys.stdout)


def _start(starter: str, arguments: list[str]) -> None:
    sys.argv = [starter, *arguments]
    runpy.run_path(starter, run_name="__main__")


def _run(starter: str, arguments: list[str]) -> dict[str, object]:
    streams = [os.memfd_create("output"), os.memfd_create("complaints")]
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        end_after(partial(_be_the_command, starter, arguments), streams)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    output, complaints = map(_content, streams)
    return {"code": code, "output": output, "complaints": complaints}


def _be_the_command(starter: str, arguments: list[str]) -> None:
    sys.stdout.reconfigure(encoding="utf-8", errors="strict")
    _start(starter, arguments)


def _content(fd: int) -> str:
    with os.fdopen(fd, encoding="utf-8", errors="surrogateescape") as stream:
        stream.seek(0)
        return stream.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
