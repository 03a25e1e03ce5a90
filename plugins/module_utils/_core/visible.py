# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Text of others, as a terminal may show it: names in bpffs, paths and sources may hold any bytes.

What would move a cursor, start a line, turn writing around or cannot be seen is spelled out. All
that this collection says goes through here, on its way out.
"""

from __future__ import annotations

from typing import Iterable


def visible(text: str) -> str:
    r"""`text` in one line: "\n" for an end of line, "\xff" for a byte that is no UTF-8."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _spelled(each) for each in text)


def visible_lines(texts: Iterable[str]) -> str:
    """Each of `texts` in a line of its own."""
    return "\n".join(map(visible, texts))


def visible_text(text: str) -> str:
    """`text` whose ends of lines and tabs are meant, and nothing else that cannot be seen."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else _spelled(each) for each in text
    )


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # as Python reads such a byte of a name
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode()
