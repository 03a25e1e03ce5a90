# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of a drift report: JSON, Markdown, JUnit XML, Prometheus text. Private.

Each gives text in pieces, host by host: no fleet is in memory twice.
"""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from datetime import timedelta

from ..module_utils._core.engine.standing import Standing
from ._drift_findings import (
    ACCESS,
    DRIFT,
    FAILED,
    GROUP_OF,
    GROUPS,
    IN_PLACE,
    STATES,
    Entries,
    Finding,
    entries_of,
    spelled_bytes,
)
from ._drift_health import Health
from ._drift_report import (
    GONE,
    HOST_STATES,
    IN_DRIFT,
    NEW,
    STILL,
    UNREACHABLE,
    HostReport,
    Report,
    Source,
    host_json,
    is_drift,
    summary,
)
from ._markup import cell, code, junit_body, junit_case, row, xml_attribute

REPAIRED = "repaired"

TIME = "%Y-%m-%dT%H:%M:%SZ"

# How a state is called where people read it.
WORDS: t.Mapping[str, str] = {
    **{each.value: each.words for each in Standing},
    ACCESS: "owner or mode off",
    IN_DRIFT: "in drift",
    UNREACHABLE: "unreachable",
    REPAIRED: "put right",
    GONE: "gone",
}
# How findings about health are called behind a number.
_AILING: t.Mapping[str, str] = {
    "severed": "severed",
    "unattached": "attached nowhere",
    "unused": "unused",
    "full": "nearly full",
    "hidden": "hidden",
    "stacked": "stacked",
    "misplaced": "misplaced",
}
# Of each pin: the gauge, what it says, and what it is of `Sized`.
_OF_PINS = (
    ("ebpf_pinning_pin_memory_bytes", "Memory of a map or program.", "memlock"),
    ("ebpf_pinning_map_entries", "Entries of a map, as far as they were counted.", "entries"),
    ("ebpf_pinning_map_max_entries", "Entries that a map has room for.", "max_entries"),
)
_SHOWN = (IN_PLACE, *DRIFT, FAILED, REPAIRED)
ONE_OF = {"pins": "pin", "mounts": "mount", "directories": "directory", "files": "file"}


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
    inventory = cell(", ".join(report.inventory))
    hosts, *others = answer(report)
    yield f"# BPF pins of {hosts}\n\n"
    yield "".join(f"{line}\n\n" for line in filter(None, ("; ".join(others), changes(report))))
    yield f"{report.made_text}, {inventory}\n"
    yield from _markdown_sources(report)
    notable = [host for host in report.sorted_hosts if host.state != IN_PLACE or host.notable]
    if notable:
        yield "\n| host | path | state | want | have | |\n|---|---|---|---|---|---|\n"
    for host in notable:
        name = cell(host.name)
        seen = f"seen {report.made_of(host):{TIME}}" if report.sources else ""
        for problem in problems_of(host):
            told = ", ".join(filter(None, (seen, problem)))
            yield row(name, "", WORDS[host.state], "", "", cell(told))
        for finding in host.notable:
            want = "; ".join(f"{each.name}: {each.want}" for each in finding.fields)
            have = "; ".join(f"{each.name}: {each.have}" for each in finding.fields)
            state = f"{WORDS[finding.state]}{', repaired' if finding.repaired else ''}"
            history = host.history.get(finding.path)
            notes = ", ".join(filter(None, (history, seen, *entries(finding), finding.note)))
            yield row(name, code(finding.path), state, *map(cell, (want, have, notes)))
    warned = [(host.name, text) for host in report.sorted_hosts for text in host.warnings]
    if warned:
        yield "\nWarnings:\n\n"
        yield from (f"- {cell(name)}: {cell(text)}\n" for name, text in warned)
    ailing = [
        (host.name, *each)
        for host in report.sorted_hosts
        if host.health
        for each in host.health.remarks()
    ]
    if ailing:
        yield "\nHealth:\n\n"
        yield from (f"- {cell(name)}: {code(path)}: {cell(text)}\n" for name, path, text in ailing)
    gone = [(host.name, path) for host in report.sorted_hosts for path in sorted(host.gone)]
    if gone:
        yield f"\nGone since {report.previous}:\n\n"
        yield from (f"- {cell(name)}: {code(path)}\n" for name, path in gone)


def _markdown_sources(report: Report) -> t.Iterator[str]:
    if report.sources:
        yield "\nMerged from:\n\n"
    for source in report.sources:
        yield f"- {code(source.file)}: {cell(about_source(source, source.made or ''))}\n"


def about_source(source: Source, made: str) -> str:
    """What became of a report that was to be merged; `made` is when it was made, as told there."""
    if source.problem:
        return f"left out: {source.problem}"
    others = source.hosts - source.newest
    about = f"{made}, {counted(source.hosts, 'host')}"
    return about + (f", {others} of them as another report tells" if others else "")


def as_junit(report: Report) -> t.Iterator[str]:
    """For CI: a test suite per host, a test per pin. Drift is a failure, trouble is an error."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="ebpf.pinning.drift">\n'
    for host in report.sorted_hosts:
        troubles = problems_of(host)
        findings = sorted(host.findings.values())
        failures = sum(map(is_drift, findings))
        errors = len(troubles) + sum(finding.state == FAILED for finding in findings)
        name = xml_attribute(host.name)
        yield (
            f"<testsuite name={name} tests="
            f'"{len(findings) + len(troubles)}" failures="{failures}" errors="{errors}" time="0" '
            f'timestamp="{report.made_of(host):%Y-%m-%dT%H:%M:%S}" hostname={name}>\n'
        )
        if host.health:
            yield from _junit_properties(host.health)
        for trouble in troubles:
            yield junit_case(host.name, "host", junit_body("error", WORDS[host.state], trouble))
        for finding in findings:
            yield junit_case(host.name, finding.path, _junit_outcome(finding))
        yield "</testsuite>\n"
    yield "</testsuites>\n"


