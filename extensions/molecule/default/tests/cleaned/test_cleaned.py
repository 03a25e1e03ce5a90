# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles took back."""

from __future__ import annotations


def test_no_pin_is_left(pins):
    assert pins == {}


def test_the_second_file_system_is_gone(mounts, host):
    assert [point for point, _flags in mounts] == ["/sys/fs/bpf"]
    assert "/run/molecule-bpf" not in host.file("/etc/fstab").content_string


def test_nothing_is_put_back_at_boot(host):
    assert host.run("ls /etc/ebpf-pinning/restore.d").stdout == ""
    assert not host.file("/usr/local/lib/ebpf-pinning/ebpf-pinning").exists
