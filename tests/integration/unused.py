# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of unused pins have in common: processes that have some, and sight of all others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

import pytest
from harness.host import Host
from harness.samples import AGENT


def see_all_processes(host: Host) -> None:
    """Hide from this host the first process, where even root may not look into that one.

    Some test machines are begun by a process with privileges that nobody else has. What it has open
    is nothing of this test's, and that it is kept secret is a reason to refuse.
    """
    try:
        os.readlink("/proc/1/fd/0")
    except PermissionError:
        host.run("mount", "-t", "tmpfs", "nothing", "/proc/1")
    except FileNotFoundError:
        pass


@pytest.fixture
def seeing(host: Host) -> Host:
    """A host on which it can be told what all processes have open."""
    see_all_processes(host)
    host.run("mkdir", AGENT)
    return host


@contextmanager
def held(host: Host, how: str, *paths: str) -> Iterator[Popen[str]]:
    """A process that has these pins, in one of the ways of c/hold.c."""
    with host.running(host.site.program("hold"), how, *paths) as process:
        assert process.stdout is not None
        if how != "slowly":
            assert process.stdout.readline() == "ready\n"
        yield process
