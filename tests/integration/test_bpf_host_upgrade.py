# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps, programs and links in one declaration: a new object file is an upgrade."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS
from harness.playbook import task
from link_table import Hooks, hooks

__all__ = ["hooks"]  # a fixture

APP = f"{BPFFS}/app"


@pytest.fixture
def counted(hooks: Hooks) -> str:
    """c/counted.bpf.c on the host, which has a /run of its own."""
    host = hooks.host
    host.shell("mount -t tmpfs -o mode=0755 run /run; mkdir /run/objects")
    _put(hooks)
    return "/run/objects/counted.bpf.o"


def _put(hooks: Hooks, *options: str) -> None:
    site = hooks.host.site
    source = site.bpf_variant("counted", *options) if options else site.bpf_object("counted")
    hooks.host.shell(f"cp {source} /run/objects/counted.bpf.o")


def _declared(hooks: Hooks, path: str, **words: Any) -> dict[str, Any]:
    attach = {"type": "xdp", "interface": "v0", "namespace": hooks.network}
    return {
        "directory": APP,
        "programs": [{"object": path, **words}],
        "links": [{"name": "on_v0", "program": f"{APP}/count_all", "attach": attach}],
    }


def test_programs_are_loaded_attached_and_upgraded(hooks: Hooks, counted: str) -> None:
    host = hooks.host
    checked, done, again = host.playbook(
        [
            task("bpf_host", check=True, **_declared(hooks, counted)),
            task("bpf_host", **_declared(hooks, counted)),
            task("bpf_host", **_declared(hooks, counted)),
        ]
    )
    for result in (checked, done):
        actions = [each["action"] for each in (*result.good()["programs"], *result["links"])]
        assert actions == ["created"] * 3
    assert not again.good().changed
    link = hooks.link(f"{APP}/on_v0")
    assert hooks.xdp() == link["prog_id"] == done["programs"][0]["id"]
    upgraded = _declared(hooks, counted, globals={"limits": {"most": 1, "ports": [0, 0]}})
    checked, done, again = host.playbook(
        [
            task("bpf_host", check=True, **upgraded),
            task("bpf_host", **upgraded),
            task("bpf_host", **upgraded),
        ]
    )
    for result in (checked, done):
        assert [each["action"] for each in result.good()["programs"]] == ["replaced", "replaced"]
        assert [each["action"] for each in result["links"]] == ["updated"]
    assert not again.good().changed
    new = hooks.link(f"{APP}/on_v0")
    assert new["id"] == link["id"]
    assert hooks.xdp() == new["prog_id"] == done["programs"][0]["id"] != link["prog_id"]


@pytest.mark.parametrize("size", [[], ["-DCOUNTS=8"]], ids=["maps stay", "a map migrates"])
def test_a_verifiers_refusal_leaves_programs_links_and_maps(
    hooks: Hooks, counted: str, size: list[str]
) -> None:
    host = hooks.host
    host.module("bpf_host", **_declared(hooks, counted)).good()
    before, link, program = host.inventory(), hooks.link(f"{APP}/on_v0"), hooks.xdp()
    _put(hooks, "-DREFUSED", *size)
    refused = host.module("bpf_host", **_declared(hooks, counted), on_mismatch="migrate")
    assert refused.failed
    assert "program count_all was refused" in refused.msg
    assert host.inventory() == before
    assert (hooks.link(f"{APP}/on_v0"), hooks.xdp()) == (link, program)
    _put(hooks, "-DSTEP=2", *size)
    done = host.module("bpf_host", **_declared(hooks, counted), on_mismatch="migrate").good()
    assert [each["action"] for each in done["maps"]] == ["migrated" if size else "unchanged"]
    assert hooks.xdp() == done["programs"][0]["id"] != program
