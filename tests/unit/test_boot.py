# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries on kernels that show every bpffs with the source `none` (Debian 11 does)."""

from __future__ import annotations

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts import (
    boot,
    fstab,
    fstab_change,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.boot import Boot
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.declaration import (
    read_mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.observed import (
    Bpffs,
    Mount,
    MountSeen,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import NUMBERS_ONLY
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import Entry, Identity

PATH = "/srv/bpf"
OLD = Boot("/etc/fstab", systemd_runs=True, systemd_starts=True, shows_sources=False)
MOUNT = Mount(30, 20, 30, "/", PATH, ("rw", "relatime"), "bpf", "none", ("rw", "mode=1700"))
AROUND = Mount(20, 1, 20, "/", "/", ("rw",), "ext4", "/dev/vda", ("rw",))
ABSENT = MountSeen(PATH, ("bpf",), Identity(1, 1), AROUND, (), None, True)
THERE = MountSeen(
    PATH,
    (),
    Identity(1, 1),
    MOUNT,
    (MOUNT,),
    Bpffs(MOUNT, Entry(Identity(1, 1), 0, 0, 0o1700), []),
    True,
)


@pytest.mark.parametrize("before", [b"", b"bpf /srv/bpf bpf mode=1700 0 0\n"])
@pytest.mark.parametrize("seen", [ABSENT, THERE], ids=["not mounted yet", "mounted"])
def test_the_entry_has_the_source_that_the_kernel_will_show(before: bytes, seen: MountSeen) -> None:
    wanted = read_mount({"path": PATH}, NUMBERS_ONLY)
    manner = boot.manner(wanted, seen, False, before, OLD)
    after = fstab_change.with_entry(before, wanted, "/etc/fstab", manner)
    (entry,) = fstab.entries_at(after, PATH)
    assert (entry.source, entry.auto) == ("none", True)
    assert boot.source_of_new(PATH, seen.bpffs, before, OLD) == "none"
    assert boot.hazards(after, seen, OLD) == []


@pytest.mark.parametrize("seen", [ABSENT, THERE], ids=["not mounted yet", "mounted"])
def test_an_entry_with_another_source_is_told(seen: MountSeen) -> None:
    (hazard,) = boot.hazards(b"bpf /srv/bpf bpf mode=1700 0 0\n", seen, OLD)
    assert "'none'" in hazard.reason
    assert hazard.at_path
