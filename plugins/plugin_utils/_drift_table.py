# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report in a terminal: a table, the answer, what became of it. Private."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta
from itertools import islice

from ..module_utils._core.visible import visible
from ._drift_findings import DIFFERENT, FAILED, IN_PLACE, Finding
from ._drift_forms import (
    REPAIRED,
    WORDS,
    answer,
    changes,
    counted,
    problems_of,
    remark,
    shown_as,
    spelled,
)
from ._drift_report import GONE, IN_DRIFT, UNREACHABLE, HostReport, Report

MOST_LINES = 20  # of the table
MOST_REASONS = 3
WOULD_CHANGE = (
    "Nothing was changed: what is counted as changed above, a run of ebpf.pinning.provision would "
    "change"
)


class Line(t.NamedTuple):
    """A line, and what it is about: a state of a host, REPAIRED, GONE, or nothing."""

    text: str
    tone: str = ""


class _Row(t.NamedTuple):
    host: HostReport
    state: str
    path: str
    remark: str
    tone: str


def as_table(
    report: Report, most: int = MOST_LINES, now: t.Optional[datetime] = None
) -> t.List[Line]:
    """For the end of a run: what is not in place, `most` lines of it, and the answer.

    `now` is given where hosts were looked at in several runs: then their age is told.
    """
    hosts = report.sorted_hosts
    rows = (row for of in (_wrong, _mended, _gone, _ailing) for host in hosts for row in of(host))
    shown = list(islice(rows, most))
    left_out = sum(1 for _row in rows)
    age_of = {host.name: _age(now - report.made_of(host)) if now else "" for host in hosts}
    lines = _aligned(shown, age_of)
    if left_out:
        lines.append(Line(f"... and {left_out} more"))
    lines += _reasons(hosts)
    states = report.host_counts()
    worst = next((each for each in _WORST_FIRST if states[each]), IN_PLACE)
    lines += [Line(text, worst) for text in answer(report)]
    if changes(report):
        lines.append(Line(changes(report)))
    if now and hosts:
        lines.append(Line(_oldest(report, age_of)))
    return lines


def _age(age: timedelta) -> str:
    return f"{spelled(age)} ago"


def _oldest(report: Report, age_of: t.Mapping[str, str]) -> str:
    used = sum(not source.problem for source in report.sources)
    oldest = min(report.sorted_hosts, key=report.made_of).name
    return (
        f"Merged from {counted(used, 'report')}; seen longest ago: {visible(oldest)}, "
        f"{age_of[oldest]}"
    )


def _aligned(rows: t.Sequence[_Row], age_of: t.Mapping[str, str]) -> t.List[Line]:
    if not rows:
        return []
    table = [("HOST", "STATE", "SEEN", "PATH")]
    for row in rows:
        name, path = visible(row.host.name), visible(row.path)
        table.append((name, row.state, age_of[row.host.name], path))
    lines = []
    widths = [max(map(len, column)) for column in zip(*table)]
    if not any(age_of.values()):
        widths[2] = 0
    for cells, about in zip(table, [None, *rows]):
        texts = [cell.ljust(width) for cell, width in zip(cells, widths) if width]
        if about:
            texts.append(visible(about.remark))
        lines.append(Line("  ".join(texts).rstrip(), about.tone if about else ""))
    return lines


def _wrong(host: HostReport) -> t.Iterator[_Row]:
    for problem in problems_of(host):
        yield _Row(host, WORDS[host.state], "", " ".join(problem.split()), host.state)
    for finding in host.notable:
        if not finding.repaired:
            yield _row(host, finding, FAILED if finding.state == FAILED else IN_DRIFT)


def _mended(host: HostReport) -> t.Iterator[_Row]:
    """What was made is no news; what was made anew, is."""
    for finding in host.notable:
        if finding.repaired and finding.state == DIFFERENT:
            yield _row(host, finding, REPAIRED)


def _gone(host: HostReport) -> t.Iterator[_Row]:
    for path, before in sorted(host.gone.items()):
        yield _Row(host, WORDS[GONE], path, f"was {WORDS[before]}", GONE)


def _ailing(host: HostReport) -> t.Iterator[_Row]:
    for path, text in host.health.remarks() if host.health else ():
        yield _Row(host, "health", path, text, "")


def _row(host: HostReport, finding: Finding, tone: str) -> _Row:
    state = ", ".join(filter(None, (WORDS[shown_as(finding)], host.history.get(finding.path))))
    return _Row(host, state, finding.path, remark(finding), tone)


def _reasons(hosts: t.Iterable[HostReport]) -> t.List[Line]:
    """What the table has no room for: what to do about a pin. Once, for however many hosts."""
    names: t.Dict[str, t.List[str]] = {}
    for host in hosts:
        for finding in host.notable:
            # Without fields, the note is in the table.
            if finding.fields and finding.note and not finding.repaired:
                note = _ID.sub("", " ".join(finding.note.split()))
                names.setdefault(visible(f"{finding.path}: {note}"), []).append(visible(host.name))
    lines = []
    for text, some in islice(names.items(), MOST_REASONS):
        others = f" and {counted(len(some) - 1, 'other host')}" if len(some) > 1 else ""
        lines.append(Line(f"{some[0]}{others}: {text}"))
    if len(names) > MOST_REASONS:
        lines.append(Line(f"... and {len(names) - MOST_REASONS} more, in the files of the report"))
    return lines


_WORST_FIRST = (UNREACHABLE, FAILED, IN_DRIFT)
_ID = re.compile(r" \(id \d+\)")
