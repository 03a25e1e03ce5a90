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

from ._drift_findings import DRIFT, FAILED, IN_PLACE, STATES, Field, Finding, Told

VERSION = 1  # of the JSON
UNREACHABLE = "unreachable"
IN_DRIFT = "drift"
HOST_STATES = (IN_PLACE, IN_DRIFT, FAILED, UNREACHABLE)
NEW, STILL = "new", "still"

Json = t.Dict[str, t.Any]


_MADE = "%Y-%m-%dT%H:%M:%SZ"
_NEVER = datetime.fromtimestamp(0, timezone.utc)


class BadPrevious(Exception):
    """A previous report cannot be used; the text says why."""


@dataclass
class HostReport:
    """One host. What is not in place counts until it is put right, whatever else is found later."""

    name: str
    findings: t.Dict[str, Finding] = field(default_factory=dict)
    problems: t.List[str] = field(default_factory=list)
    warnings: t.List[str] = field(default_factory=list)  # which change no state
    unreachable: bool = False
    history: t.Dict[str, str] = field(default_factory=dict)  # path -> NEW or STILL
    gone: t.Dict[str, str] = field(default_factory=dict)  # path -> the state it had before

    @property
    def state(self) -> str:
        """One of HOST_STATES: the worst that can be said."""
        if self.unreachable:
            return UNREACHABLE
        if self.problems or any(each.state == FAILED for each in self.findings.values()):
            return FAILED
        return IN_DRIFT if any(map(is_drift, self.findings.values())) else IN_PLACE

    @property
    def notable(self) -> t.List[Finding]:
        """What is not simply in place, by path."""
        return sorted(each for each in self.findings.values() if each.state != IN_PLACE)

    def add(self, told: Told) -> None:
        """Take in what one more task said."""
        for finding in told.findings:
            before = self.findings.get(finding.path)
            if before is None or before.state in (IN_PLACE, FAILED) or finding.repaired:
                self.findings[finding.path] = finding
            elif finding.state != IN_PLACE and before.repaired:
                self.findings[finding.path] = finding  # it is wrong again
            elif finding.state == FAILED and finding.note not in before.note:
                note = f"{before.note}\n{finding.note}".strip()
                self.findings[finding.path] = before._replace(note=note)
        self.problems.extend(told.problems)

    def warn(self, warnings: t.Iterable[str]) -> None:
        """Take in what changes no state."""
        self.warnings.extend(each for each in warnings if each not in self.warnings)


@dataclass
class Report:
    """All hosts of a run."""

    made: datetime = _NEVER
    playbook: str = ""
    inventory: t.Sequence[str] = ()
    hosts: t.Dict[str, HostReport] = field(default_factory=dict)
    previous: t.Optional[str] = None  # when the report that this one is compared with was made

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

    def compare(self, previous: t.Any) -> None:
        """Mark what is new, still there and gone since the report that was written as JSON."""
        if not isinstance(previous, dict) or previous.get("version") != VERSION:
            raise BadPrevious(f"it is no drift report of version {VERSION}")
        try:
            before = {_text(entry["host"]): _not_in_place(entry) for entry in previous["report"]}
            made = datetime.strptime(_text(previous["made"]), _MADE)
        except (KeyError, TypeError, ValueError) as error:
            raise BadPrevious(f"it is not as a drift report is made: {error!r}") from None
        self.previous = f"{made.isoformat()}Z"
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


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}"[:80])
    return value


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
        "hosts": report.host_counts(),
        "pins": report.pin_counts(),
    }


def host_json(host: HostReport) -> Json:
    """One host of the JSON."""
    return {
        "host": host.name,
        "state": host.state,
        "problems": host.problems,
        "warnings": host.warnings,
        "pins": [_pin_json(host, finding) for finding in host.notable],
        "in_place": sorted(
            finding.path for finding in host.findings.values() if finding.state == IN_PLACE
        ),
        "gone": [{"path": path, "state": host.gone[path]} for path in sorted(host.gone)],
    }


def _pin_json(host: HostReport, finding: Finding) -> Json:
    return {
        "path": finding.path,
        "kind": finding.kind,
        "state": finding.state,
        "fields": [_field_json(each) for each in finding.fields],
        "note": finding.note,
        "repaired": finding.repaired,
        "history": host.history.get(finding.path),
    }


def _field_json(each: Field) -> Json:
    return {"field": each.name, "want": each.want, "have": each.have}
