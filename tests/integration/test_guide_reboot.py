# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reboot.md as it stands, on a host without systemd whose bpffs comes back empty.

Real restarts, with systemd, are in extensions/molecule/vm.
"""

from __future__ import annotations

import re

import pytest
from booted_hosts import UNIT
from harness.booted import Booted
from harness.guide import Guide
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import AGENT, HASH
from mount_table import access, mounts_at
from restoring import keep_apart, restart, without_identity

SEVEN, SIXTY_SIX = (["0xc0", "0x00", "0x02", end] for end in ("0x07", "0x42"))
COMMAND = "/usr/local/lib/ebpf-pinning/ebpf-pinning"


class Reboot(Guide):
    """The page, and a host with an /etc, a /run and a /usr/local of its own."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "reboot.md")
        keep_apart(host)
        self.by_itself, self.listed, self.before, self.at_boot = self.blocks("yaml")
        self.status, self.rehearsal, self.init_script = self.blocks("console")


@pytest.fixture
def reboot(host: Host) -> Reboot:
    return Reboot(host)


def test_the_host_puts_its_maps_back_by_itself(reboot: Reboot, subtests: pytest.Subtests) -> None:
    host = reboot.host
    first = reboot.play_twice(reboot.by_itself)
    before = host.inventory(AGENT)
    with subtests.test("without systemd the role says what is to be run"):
        (said,) = [result.msg for result in first if "init" in result.msg]
        assert f"`{COMMAND} restore`" in said
        assert f"{COMMAND} restore" in reboot.init_script.splitlines()[1]

    with subtests.test("the rehearsal says what the page says"):
        rows = reboot.shell(reboot.rehearsal).splitlines()
        assert "exit code 2" in rows
        missed = next(row for row in rows if row.startswith(f"{AGENT}/flows"))
        assert missed.split() == [f"{AGENT}/flows", "lru_hash", "missing"]
        assert rows[-1] == "2 declared, 2 in place"
        assert without_identity(host.inventory(AGENT)) == without_identity(before)

    host.shell(f"rm {AGENT}/flows")
    with subtests.test("status prints the table"):
        (shown,) = reboot.blocks("text")
        assert reboot.shell(reboot.status) == shown

    host.shell(f"bpftool map update pinned {AGENT}/blocked key 1 2 3 4 value 1; chmod 0700 {AGENT}")
    restart(host)
    assert AGENT not in host.inventory()
    reboot.shell(reboot.init_script)
    with subtests.test("maps come back as declared, empty, and not with modes of directories"):
        assert without_identity(host.inventory(AGENT)) == without_identity(before)
        assert host.bpftool("map", "dump", "pinned", f"{AGENT}/blocked") == []
        assert access(host, AGENT) == "755 0 0"
        assert access(host, f"{AGENT}/flows") == access(host, f"{AGENT}/blocked") == "640 0 4"

    restart(host)
    host.shell(f"mkdir {AGENT}")
    host.make_pin(f"{AGENT}/flows")
    there = host.map_at(f"{AGENT}/flows")
    failed = host.run("sh", "-c", reboot.init_script, check=False)
    with subtests.test("another map under the name is told and left alone"):
        assert failed.returncode == 1
        assert re.search(rf"^{AGENT}/flows +lru_hash +different ", failed.stdout, re.M)
        assert host.map_at(f"{AGENT}/flows") == there
        assert host.map_at(f"{AGENT}/blocked")["type"] == "hash"


def test_what_is_frozen_or_holds_others_comes_back_empty(reboot: Reboot) -> None:
    host = reboot.host
    inner = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
    maps = [
        {"name": "constants", "type": "array", "value_size": 4, "max_entries": 1, "frozen": True},
        {
            "name": "outer",
            "type": "hash_of_maps",
            "key_size": 4,
            "max_entries": 1,
            "inner_map": inner,
        },
        {"name": "inner", **inner},
    ]
    words = {"name": "agent", "directory": AGENT, "maps": maps}
    host.playbook([task("bpf_restore", **words)])[0].good()
    reboot.shell(f"{COMMAND} restore")
    put = f"bpftool map update pinned {AGENT}/outer key 0 0 0 0 value pinned {AGENT}/inner"
    host.shell(put)
    host.shell(f"ln {AGENT}/inner {AGENT}/second")  # of which no manifest tells
    restart(host)
    reboot.shell(f"{COMMAND} restore")
    assert host.shell(f"ls {AGENT}").split() == ["constants", "inner", "outer"]
    assert host.bpftool("map", "dump", "pinned", f"{AGENT}/outer") == []
    fill = f"bpftool map update pinned {AGENT}/constants key 0 0 0 0 value 1 0 0 0"
    assert host.run("sh", "-c", fill, check=False).returncode != 0


