# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A single pin that is mounted over a file, as container engines pass one on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

MAP = dict(type="hash", key_size=4, value_size=8, max_entries=1)


@pytest.fixture(params=["on another file system", "over a pin", "over a pin that is like it"])
def place(request: pytest.FixtureRequest, host: Host, tmp_path: Path) -> str:
    """The file that the pin `BPFFS/there` is mounted over."""
    host.make_pin(f"{BPFFS}/there")
    if request.param == "on another file system":
        file = str(tmp_path / "file")
        host.run("touch", file)
    else:
        file = f"{BPFFS}/file"
        host.make_pin(file, max_entries=1 if request.param.endswith("it") else 7)
    host.run("mount", "--bind", f"{BPFFS}/there", file)
    return file


def test_info_tells_what_is_in_it(host: Host, place: str) -> None:
    there = host.map_at(f"{BPFFS}/there")
    questions: list[dict[str, Any]] = [{"path": [place]}]
    if place.startswith(BPFFS):
        questions.append({"directory": BPFFS})
    for run in host.playbook([task("bpf_pin_info", **question) for question in questions]):
        pins = {pin["path"]: pin for pin in run.good()["pins"]}
        assert pins[place]["id"] == there["id"]
        assert pins[place]["map"]["max_entries"] == 1
        assert run["others"] == []


@pytest.mark.parametrize("policy", ["fail", "replace", "migrate"])
@pytest.mark.parametrize("entries", [1, 9])
def test_a_map_is_used_or_refused_but_never_replaced(
    host: Host, place: str, policy: str, entries: int
) -> None:
    before = host.inventory()
    declared = {**MAP, "path": place, "max_entries": entries, "on_mismatch": policy}
    runs = host.playbook(
        [task("bpf_map_pinned", check=check, **declared) for check in (True, False)]
    )
    assert host.inventory() == before
    for run in runs:
        if place.startswith(BPFFS) and entries == 1:
            assert run.good()["counts"]["unchanged"] == 1
            continue
        assert run.failed
        assert not run.changed
        if place.startswith(BPFFS) and policy == "fail":
            assert "is not as declared: max_entries: want 9, have 1" in run.msg
            continue
        assert (
            f"{place}: the name is taken by a file with a pin mounted over it (a map of " in run.msg
        )
        assert "declare the path where that is pinned" in run.msg
        assert run["maps"][0]["action"] == "incompatible"


@pytest.mark.parametrize("policy", ["fail", "replace"])
def test_another_object_does_not_take_its_place(host: Host, place: str, policy: str) -> None:
    host.make_pin(f"{BPFFS}/other")
    before = host.inventory()
    tasks = [
        task("bpf_object_pinned", path=place, source=source, on_mismatch=policy, check=check)
        for source in (f"{BPFFS}/other", f"{BPFFS}/there")
        for check in (True, False)
    ]
    *others, same_check, same = host.playbook(tasks)
    for run in others:
        assert run.failed
        assert not run.changed
    for run in (same_check, same):
        if place.startswith(BPFFS):
            assert not run.good().changed
        else:
            assert "a file with a pin mounted over it (a map of" in run.msg
    assert host.inventory() == before


def test_it_is_not_removed_and_nobody_is_told_to_unmount_a_bpffs(host: Host, place: str) -> None:
    before = host.inventory()
    runs = host.playbook([task("bpf_pin_absent", path=[place], check=c) for c in (True, False)])
    for run in runs:
        assert run.failed
        assert f"{place} is a file with a pin mounted over it (a map of type hash" in run.msg
        assert "bpffs_mount" not in run.msg
    assert host.inventory() == before


def test_pruning_leaves_it_there(host: Host) -> None:
    host.run("mkdir", f"{BPFFS}/d")
    for name in ("there", "d/file", "d/old"):
        host.make_pin(f"{BPFFS}/{name}")
    host.run("mount", "--bind", f"{BPFFS}/there", f"{BPFFS}/d/file")
    pruned = host.module("bpf_pin_absent", directory=f"{BPFFS}/d", keep=[]).good()
    assert [each["path"] for each in pruned["pins"]] == [f"{BPFFS}/d/old"]
    (spared,) = pruned["spared"]
    assert spared["path"] == f"{BPFFS}/d/file"
    assert "a file with a pin mounted over it" in spared["reason"]
