# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An anchor for each message and each option, and a search that finds both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_manual
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

LEAST = 12  # letters of a part of a message that one looks for
OPTION = re.compile(r"ansible_collections\.ebpf\.pinning\.\w+__parameter-(.+)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, document: nodes.document) -> None:
    if app.env.docname + ".md" == _drift_manual.PAGE:
        _mark_messages(document, _drift_manual.anchors(_source(app)))
    elif app.env.docname.startswith("reference/"):
        _find(document, _options(document))


def _source(app: Sphinx) -> str:
    return (app.srcdir / _drift_manual.PAGE).read_text(encoding="utf-8")


def _mark_messages(document: nodes.document, anchors: dict[str, str]) -> None:
    found = []
    for block in list(document.findall(nodes.literal_block)):
        lines = block.astext().splitlines()
        if block.get("language") != "text" or not all(line in anchors for line in lines):
            continue
        messages = nodes.container(classes=["messages"])
        for line in lines:
            anchor = anchors[line]
            link = nodes.reference("", "#", refid=anchor, internal=True, classes=["headerlink"])
            messages += nodes.paragraph(
                "", "", nodes.literal("", line), link, ids=[anchor], classes=["message"]
            )
            found += [(part, anchor) for part in _parts(line)]
        block.replace_self(messages)
    _find(document, found)


def _parts(message: str) -> Iterator[str]:
    """What one may look for: the message between what is filled in, and parts of that."""
    for piece in message.split("\u2026"):
        parts = re.split(r"(?<=[:;,.]) ", piece)
        for part in {piece, *parts, *(" ".join(pair) for pair in pairwise(parts))}:
            words = part.strip(" :;,.()").replace(";", ",")
            if len(words) >= LEAST:
                yield words


def _options(document: nodes.document) -> Iterable[tuple[str, str]]:
    """Each option once: that of a module before that of its lists."""
    found: dict[str, str] = {}
    options = ((OPTION.fullmatch(name), name) for name in document.nameids)
    paths = {option[1]: name for option, name in options if option}
    for path in sorted(paths, key=lambda path: path.count("/")):
        found.setdefault(path.rpartition("/")[2], document.nameids[paths[path]])
    return found.items()


def _find(document: nodes.document, found: Iterable[tuple[str, str]]) -> None:
    """Have the search find words at an anchor."""
    entries = [("single", words, anchor, "main", None) for words, anchor in found]
    document.insert(0, addnodes.index(entries=entries))
