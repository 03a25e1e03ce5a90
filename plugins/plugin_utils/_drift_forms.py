# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of a drift report: JSON, Markdown, JUnit XML, Prometheus text, and a table. Private.

Each but the table gives text in pieces, host by host: no fleet is in memory twice.
"""

from __future__ import annotations

import json
import re
import typing as t
from itertools import islice
from xml.sax.saxutils import escape, quoteattr

from ..module_utils._core.engine.standing import Standing
from ..module_utils._core.visible import visible
from ._drift_findings import ACCESS, FAILED, IN_PLACE, STATES, Finding
from ._drift_report import (
    HOST_STATES,
    IN_DRIFT,
    UNREACHABLE,
    HostReport,
    Report,
    host_json,
    is_drift,
    summary,
)

# How a state is called where people read it.
WORDS: t.Mapping[str, str] = {
    **{each.value: each.words for each in Standing},
    ACCESS: "owner or mode off",
    IN_DRIFT: "in drift",
    UNREACHABLE: "unreachable",
}


def as_json(report: Report) -> t.Iterator[str]:
    """As docs/drift-report.schema.json describes it."""
    head = json.dumps(summary(report), indent=1)
    yield head[: head.rindex("\n")] + ',\n "report": ['
    separator = "\n"
    for host in report.sorted_hosts:
        yield separator + json.dumps(host_json(host))
        separator = ",\n"
    yield "\n ]\n}\n"


def as_markdown(report: Report) -> t.Iterator[str]:
    """For merge requests and tickets: the answer, then what is not in place."""
    inventory = _cell(", ".join(report.inventory))
    yield f"# BPF pins: {headline(report)}\n\n{report.made_text}, {inventory}\n"
    notable = [host for host in report.sorted_hosts if host.state != IN_PLACE or host.notable]
    if notable:
        yield "\n| host | path | state | want | have | |\n|---|---|---|---|---|---|\n"
    for host in notable:
        name = _cell(host.name)
        for problem in _problems(host):
            yield _row(name, "", WORDS[host.state], "", "", _cell(problem))
        for finding in host.notable:
            want = "; ".join(f"{each.name}: {each.want}" for each in finding.fields)
            have = "; ".join(f"{each.name}: {each.have}" for each in finding.fields)
            state = f"{WORDS[finding.state]}{', repaired' if finding.repaired else ''}"
            notes = ", ".join(filter(None, (host.history.get(finding.path), finding.note)))
            yield _row(name, _code(finding.path), state, *map(_cell, (want, have, notes)))
    warned = [(host.name, text) for host in report.sorted_hosts for text in host.warnings]
    if warned:
        yield "\nWarnings:\n\n"
        yield from (f"- {_cell(name)}: {_cell(text)}\n" for name, text in warned)
    gone = [(host.name, path) for host in report.sorted_hosts for path in sorted(host.gone)]
    if gone:
        yield f"\nGone since {report.previous}:\n\n"
        yield from (f"- {_cell(name)}: {_code(path)}\n" for name, path in gone)


def as_junit(report: Report) -> t.Iterator[str]:
    """For CI: a test suite per host, a test per pin. Drift is a failure, trouble is an error."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="ebpf.pinning.drift">\n'
    for host in report.sorted_hosts:
        troubles = _problems(host)
        findings = sorted(host.findings.values())
        failures = sum(map(is_drift, findings))
        errors = len(troubles) + sum(finding.state == FAILED for finding in findings)
        yield (
            f"<testsuite name={_xml_attribute(host.name)} tests="
            f'"{len(findings) + len(troubles)}" failures="{failures}" errors="{errors}" time="0" '
            f'timestamp="{report.made_text[:19]}" hostname={_xml_attribute(host.name)}>\n'
        )
        for trouble in troubles:
            yield _junit_case(host.name, "host", _junit_body("error", WORDS[host.state], trouble))
        for finding in findings:
            yield _junit_case(host.name, finding.path, _junit_outcome(finding))
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def as_prometheus(report: Report) -> t.Iterator[str]:
    """For the textfile collector of node_exporter, on the controller."""
    yield (
        "# HELP ebpf_pinning_pins Pins by the state they were found in.\n"
        "# TYPE ebpf_pinning_pins gauge\n"
    )
    hosts = report.sorted_hosts
    for host in hosts:
        counts = dict.fromkeys(STATES, 0)
        for finding in host.findings.values():
            counts[finding.state] += 1
        for state, count in counts.items():
            label = _prometheus_label(host.name)
            yield f'ebpf_pinning_pins{{host="{label}",state="{state}"}} {count}\n'
    yield (
        "# HELP ebpf_pinning_host_state 1 for the state that the host is in.\n"
        "# TYPE ebpf_pinning_host_state gauge\n"
    )
    for host in hosts:
        for state in HOST_STATES:
            label = _prometheus_label(host.name)
            is_it = int(host.state == state)
            yield f'ebpf_pinning_host_state{{host="{label}",state="{state}"}} {is_it}\n'
    yield (
        "# HELP ebpf_pinning_drift_report_timestamp_seconds When the report was made.\n"
        "# TYPE ebpf_pinning_drift_report_timestamp_seconds gauge\n"
        f"ebpf_pinning_drift_report_timestamp_seconds {int(report.made.timestamp())}\n"
    )


