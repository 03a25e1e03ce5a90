# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON that the script of the page reads, and words of the page itself. Pure. Private."""

from __future__ import annotations

import hashlib
import json
import shlex
import typing as t
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from ..module_utils._core.visible import visible
from ._drift_causes import NOBODY, Cause
from ._drift_findings import (
    ACCESS,
    DIFFERENT,
    FAILED,
    GROUP_OF,
    IN_PLACE,
    MISSING,
    UNDECLARED,
    Finding,
    entries_of,
    without_numbers,
)
from ._drift_forms import ONE_OF, REPAIRED, TIME, WORDS, shown_as, spelled
from ._drift_manual import address, find
from ._drift_notes import told_once, without_differences
from ._drift_report import GONE, UNREACHABLE, HostReport, Report

PLAYBOOKS = "/ebpf/pinning/playbooks/"
DRIFT_PLAYBOOK = "ebpf.pinning.drift"
NOTHING_KNOWN = "."
MUCH_OLDER = timedelta(days=1)  # than the newest of the reports that this one is merged from


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


class Seen(t.NamedTuple):
    """When a host of a merged report was looked at."""

    when: str
    age: str  # before the newest, if a minute or more
    is_old: bool


def seen(report: Report, host: HostReport) -> Seen:
    """When it was looked at."""
    made = report.made_of(host)
    age = report.made - made
    text = spelled(age) if age >= timedelta(minutes=1) else ""
    return Seen(when(f"{made:{TIME}}"), text, age > MUCH_OLDER)


def as_data(
    report: Report, hosts: t.Sequence[HostReport], explained: t.Sequence[Cause]
) -> t.Iterator[str]:
    """The JSON that the script reads; see the head of data.js.

    Hosts that look alike share a row, and pins that differ alike share a detail.
    """
    paths = sorted({path for host in hosts for path in (*host.findings, *host.gone)})
    place_of = {path: place for place, path in enumerate(paths)}
    head = {
        "previous": report.previous and when(report.previous),
        "signs": {each.letter: [state, each.sign, each.word] for state, each in SIGNS.items()},
        "paths": [visible(path) for path in paths],
        "others": _others(hosts, place_of),
        "commands": _commands(report),
        "manual": address(),
    }
    yield json.dumps(head, separators=(",", ":"))[:-1] + ',"rows":['
    details: t.Dict[t.Tuple[t.Any, ...], int] = {}
    row_of: t.Dict[bytes, int] = {}
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
        host_rows.append((visible(host.name), row_of[digest], place, *_entries(host, place_of)))
    number_of = {host.name: number for number, host in enumerate(hosts)}
    looks = [(report.made_of(host), seen(report, host)) for host in hosts if report.sources]
    times = sorted(set(looks))
    place_of_time = {look: place for place, look in enumerate(times)}
    tail = {
        "hosts": host_rows,
        "members": list(members),
        "times": [look for _made, look in times],
        "seen": [place_of_time[each] for each in looks],
        "causes": [_cause(each, place_of, number_of) for each in explained],
    }
    yield "]," + json.dumps(tail, separators=(",", ":"))[1:-1] + ',"details":['
    for number, detail in enumerate(details):
        yield ("," if number else "") + json.dumps(detail, separators=(",", ":"))
    yield "]}"


def _others(hosts: t.Iterable[HostReport], place_of: t.Mapping[str, int]) -> t.Dict[int, str]:
    """What is no pin, and what it is."""
    groups = {
        place_of[each.path]: GROUP_OF[each.kind]
        for host in hosts
        for each in host.findings.values()
    }
    return {place: ONE_OF[group] for place, group in groups.items() if group != "pins"}


def _cause(
    cause: Cause, place_of: t.Mapping[str, int], number_of: t.Mapping[str, int]
) -> t.Tuple[t.Any, ...]:
    paths = [place_of[path] for path in cause.paths]
    hosts = sorted(number_of[name] for name in cause.hosts)
    note = visible_lines(without_differences(cause.fields, cause.note))
    return (SIGNS[cause.state].letter, paths, hosts, note, cause.below, _link(cause.note))


def _commands(report: Report) -> t.Sequence[t.Tuple[str, str]]:
    """What can be run next, and what it does; what changes hosts comes last."""
    start = " ".join(["ansible-playbook", *map(_inventory_option, report.inventory)])
    if name_of_playbook(report) == DRIFT_PLAYBOOK:
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
        letters.append((SIGNS[shown_as(finding)].letter, 1))
        if finding.state != IN_PLACE:
            numbers.append(details.setdefault(_detail(finding), len(details)))
            history += host.history.get(path, "-")[0]
    letters.append((NOTHING_KNOWN, len(place_of) - known))
    problems = [(visible_lines(problem), *_link(problem)) for problem in troubles_of(host)]
    return (host.state, _runs(letters), numbers, history, problems, before)


def _entries(host: HostReport, place_of: t.Mapping[str, int]) -> t.Sequence[t.Mapping[int, t.Any]]:
    """Entries are counted host by host: maps that differ alike have other numbers of them."""
    numbers: t.Dict[int, t.Any] = {}
    for each in host.findings.values():
        counted = entries_of(each) if each.copied is None else each.copied
        if counted is not None:
            numbers[place_of[each.path]] = counted
    return (numbers,) if numbers else ()


def _detail(finding: Finding) -> t.Tuple[t.Any, ...]:
    fields = tuple(tuple(map(visible, field)) for field in without_numbers(finding))
    declared = tuple(tuple(map(visible, each)) for each in finding.declared)
    note = visible_lines(told_once(finding))
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


def name_of_playbook(report: Report) -> str:
    """Return its name, which is not its file if it is one of this collection."""
    folder, is_ours, name = report.playbook.rpartition(PLAYBOOKS)
    own = folder.endswith("/ansible_collections") and is_ours and name.endswith(".yml")
    return f"ebpf.pinning.{name[:-4]}" if own else report.playbook


def visible_lines(text: str) -> str:
    return "\n".join(map(visible, text.splitlines()))


def troubles_of(host: HostReport) -> t.Sequence[str]:
    problems = host.problems or ([NOBODY] if host.unreachable else [])
    return [*problems, *(f"Warning: {each}" for each in host.warnings)]


def when(text: str) -> str:
    """As people write it, where it can be read."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").strftime("%-d %b %Y, %H:%M UTC")
    except ValueError:
        return visible(text)
