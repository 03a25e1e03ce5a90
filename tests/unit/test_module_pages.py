# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of ansible-doc lead to the guides, and begin with a task."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def documentation_of(source: Path) -> dict[str, Any]:
    (text,) = re.findall(r'DOCUMENTATION = r"""(.*?)"""', source.read_text(), re.S)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


DOCUMENTED = [
    *(ROOT / "plugins" / "modules").glob("[!_]*.py"),
    *(ROOT / "plugins" / "lookup").glob("[!_]*.py"),
    *(ROOT / "plugins" / "callback").glob("[!_]*.py"),
]


@pytest.mark.parametrize("source", DOCUMENTED, ids=lambda path: path.stem)
def test_a_module_leads_to_its_guides(source: Path) -> None:
    """By the titles that they have, and by the address in galaxy.yml."""
    base = yaml.safe_load((ROOT / "galaxy.yml").read_text())["documentation"]
    guides = [each for each in documentation_of(source)["seealso"] if "link" in each]
    assert guides
    for guide in guides:
        page = guide["link"].removeprefix(base).removesuffix(".html")
        assert f"{base}{page}.html" == guide["link"]
        assert f"docs/{page}.md of the collection" in guide["description"]
        text = (ROOT / "docs" / f"{page}.md").read_text()
        assert re.findall(r"^# (.*)", text, re.M)[0] == guide["name"]


def test_what_modules_say_in_short_is_a_task_of_theirs() -> None:
    said = {}
    for source in DOCUMENTED:
        text = " ".join(map(str, documentation_of(source)["description"]))
        for task in re.findall(r"In short, C\((.*?\})\)\.", text):
            said[source.stem] = yaml.safe_load(task)
    assert {"bpf_host", "bpf_map_pinned", "bpf_map_entries", "bpf_link_pinned"} == set(said)
    for name, task in said.items():
        (arguments,) = task.values()
        assert list(task) == [f"ebpf.pinning.{name}"]
        source = (ROOT / "plugins" / "modules" / f"{name}.py").read_text()
        assert all(f"{word}:" in source for word in arguments)
