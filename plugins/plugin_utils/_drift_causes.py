# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is amiss on many hosts, told once: by how many hosts it explains. Pure. Private."""

from __future__ import annotations

import re
import typing as t
from functools import lru_cache

from ._drift_findings import FAILED, MISSING, Field, Finding, without_numbers
from ._drift_notes import told_once
from ._drift_report import UNREACHABLE, HostReport, Report, is_drift

NOBODY = "nobody answered"


class Cause(t.NamedTuple):
    """One thing that is amiss, and where."""

    state: str
    paths: t.Sequence[str]  # none if all of the host is meant
    fields: t.Tuple[Field, ...]
    note: str  # of the first host
    hosts: t.Sequence[str]
    below: int = 0  # how many paths are missing since what they are mounted on is
    group: str = ""  # the smallest one of the inventory that has all of the hosts, and not all
    is_whole_group: bool = False  # it has no others

    def of_groups(self, members: t.Mapping[str, t.Set[str]]) -> Cause:
        """Return the same, with its group."""
        fits = [(len(some), each) for each, some in members.items() if some.issuperset(self.hosts)]
        if len(self.hosts) == 1 or not fits:
            return self
        size, group = min(fits)
        return self._replace(group=group, is_whole_group=size == len(self.hosts))


class _Key(t.NamedTuple):
    path: str
    state: str
    fields: t.Tuple[Field, ...]
    gist: str


def causes(report: Report, most: int) -> t.Tuple[t.List[Cause], int]:
    """Return those that explain most hosts, `most` of them, and how many others there are."""
    hosts_of: t.Dict[_Key, t.List[str]] = {}
    notes: t.Dict[_Key, str] = {}
    below: t.Dict[str, t.Set[str]] = {}
    for name in sorted(report.hosts):
        for key, note in _of_host(report.hosts[name], below):
            hosts_of.setdefault(key, []).append(name)
            notes.setdefault(key, note)
    alike: t.Dict[t.Tuple[t.Any, ...], t.List[_Key]] = {}
    for key, names in hosts_of.items():
        alike.setdefault((key.state, key.fields, key.gist, tuple(names)), []).append(key)
    found = []
    for (state, fields, _gist, names), keys in alike.items():
        paths = sorted(key.path for key in keys if key.path)
        under = len({each for path in paths for each in below.get(path, ())})
        found.append(Cause(state, paths, fields, notes[keys[0]], names, under))
    found.sort(key=lambda each: (-len(each.hosts), -len(each.paths), each.paths, each.note))
    members = _groups(report)
    some = [each.of_groups(members) for each in found[:most]]
    return some, len(found) - len(some)


def _of_host(host: HostReport, below: t.Dict[str, t.Set[str]]) -> t.Iterator[t.Tuple[_Key, str]]:
    gone = [each.path for each in host.findings.values() if _is_missing(each, "mount")]
    for finding in host.findings.values():
        if not (is_drift(finding) or finding.state == FAILED):
            continue
        above = [path for path in gone if _is_below(finding.path, path)]
        if above and finding.state == MISSING:
            below.setdefault(min(above), set()).add(finding.path)
            continue
        gist = "" if finding.fields else _gist(finding.note)
        fields, note = without_numbers(finding), finding.note
        if fields != finding.fields:
            note = told_once(finding)
        yield _Key(finding.path, finding.state, fields, gist), note
    state = UNREACHABLE if host.unreachable else FAILED
    for problem in host.problems or ([NOBODY] if host.unreachable else []):
        yield _Key("", state, (), _gist(problem.replace(host.name, "\u2026"))), problem


def _is_below(path: str, mount: str) -> bool:
    return path != mount and path.startswith(mount.rstrip("/") + "/")


def _is_missing(finding: Finding, kind: str) -> bool:
    return finding.kind == kind and finding.state == MISSING and not finding.repaired


@lru_cache(maxsize=10_000)
def _gist(note: str) -> str:
    """Return what is left of a message without ids and sizes."""
    return re.sub("[0-9]+", "0", note)


def _groups(report: Report) -> t.Dict[str, t.Set[str]]:
    members: t.Dict[str, t.Set[str]] = {}
    for host in report.hosts.values():
        for group in host.groups:
            members.setdefault(group, set()).add(host.name)
    return {group: names for group, names in members.items() if len(names) < len(report.hosts)}
