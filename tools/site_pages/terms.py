# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a word of the glossary means, where a page has it first."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "docs/glossary"
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.M)
# The words that a newcomer cannot know: others of the glossary are plain English, too.
TERMS = (
    "adopt",
    "attach type",
    "bpffs",
    "BTF",
    "drift",
    "hook",
    "inner map",
    "kernel object",
    "loader",
    "manifest",
    "object file",
    "outer map",
    "pin",
    "preflight",
    "prune",
    "severed",
    "staging directory",
    "unattached",
    "verifier",
)
FOUND = re.compile(rf"\b({'|'.join(TERMS)})s?\b")
NOT_IN = (nodes.Titular, nodes.reference, nodes.literal, nodes.literal_block, nodes.raw)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, document: nodes.document) -> None:
    if app.env.docname == GLOSSARY or app.env.docname.startswith("reference/"):
        return
    app.env.note_dependency(f"{GLOSSARY}.md")
    meant = _meanings((app.srcdir / f"{GLOSSARY}.md").read_text(encoding="utf-8"))
    left = {term: meant[term] for term in TERMS}
    for text in list(document.findall(nodes.Text)):
        if not _is_within(text, NOT_IN):
            text.parent.replace(text, _explained(text.astext(), left))


def _meanings(glossary: str) -> dict[str, str]:
    """What each word means, without marks."""
    return {
        word: re.sub(r"\[([^]]+)\]\([^)]+\)|`", r"\1", meaning)
        for words, meaning in ROW.findall(glossary)
        for word in words.split(", ")
    }


def _is_within(node: nodes.Node | None, kinds: tuple[type, ...]) -> bool:
    while node is not None and not isinstance(node, kinds):
        node = node.parent
    return node is not None


def _explained(text: str, left: dict[str, str]) -> list[nodes.Node]:
    """The same text, with words of `left` explained, which are then in it no more."""
    made: list[nodes.Node] = []
    end = 0
    for found in FOUND.finditer(text):
        if meaning := left.pop(found[1], None):
            made.append(nodes.Text(text[end : found.start()]))
            made.append(nodes.abbreviation(found[0], found[0], explanation=meaning))
            end = found.end()
    return [*made, nodes.Text(text[end:])]
