# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page makes of messages. Pure. Private to this collection."""

from __future__ import annotations

import typing as t

from ._drift_findings import Field, Finding


def told_once(finding: Finding) -> str:
    """Return the note, without the differences that the fields tell."""
    return without_differences(finding.fields, finding.note)


def without_differences(fields: t.Iterable[Field], note: str) -> str:
    """Return the note, without what the fields tell."""
    texts = [text for each in fields for text in _differences(each)]
    return "\n".join(_without(texts, line) for line in note.splitlines())


def _differences(field: Field) -> t.Iterator[str]:
    """Yield how messages tell of it: lists have brackets there, or are nothing."""
    for want in _spellings(field.want):
        for have in _spellings(field.have):
            yield f"{field.name}: want {want}, have {have}"


def _spellings(value: str) -> t.Sequence[str]:
    return (value, f"[{value}]", *(("[]", "nothing") if value == "none" else ()))


def _without(texts: t.Sequence[str], line: str) -> str:
    begin = min((place for place in map(line.find, texts) if place >= 0), default=len(line))
    before, after = line[:begin], line[begin:]
    while said := next((text for text in texts if after.startswith(text)), ""):
        after = after[len(said) :]
        if after.startswith("; "):
            after = after[2:]
    if before.endswith(": ") and after.startswith(". "):  # it says nothing else
        return after[2:]
    if before.endswith(" (") and after.startswith(")"):
        return before[:-2] + after[1:]
    return line
