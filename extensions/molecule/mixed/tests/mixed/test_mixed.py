# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine could not, and the others were not held up."""

from __future__ import annotations


def test_who_can_has_the_new_map(pins, linux):
    assert ("/sys/fs/bpf/fleet/extra" in pins) == (linux >= (5, 16))


def test_nothing_half_made_is_left(host):
    assert host.check_output("find /sys/fs/bpf -name '*~*'") == ""
