# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and links at boot, under systemd itself: loaded, attached, healed, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from booted_hosts import states
from harness.booted import Booted
from harness.host import BPFFS
from harness.playbook import task
from harness.site import Site
from restoring import Fields

APP = f"{BPFFS}/app"
COMMAND = "/usr/local/lib/ebpf-pinning/ebpf-pinning"
MANIFESTS = "/etc/ebpf-pinning/restore.d"
KEPT = f"{MANIFESTS}/sys-fs-bpf-app.files"
LINKS = "ebpf-pinning-links.service"
LINKS_OF_V0 = "ebpf-pinning-links@v0.service"


@pytest.fixture
def wanted(booted: Booted, site: Site) -> Fields:
    """A program of c/counted.bpf.c with its map, attached to an interface."""
    booted.shell("ip link add v0 type veth peer name v1")
    booted.shell(f"cp {site.bpf_object('counted')} /root/counted.bpf.o")
    return {
        "directory": APP,
        "programs": [{"object": "/root/counted.bpf.o"}],
        "links": [
            {
                "name": "link",
                "program": f"{APP}/count_all",
                "attach": {"type": "xdp", "interface": "v0"},
            }
        ],
        "at_boot": True,
    }


def _program(host: Booted, name: str) -> dict[str, Any]:
    found: dict[str, Any] = host.bpftool("prog", "show", "pinned", f"{APP}/{name}")
    return found


def _attached(host: Booted, interface: str = "v0") -> int:
    """The id of the program of XDP that the kernel runs there; 0 if it runs none."""
    (link,) = json.loads(host.shell(f"ip -json -details link show {interface}"))
    return int(link.get("xdp", {}).get("prog", {}).get("id", 0))


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
    import time

    t = time.time()
    host.restart()
    print(
        "restart",
        time.time() - t,
        host.shell("systemctl --failed --no-legend; systemd-analyze blame | head -5"),
        host.log[-1500:],
    )
    with subtests.test("programs are there before any interface is"):
        assert states(host)["Result"] == "success"
        program = _program(host, "count_all")
        assert host.map_at(f"{APP}/counts")["id"] in program["map_ids"]
    host.shell("ip link add v0 type veth peer name v1")
    t = time.time()
    host.shell(f"systemctl start {LINKS_OF_V0}")
    print("start", time.time() - t)
    with subtests.test("and the link once it is"):
        assert _attached(host) == program["id"]
    with subtests.test("then there is nothing to do for a playbook"):
        (nothing,) = host.playbook([task("bpf_host", **wanted)], "--check", "--diff")
        assert not nothing.good().changed