def as_prometheus(report: Report) -> t.Iterator[str]:
    """For the textfile collector of node_exporter, on the controller."""
    hosts = report.sorted_hosts
    labels = [(_prometheus_label(host.name), host) for host in hosts]
    for group in GROUPS:
        name = f"ebpf_pinning_{group}"
        yield _prometheus_head(name, f"{group.capitalize()} by the state they were found in.")
        for label, host in labels:
            counts = dict.fromkeys(STATES, 0)
            for finding in host.findings.values():
                counts[finding.state] += GROUP_OF[finding.kind] == group
            for state, count in counts.items():
                yield f'{name}{{host="{label}",state="{state}"}} {count}\n'
    name = "ebpf_pinning_entries"
    yield _prometheus_head(name, "Entries of maps that were found not to be as declared.")
    for label, host in labels:
        for state, number in _entries_amiss(host)._asdict().items():
            yield f'{name}{{host="{label}",state="{state}"}} {number}\n'
    yield from _prometheus_health([(label, host.health) for label, host in labels if host.health])
    name = "ebpf_pinning_host_state"
    yield _prometheus_head(name, "1 for the state that the host is in.")
    for label, host in labels:
        for state in HOST_STATES:
            yield f'{name}{{host="{label}",state="{state}"}} {int(host.state == state)}\n'
    name = "ebpf_pinning_host_timestamp_seconds"
    yield _prometheus_head(name, "When the host was looked at.")
    for label, host in labels:
        yield f'{name}{{host="{label}"}} {int(report.made_of(host).timestamp())}\n'
    name = "ebpf_pinning_drift_report_timestamp_seconds"
    yield _prometheus_head(name, "When the report was made.")
    yield f"{name} {int(report.made.timestamp())}\n"


def _prometheus_health(known: t.Sequence[t.Tuple[str, Health]]) -> t.Iterator[str]:
    """What was asked about health, for the hosts that told."""
    if not known:
        return
    name = "ebpf_pinning_health"
    yield _prometheus_head(name, "Pins and mounts with which something is the matter.")
    for label, health in known:
        for finding, number in health.counts().items():
            yield f'{name}{{host="{label}",finding="{finding}"}} {number}\n'
    name = "ebpf_pinning_memory_bytes"
    yield _prometheus_head(name, "Memory of all maps and programs that were looked at.")
    yield from (f'{name}{{host="{label}"}} {health.memlock}\n' for label, health in known)
    for name, about, field in _OF_PINS:
        yield _prometheus_head(name, about)
        for label, health in known:
            for pin in health.pins:
                number = getattr(pin, field)
                if number is not None:
                    path = _prometheus_label(pin.path)
                    yield f'{name}{{host="{label}",path="{path}"}} {number}\n'


