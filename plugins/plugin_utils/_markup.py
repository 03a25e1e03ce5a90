# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text as Markdown, XML and JUnit hold it. Pure. Private to this collection."""

from __future__ import annotations

import re
import typing as t
from xml.sax.saxutils import escape, quoteattr

from ..module_utils._core.visible import visible


def row(*cells: str) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |\n"


def cell(text: str) -> str:
    """Text of others, in one line."""
    # What Markdown or HTML would obey is shown; an underscore inside a word is none of that.
    return _MARKS.sub(_entity, visible(" ".join(text.split())))


def _entity(mark: t.Match[str]) -> str:
    return f"&#{ord(mark[0])};"


def code(text: str) -> str:
    """A path or name of others."""
    text = visible(text)
    if re.search("[|`<]", text):  # which may end the cell or the code, or be taken for HTML
        return f"<code>{_MARKS.sub(_entity, text)}</code>"
    return f"`{text}`"


def junit_case(host: str, name: str, outcome: str) -> str:
    """A test of the suite `host`; without an outcome it has passed."""
    return (
        f"<testcase classname={xml_attribute(host)} name={xml_attribute(name)} "
        f'time="0">{outcome}</testcase>\n'
    )


def junit_body(kind: str, what: str, remark: str, note: str = "") -> str:
    """An outcome: a failure or an error."""
    # Some show the message only, some the text only.
    message = ": ".join(filter(None, (what, remark)))
    text = "\n".join(filter(None, (message, note)))
    return (
        f"<{kind} type={xml_attribute(what)} message={xml_attribute(message)}>"
        f"{xml_text(text)}</{kind}>"
    )


def xml_attribute(text: str) -> str:
    """With its quotes."""
    return quoteattr(_NO_XML.sub(_escape, text))


def xml_text(text: str) -> str:
    """Between two tags."""
    return escape(_NO_XML.sub(_escape, text))


def _escape(character: t.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()


# In a table cell; the underscore only where it may be emphasis.
_MARKS = re.compile(r"[\\`*\[\]<>|&~@]|(?<![^\W_])_|_(?![^\W_])")
# What XML 1.0 cannot hold at all.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
