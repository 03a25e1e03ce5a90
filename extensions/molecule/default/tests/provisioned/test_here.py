# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles made on this machine."""

from __future__ import annotations

import os

import pytest
from oracle import Pin

COMMAND = "/usr/local/lib/ebpf-pinning/ebpf-pinning"
AGENT = "root:adm 640"
DECLARED = {
    "/sys/fs/bpf/agent/flows": Pin("lru_hash", 16, 8, 4096, 0, AGENT),
    "/sys/fs/bpf/agent/settings": Pin("array", 4, 16, 4, 0, AGENT, frozen=1),
    "/sys/fs/bpf/agent/events": Pin("ringbuf", 0, 0, 8192, 0, AGENT),
    "/run/molecule-bpf/totals": Pin("percpu_array", 4, 8, 2),
}


def test_every_declared_pin_is_there_and_no_other(pins):
    assert pins == DECLARED


def test_the_second_file_system_is_mounted_once(mounts, host):
    assert [point for point, _flags in mounts].count("/run/molecule-bpf") == 1
    assert host.check_output("stat -c %a /run/molecule-bpf") == "1711"
    assert host.file("/etc/fstab").content_string.split().count("/run/molecule-bpf") == 1


@pytest.mark.parametrize("name", ["totals", "sys-fs-bpf-agent"])
def test_the_manifest_is_the_hosts_own(host, name):
    manifest = host.file(f"/etc/ebpf-pinning/restore.d/{name}.json")
    assert (manifest.user, manifest.group, manifest.mode) == ("root", "root", 0o600)


def test_the_command_puts_back_what_is_lost(host, pins):
    lost = ["/sys/fs/bpf/agent/settings", "/run/molecule-bpf/totals"]
    for path in lost:
        os.unlink(path)
    assert host.run(f"{COMMAND} check").rc == 2
    assert host.run(f"{COMMAND} restore").rc == 0
    for path in lost:
        shown = host.check_output("bpftool map show pinned %s", path)
        assert f" {pins[path].type} " in shown.replace("  ", " ")
    assert host.check_output("stat -c '%U:%G %a' /sys/fs/bpf/agent/settings") == AGENT


def test_without_systemd_no_unit_is_installed(host):
    if host.file("/run/systemd/system").exists:
        pytest.skip("systemd runs this machine: the scenario vm looks at the unit")
    assert not host.file("/etc/systemd/system/ebpf-pinning-restore.service").exists
