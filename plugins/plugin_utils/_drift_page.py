# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift report as one HTML page that asks nobody for anything. Private to this collection.

_drift_page_parts/ holds the template and what it takes in. The page brings its data as JSON; what
is not in place is also in it as a plain table, for readers without JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import typing as t
from collections import Counter
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..module_utils._core.visible import visible
from ._drift_causes import NOBODY, Cause, causes
from ._drift_findings import ACCESS, DIFFERENT, FAILED, IN_PLACE, MISSING, UNDECLARED, Finding
from ._drift_forms import WORDS
from ._drift_manual import address, find
from ._drift_notes import told_once, without_differences
from ._drift_report import IN_DRIFT, NEW, STILL, UNREACHABLE, HostReport, Report, Run, is_drift

PARTS = Path(__file__).with_name("_drift_page_parts")
STYLES = ("page.css", "matrix.css", "details.css", "media.css")
SCRIPTS = (
    *("data.js", "nodes.js", "address.js", "matrix.js", "list.js", "details.js", "commands.js"),
    *("filters.js", "choice.js"),
)
MOST_PLAIN_LINES = 1000  # of the table for readers without JavaScript
MOST_CAUSES = 30
LEAST_OF_A_TREND = 3  # runs
PLAYBOOKS = "/ebpf/pinning/playbooks/"
DRIFT_PLAYBOOK = "ebpf.pinning.drift"
REPAIRED, GONE = "repaired", "gone"


class Sign(t.NamedTuple):
    """How a state is shown: told apart by its shape, in any colour and in none."""

    letter: str  # in the data
    sign: str
    word: str


SIGNS = {
    MISSING: Sign("m", "\u2212", WORDS[MISSING]),
    DIFFERENT: Sign("d", "\u2260", WORDS[DIFFERENT]),
    ACCESS: Sign("a", "@", WORDS[ACCESS]),
    UNDECLARED: Sign("u", "+", WORDS[UNDECLARED]),
    FAILED: Sign("f", "!", WORDS[FAILED]),
    UNREACHABLE: Sign("x", "?", WORDS[UNREACHABLE]),
    REPAIRED: Sign("r", "\u2713", "put right"),
    GONE: Sign("g", "\u25cb", "drift gone"),
    IN_PLACE: Sign("i", "\u00b7", WORDS[IN_PLACE]),
}
# As docs/drift.md has it.
MEANINGS = {
    MISSING: "declared, and not there",
    DIFFERENT: "another shape or other flags, or declared by one task and removed by another",
    ACCESS: "only owner, group or mode differ",
    UNDECLARED: "there, and not declared",
    FAILED: "it could not be looked at, or not be put right",
    UNREACHABLE: "the host did not answer",
    REPAIRED: "not as declared before this run, and now it is",
    GONE: "not as declared in the report before, and now it is",
    IN_PLACE: "as declared",
}
NOTHING_KNOWN = "."
_WORST_FIRST = (FAILED, UNREACHABLE, IN_DRIFT, IN_PLACE)


class Bar(t.NamedTuple):
    """A run in the trend."""

    made: str
    amiss: int
    height: int  # of 100


class PlainLine(t.NamedTuple):
    """A row of the plain table."""

    host: str
    pin: str
    state: str
    want: str
    have: str
    note: str


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
    environment.filters["visible_lines"] = _visible_lines
    environment.filters["number"] = "{:,}".format
    hosts = sorted(report.hosts.values(), key=_worst_first)
    explained, others = causes(report, MOST_CAUSES)
    lines = sum(len(_problems(host)) + len(host.notable) + len(host.gone) for host in hosts)
    yield from environment.get_template("page.html.j2").generate(
        report=report,
        answer=_answer(report),
        made=_when(report.made_text),
        playbook=_playbook(report),
        previous=report.previous and _when(report.previous),
        causes=explained,
        causes_left_out=others,
        trend=_trend(report),
        groups=sorted({group for host in hosts for group in host.groups}),
        counts=_counts(hosts),
        signs=SIGNS,
        meanings=MEANINGS,
        duration=report.seconds is not None and _duration(report.seconds),
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        plain_lines=islice(_plain_lines(hosts), MOST_PLAIN_LINES),
        lines_left_out=max(0, lines - MOST_PLAIN_LINES),
        data=map(_in_script, _data(report, hosts, explained)),
    )


