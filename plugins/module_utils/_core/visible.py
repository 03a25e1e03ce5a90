# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Text of others, as a terminal may show it: names in bpffs, paths and sources may hold any bytes.

What would move a cursor, start a line, turn writing around or cannot be seen is spelled out. All
that this collection says goes through here, on its way out.
"""

from __future__ import annotations

import re
from typing import Iterable


def visible(text: str) -> str:
    r"""`text` in one line: "\n" for an end of line, "\xff" for a byte that is no UTF-8."""
    if _can_be_seen(text):
        return text
    return "".join(each if _can_be_seen(each) else _spelled(each) for each in text)


def visible_lines(texts: Iterable[str]) -> str:
    """Each of `texts` in a line of its own."""
    return "\n".join(map(visible, texts))


def visible_text(text: str) -> str:
    """`text` whose ends of lines and tabs are meant, and nothing else that cannot be seen."""
    if _can_be_seen(text):
        return text
    return "".join(
        each if _can_be_seen(each) or each in "\n\t" else _spelled(each) for each in text
    )


def _can_be_seen(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _UNSEEN.search(text))


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # as Python reads such a byte of a name
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape", "surrogatepass").decode()


# Letters and marks that Python calls printable, and that show nothing (Default_Ignorable_Code_Point
# in Unicode's DerivedCoreProperties.txt); and a blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
