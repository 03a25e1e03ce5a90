# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that puts pins back at boot, under systemd itself."""

from __future__ import annotations

import pytest
from booted_hosts import TARGET, UNIT, states
from harness.booted import Booted
from harness.host import BPFFS
from harness.playbook import task
from harness.samples import AGENT, HASH
from restoring import Fields, without_identity

SYSTEM = "/etc/systemd/system"
SETTINGS = f"{SYSTEM}/{UNIT}.d"
MAPS = [{"name": "flows", **HASH}, {"name": "more", **HASH, "mode": "0640"}]
WANTED: Fields = {"name": "agent", "directory": AGENT, "maps": MAPS, "service": True}
GONE: Fields = {"name": "agent", "state": "absent", "service": True}


def test_what_is_declared_comes_back_with_the_host(
    booted: Booted,
    subtests: pytest.Subtests,
) -> None:
    host = booted
    pin = {
        "name": "make the maps",
        "ebpf.pinning.bpf_map_pinned": {"directory": AGENT, "maps": MAPS},
    }
    restore = task("bpf_restore", **WANTED)
    before = host.run("find", SYSTEM).stdout
    check, *_others = host.playbook([restore], "--check")
    with subtests.test("a check tells and does nothing"):
        assert check.good().changed
        assert check["service"] == [
            *("daemon-reload", f"enable {UNIT} {TARGET}", f"restart {UNIT}", f"start {TARGET}")
        ]
        assert host.run("find", SYSTEM).stdout == before
    _made, first, second = host.playbook([pin, restore, restore])
    with subtests.test("a run does what the check told, and a second one nothing"):
        assert first.good()["service"] == check["service"]
        assert first["files"] == check["files"]
        assert not second.good().changed
        assert second["service"] == second["files"] == []
        assert states(host) == {
            "UnitFileState": "enabled",
            "ActiveState": "active",
            "Result": "success",
            "NeedDaemonReload": "no",
        }
    pins = host.inventory(AGENT)
    host.restart()
    with subtests.test("the host puts them back by itself"):
        assert without_identity(host.inventory(AGENT)) == without_identity(pins)
        assert states(host)["Result"] == "success"


def test_a_change_is_seen_at_once_and_the_last_manifest_takes_the_unit_along(
    booted: Booted,
    subtests: pytest.Subtests,
) -> None:
    host = booted
    other = {**WANTED, "name": "other one", "directory": f"{BPFFS}/other"}
    more = {**WANTED, "maps": [*MAPS, {"name": "third", **HASH}]}
    _first, _second, changed = host.playbook(
        [task("bpf_restore", **each) for each in (WANTED, other, more)]
    )
    with subtests.test("a map that is declared is there when the unit has run"):
        assert changed.good()["service"] == [f"restart {UNIT}"]
        assert host.map_at(f"{AGENT}/third")["type"] == "hash"
    host.shell(f"systemctl stop {UNIT}; printf '[Unit]\n' > {SETTINGS}/theirs.conf")
    (stopped,) = host.playbook([task("bpf_restore", **more)])
    with subtests.test("a unit that does not run is started"):
        assert stopped.good()["service"] == [f"start {UNIT}"]
    (without,) = host.playbook([task("bpf_restore", **GONE)])
    with subtests.test("one of two leaves the unit, without what it was allowed for it"):
        assert without.good()["service"] == ["daemon-reload", f"restart {UNIT}"]
        assert host.shell(f"ls {SETTINGS}").splitlines() == ["other one.conf", "theirs.conf"]
        assert states(host)["ActiveState"] == "active"
        assert host.map_at(f"{AGENT}/third")["type"] == "hash"
    last = {**GONE, "name": "other one"}
    (check,) = host.playbook([task("bpf_restore", **last)], "--check")
    with subtests.test("a check leaves it"):
        assert check.good()["service"] == [f"disable --now {UNIT} {TARGET}", "daemon-reload"]
        assert states(host)["UnitFileState"] == "enabled"
    gone, again = host.playbook([task("bpf_restore", **last)] * 2)
    with subtests.test("the last one takes it along, but for what others wrote"):
        assert gone.good()["service"] == check["service"]
        assert not again.good().changed
        assert host.shell(f"find {SETTINGS}").splitlines() == [
            SETTINGS,
            f"{SETTINGS}/theirs.conf",
        ]
        assert states(host)["ActiveState"] == "inactive"
    host.shell(f"rm {SETTINGS}/theirs.conf")
    for each in (WANTED, GONE):
        host.playbook([task("bpf_restore", **each)])[0].good()
    with subtests.test("and with nothing of others in it its directory"):
        assert host.shell(f"find {SYSTEM} -name '*ebpf*'") == ""


def test_what_cannot_be_put_back_is_told(
    booted: Booted,
    subtests: pytest.Subtests,
) -> None:
    host = booted
    host.make_pin(f"{AGENT}-flows")
    host.shell(f"mkdir {AGENT}; mv {AGENT}-flows {AGENT}/flows")
    there = host.map_at(f"{AGENT}/flows")
    failed, again = host.playbook([task("bpf_restore", **WANTED)] * 2)
    with subtests.test("systemd's words, where to look, and what was done by then"):
        assert failed.failed
        assert f"`systemctl restart {UNIT}` failed: Job for {UNIT} failed" in failed.msg
        assert f"journalctl -b -u {UNIT}" in failed.msg
        assert f"{SYSTEM}/{UNIT}, " in failed.msg.splitlines()[1]
        assert failed.changed
    with subtests.test("and so again, for as long as it is so"):
        assert f"`systemctl start {UNIT}` failed" in again.msg
        assert not again.changed
    with subtests.test("nothing of others is touched, and the rest is there"):
        assert host.map_at(f"{AGENT}/flows") == there
        assert host.map_at(f"{AGENT}/more")["type"] == "hash"