def as_table(report: Report, most: int = 20) -> str:
    """For the end of a run: the answer, and the hosts that are not in place, `most` of them."""
    lines = _table_lines(report)
    shown = list(islice(lines, most))
    left_out = sum(1 for _line in lines)
    rows = [("HOST", "STATE", "PATH", ""), *shown] if shown else []
    widths = [max(map(len, column)) for column in zip(*rows)][:3]
    text = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        text.append("  ".join([*cells, row[3]]).rstrip())
    if left_out:
        text.append(f"... and {left_out} more")
    return "\n".join([*text, headline(report)])


def _table_lines(report: Report) -> t.Iterator[t.Tuple[str, str, str, str]]:
    for host in report.sorted_hosts:
        name = visible(host.name)
        for problem in _problems(host):
            yield name, WORDS[host.state], "", visible(" ".join(problem.split()))
        for finding in host.notable:
            if not finding.repaired:
                state, path = WORDS[finding.state], visible(finding.path)
                yield name, state, path, visible(remark(finding))


def headline(report: Report) -> str:
    """The answer in one line."""
    hosts, pins = report.host_counts(), report.pin_counts()
    parts = [f"{hosts[state]} {WORDS[state]}" for state in (IN_DRIFT, FAILED, UNREACHABLE)]
    repaired = sum(
        finding.repaired for host in report.hosts.values() for finding in host.findings.values()
    )
    if repaired:
        parts.append(f"{repaired} put right")
    return (
        f"{_count(len(report.hosts), 'host')}, {_count(sum(pins.values()), 'pin')}: "
        f"{', '.join(parts)}"
    )


def remark(finding: Finding) -> str:
    """What is to be said of a finding, in one line."""
    fields = [f"{each.name}: want {each.want}, have {each.have}" for each in finding.fields]
    return "; ".join(fields or finding.note.splitlines()[:1])


def _problems(host: HostReport) -> t.List[str]:
    return list(host.problems) or (["unreachable"] if host.unreachable else [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(text: str) -> str:
    # What Markdown or HTML would obey is shown; an underscore inside a word is none of that.
    return _MARKS.sub(_entity, visible(" ".join(text.split())))


def _entity(mark: t.Match[str]) -> str:
    return f"&#{ord(mark[0])};"


def _code(text: str) -> str:
    text = visible(text)
    if re.search("[|`<]", text):  # which may end the cell or the code, or be taken for HTML
        return f"<code>{_MARKS.sub(_entity, text)}</code>"
    return f"`{text}`"


def _junit_case(host: str, name: str, outcome: str) -> str:
    return (
        f"<testcase classname={_xml_attribute(host)} name={_xml_attribute(name)} "
        f'time="0">{outcome}</testcase>\n'
    )


def _junit_outcome(finding: Finding) -> str:
    if finding.state != FAILED and not is_drift(finding):
        return ""
    kind = "error" if finding.state == FAILED else "failure"
    return _junit_body(kind, WORDS[finding.state], remark(finding), finding.note)


def _junit_body(kind: str, what: str, remark: str, note: str = "") -> str:
    # Some show the message only, some the text only.
    message = ": ".join(filter(None, (what, remark)))
    text = "\n".join(filter(None, (message, note)))
    return (
        f"<{kind} type={_xml_attribute(what)} message={_xml_attribute(message)}>"
        f"{_xml_text(text)}</{kind}>"
    )


def _xml_attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub(_escape, text))


def _xml_text(text: str) -> str:
    return escape(_NO_XML.sub(_escape, text))


def _escape(character: t.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()


def _prometheus_label(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # before, since it makes backslashes
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# In a table cell; the underscore only where it may be emphasis.
_MARKS = re.compile(r"[\\`*\[\]<>|&~@]|(?<![^\W_])_|_(?![^\W_])")
# What XML 1.0 cannot hold at all.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
