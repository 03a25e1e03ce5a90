# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot come back stops nothing else, and is told."""

from __future__ import annotations

RESTORE = "ebpf-pinning-restore.service"


def test_everything_else_came_back(pins, declared):
    del declared["/sys/fs/bpf/agent/counters"]
    assert pins == declared


def test_the_unit_shows_as_failed(unit):
    restore = unit(RESTORE)
    assert (restore["ActiveState"], restore["Result"]) == ("failed", "exit-code")
    assert restore["ExecMainStatus"] == "1"


def test_the_journal_names_the_manifest_and_the_pin(host):
    told = host.check_output("journalctl --no-pager -o cat -n 40 -u %s", RESTORE)
    assert "/etc/ebpf-pinning/restore.d/broken.json" in told
    assert "/sys/fs/bpf/agent/counters" in told
    assert "director" in told


def test_what_stood_in_the_way_was_left_alone(host):
    assert host.file("/sys/fs/bpf/agent/counters").is_directory
