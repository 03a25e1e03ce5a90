# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that `make docs` made: all of it is linked, every link leads somewhere, and showing
it asks no network. What is read here is the HTML, as a browser gets it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_manual

ROOT = Path(__file__).parents[2]
SITE = ROOT / ".cache" / "docs" / "site"
DOOR = SITE / "index.html"

# Elements that make a browser load something, and the attribute that says what. A <link> does too,
# but for what `rel` says is only a relation.
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
}
RELATIONS = {"index", "search", "next", "prev", "canonical"}


@dataclass
class Page(HTMLParser):
    """What a page links to, what it loads, and the anchors that it has."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    styles: list[str] = field(default_factory=list)
    _in_style: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = {name: value or "" for name, value in attrs}
        self.anchors |= {words[name] for name in ("id", "name") if name in words}
        self._in_style = tag == "style"
        if tag == "a" and "href" in words:
            self.links.append(words["href"])
        if tag == "form" and "action" in words:
            self.links.append(words["action"])
        if tag == "link" and words.get("rel") in RELATIONS:
            self.links.append(words["href"])
        elif LOADS.get(tag) in words:
            self.loads.append(words[LOADS[tag]])
        if "srcset" in words:
            self.loads += [part.split()[0] for part in words["srcset"].split(",")]
        if "style" in words:
            self.styles.append(words["style"])

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False


@cache
def page(path: Path) -> Page:
    parser = Page()
    parser.feed(path.read_text())
    return parser


def pages() -> list[Path]:
    found = sorted(SITE.rglob("*.html"))
    assert DOOR in found, "`make docs` makes the site"
    return found


def inside(base: Path, link: str) -> tuple[Path, str] | None:
    """The file and the anchor that a link of a page means, or nothing if it leads elsewhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (base.parent / unquote(parts.path)).resolve() if parts.path else base
    return path, unquote(parts.fragment)


def name(path: Path) -> str:
    return str(path.relative_to(SITE))


def test_every_page_is_reached_from_the_door() -> None:
    everything, reached, ahead = set(pages()), {DOOR}, [DOOR]
    while ahead:
        here = ahead.pop()
        for link in page(here).links:
            target = inside(here, link)
            if target and target[0] in everything - reached:
                reached.add(target[0])
                ahead.append(target[0])
    assert [name(path) for path in sorted(everything - reached)] == []


def test_there_is_a_page_for_each_guide_module_role_and_plugin() -> None:
    wanted = [f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")]
    wanted += [f"{path.parent.relative_to(ROOT)}/README.html" for path in ROOT.glob("roles/*/*.md")]
    for folder, kind in (("modules", "module"), ("lookup", "lookup"), ("callback", "callback")):
        wanted += [
            f"reference/{path.stem}_{kind}.html"
            for path in (ROOT / "plugins" / folder).glob("[!_]*.py")
        ]
    wanted += [f"reference/{path.name}_role.html" for path in (ROOT / "roles").iterdir()]
    assert len(wanted) > 20
    assert sorted(set(wanted) - {name(path) for path in pages()}) == []


def test_every_link_and_its_anchor_are_there() -> None:
    dead = []
    for here in pages():
        for link in page(here).links:
            target = inside(here, link)
            if target is None or link == "#":
                continue
            path, anchor = target
            there = path.is_file() and path.is_relative_to(SITE)
            if not there or (anchor and anchor not in page(path).anchors):
                dead.append(f"{name(here)}: {link}")
    assert dead == []


def test_what_the_page_of_a_drift_report_links_to_is_there() -> None:
    """Of drift.html its script knows one anchor; each message has one."""
    guide, messages = (SITE / "docs" / f"{each}.html" for each in ("drift", "troubleshooting"))
    assert "reading-the-report" in page(guide).anchors
    linked = {each.paragraph.anchor for each in _drift_manual._entries()}
    assert len(linked) > 500
    anchors = _drift_manual.anchors((ROOT / "docs" / "troubleshooting.md").read_text())
    assert (linked | {*anchors.values()}) - page(messages).anchors == set()


def test_whatever_a_page_loads_is_on_the_site() -> None:
    missing = []
    for here in pages():
        for link in page(here).loads:
            target = inside(here, link)
            embedded = link.startswith("data:")
            if not embedded and (target is None or not target[0].is_file()):
                missing.append(f"{name(here)}: {link}")
    assert missing == []


def test_no_style_loads_from_elsewhere() -> None:
    styles = [(path, path.read_text()) for path in sorted(SITE.rglob("*.css"))]
    assert len(styles) > 2
    styles += [(path, text) for path in pages() for text in page(path).styles]
    loads = [
        (path, link)
        for path, text in styles
        for link in re.findall(r"""(?:url\(\s*|@import\s+)["']?([^"')\s]+)""", text)
    ]
    missing = []
    for path, link in loads:
        target = inside(path, link)
        if not link.startswith(("data:", "#")) and (target is None or not target[0].is_file()):
            missing.append(f"{name(path)}: {link}")
    assert missing == []
