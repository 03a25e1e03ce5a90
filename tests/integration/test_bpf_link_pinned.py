# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_link_pinned: a pinned program is attached, changed in place, attached anew, detached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from absence_table import inventory_task, taken
from harness.host import Host
from harness.playbook import Result, task
from link_table import LINKS, LOADED, Hooks, hooks_of


@pytest.fixture
def hooks(host: Host) -> Iterator[Hooks]:
    with hooks_of(host) as hooks:
        yield hooks


def checked_and_done(host: Host, **words: Any) -> Result:
    """Of a check run that changes nothing, a run that does the same, and one without a change."""
    before = host.inventory()
    predicted, seen, done, again = host.playbook(
        [
            task("bpf_link_pinned", check=True, diff=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_link_pinned", diff=True, **words),
            task("bpf_link_pinned", diff=True, **words),
        ]
    )
    assert taken(seen) == before
    for key in ("changed", "counts", "directories", "leftovers", "diff"):
        assert done.good()[key] == predicted.good()[key], key
    told = [
        [{**each, "id": None, "prog_id": None} for each in result["links"]]
        for result in (predicted, done)
    ]
    assert told[0] == told[1]
    assert done.warnings == predicted.warnings
    assert not again.good().changed
    assert again["diff"] == []
    return done


def xdp(hooks: Hooks, program: str = "xdp_old", **more: Any) -> dict[str, Any]:
    attach = {"type": "xdp", "interface": "v0", "namespace": hooks.network}
    return {"path": f"{LINKS}/v0", "program": f"{LOADED}/{program}", "attach": attach, **more}


@pytest.mark.every_python
def test_a_program_is_attached_changed_in_place_and_detached(hooks: Hooks) -> None:
    host = hooks.host
    old, new = hooks.load("xdp_old"), hooks.load("xdp_new")
    made = checked_and_done(host, **xdp(hooks))
    (told,) = made["links"]
    link = hooks.link(f"{LINKS}/v0")
    assert made["directories"] == [LINKS]
    assert (told["action"], told["type"]) == ("created", "xdp")
    assert (told["id"], told["prog_id"]) == (link["id"], old) == (link["id"], link["prog_id"])
    assert hooks.xdp() == old
    changed = checked_and_done(host, **xdp(hooks, "xdp_new"))
    assert changed["links"][0]["action"] == "updated"
    (drift,) = changed["links"][0]["drift"]
    assert (drift["field"], drift["have"]) == ("program", f"program {old}")
    assert f"(id {new})" in drift["want"]
    assert hooks.link(f"{LINKS}/v0") == {**link, "prog_id": new}
    assert hooks.xdp() == new
    gone = checked_and_done(host, path=f"{LINKS}/v0", state="absent")
    assert gone["links"][0]["action"] == "removed"
    assert hooks.xdp() is None
    assert f"{LINKS}/v0" not in host.inventory()
    assert link["id"] not in [each["id"] for each in host.bpftool("link", "show")]
