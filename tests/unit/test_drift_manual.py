# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages lead to their paragraph of docs/troubleshooting.md. The oracle is that page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_manual as manual
from ansible_collections.ebpf.pinning.plugins.plugin_utils._collection import about

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
FILLINGS = ("/sys/fs/bpf/flows", "65536", "one, and another")


def sections() -> dict[str, list[str]]:
    """The messages below each heading."""
    found = {}
    for title, text in re.findall(r"^#+ (.+?)\n(.*?)(?=^#+ |\Z)", PAGE, re.M | re.S):
        blocks = re.findall(r"```text\n(.*?)```", text, re.S)
        found[title] = [line for block in blocks for line in block.splitlines() if line]
    return found


@pytest.mark.parametrize("title", [title for title, lines in sections().items() if lines])
def test_a_message_leads_to_where_it_is_told_of(title: str) -> None:
    for line in sections()[title]:
        if len(max(line.split("\u2026"), key=len).strip(" :;,.()")) < manual.LEAST:
            continue  # too short to be told from others
        for filling in FILLINGS:
            found = manual.find(line.replace("\u2026", filling))
            assert found, line
            assert found.title == title, line
        assert found
        assert unquote(found.address.partition(":~:text=")[2]) in PAGE


def test_each_message_has_an_anchor_of_its_own_and_no_heading_has_it() -> None:
    made = manual.anchors(PAGE)
    assert set(made) == {line for lines in sections().values() for line in lines}
    assert len(set(made.values())) == len(made)
    headings = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in sections()}
    assert not headings & set(made.values())
    assert all(re.fullmatch(r"m-[a-z0-9-]+", anchor) for anchor in made.values())
    assert max(map(len, made.values())) < 80


def test_an_anchor_lasts_while_others_come_and_go() -> None:
    """Links to it are in reports that were written long ago."""
    without = PAGE.replace(next(iter(manual.anchors(PAGE))) + "\n", "", 1)
    before, after = manual.anchors(PAGE), manual.anchors(without)
    assert len(after) == len(before) - 1
    assert after.items() < before.items()


def test_what_others_say_leads_nowhere() -> None:
    for text in ("", "\n", "ssh: connect to host edge-1 port 22: No route to host", "x" * 10**7):
        assert manual.find(text) is None


def test_the_first_line_that_is_told_of_counts() -> None:
    found = manual.find("something of somebody\nthe result is hidden by no_log\nmore")
    assert found
    assert found.title == "The drift report"
    assert found.anchor == "m-the-result-is-hidden-by-no-log"


def test_without_the_page_there_are_no_paragraphs(tmp_path: Path) -> None:
    assert manual._entries(tmp_path) == ()


def test_a_collection_says_of_itself_what_is_known(tmp_path: Path) -> None:
    assert about(tmp_path / "nowhere") == {}
    galaxy = tmp_path / "source"
    galaxy.mkdir()
    (galaxy / "galaxy.yml").write_text("version: 1.2.3\nauthors: [one]\n")
    assert about(galaxy) == {"version": "1.2.3"}
    for number, text in enumerate(("", "[]", "{", "{}", '{"collection_info": 5}')):
        broken = tmp_path / str(number)
        broken.mkdir()
        (broken / "MANIFEST.json").write_text(text)
        assert about(broken) == {}
    installed = tmp_path / "installed"
    installed.mkdir()
    said = {"collection_info": {"version": "1.2.4", "documentation": None}}
    (installed / "MANIFEST.json").write_text(json.dumps(said))
    assert about(installed) == {"version": "1.2.4"}


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("https://example.org/docs", "https://example.org/docs/"),
        ("https://example.org/docs/", "https://example.org/docs/"),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_links_lead_to_the_web_or_are_none(
    monkeypatch: pytest.MonkeyPatch, said: str, address: str
) -> None:
    monkeypatch.setattr(manual, "about", lambda: {"documentation": said})
    assert manual.address() == address
