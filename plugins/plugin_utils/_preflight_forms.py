# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of a preflight report: a terminal, JSON, Markdown, JUnit XML, HTML. Pure. Private."""

from __future__ import annotations

import html
import json
import typing as t

from ..module_utils._core.visible import visible
from ._drift_forms import TIME, counted
from ._markup import cell, code, junit_body, junit_case, row, xml_attribute
from ._preflight_report import (
    BAD,
    FAILED,
    FITS,
    GOOD,
    HOST_STATES,
    MISSING,
    REFUSED,
    UNKNOWN,
    UNNOTICED,
    UNREACHABLE,
    Finding,
    HostFound,
    MapFound,
    Report,
    texts_of,
)

VERSION = 1  # of the JSON
MOST_LINES = 20  # of the table
MOST_HOSTS = 3  # that are named in a line
WORDS: t.Mapping[str, str] = {
    GOOD: "good",
    BAD: "not good",
    FAILED: "failed",
    UNREACHABLE: "unreachable",
    FITS: "used",
    MISSING: "to be made",
    REFUSED: "refused",
    UNNOTICED: "unnoticed",
    UNKNOWN: "not known",
}


class Line(t.NamedTuple):
    """A line, and what it is about: a verdict, a state of a host, or nothing."""

    text: str
    tone: str = ""


def as_table(report: Report) -> t.List[Line]:
    """For the end of a run: each finding with its hosts, and the answer."""
    findings = report.findings()
    lines = []
    for each in findings[:MOST_LINES]:
        about = visible(each.map) or "kernel"
        lines.append(Line(f"{about}: {WORDS[each.verdict]}, on {_hosts(each.hosts)}", each.verdict))
        lines += [Line(f"    {visible(text)}") for text in each.texts]
    left_out = len(findings) - MOST_LINES
    if left_out > 0:
        lines.append(Line(f"... and {left_out} more"))
    for host in report.sorted_hosts:
        if host.problem:
            lines.append(Line(f"{visible(host.name)}: {_one_line(host.problem)}", host.state))
    for text, hosts in report.remarks().items():
        lines.append(Line(f"{visible(text)}: {_hosts(hosts)}"))
    users = _users(report)
    if users:
        lines.append(Line(f"{users} the old maps until they are loaded again"))
    lines.append(Line(answer(report), _worst(report)))
    return lines


def answer(report: Report) -> str:
    """How many hosts are in each state, in one line."""
    counts = report.counts()
    told = ", ".join(f"{counts[state]} {WORDS[state]}" for state in HOST_STATES if counts[state])
    return f"{counted(len(report.hosts), 'host')}: {told or 'none was looked at'}"


def as_json(report: Report) -> t.Iterator[str]:
    """For programs. docs/preflight.md says what it holds."""
    content = {
        "version": VERSION,
        "made": report.made.strftime(TIME),
        "object": report.object,
        "hosts": report.counts(),
        "report": [_host_json(each) for each in report.sorted_hosts],
    }
    yield json.dumps(content, indent=1) + "\n"


def _host_json(host: HostFound) -> t.Dict[str, t.Any]:
    content: t.Dict[str, t.Any] = {"host": host.name, "state": host.state}
    if host.problem:
        return {**content, "problem": host.problem}
    maps = [{**each._asdict(), "path": each.path or None} for each in host.maps]
    return {
        **content,
        "loader": host.loader,
        "maps": maps,
        "lacks": list(host.lacks),
        "notes": list(host.notes),
    }


def as_markdown(report: Report) -> t.Iterator[str]:
    """For merge requests and tickets: the answer, then each finding with its hosts."""
    yield f"# Preflight of {code(report.object)}\n\n{cell(answer(report))}\n"
    findings = report.findings()
    if findings:
        yield "\n| map | verdict | hosts | |\n|---|---|---|---|\n"
    for each in findings:
        about = code(each.map) if each.map else "(kernel)"
        hosts = cell(", ".join(each.hosts))
        yield row(about, WORDS[each.verdict], hosts, "<br>".join(map(cell, each.texts)))
    if report.remarks():
        yield "\nRemarks:\n\n"
    for text, names in report.remarks().items():
        yield f"- {cell(text)}: {cell(', '.join(names))}\n"
    troubled = [each for each in report.sorted_hosts if each.problem]
    if troubled:
        yield "\nNot looked at:\n\n"
        yield from (f"- {cell(each.name)}: {cell(each.problem)}\n" for each in troubled)


