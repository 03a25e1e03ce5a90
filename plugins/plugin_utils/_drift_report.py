# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run found over all hosts, and what became of it since the last. Private.

The picture that every form of the report is made from. Its JSON is described by
docs/drift-report.schema.json.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ._drift_findings import (
    DIFFERENT,
    DRIFT,
    FAILED,
    GROUP_OF,
    GROUPS,
    IN_PLACE,
    STATES,
    UNDECLARED,
    Field,
    Finding,
    Told,
    entries_of,
    shortened,
)
from ._drift_health import Health, as_json

VERSION = 1  # of the JSON
USUAL_KIND = "map"  # of what is in place
UNREACHABLE = "unreachable"
IN_DRIFT = "drift"
NOT_LOOKED_AT = "the run did not look at this host: nothing is known of it"
HOST_STATES = (IN_PLACE, IN_DRIFT, FAILED, UNREACHABLE)
NEW, STILL, GONE = "new", "still", "gone"

Json = t.Dict[str, t.Any]


_MADE = "%Y-%m-%dT%H:%M:%SZ"
MOST_HOSTS = 10**9
MOST_RUNS = 60  # before this one, of which a report tells
_NEVER = datetime.fromtimestamp(0, timezone.utc)


class BadReport(Exception):
    """The JSON of a report cannot be used; the text says why."""


def check_version(content: t.Any) -> None:
    """BadReport unless it says to be a report that this version reads."""
    version = content.get("version") if isinstance(content, dict) else None
    is_newer = isinstance(version, int) and version is not True and version > VERSION
    if is_newer and "report" in content:
        raise BadReport(
            f"it is a drift report of version {shortened(str(version), 20)}, and the "
            f"ebpf.pinning that is installed here reads version {VERSION}: upgrade it"
        )
    if version != VERSION or isinstance(version, bool):
        raise BadReport(f"it is not a drift report of version {VERSION}")


class Run(t.NamedTuple):
    """A run before this one."""

    made: str  # RFC 3339
    hosts: t.Mapping[str, int]  # how many in each of HOST_STATES


@dataclass
class HostReport:
    """One host. What is not in place counts until it is put right, whatever else is found later."""

    name: str
    findings: t.Dict[str, Finding] = field(default_factory=dict)
    problems: t.List[str] = field(default_factory=list)
    unreachable: bool = False
    history: t.Dict[str, str] = field(default_factory=dict)  # path -> NEW or STILL
    groups: t.Sequence[str] = ()  # of the inventory, by name; not those that all are in
    gone: t.Dict[str, str] = field(default_factory=dict)  # path -> the state it had before
    absent: t.Set[str] = field(default_factory=set)  # what tasks want to be absent, and is
    made: t.Optional[datetime] = None  # when it was looked at, if in another run than the others
    health: t.Optional[Health] = None  # where that was asked for
    _warnings: t.Dict[str, None] = field(default_factory=dict)  # each once, in their order

    @property
    def state(self) -> str:
        """One of HOST_STATES: the worst that can be said."""
        if self.unreachable:
            return UNREACHABLE
        if self.problems or any(each.state == FAILED for each in self.findings.values()):
            return FAILED
        return IN_DRIFT if any(map(is_drift, self.findings.values())) else IN_PLACE

    @property
    def warnings(self) -> t.List[str]:
        """What is to be known, and changes no state."""
        return list(self._warnings)

    @property
    def notable(self) -> t.List[Finding]:
        """What is not simply in place, by path."""
        return sorted(each for each in self.findings.values() if each.state != IN_PLACE)

    def add(self, told: Told, absent: t.Iterable[str] = ()) -> None:
        """Take in what one more task said; `absent` is what is to be absent, and so was found."""
        for finding in told.findings:
            self._add(finding)
        for path in absent:
            before = self.findings.get(path)
            if before is not None and _is_as_declared(before):
                self.findings[path] = _contradiction(before)
            elif before is None:
                self.absent.add(path)
        self.problems.extend(told.problems)

    def _add(self, finding: Finding) -> None:
        path = finding.path
        before = self.findings.get(path)
        if before is None:
            is_both = path in self.absent and finding.state != UNDECLARED
            self.findings[path] = _contradiction(finding) if is_both else finding
        elif is_contradiction(before):
            pass
        elif before.state == UNDECLARED and finding.state != UNDECLARED:
            self.findings[path] = finding if before.is_to_stay else _contradiction(finding)
        elif finding.state == UNDECLARED and before.state != UNDECLARED:
            # What is not as declared may have been removed to be made anew: drift until then.
            is_remedy = finding.repaired and not _is_as_declared(before)
            if not (finding.is_to_stay or is_remedy):
                self.findings[path] = _contradiction(before)
        elif before.state in (IN_PLACE, FAILED) or finding.repaired or before.is_to_stay:
            self.findings[path] = finding
        elif finding.state != IN_PLACE and before.repaired:
            self.findings[path] = finding  # it is wrong again
        elif finding.state == FAILED and finding.note not in before.note:
            note = f"{before.note}\n{finding.note}".strip()
            self.findings[path] = before._replace(note=note)

    def warn(self, warnings: t.Iterable[str]) -> None:
        """Take in what changes no state."""
        self._warnings.update(dict.fromkeys(warnings))


