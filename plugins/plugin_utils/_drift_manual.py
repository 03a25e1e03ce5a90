# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the documentation tells of a message. Private to this collection."""

from __future__ import annotations

import re
import typing as t
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from ._collection import ROOT, about

PAGE = "docs/troubleshooting.md"
MOST = 2000  # characters of a message that are looked at
LEAST = 12  # letters that tell a message from others
MOST_WORDS = 80  # letters of it that a browser is to look for
MOST_ANCHOR = 48  # letters of an anchor


class Paragraph(t.NamedTuple):
    """Where a message is told of."""

    title: str  # of the section
    anchor: str  # of the message, on the site
    words: str  # to find there

    @property
    def address(self) -> str:
        """In the page; browsers that know of fragments of text go to the words."""
        return f"#{self.anchor}:~:text={quote(self.words, safe='')}"


class _Entry(t.NamedTuple):
    parts: t.Sequence[str]  # of the message, between what is filled in
    paragraph: Paragraph

    def fits(self, text: str) -> bool:
        place = 0
        for part in self.parts:
            place = text.find(part, place)
            if place < 0:
                return False
            place += len(part)
        return True


@lru_cache(maxsize=10_000)
def paragraph_of(message: str) -> t.Optional[Paragraph]:
    """Return where the page tells of a message of this collection, if it does."""
    fitting = (each for each in _entries() if each.fits(message))
    best = max(fitting, key=lambda each: sum(map(len, each.parts)), default=None)
    return best and best.paragraph


def find(text: str) -> t.Optional[Paragraph]:
    """Return where the page tells of the first line of a text that it tells of."""
    for line in text[:MOST].splitlines():
        found = paragraph_of(re.sub("[0-9]+", "0", line))  # they are filled in
        if found:
            return found
    return None


def address() -> str:
    """Return where the documentation is on the web, with a slash at its end; empty if nowhere."""
    base = about().get("documentation", "")
    return base.rstrip("/") + "/" if re.match("https?://", base) else ""


@lru_cache(maxsize=None)
def _entries(root: Path = ROOT) -> t.Sequence[_Entry]:
    try:
        page = (root / PAGE).read_text(encoding="utf-8")
    except OSError:  # left out by who packed it
        return ()
    made = anchors(page)
    entries = (_entry(line, title, made[line]) for line, title in _messages(page))
    return [entry for entry in entries if entry]


def anchors(page: str) -> t.Dict[str, str]:
    """Return by message of a page the anchor that the site gives it."""
    made: t.Dict[str, str] = {}
    taken: t.Set[str] = set()
    for line, _title in _messages(page):
        words = re.sub("[^a-z0-9]+", "-", line.lower()).strip("-")
        short = words if len(words) <= MOST_ANCHOR else words[:MOST_ANCHOR].rpartition("-")[0]
        anchor, number = f"m-{short}", 1
        while anchor in taken:
            number += 1
            anchor = f"m-{short}-{number}"
        taken.add(anchor)
        made[line] = anchor
    return made


def _messages(page: str) -> t.Iterator[t.Tuple[str, str]]:
    """Each message, with the title of its section."""
    title, is_text = "", False
    for line in page.splitlines():
        if line.startswith("```"):
            is_text = line == "```text"
        elif is_text:
            yield line, title
        elif line.startswith("#"):
            title = line.lstrip("# ")


def _entry(line: str, title: str, anchor: str) -> t.Optional[_Entry]:
    pieces = [piece.strip(" :;,.()") for piece in line.split("\u2026")]
    longest = max(pieces, key=len)
    if len(longest) < LEAST:
        return None
    parts = [re.sub("[0-9]+", "0", piece) for piece in pieces if piece]
    words = longest if len(longest) <= MOST_WORDS else longest[:MOST_WORDS].rpartition(" ")[0]
    return _Entry(parts, Paragraph(title, anchor, words))
