# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report as one HTML page that asks nobody for anything. Private to this collection.

_drift_page_parts/ holds the template and what it takes in. The page brings its data as JSON; what
is not in place is also in it as a plain table, for readers without JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
from collections import Counter
from itertools import islice
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..module_utils._core.visible import visible
from ._drift_causes import causes
from ._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    GROUP_OF,
    GROUPS,
    IN_PLACE,
    MISSING,
    UNDECLARED,
    Finding,
)
from ._drift_forms import (
    ONE_OF,
    REPAIRED,
    WORDS,
    about_source,
    entries,
    health_told,
    shown_as,
)
from ._drift_notes import told_once
from ._drift_page_data import (
    SIGNS,
    as_data,
    name_of_playbook,
    seen,
    troubles_of,
    visible_lines,
    when,
)
from ._drift_report import (
    GONE,
    IN_DRIFT,
    NEW,
    STILL,
    UNREACHABLE,
    HostReport,
    Report,
    Run,
    Source,
    is_drift,
)

PARTS = Path(__file__).with_name("_drift_page_parts")
STYLES = ("page.css", "matrix.css", "details.css", "media.css")
SCRIPTS = (
    *("data.js", "nodes.js", "address.js", "matrix.js", "list.js", "details.js", "commands.js"),
    *("filters.js", "choice.js"),
)
MOST_PLAIN_LINES = 1000  # of the table for readers without JavaScript
MOST_CAUSES = 30
MOST_AILING = 500  # lines about health
MOST_SOURCES = 100
LEAST_OF_A_TREND = 3  # runs

# As docs/drift.md has it.
MEANINGS = {
    MISSING: "declared, and not there",
    DIFFERENT: "another shape, other flags or other entries, or declared by one task and removed "
    "by another",
    ACCESS: "only owner, group or mode differ",
    UNDECLARED: "there, and not declared",
    FAILED: "it could not be looked at, or not be put right",
    UNREACHABLE: "the host did not answer",
    REPAIRED: "not as declared before this run, and now it is",
    GONE: "not as declared in the report before, and now it is",
    IN_PLACE: "as declared",
}
_WORST_FIRST = (FAILED, UNREACHABLE, IN_DRIFT, IN_PLACE)


class Bar(t.NamedTuple):
    """A run in the trend."""

    made: str
    amiss: int
    height: int  # of 100


class Merged(t.NamedTuple):
    """What a merged report is made of; the files with what became of them, some of them."""

    used: int
    files: t.Sequence[t.Tuple[str, str]]
    left_out: int
    bad_files: t.Sequence[t.Tuple[str, str]]
    old: int  # hosts
    oldest: str
    age: str  # of it


class PlainLine(t.NamedTuple):
    """A row of the plain table."""

    host: str
    pin: str
    state: str
    want: str
    have: str
    note: str


class AilingLine(t.NamedTuple):
    """Something is the matter with a pin or mount."""

    host: str
    path: str
    what: str


