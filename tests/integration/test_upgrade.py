# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps, programs and links of one declaration, and then of the next one, while there is traffic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.host import BPFFS, Host
from link_table import Hooks, hooks_of

APP = f"{BPFFS}/app"
OBJECTS = "/run/objects"
PROGRAMS = ("filter", "classify", "allow")
UPGRADES = 50


@pytest.fixture
def hooks(host: Host) -> Iterator[Hooks]:
    """A network, a control group, and object files of two versions, and of one that is refused."""
    host.shell(f"mount -t tmpfs -o mode=0755 run /run; mkdir {OBJECTS}")
    for version, room in ((0, 16), (1, 32)):
        built = host.site.bpf_variant("upgraded", f"-DVERSION={version}", f"-DROOM={room}")
        host.run("cp", built, f"{OBJECTS}/{version}.bpf.o")
    built = host.site.bpf_variant("upgraded", "-DVERSION=1", "-DROOM=32", "-DREFUSED")
    host.run("cp", built, f"{OBJECTS}/refused.bpf.o")
    with hooks_of(host) as hooks:
        yield hooks


def _declared(hooks: Hooks, version: object) -> dict[str, Any]:
    on_device = {"interface": "v0", "namespace": hooks.network}
    attached = {
        "filter": {"type": "xdp", "mode": "generic", **on_device},
        "classify": {"type": "tcx_ingress", **on_device},
        "allow": {"type": "cgroup_inet4_connect", "cgroup": hooks.cgroup},
    }
    links = [
        {"path": f"{APP}/link_{name}", "program": f"{APP}/{name}", "attach": attach}
        for name, attach in attached.items()
    ]
    programs = [{"object": f"{OBJECTS}/{version}.bpf.o"}]
    return {"directory": APP, "on_mismatch": "migrate", "programs": programs, "links": links}


def _counts(host: Host) -> list[int]:
    dumped = host.bpftool("map", "dump", "pinned", f"{APP}/seen")
    return [each["formatted"]["value"] for each in dumped]


def _links(host: Host) -> list[dict[str, Any]]:
    shown = [host.bpftool("link", "show", "pinned", f"{APP}/link_{name}") for name in PROGRAMS]
    programs = [host.bpftool("prog", "show", "pinned", f"{APP}/{name}")["id"] for name in PROGRAMS]
    assert [each["prog_id"] for each in shown] == programs
    return shown


@contextmanager
def _traffic(hooks: Hooks) -> Iterator[list[int]]:
    """Frames and connections; in the end, how many of each there were."""
    there: list[int] = []
    with (
        hooks.traffic("frames", "v1", "v0") as frames,
        hooks.traffic("connections", hooks.cgroup) as connections,
    ):
        yield there
    there += [*frames, *connections]


def _runs(host: Host, declared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = {"watched": False, "fault": None, "always": {}, "tuning": {}, "meanwhile": {}}
    series = [{"module": "bpf_host", "arguments": each, **plain} for each in declared]
    (runs,) = host.run_modules([series])
    return runs


def test_each_packet_meets_one_version_while_all_is_upgraded(hooks: Hooks) -> None:
    host = hooks.host
    host.module("bpf_host", **_declared(hooks, 0)).good()
    host.shell(f"bpftool map update pinned {APP}/known key 7 0 0 0 value 9 0 0 0 0 0 0 0")
    first = _links(host)
    versions = [upgrade % 2 for upgrade in range(1, UPGRADES + 1)]
    with _traffic(hooks) as there:
        runs = _runs(host, [_declared(hooks, version) for version in versions])
    for run in runs:
        assert run["code"] == 0, run
    frames, connections = there
    counts = _counts(host)
    met = [sum(counts[start : start + 2]) for start in (0, 2, 4)]
    assert met == [frames, frames, connections]
    assert min(counts) > 100  # both versions were at work
    assert [each["id"] for each in _links(host)] == [each["id"] for each in first]
    known = host.bpftool("map", "dump", "pinned", f"{APP}/known")
    assert [each["formatted"] for each in known] == [{"key": 7, "value": 9}]


def test_what_the_verifier_refuses_leaves_all_as_it_was(hooks: Hooks) -> None:
    host = hooks.host
    host.module("bpf_host", **_declared(hooks, 0)).good()
    before, links = host.inventory(), _links(host)
    with _traffic(hooks) as there:
        (run,) = _runs(host, [_declared(hooks, "refused")])
    assert run["code"] == 1, run
    assert "filter" in run["output"]
    frames, connections = there
    assert _counts(host) == [frames, 0, frames, 0, connections, 0]
    assert host.inventory() == before
    assert _links(host) == links
