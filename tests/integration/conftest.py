# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests on the real kernel; the classes behind them are in harness/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.booted import Booted
from harness.host import BPFFS, Host
from harness.site import Site
from object_table import There, pinned_by_others
from restoring import Installed, Restorer, every_type

# What root is to run must not lie below a directory like /tmp, which everybody may write to. A
# short name: ansible-core binds a socket deep below, whose path may have 107 bytes, and pytest
# numbers its runs.
if not os.geteuid():
    temporary = "/var/cache/ebpf-pinning"
    os.makedirs(temporary, mode=0o755, exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", temporary)

pytest.register_assert_rewrite("absence_table", "bad_table", "mount_table", "restore_places")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The collection, installed, and the C programs, compiled."""
    if os.geteuid():
        pytest.fail("these tests mount file systems and make BPF maps: run `make kernel`")
    site = Site(tmp_path_factory.mktemp("site"))
    site.prepare()
    yield site
    site.close()


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


@pytest.fixture
def booted(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """A host that systemd runs."""
    host = Booted(site, tmp_path_factory.mktemp("booted"))
    yield host
    host.close()


@pytest.fixture
def there(host: Host) -> There:
    """What others have pinned."""
    return pinned_by_others(host)


@pytest.fixture(scope="session")
def installed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Installed by Ansible, once. The directory goes when the tests are done."""
    scratch = tmp_path_factory.mktemp("installed")
    host = Host(site, scratch)
    library, manifests = scratch / "library", scratch / "restore.d"
    arguments = {"name": "every_type", "maps": every_type(site), "directory": BPFFS}
    made = host.module(
        "bpf_restore", library=str(library), manifests=str(manifests), **arguments
    ).good()
    host.close()
    yield Installed(
        str(library / "ebpf-pinning"),
        (manifests / "every_type.json").read_bytes(),
        made["sandbox"]["capabilities"],
    )
    shutil.rmtree(scratch)


@pytest.fixture
def restorer(host: Host, installed: Installed, tmp_path: Path) -> Restorer:
    manifests = tmp_path / "restore.d"
    manifests.mkdir(mode=0o755)
    return Restorer(host, installed.program, manifests)
