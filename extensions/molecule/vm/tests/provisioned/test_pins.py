# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a playbook run, and after a restart without one, everything is as declared."""

from __future__ import annotations

import pytest


def test_every_declared_pin_is_there_and_no_other(pins, declared):
    assert pins == declared


def test_each_file_system_is_mounted_once_and_with_its_flags(mounts):
    flags = {"rw", "nosuid", "nodev", "noexec"}
    assert sorted(point for point, _flags in mounts) == [
        "/run/probe/bpf",
        "/srv/bpf",
        "/sys/fs/bpf",
    ]
    for point, found in mounts:
        assert flags <= found, point


def test_the_roots_have_their_owner_and_mode(host):
    roots = host.check_output("stat -c '%n %U:%G %a' /srv/bpf /run/probe/bpf")
    assert roots.splitlines() == ["/srv/bpf root:root 1750", "/run/probe/bpf root:root 1700"]


def test_fstab_has_one_line_for_each_that_asks_for_it(host):
    lines = [line.split() for line in host.file("/etc/fstab").content_string.splitlines()]
    mounted = [line[1:3] for line in lines if line and not line[0].startswith("#")]
    found = sorted(each for each in mounted if "bpf" in each)
    assert found == [["/srv/bpf", "bpf"], ["/sys/fs/bpf", "bpf"]]


@pytest.mark.parametrize(
    "command",
    [
        "mount -a",
        "mount -o remount /sys/fs/bpf",
        "mount -o remount /srv/bpf",
        "systemctl daemon-reload",
        "systemctl restart local-fs.target",
        "systemctl start srv-bpf.mount",
    ],
)
def test_no_command_mounts_a_second_one(host, mounts, command):
    listed = "grep ' - bpf ' /proc/self/mountinfo | cut -d ' ' -f 5 | sort"
    assert host.run(command).rc == 0
    assert host.check_output(listed).split() == sorted(point for point, _flags in mounts)


def test_the_kernel_has_the_whole_name_or_what_fits_of_it(host):
    shown = host.check_output(
        "bpftool map show pinned /sys/fs/bpf/agent/a_name_longer_than_fifteen"
    )
    assert " name a_name_longer_t " in shown
