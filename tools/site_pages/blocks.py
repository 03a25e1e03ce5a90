# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands look like commands, whether the page has them between fences or indented."""

from __future__ import annotations

import re

from docutils import nodes
from pygments.lexers import BashLexer, BashSessionLexer
from sphinx.application import Sphinx

COMMANDS = re.compile(
    r"(sudo |\$ )?(\./run|ansible(-\w+)?|bpftool|cd|ebpf-pinning|findmnt|git|grep|journalctl|ls"
    r"|make|tools/\w+)( |$)"
)


class Commands(BashLexer):
    """Lines that one types. With prompts before them, other lines are what was answered."""

    def get_tokens_unprocessed(self, text: str, *arguments: object, **words: object):  # type: ignore
        """Read the text as one or the other."""
        lexer = BashSessionLexer() if re.search(r"^\$ ", text, re.M) else super()
        return lexer.get_tokens_unprocessed(text, *arguments, **words)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_lexer("console", Commands)
    app.connect("doctree-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(_app: Sphinx, document: nodes.document) -> None:
    for block in document.findall(nodes.literal_block):
        text = block.astext()
        session = block.get("language") == "text" and text.startswith("$ ")
        indented = block.get("language", "none") == "none"
        if session or (indented and COMMANDS.match(text)):
            block["language"] = "console"
        if block.get("language") == "console" and not re.search(r"^\$ ", text, re.M):
            block["classes"].append("commands")