def as_junit(report: Report) -> t.Iterator[str]:
    """For CI: a test suite per host, a test per map, and one for the kernel."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="ebpf.pinning.preflight">\n'
    for host in report.sorted_hosts:
        cases = list(_junit_cases(host))
        failures, errors = (sum(f"<{kind} " in each for each in cases) for kind in _OUTCOMES)
        name = xml_attribute(host.name)
        yield (
            f'<testsuite name={name} tests="{len(cases)}" failures="{failures}" '
            f'errors="{errors}" time="0" timestamp="{report.made:%Y-%m-%dT%H:%M:%S}" '
            f"hostname={name}>\n"
        )
        yield from cases
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def _junit_cases(host: HostFound) -> t.Iterator[str]:
    if host.problem:
        yield junit_case(host.name, "host", junit_body("error", WORDS[host.state], host.problem))
        return
    for each in host.maps:
        yield junit_case(host.name, each.path or each.name, _junit_outcome(each))
    lacks = "\n".join(host.lacks)
    outcome = junit_body("failure", "lacking", host.lacks[0], lacks) if lacks else ""
    yield junit_case(host.name, "kernel", outcome)


def _junit_outcome(found: MapFound) -> str:
    if found.is_good:
        return ""
    kind = "error" if found.verdict == UNKNOWN else "failure"
    first, *others = texts_of(found) or ("",)
    return junit_body(kind, WORDS[found.verdict], first, "\n".join(others))


def as_html(report: Report) -> t.Iterator[str]:
    """One page that needs nothing else."""
    yield _PAGE_HEAD.format(
        title=_text(f"Preflight of {report.object}"),
        answer=_text(answer(report)),
        made=report.made.strftime(TIME),
    )
    yield "<table><tr><th>map<th>verdict<th>what<th>hosts</tr>\n"
    yield from map(_html_row, report.findings())
    yield "</table>\n"
    for text, names in report.remarks().items():
        yield f"<p>{_text(text)}: {_text(', '.join(names))}</p>\n"
    for host in report.sorted_hosts:
        if host.problem:
            yield f"<p class=failed><b>{_text(host.name)}</b>: {_text(host.problem)}</p>\n"
    users = [(host, each) for host in report.sorted_hosts for each in host.maps if each.programs]
    if users:
        yield "<h2>Programs that have the old maps</h2>\n<ul>\n"
    for host, each in users:
        programs = ", ".join(each.programs)
        yield f"<li>{_text(host.name)}: {_text(each.path)}: {_text(programs)}</li>\n"
    yield "</ul>\n</html>\n" if users else "</html>\n"


def _html_row(finding: Finding) -> str:
    texts = "<br>".join(map(_text, finding.texts))
    hosts = _text(", ".join(finding.hosts))
    about = _text(finding.map) or "<i>kernel</i>"
    return (
        f"<tr class={finding.verdict}><td>{about}<td>{WORDS[finding.verdict]}<td>{texts}"
        f"<td><details><summary>{counted(len(finding.hosts), 'host')}</summary>{hosts}</details>"
        "</tr>\n"
    )


def _text(text: str) -> str:
    return html.escape(visible(text))


def _hosts(hosts: t.Sequence[str]) -> str:
    named = ", ".join(map(visible, hosts[:MOST_HOSTS]))
    left_out = len(hosts) - MOST_HOSTS
    return f"{named} and {left_out} more" if left_out > 0 else named


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _users(report: Report) -> str:
    hosts = [host for host in report.hosts.values() if any(each.programs for each in host.maps)]
    count = sum(len({program for each in host.maps for program in each.programs}) for host in hosts)
    if not count:
        return ""
    verb = "uses" if count == 1 else "use"
    return f"{counted(count, 'program')} on {counted(len(hosts), 'host')} {verb}"


def _worst(report: Report) -> str:
    counts = report.counts()
    return next((each for each in (UNREACHABLE, FAILED, BAD) if counts[each]), GOOD)


_OUTCOMES = ("failure", "error")
FORMS: t.Mapping[str, t.Callable[[Report], t.Iterator[str]]] = {
    "json": as_json,
    "html": as_html,
    "markdown": as_markdown,
    "junit": as_junit,
}
_PAGE_HEAD = """<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }}
body {{ max-width: 75em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; vertical-align: top; padding: .4em .8em }}
td {{ border-top: 1px solid #8886 }}
.refused td:nth-child(2), .unnoticed td:nth-child(2), .failed {{ color: #c22; font-weight: 600 }}
.unknown td:nth-child(2) {{ color: #a60 }}
</style>
<h1>{title}</h1>
<p><b>{answer}</b> <small>{made}</small></p>
"""
