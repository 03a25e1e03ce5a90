# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/upgrading.md tells of every change that breaks something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHANGES = [
    change
    for fragment in sorted((ROOT / "changelogs" / "fragments").glob("*.yml"))
    for change in yaml.safe_load(fragment.read_text()).get("breaking_changes", [])
]
RELEASES = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())["releases"]
for version in RELEASES.keys() - {"0.1.0"}:
    CHANGES += RELEASES[version]["changes"].get("breaking_changes", [])


def test_there_are_some() -> None:
    assert CHANGES


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[:40])
def test_its_names_are_in_the_page(change: str) -> None:
    page = (ROOT / "docs" / "upgrading.md").read_text()
    literals = re.findall("``(.+?)``", change)
    named = literals or re.findall(r"\b[a-z]+_[a-z_]+\b", change.partition(" - ")[0])
    assert [name for name in named if name not in page] == []
