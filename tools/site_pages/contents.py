# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site begins at its root, and has there the contents that docs/index.md lists."""

from __future__ import annotations

import re

from ansible_collections.ebpf.pinning.plugins.plugin_utils import _drift_manual
from sphinx.application import Sphinx

LISTED = re.compile(r"^```\{toctree\}\n.*?^```$\n*", re.M | re.S)
# The page that lists all pages is one of them there.
GUIDES = "\n```{toctree}\n:hidden:\n\nAll guides <docs/index>\n```\n"
UNREAL = "https://example.org/"  # an address that is none


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "index":
        listed = (app.srcdir / "docs" / "index.md").read_text(encoding="utf-8")
        source[0] += GUIDES + "".join(map(_from_root, LISTED.findall(listed)))
    elif docname == "docs/index":
        source[0] = LISTED.sub("", source[0])
    elif docname.startswith("reference/"):
        source[0] = _reference(source[0])


def _from_root(toctree: str) -> str:
    """The entries of a list as seen from the root."""
    lines = []
    for line in toctree.splitlines(keepends=True):
        title, angle, target = line.rpartition("<")
        if line.strip() and not line.startswith((":", "`")):
            target = target[3:] if target.startswith("../") else f"docs/{target}"
        lines.append(f"{title}{angle}{target}")
    return "".join(lines)


def _reference(text: str) -> str:
    """A page of antsibull-docs, with names as they are written, and no address that is none."""
    text = text.replace(
        "\nEbpf.Pinning\n============\n", "\nModules, roles, plugins\n=======================\n"
    )
    text = text.replace(_drift_manual.address(), "../docs/")  # which is here
    return re.sub(
        rf'^\.\. ansible-links::\n\n(?:  .*\n)*?    url: "{re.escape(UNREAL)}.*"\n(?:    .*\n)*',
        "",
        text,
        flags=re.M,
    )
