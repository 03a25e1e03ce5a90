# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What put the pins back, and when: as systemd tells it."""

from __future__ import annotations

import pytest

RESTORE = "ebpf-pinning-restore.service"


def test_the_restore_ran_at_boot_and_succeeded(unit):
    restore = unit(RESTORE)
    assert restore["UnitFileState"] == "enabled"
    assert (restore["ActiveState"], restore["Result"]) == ("active", "success")
    assert restore["ExecMainStatus"] == "0"
    assert int(restore["ExecMainExitTimestampMonotonic"]) > 0


@pytest.mark.parametrize("later", ["network-pre.target", "systemd-networkd.service"])
def test_the_pins_were_back_before_the_network_was_up(unit, later):
    done = int(unit(RESTORE)["ExecMainExitTimestampMonotonic"])
    network = unit(later)
    assert network["ActiveState"] == "active"
    # InactiveExit: when it began to start.
    assert 0 < done <= int(network["InactiveExitTimestampMonotonic"])


def test_the_file_systems_were_mounted_before(unit):
    done = int(unit(RESTORE)["ExecMainStartTimestampMonotonic"])
    assert 0 < int(unit("srv-bpf.mount")["ActiveEnterTimestampMonotonic"]) <= done


def test_the_boot_had_no_failures(host):
    failed = host.check_output("systemctl list-units --state=failed --plain --no-legend")
    assert "ebpf" not in failed
    assert "bpf.mount" not in failed
