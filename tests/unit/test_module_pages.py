# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of ansible-doc lead to the guides, begin with a task, and have examples early."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


# At which line of 80 columns examples begin at the latest; LATEST, but of modules of many things.
LATEST = 260
LONG = {"bpf_map_pinned": 380, "bpf_host": 360}


def test_examples_are_early_enough_to_be_found(tmp_path: Path) -> None:
    """ansible-doc prints all options before them: a long list of fields belongs in a guide."""
    place = tmp_path / "ansible_collections" / "ebpf" / "pinning"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT)
    home = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home")}
    names = [source.stem for source in DOCUMENTED if source.parent.name == "modules"]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "doc", *(f"ebpf.pinning.{name}" for name in names)],
        env={**os.environ, **home, "COLUMNS": "80", "ANSIBLE_NOCOLOR": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    pages = done.stdout.split("> MODULE ")[1:]
    begins = {
        page.split()[0].rpartition(".")[2]: page[: page.index("EXAMPLES:")].count("\n") + 1
        for page in pages
    }
    assert {*begins} == {*names}
    assert {name: line for name, line in begins.items() if line > LONG.get(name, LATEST)} == {}


@pytest.mark.parametrize("source", DOCUMENTED, ids=lambda path: path.stem)
def test_a_guide_that_a_page_names_is_in_its_list(source: Path) -> None:
    """The text has the title, the list below it the address."""
    page = documentation_of(source)
    texts = [str(page["options"]), str(page["description"])]
    for fragment in page.get("extends_documentation_fragment", ()):
        texts.append((ROOT / "plugins/doc_fragments" / f"{fragment.split('.')[2]}.py").read_text())
    named = {*re.findall(r'guide "([^"]+)"', " ".join(" ".join(texts).split()))}
    assert named <= {each["name"] for each in page["seealso"] if "link" in each}