class Source(t.NamedTuple):
    """A report that this one is merged from."""

    file: str
    made: t.Optional[str]
    hosts: int = 0  # that are in it
    newest: int = 0  # of these, hosts that no other report tells anything newer of
    problem: str = ""  # why it is left out


@dataclass
class Report:
    """All hosts of a run, or of several."""

    made: datetime = _NEVER
    playbook: str = ""
    inventory: t.Sequence[str] = ()
    hosts: t.Dict[str, HostReport] = field(default_factory=dict)
    before: t.Sequence[Run] = ()  # the runs before, oldest first
    seconds: t.Optional[int] = None  # that the run took
    versions: t.Dict[str, str] = field(default_factory=dict)  # of what made it, by name
    previous: t.Optional[str] = None  # when the report that this one is compared with was made
    sources: t.Sequence[Source] = ()  # what it is merged from; nothing in the report of a run

    @property
    def made_text(self) -> str:
        """When it was made, RFC 3339."""
        return self.made.strftime(_MADE)

    def host(self, name: str) -> HostReport:
        """The host of this name."""
        return self.hosts.setdefault(name, HostReport(name))

    @property
    def sorted_hosts(self) -> t.List[HostReport]:
        return [self.hosts[name] for name in sorted(self.hosts)]

    def host_counts(self) -> t.Dict[str, int]:
        """How many hosts are in each of HOST_STATES."""
        counts = Counter(host.state for host in self.hosts.values())
        return {state: counts[state] for state in HOST_STATES}

    def pin_counts(self) -> t.Dict[str, int]:
        """How many paths were found in each of STATES, over all hosts."""
        counts: t.Counter[str] = Counter()
        for host in self.hosts.values():
            counts.update(finding.state for finding in host.findings.values())
        return {state: counts[state] for state in STATES}

    def counts(self) -> t.Dict[str, t.Dict[str, int]]:
        """The same for each of GROUPS."""
        counts: t.Counter[t.Tuple[str, str]] = Counter()
        for host in self.hosts.values():
            counts.update((GROUP_OF[each.kind], each.state) for each in host.findings.values())
        return {group: {state: counts[group, state] for state in STATES} for group in GROUPS}

    def history_counts(self) -> t.Dict[str, int]:
        """How much is NEW, STILL there, and GONE since the previous report."""
        counts: t.Counter[str] = Counter()
        for host in self.hosts.values():
            counts.update(host.history.values())
            counts[GONE] += len(host.gone)
        return {word: counts[word] for word in (NEW, STILL, GONE)}

    def made_of(self, host: HostReport) -> datetime:
        """When the host was looked at."""
        return host.made or self.made

    def compare(self, previous: t.Any) -> None:
        """Mark what is new, still there and gone since the report that was written as JSON."""
        check_version(previous)
        try:
            before = {_text(entry["host"]): _not_in_place(entry) for entry in previous["report"]}
            made = datetime.strptime(_text(previous["made"]), _MADE)
            runs = [_run(each) for each in [*previous.get("before", ()), previous][-MOST_RUNS:]]
        except (KeyError, TypeError, ValueError) as error:
            raise BadReport(f"it is not as a drift report is made: {error!r}") from None
        self.previous = f"{made.isoformat()}Z"
        self.before = runs
        for host in self.hosts.values():
            known = before.get(host.name, {})
            now = {finding.path for finding in host.notable}
            host.history = {path: STILL if path in known else NEW for path in now}
            # Of a host that could not be looked at, nothing is known to be gone.
            if not host.unreachable and not host.problems:
                host.gone = {path: state for path, state in known.items() if path not in now}