def _worst_first(host: HostReport) -> t.Tuple[int, int, str]:
    amiss = sum(is_drift(each) or each.state == FAILED for each in host.findings.values())
    return _WORST_FIRST.index(host.state), -amiss, host.name


def _visible_lines(text: str) -> str:
    return "\n".join(map(visible, text.splitlines()))


def _problems(host: HostReport) -> t.Sequence[str]:
    problems = host.problems or ([NOBODY] if host.unreachable else [])
    return [*problems, *(f"Warning: {each}" for each in host.warnings)]


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


def _when(text: str) -> str:
    """As people write it, where it can be read."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").strftime("%-d %b %Y, %H:%M UTC")
    except ValueError:
        return visible(text)


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
        Bar(_when(run.made), number, round(100 * number / highest))
        for run, number in zip(runs, amiss)
    ]


def _counts(hosts: t.Sequence[HostReport]) -> t.Dict[str, int]:
    """By how it is shown; pins, but hosts where all of a host is meant."""
    counts: t.Counter[str] = Counter()
    for host in hosts:
        counts["pins"] += len(host.findings)
        counts["drift"] += sum(map(is_drift, host.findings.values()))
        counts.update(_shown_as(finding) for finding in host.findings.values())
        counts[GONE] += len(host.gone)
        counts[UNREACHABLE] += host.unreachable
        counts[FAILED] += bool(host.problems and not host.unreachable)
        counts.update(host.history.values())
    return {name: counts[name] for name in (*SIGNS, "pins", "drift", NEW, STILL)}


def _shown_as(finding: Finding) -> str:
    return REPAIRED if finding.repaired else finding.state


def _plain_lines(hosts: t.Iterable[HostReport]) -> t.Iterator[PlainLine]:
    for host in hosts:
        name = visible(host.name)
        for problem in _problems(host):
            yield PlainLine(name, "", _word(host.state), "", "", _visible_lines(problem))
        for finding in host.notable:
            yield PlainLine(
                name,
                visible(finding.path),
                ", ".join(
                    filter(None, (_word(_shown_as(finding)), host.history.get(finding.path)))
                ),
                "\n".join(f"{visible(name)}: {visible(want)}" for name, want in _wants(finding)),
                "\n".join(f"{visible(each.name)}: {visible(each.have)}" for each in finding.fields),
                _visible_lines(told_once(finding)),
            )
        for path, before in sorted(host.gone.items()):
            yield PlainLine(name, visible(path), SIGNS[GONE].word, "", "", f"was {_word(before)}")


def _wants(finding: Finding) -> t.Sequence[t.Tuple[str, str]]:
    return [(each.name, each.want) for each in finding.fields] or finding.declared


def _word(state: str) -> str:
    return (
        f"{SIGNS[state].sign} {SIGNS[state].word}"
        if state in SIGNS
        else f"\u2260 {WORDS[IN_DRIFT]}"
    )


def _data(
    report: Report, hosts: t.Sequence[HostReport], explained: t.Sequence[Cause]
) -> t.Iterator[str]:
    """The JSON that the script reads; see the head of data.js.

    Hosts that look alike share a row, and pins that differ alike share a detail.
    """
    paths = sorted({path for host in hosts for path in (*host.findings, *host.gone)})
    head = {
        "previous": report.previous and _when(report.previous),
        "signs": {each.letter: [state, each.sign, each.word] for state, each in SIGNS.items()},
        "paths": [visible(path) for path in paths],
        "commands": _commands(report),
        "manual": address(),
    }
    yield json.dumps(head, separators=(",", ":"))[:-1] + ',"rows":['
    details: t.Dict[t.Tuple[t.Any, ...], int] = {}
    row_of: t.Dict[bytes, int] = {}
    place_of = {path: place for place, path in enumerate(paths)}
    host_rows = []
    members: t.Dict[t.Tuple[str, ...], int] = {}
    for host in hosts:
        row = json.dumps(_row(host, place_of, details), separators=(",", ":"))
        digest = hashlib.sha256(row.encode()).digest()
        if digest not in row_of:
            yield ("," if row_of else "") + row
            row_of[digest] = len(row_of)
        groups = tuple(map(visible, host.groups))
        place = members.setdefault(groups, len(members))
        host_rows.append((visible(host.name), row_of[digest], place))
    number_of = {host.name: number for number, host in enumerate(hosts)}
    tail = {
        "hosts": host_rows,
        "members": list(members),
        "causes": [_cause(each, place_of, number_of) for each in explained],
    }
    yield "]," + json.dumps(tail, separators=(",", ":"))[1:-1] + ',"details":['
    for number, detail in enumerate(details):
        yield ("," if number else "") + json.dumps(detail, separators=(",", ":"))
    yield "]}"


def _cause(
    cause: Cause, place_of: t.Mapping[str, int], number_of: t.Mapping[str, int]
) -> t.Tuple[t.Any, ...]:
    paths = [place_of[path] for path in cause.paths]
    hosts = sorted(number_of[name] for name in cause.hosts)
    note = _visible_lines(without_differences(cause.fields, cause.note))
    return (SIGNS[cause.state].letter, paths, hosts, note, cause.below, _link(cause.note))


def _commands(report: Report) -> t.Sequence[t.Tuple[str, str]]:
    """What can be run next, and what it does; what changes hosts comes last."""
    start = " ".join(["ansible-playbook", *map(_inventory_option, report.inventory)])
    if _playbook(report) == DRIFT_PLAYBOOK:
        return (
            ("Look again, there only", f"{start} {DRIFT_PLAYBOOK}"),
            ("See what would be changed", f"{start} ebpf.pinning.provision --check --diff"),
            ("Put right what can be", f"{start} ebpf.pinning.provision"),
        )
    is_one = report.playbook and ", " not in report.playbook
    if not is_one or visible(report.playbook) != report.playbook:
        return ()
    again = f"{start} {shlex.quote(report.playbook)} --check --diff"
    return (("Look again, there only", again),)


def _playbook(report: Report) -> str:
    """Return its name, which is not its file if it is one of this collection."""
    folder, is_ours, name = report.playbook.rpartition(PLAYBOOKS)
    own = folder.endswith("/ansible_collections") and is_ours and name.endswith(".yml")
    return f"ebpf.pinning.{name[:-4]}" if own else report.playbook


def _inventory_option(name: str) -> str:
    return f"-i {shlex.quote(name) if visible(name) == name else 'INVENTORY'}"


def _row(
    host: HostReport,
    place_of: t.Mapping[str, int],
    details: t.Dict[t.Tuple[t.Any, ...], int],
) -> t.Tuple[t.Any, ...]:
    letters, numbers, history, before = [], [], "", []
    known = 0  # the places up to here
    for path in sorted({*host.findings, *host.gone}):
        letters.append((NOTHING_KNOWN, place_of[path] - known))
        known = place_of[path] + 1
        if path in host.gone:
            letters.append((SIGNS[GONE].letter, 1))
            before.append(host.gone[path])
            continue
        finding = host.findings[path]
        letters.append((SIGNS[_shown_as(finding)].letter, 1))
        if finding.state != IN_PLACE:
            numbers.append(details.setdefault(_detail(finding), len(details)))
            history += host.history.get(path, "-")[0]
    letters.append((NOTHING_KNOWN, len(place_of) - known))
    problems = [(_visible_lines(problem), *_link(problem)) for problem in _problems(host)]
    return (host.state, _runs(letters), numbers, history, problems, before)


def _detail(finding: Finding) -> t.Tuple[t.Any, ...]:
    fields = tuple(tuple(map(visible, field)) for field in finding.fields)
    declared = tuple(tuple(map(visible, each)) for each in finding.declared)
    note = _visible_lines(told_once(finding))
    return (finding.kind, finding.state, fields, note, declared, _link(finding.note))


def _link(text: str) -> t.Tuple[str, ...]:
    """Title and address of the paragraph that tells of a message; nothing if none does."""
    found = find(text)
    return (found.title, found.address) if found else ()


def _runs(letters: t.Iterable[t.Tuple[str, int]]) -> str:
    """Such as 150imi for 150 in place, one missing, and one more in place."""
    some = (each for each in letters if each[1])
    lengths = ((letter, sum(n for _same, n in run)) for letter, run in groupby(some, itemgetter(0)))
    return "".join(f"{length if length > 1 else ''}{letter}" for letter, length in lengths)


def _in_script(json_text: str) -> Markup:
    # Inside a script element nothing but < can begin anything.
    return Markup(json_text.replace("<", "\\u003c"))


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
