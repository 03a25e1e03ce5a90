# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests on the real kernel; the classes behind them are in harness/."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from harness.host import Host
from harness.site import CHECKOUT, Site

sys.path.append(str(CHECKOUT))  # for what runs on the controller, and needs no host

pytest.register_assert_rewrite("absence_table", "mount_table")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The collection, installed, and the C programs, compiled."""
    if os.geteuid():
        pytest.fail("these tests mount file systems and make BPF maps: run `make kernel`")
    site = Site(tmp_path_factory.mktemp("site"))
    site.prepare()
    return site


@pytest.fixture
def host(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with an empty bpffs at /sys/fs/bpf."""
    host = Host(site, tmp_path_factory.mktemp("host"))
    yield host
    host.close()


@pytest.fixture
def bare_host(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host where no bpffs is mounted at /sys/fs/bpf."""
    host = Host(site, tmp_path_factory.mktemp("host"), mounted=False)
    yield host
    host.close()
