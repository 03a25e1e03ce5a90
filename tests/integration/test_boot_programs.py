# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and links at boot, under systemd itself: loaded, attached, healed, refused, removed."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._module.boot_unit import instance
from booted_hosts import UNIT, states
from harness.booted import Booted
from harness.host import BPFFS
from harness.playbook import task
from harness.site import Site
from restoring import Fields

APP = f"{BPFFS}/app"
SYSTEM = "/etc/systemd/system"
MANIFESTS = "/etc/ebpf-pinning/restore.d"
KEPT = f"{MANIFESTS}/sys-fs-bpf-app.files"
LINKS_OF_V0 = "ebpf-pinning-links@v0.service"
MAKE_V0 = "ip link add v0 type veth peer name v1"
# The network of the host comes up after the maps and programs are there.
NETWORK = f"""\
[Unit]
DefaultDependencies=no
After={UNIT}
[Service]
Type=oneshot
ExecStart=/usr/sbin/{MAKE_V0}
[Install]
WantedBy=multi-user.target
"""
AGENT = """\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/test -e /sys/fs/bpf/app/link
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture
def wanted(booted: Booted, site: Site) -> Fields:
    """A program of c/counted.bpf.c with its map, attached to an interface; an agent needs both."""
    booted.shell(
        f"{MAKE_V0}; cp {site.bpf_object('counted')} /root/counted.bpf.o\n"
        f"echo '{NETWORK}' > {SYSTEM}/network.service; echo '{AGENT}' > {SYSTEM}/agent.service\n"
        "systemctl daemon-reload; systemctl enable network agent"
    )
    attach = {"type": "xdp", "interface": "v0"}
    return {
        "directory": APP,
        "programs": [{"object": "/root/counted.bpf.o"}],
        "links": [{"name": "link", "program": f"{APP}/count_all", "attach": attach}],
        "at_boot": True,
        "at_boot_options": {"before": ["agent"]},
    }


def _program(host: Booted, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")
    return found


def _attached(host: Booted, interface: str = "v0") -> int:
    """The id of the program of XDP that the kernel runs there; 0 if it runs none."""
    (link,) = json.loads(host.shell(f"ip -json -details link show {interface}"))
    return int(link.get("xdp", {}).get("prog", {}).get("id", 0))


def _is(host: Booted, unit: str) -> str:
    return host.run("systemctl", "is-active", unit, check=False).stdout.strip()


def test_programs_and_links_come_back_with_the_host(
    booted: Booted, wanted: Fields, subtests: pytest.Subtests
) -> None:
    host = booted
    (check,) = host.playbook([task("bpf_host", **wanted)], "--check")
    done, again = host.playbook([task("bpf_host", **wanted)] * 2)
    with subtests.test("a check tells, a run does it, and a second one nothing"):
        assert done.good()["at_boot"] == check.good()["at_boot"]
        assert not again.good().changed
        assert states(host)["ActiveState"] == "active"
    with subtests.test("the host keeps the object file, for root alone"):
        digest = host.shell("sha256sum /root/counted.bpf.o").split()[0]
        (name,) = host.shell(f"ls {KEPT}").split()
        assert name == f"counted.bpf.o-{digest[:16]}"
        assert host.shell(f"stat -c '%a %u %g' {KEPT}/{name}").strip() == "600 0 0"
    host.shell("rm /root/counted.bpf.o")
    host.restart()
    program = _program(host, "count_all")
    with subtests.test("programs are there before the network, with their maps"):
        assert states(host)["Result"] == "success"
        assert host.map_at(f"{APP}/counts")["id"] in program["map_ids"]
    with subtests.test("the link when its interface is, and then what waits for all of it"):
        assert _attached(host) == program["id"]
        assert _is(host, "ebpf-pinning.target") == "active"
        assert _is(host, "agent") == "active"
    with subtests.test("an interface that comes back gets its program anew"):
        host.shell(f"ip link del v0; ip link add b0 type veth peer name b1; {MAKE_V0}")
        assert _attached(host) == 0
        host.shell(f"systemctl start {LINKS_OF_V0}")  # as systemd does when the device appears
        assert _attached(host) == program["id"]
        places = host.shell(f"find {SYSTEM}/sys-subsystem-net-devices-v0.device.wants -name '*@*'")
        assert places.strip().endswith(LINKS_OF_V0)
    host.shell(f"cp {KEPT}/{name} /root/counted.bpf.o")
    with subtests.test("a playbook finds nothing to do, by notes that the unit wrote"):
        (nothing,) = host.playbook([task("bpf_host", **wanted)], "--check", "--diff")
        assert not nothing.good().changed
    (ended,) = host.playbook([task("bpf_host", **{**wanted, "at_boot": False})])
    with subtests.test("until that is to end, and nothing of it is left but what works"):
        assert ended.good()["at_boot"]["service"][-1] == "daemon-reload"
        places = f"{SYSTEM} /etc/ebpf-pinning /usr/local"
        assert host.shell(f"find {places} -name '*ebpf*' ! -type d") == ""
        assert host.shell("ls /etc/ebpf-pinning/restore.d") == ""
        assert _attached(host) == program["id"]


def test_an_object_file_that_was_exchanged_is_not_loaded(
    booted: Booted, wanted: Fields, site: Site, subtests: pytest.Subtests
) -> None:
    host = booted
    other = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 4}
    wanted = {**wanted, "maps": [other], "links": []}
    host.playbook([task("bpf_host", **wanted)])[0].good()
    host.shell(f"cp {site.bpf_variant('counted', '-DSTEP=2')} {KEPT}/counted.bpf.o-*")
    host.restart()
    with subtests.test("its programs are missing, all else is back, and the unit says so"):
        assert host.shell(f"ls {APP}").split() == ["flows"]
        assert states(host)["Result"] == "exit-code"
        assert "is not the file that was declared: run the playbook again" in host.log
    with subtests.test("what needs it does not start"):
        assert _is(host, "agent") != "active"
        told = host.run("systemctl", "status", "agent", check=False).stdout
        assert "start assertion failed" in told
    with subtests.test("a run of the playbook mends it"):
        host.playbook([task("bpf_host", **wanted)])[0].good()
        assert states(host)["Result"] == "success"


@pytest.mark.parametrize(
    "name", ["eth0", "br-lan", ".hidden", "a.b", "wlp3s0:1", "größe", "a b@c\\d", "v%0"]
)
def test_units_of_interfaces_are_named_as_systemd_names_them(name: str) -> None:
    words = ["systemd-escape", "--template=ebpf-pinning-links@.service", name]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert instance(name) == told.strip()