def as_html(report: Report) -> t.Iterator[str]:
    """One file that needs nothing else, in pieces."""
    style = "".join(map(_part, STYLES))
    # A block: its functions are none of the window's.
    script = '"use strict";\n{\n' + "".join(map(_part, SCRIPTS)) + "}\n"
    environment = Environment(
        loader=FileSystemLoader(PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["visible_lines"] = visible_lines
    environment.filters["number"] = "{:,}".format
    hosts = sorted(report.hosts.values(), key=_worst_first)
    explained, others = causes(report, MOST_CAUSES)
    ailing = list(_ailing(hosts))
    lines = sum(len(troubles_of(host)) + len(host.notable) + len(host.gone) for host in hosts)
    yield from environment.get_template("page.html.j2").generate(
        report=report,
        answer=_answer(report),
        made=when(report.made_text),
        merged=_merged(report) if report.sources else None,
        playbook=name_of_playbook(report),
        previous=report.previous and when(report.previous),
        causes=explained,
        causes_left_out=others,
        health_told="".join(health_told(report)),
        ailing=ailing[:MOST_AILING],
        ailing_left_out=max(0, len(ailing) - MOST_AILING),
        trend=_trend(report),
        groups=sorted({group for host in hosts for group in host.groups}),
        found=_found(hosts),
        counts=_counts(hosts),
        signs=SIGNS,
        meanings=MEANINGS,
        duration=report.seconds is not None and _duration(report.seconds),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        plain_lines=islice(_plain_lines(report, hosts), MOST_PLAIN_LINES),
        lines_left_out=max(0, lines - MOST_PLAIN_LINES),
        data=map(_in_script, as_data(report, hosts, explained)),
    )


def _worst_first(host: HostReport) -> t.Tuple[int, int, str]:
    amiss = sum(is_drift(each) or each.state == FAILED for each in host.findings.values())
    return _WORST_FIRST.index(host.state), -amiss, host.name


def _answer(report: Report) -> t.Dict[str, str]:
    hosts = report.host_counts()
    parts = [
        f"{hosts[state]:,} {WORDS[state]}"
        for state in (IN_DRIFT, FAILED, UNREACHABLE)
        if hosts[state]
    ]
    if not report.hosts:
        return {"tone": "empty", "sign": "?", "text": "No host was looked at"}
    if not parts:
        return {"tone": "good", "sign": "\u2713", "text": "Everything is in place"}
    first, _space, rest = parts[0].partition(" ")
    text = ", ".join([f"{first} {'host' if first == '1' else 'hosts'} {rest}", *parts[1:]])
    only_drift = hosts[IN_DRIFT] and not hosts[FAILED] + hosts[UNREACHABLE]
    return {"tone": "drift", "sign": "\u2260" if only_drift else "!", "text": text}


def _merged(report: Report) -> Merged:
    used = [each for each in report.sources if not each.problem]
    bad = [each for each in report.sources if each.problem]
    old = [host for host in report.sorted_hosts if seen(report, host).is_old]
    oldest = min(old, key=report.made_of, default=HostReport(""))
    return Merged(
        used=len(used),
        files=_told_of(used),
        left_out=len(bad),
        bad_files=_told_of(bad),
        old=len(old),
        oldest=oldest.name,
        age=seen(report, oldest).age,
    )


def _told_of(sources: t.Sequence[Source]) -> t.Sequence[t.Tuple[str, str]]:
    some = sources[:MOST_SOURCES]
    return [(each.file, about_source(each, when(each.made or ""))) for each in some]


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than 1 s"


def _trend(report: Report) -> t.Sequence[Bar]:
    """How many hosts were not in place, run by run, as heights of 100."""
    runs = [*report.before, Run(report.made_text, report.host_counts())]
    if len(runs) < LEAST_OF_A_TREND:
        return ()
    amiss = [sum(run.hosts.values()) - run.hosts[IN_PLACE] for run in runs]
    highest = max(amiss) or 1
    return [
        Bar(when(run.made), number, round(100 * number / highest))
        for run, number in zip(runs, amiss)
    ]


def _found(hosts: t.Sequence[HostReport]) -> t.Iterator[t.Tuple[str, str]]:
    """How many hosts, pins and so on there are, and how many of these are in drift or put right."""
    all_of, in_drift, put_right = Counter[str](), Counter[str](), Counter[str]()
    for host in hosts:
        for finding in host.findings.values():
            group = GROUP_OF[finding.kind]
            all_of[group] += 1
            in_drift[group] += is_drift(finding)
            put_right[group] += finding.repaired
    yield "Host" if len(hosts) == 1 else "Hosts", f"{len(hosts):,}"
    for group in GROUPS:
        if all_of[group] or group == "pins":
            yield _counted(all_of[group], group)[::-1]
    yield "In drift", _by_group(in_drift)
    if any(put_right.values()):
        yield "Put right", _by_group(put_right)


def _by_group(counts: t.Mapping[str, int]) -> str:
    """Such as 2 pins, 1 mount; a number alone is of pins."""
    groups = [group for group in GROUPS if counts.get(group)]
    if groups in ([], ["pins"]):
        return f"{counts.get('pins', 0):,}"
    return ", ".join(" ".join(_counted(counts[group], group)).lower() for group in groups)


def _counted(number: int, group: str) -> t.Tuple[str, str]:
    return f"{number:,}", (ONE_OF[group] if number == 1 else group).capitalize()


def _counts(hosts: t.Sequence[HostReport]) -> t.Dict[str, int]:
    """By how it is shown; pins, but hosts where all of a host is meant."""
    counts: t.Counter[str] = Counter()
    for host in hosts:
        counts.update(shown_as(finding) for finding in host.findings.values())
        counts[GONE] += len(host.gone)
        counts[UNREACHABLE] += host.unreachable
        counts[FAILED] += bool(host.problems and not host.unreachable)
        counts.update(host.history.values())
    return {name: counts[name] for name in (*SIGNS, NEW, STILL)}


def _plain_lines(report: Report, hosts: t.Iterable[HostReport]) -> t.Iterator[PlainLine]:
    for host in hosts:
        name = visible(host.name)
        age = [f"seen {seen(report, host).when}"] if report.sources else []
        for problem in troubles_of(host):
            note = "\n".join([*age, visible_lines(problem)])
            yield PlainLine(name, "", _word(host.state), "", "", note)
        for finding in host.notable:
            yield PlainLine(
                name,
                visible(finding.path),
                ", ".join(filter(None, (_word(shown_as(finding)), host.history.get(finding.path)))),
                "\n".join(f"{visible(name)}: {visible(want)}" for name, want in _wants(finding)),
                "\n".join(f"{visible(each.name)}: {visible(each.have)}" for each in finding.fields),
                "\n".join(
                    filter(None, (*age, *entries(finding), visible_lines(told_once(finding))))
                ),
            )
        for path, before in sorted(host.gone.items()):
            yield PlainLine(name, visible(path), SIGNS[GONE].word, "", "", f"was {_word(before)}")


def _ailing(hosts: t.Iterable[HostReport]) -> t.Iterator[AilingLine]:
    for host in hosts:
        for path, what in host.health.remarks() if host.health else ():
            yield AilingLine(visible(host.name), visible(path), visible(what))


def _wants(finding: Finding) -> t.Sequence[t.Tuple[str, str]]:
    return [(each.name, each.want) for each in finding.fields] or finding.declared


def _word(state: str) -> str:
    return (
        f"{SIGNS[state].sign} {SIGNS[state].word}"
        if state in SIGNS
        else f"\u2260 {WORDS[IN_DRIFT]}"
    )


def _in_script(json_text: str) -> Markup:
    # Inside a script element nothing but < can begin anything.
    return Markup(json_text.replace("<", "\\u003c"))


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