def _entries_amiss(host: HostReport) -> Entries:
    """The entries of all maps of a host."""
    counted = filter(None, map(entries_of, host.findings.values()))
    return Entries(*map(sum, zip((0, 0, 0), *counted)))


def _prometheus_head(name: str, about: str) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} gauge\n"


def answer(report: Report) -> t.List[str]:
    """How many hosts there are, and how many of each of GROUPS: a line for each."""
    states = report.host_counts()
    told = ", ".join(f"{states[state]} {WORDS[state]}" for state in HOST_STATES)
    lines = [f"{counted(len(report.hosts), 'host')}: {told}"]
    findings = [each for host in report.hosts.values() for each in host.findings.values()]
    for group in GROUPS:
        counts = Counter(shown_as(each) for each in findings if GROUP_OF[each.kind] == group)
        told = ", ".join(f"{counts[state]} {WORDS[state]}" for state in _SHOWN if counts[state])
        if counts:
            lines.append(f"{counted(sum(counts.values()), ONE_OF[group])}: {told}")
    return [*lines, *health_told(report)]


def health_told(report: Report) -> t.List[str]:
    """What is the matter with how many pins, and how much memory they take, if that was asked."""
    known = [host.health for host in report.hosts.values() if host.health]
    if not known:
        return []
    counts: t.Counter[str] = Counter()
    for health in known:
        counts.update(health.counts())
    told = [f"{counts[name]} {word}" for name, word in _AILING.items() if counts[name]]
    memory = spelled_bytes(sum(health.memlock for health in known))
    return [f"Health: {', '.join([f'{memory} of memory', *told])}"]


def changes(report: Report) -> str:
    """What became of it since the previous report; nothing where there is none."""
    if not report.previous:
        return ""
    counts = report.history_counts()
    return (
        f"Since {report.previous}: {counts[NEW]} new, {counts[STILL]} still there, "
        f"{counts[GONE]} gone"
    )


def shown_as(finding: Finding) -> str:
    """The state, in the words of WORDS, that a finding is shown in."""
    return REPAIRED if finding.repaired else finding.state


def remark(finding: Finding) -> str:
    """What is to be said of a finding, in one line."""
    have = "had" if finding.repaired else "have"
    fields = [f"{each.name}: want {each.want}, {have} {each.have}" for each in finding.fields]
    return "; ".join([*(fields or finding.note.splitlines()[:1]), *entries(finding)])


def entries(finding: Finding) -> t.List[str]:
    """What becomes of the entries of a map, if anything."""
    if finding.copied is None:
        return []
    number = "1 entry" if finding.copied == 1 else f"{finding.copied} entries"
    return [f"{number} copied" if finding.repaired else f"{number} to copy"]


def spelled(span: timedelta) -> str:
    """Such as 5 min, in the largest unit that there is one of."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def problems_of(host: HostReport) -> t.List[str]:
    return list(host.problems) or (["unreachable"] if host.unreachable else [])


def counted(number: int, what: str) -> str:
    """Such as 2 hosts."""
    if number == 1:
        return f"1 {what}"
    return f"{number} {what[:-1]}ies" if what.endswith("y") else f"{number} {what}s"


def _junit_properties(health: Health) -> t.Iterator[str]:
    """What is the matter, and is no failure."""
    told = [("health: memlock", str(health.memlock))]
    told += [(f"health: {path}", text) for path, text in health.remarks()]
    yield "<properties>\n"
    for name, value in told:
        yield f"<property name={xml_attribute(name)} value={xml_attribute(value)}/>\n"
    yield "</properties>\n"


def _junit_outcome(finding: Finding) -> str:
    if finding.state != FAILED and not is_drift(finding):
        return ""
    kind = "error" if finding.state == FAILED else "failure"
    return junit_body(kind, WORDS[finding.state], remark(finding), finding.note)


def _prometheus_label(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # before, since it makes backslashes
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