def _not_in_place(entry: Json) -> t.Dict[str, str]:
    """Of one host of an earlier report: the paths that were left as they should not be."""
    pins = {_text(pin["path"]): pin["state"] for pin in entry["pins"] if not pin["repaired"]}
    for state in pins.values():
        if state not in (*DRIFT, FAILED):
            raise ValueError(f"no state: {state!r}"[:80])
    return pins


def _run(entry: Json) -> Run:
    made = datetime.strptime(_text(entry["made"]), _MADE)
    hosts = {state: entry["hosts"][state] for state in HOST_STATES}
    for number in hosts.values():
        if not isinstance(number, int) or not 0 <= number < MOST_HOSTS:
            raise ValueError(f"no number of hosts: {number!r}"[:80])
    return Run(f"{made.isoformat()}Z", {state: int(number) for state, number in hosts.items()})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}"[:80])
    return value


_BOTH = Field("declarations", "one", "present and absent")
_CONTRADICTION = (
    "one task of this run declares it, and another removes it: each undoes what the other does, on "
    "every run; declare it in one place"
)


def _contradiction(finding: Finding) -> Finding:
    return Finding(finding.path, finding.kind, DIFFERENT, (_BOTH,), _CONTRADICTION)


def _is_as_declared(finding: Finding) -> bool:
    return finding.state == IN_PLACE or (finding.repaired and finding.state != UNDECLARED)


def is_contradiction(finding: Finding) -> bool:
    """Whether the run itself is not of one mind about it."""
    return finding.fields == (_BOTH,)


def is_drift(finding: Finding) -> bool:
    """Whether it is now not as declared."""
    return finding.state in DRIFT and not finding.repaired


def summary(report: Report) -> Json:
    """The head of the JSON: everything but the hosts."""
    return {
        "version": VERSION,
        "made": report.made_text,
        "playbook": report.playbook,
        "inventory": list(report.inventory),
        "previous": report.previous,
        "before": [each._asdict() for each in report.before],
        "seconds": report.seconds,
        "versions": report.versions,
        "hosts": report.host_counts(),
        "pins": report.pin_counts(),
        "counts": report.counts(),
        "merged": [each._asdict() for each in report.sources],
    }


def host_json(host: HostReport) -> Json:
    """One host of the JSON."""
    return {
        "host": host.name,
        "state": host.state,
        "groups": list(host.groups),
        "problems": host.problems,
        "warnings": host.warnings,
        "pins": [_pin_json(host, finding) for finding in host.notable],
        "in_place": sorted(
            finding.path for finding in host.findings.values() if finding.state == IN_PLACE
        ),
        "kinds": _kinds(host),
        "made": host.made and host.made.strftime(_MADE),
        "gone": [{"path": path, "state": host.gone[path]} for path in sorted(host.gone)],
        "health": as_json(host.health),
    }


def _kinds(host: HostReport) -> t.Dict[str, t.List[str]]:
    """What is in place and no map, by kind."""
    paths: t.Dict[str, t.List[str]] = {}
    for finding in sorted(host.findings.values()):
        if finding.state == IN_PLACE and finding.kind != USUAL_KIND:
            paths.setdefault(finding.kind, []).append(finding.path)
    return paths


def _pin_json(host: HostReport, finding: Finding) -> Json:
    counted = entries_of(finding)
    return {
        "path": finding.path,
        "kind": finding.kind,
        "state": finding.state,
        "fields": [_field_json(each) for each in finding.fields],
        "declared": dict(finding.declared),
        "note": finding.note,
        "repaired": finding.repaired,
        "history": host.history.get(finding.path),
        "copied": finding.copied,
        "entries": counted and counted._asdict(),
    }


def _field_json(each: Field) -> Json:
    return {"field": each.name, "want": each.want, "have": each.have}
