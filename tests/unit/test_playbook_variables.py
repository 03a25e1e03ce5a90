# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the playbooks: each is read, and each is in docs/which-part.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible_collections.ebpf.pinning.plugins.plugin_utils._playbook_variables import (
    Said,
    arguments_of,
)

PAGE = (Path(__file__).parents[2] / "docs" / "which-part.md").read_text()


class Noted(Said):
    """Notes which variables are asked for; each that is true or false is true."""

    def __init__(self) -> None:
        super().__init__({}, lambda value: value)
        self.names: set[str] = set()

    def __call__(self, name: str, type: str = "raw", **more: Any) -> Any:
        self.names.add(name)
        return True if type == "bool" else super().__call__(name, type, default=more.get("default"))


def test_the_page_has_all_variables_and_no_others() -> None:
    noted = Noted()
    arguments_of(noted)
    section = PAGE.partition("### Their variables")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.M)
    assert noted.names == {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_further_mounts_are_declared_beside_the_usual_one() -> None:
    said = Said({"bpf_mounts": [{"path": "/srv/bpf"}]}, lambda value: value)
    assert [each["path"] for each in arguments_of(said)["mounts"]] == ["/sys/fs/bpf", "/srv/bpf"]
