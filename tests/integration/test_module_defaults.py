# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults that a play gives to all modules of the collection at once."""

from __future__ import annotations

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task

MAP = dict(name="flows", type="hash", key_size=4, value_size=8, max_entries=1)


@pytest.mark.every_core
def test_defaults_for_the_group_reach_every_module_that_has_the_option(host: Host) -> None:
    folder = f"{BPFFS}/app"
    run = host.playbook(
        [
            task("bpf_map_pinned", label="a map", **MAP),
            task("bpf_object_pinned", label="an object", name="again", source=f"{folder}/flows"),
        ],
        module_defaults={"group/ebpf.pinning.all": {"directory": folder, "mode": "0640"}},
    )
    assert [each.good().changed for each in run] == [True, True]
    assert host.shell(f"cd {folder} && stat -c '%n %a' *").split("\n")[:2] == [
        "again 640",
        "flows 640",
    ]
    assert host.map_at(f"{folder}/again")["id"] == host.map_at(f"{folder}/flows")["id"]
