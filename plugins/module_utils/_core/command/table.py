# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the command prints: a table for people, JSON for programs. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import List, Sequence

from ..engine.standing import Standing
from ..visible import visible
from .work import Line

_HEADINGS = ("PATH", "DECLARED", "FOUND", "DETAIL")
_FOUND = _HEADINGS.index("FOUND")


def as_json(lines: Sequence[Line], refused: Sequence[str]) -> str:
    """Return all that is known, in the words of drift reports."""
    whole = {
        "lines": [
            {
                "path": line.path,
                "declared": line.declared,
                "state": line.state.words,
                "detail": line.detail,
                "drift": [
                    {"field": each.field, "want": each.want, "have": each.have}
                    for each in line.changes
                ],
            }
            for line in lines
        ],
        "counts": Counter(line.state.words for line in lines),
        "refused": list(refused),
    }
    return json.dumps(whole, indent=1, default=str)


def as_table(lines: Sequence[Line], *, only_trouble: bool, colored: bool) -> str:
    """Return a row for each line, aligned, and what they come to."""
    shown = [line for line in lines if not (only_trouble and line.is_good)]
    cells = ((line.path, line.declared, line.state.words, line.detail) for line in shown)
    rows = [_HEADINGS, *(tuple(map(visible, row)) for row in cells)]
    widths = [max(map(len, column)) for column in zip(*rows)][:3]
    text: List[str] = []
    for index, row in enumerate(rows if shown else ()):
        padded = [cell.ljust(width) for cell, width in zip(row, widths)]
        if colored and index:
            padded[_FOUND] = f"\033[{_COLORS[shown[index - 1].state]}m{padded[_FOUND]}\033[0m"
        text.append("  ".join([*padded, row[3]]).rstrip())
    return "\n".join([*text, _sum(lines)])


def hint(lines: Sequence[Line], *, restored: bool) -> str:
    """Return what a person on the host can do now; "" where nothing is to be done."""
    states = {line.state for line in lines}
    said = []
    if Standing.MISSING in states and not restored:
        said.append("`ebpf-pinning restore` puts back what is missing")
    if Standing.DIFFERENT in states:
        said.append(
            "what is different stays until the playbook is run that declares it"
            if restored
            else "of what is different a restore sets only owner, group, mode and entries"
        )
    if Standing.UNDECLARED in states:
        said.append("what is undeclared is left to whoever pinned it")
    return "; ".join(said)


def _sum(lines: Sequence[Line]) -> str:
    declared = [line for line in lines if line.state is not Standing.UNDECLARED]
    text = f"{len(declared)} declared, {sum(line.is_good for line in declared)} in place"
    others = len(lines) - len(declared)
    return f"{text}, {others} undeclared" if others else text


_GREEN, _YELLOW, _RED, _CYAN = 32, 33, 31, 36
_COLORS = {
    Standing.IN_PLACE: _GREEN,
    Standing.RESTORED: _GREEN,
    Standing.MISSING: _RED,
    Standing.FAILED: _RED,
    Standing.DIFFERENT: _YELLOW,
    Standing.ACCESS: _YELLOW,
    Standing.UNDECLARED: _CYAN,
}
