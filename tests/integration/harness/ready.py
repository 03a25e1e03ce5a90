# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Program: an ansible-playbook that has imported all that it needs, and forks for each run.

Half of the CPU time of a short run is that of its start. The arguments are names of action plugins
to have ready. Standard input is a socket; each message of it is a run: see `Request`. The program
ends when nobody is left who could send one.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import signal
import socket
import sys
import warnings
from contextlib import suppress
from itertools import product
from typing import Any

from ansible.cli import playbook
from ansible.plugins import loader

_LONGEST = 1 << 17  # bytes of a message
_CLONE_NEWNS = 0x00020000
# What every run looks at, all of it or by name, each kind from its loader. Nothing for variables:
# once that loader has looked, Ansible takes its plugins for loaded, and reads no group_vars.
_ALL = ("become", "cache", "callback", "connection", "inventory", "shell")
_BY_NAME = {"action": ("normal", *sys.argv[1:]), "strategy": ("linear",)}
# A message has the `arguments` of ansible-playbook, its `environment`, the `namespace` of its
# mounts and its `folder` there, by path. With it come a file for what is printed, and a socket that
# is told the leader of the run's process group, and then the exit code.
Request = dict[str, Any]


def main() -> None:
    requests = socket.socket(fileno=0)
    _get_ready()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, files, _flags, _address = socket.recv_fds(requests, _LONGEST, 2)
        if not message:
            return
        if os.fork() == 0:
            try:
                _watch(json.loads(message), *files)
            finally:
                os._exit(1)  # never on as another server
        for file in files:
            os.close(file)


def _get_ready() -> None:
    loader.init_plugin_loader()
    for kind in _ALL:
        for _plugin in getattr(loader, f"{kind}_loader").all(class_only=True):
            pass
    for kind, names in _BY_NAME.items():
        for name in names:
            getattr(loader, f"{kind}_loader").get(name, class_only=True)
    _fill_caches()
    # Runs are short: none is to look for garbage, and copy by that what all share.
    gc.collect()
    gc.freeze()
    gc.disable()
    # Each run does this once more, and may.
    warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been configured")


def _fill_caches() -> None:
    """What each task, in a process of its own, would find out anew. Older ansible-cores do not."""
    with suppress(ImportError):
        from ansible._internal._task import UnifiedTaskResult as Result

        for is_module in (False, True):
            Result.get_result_key_to_resolved_field_mapping(source_is_module=is_module)
    with suppress(ImportError):
        from ansible.module_utils.common.json import (
            Direction,
            get_module_decoder,
            get_module_encoder,
        )

        for name, direction in product(("legacy", "modern"), Direction):
            get_module_encoder(name, direction)
            get_module_decoder(name, direction)


def _watch(request: Request, output: int, status: int) -> None:
    """Run it in a process of its own, tell how it ended, and end."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.write(status, str(os.getpid()).encode())
    run = os.fork()
    if run == 0:
        os.close(status)
        _run(request, output)
    _pid, code = os.waitpid(run, 0)
    os.write(status, str(os.waitstatus_to_exitcode(code)).encode())


def _run(request: Request, output: int) -> None:
    code = 1
    try:
        for file in (sys.stdout, sys.stderr):
            os.dup2(output, file.fileno())
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _enter(request["namespace"])
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        random.seed()
        sys.argv = ["ansible-playbook", *request["arguments"]]
        playbook.main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for file in (sys.stdout, sys.stderr):
        file.flush()
    os._exit(code)  # what ansible does at exit is for the last: it takes away what all share


def _enter(namespace: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(namespace, os.O_RDONLY)
    if libc.setns(file, _CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)
    os.close(file)


if __name__ == "__main__":
    main()