def test_a_list_of_the_host_comes_back_in_its_map(reboot: Reboot) -> None:
    host, blocked = reboot.host, f"{BPFFS}/lists/blocked"
    reboot.play_twice(reboot.listed)
    before = host.bpftool("map", "dump", "pinned", blocked)
    assert [each["key"] for each in before] in ([SEVEN, SIXTY_SIX], [SIXTY_SIX, SEVEN])
    assert [each["value"] for each in before] == [["0x01"]] * 2
    restart(host)
    reboot.shell(f"{COMMAND} restore")
    assert sorted(map(str, host.bpftool("map", "dump", "pinned", blocked))) == sorted(
        map(str, before)
    )


def test_an_agent_that_waits_for_its_maps_has_them_after_a_restart(
    reboot: Reboot, booted: Booted
) -> None:
    (drop_in,) = reboot.blocks("ini")
    folder = "/etc/systemd/system/agent.service.d"
    assert "agent.service.d/maps.conf" in reboot.text
    asks = f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/ls {AGENT}/flows\n"
    wanted = "[Unit]\nDefaultDependencies=no\n[Install]\nWantedBy=multi-user.target\n"
    booted.run("mkdir", folder)
    for name, text in (("maps.conf", drop_in), ("../agent.service", asks + wanted)):
        booted.shell(f"cat > {folder}/{name} << 'END'\n{text}\nEND")
    flows = {"name": "flows", **HASH}
    installed = {"name": "agent", "directory": AGENT, "maps": [flows], "service": True}
    booted.playbook([task("bpf_restore", **installed)])[0].good()
    booted.shell("systemctl daemon-reload; systemctl enable agent.service")
    verify = "systemd-analyze verify --man=no --recursive-errors=yes agent.service"
    told = booted.run("sh", "-c", verify, check=False).stderr
    assert [line for line in told.splitlines() if "agent" in line or "ebpf" in line] == []
    booted.restart()
    show = "systemctl show --property=ActiveState,AssertResult agent.service"
    assert booted.shell(show).split() == ["ActiveState=active", "AssertResult=yes"]
    booted.shell(f"systemctl disable {UNIT}; rm -r /etc/ebpf-pinning/restore.d")
    booted.restart()
    assert booted.shell(show).split() == ["ActiveState=inactive", "AssertResult=no"]


def test_fstab_and_a_playbook_at_boot(bare_host: Host, subtests: pytest.Subtests) -> None:
    reboot, host = Reboot(bare_host), bare_host
    reboot.play_twice(reboot.at_boot)
    entries = host.shell("grep -c '^[^#].* bpf ' /etc/fstab")
    before = host.inventory(AGENT)
    host.shell(f"umount -l {BPFFS}")
    mount, _restore = reboot.init_script.splitlines()
    reboot.shell(mount)
    with subtests.test("one entry mounts it"):
        assert entries == "1\n"
        (row,) = mounts_at(host, BPFFS)
        assert {"nosuid", "nodev", "noexec"} <= row.flags
    reboot.shell(mount)
    with subtests.test("and no second one over it"):
        assert len(mounts_at(host, BPFFS)) == 1
    reboot.play_twice(reboot.at_boot)
    with subtests.test("then the playbook makes the maps"):
        assert without_identity(host.inventory(AGENT)) == without_identity(before)


def test_a_loader_decides_about_the_shape_and_the_playbook_puts_the_mode_right(
    reboot: Reboot,
) -> None:
    host = reboot.host
    ids = host.load("pins", AGENT)
    assert access(host, f"{AGENT}/counters") == "600 0 0"
    words = {"path": f"{AGENT}/counters", "type": "percpu_array", "value_size": 16, "group": "adm"}
    told, put_right = host.playbook(
        [
            task("bpf_map_pinned", max_entries=17, **words),
            task("bpf_map_pinned", max_entries=16, **words),
        ]
    )
    assert told.failed
    assert "max_entries" in told.msg
    assert put_right.good()["counts"]["adjusted"] == 1
    assert access(host, f"{AGENT}/counters") == "600 0 4"
    assert host.map_at(f"{AGENT}/counters")["id"] == ids["counters"]
