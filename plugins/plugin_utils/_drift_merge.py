# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several drift reports as one: of each host, what the newest of them tells. Pure. Private."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from ..module_utils._core.visible import visible
from ._drift_findings import (
    DRIFT,
    FAILED,
    GROUP_OF,
    IN_PLACE,
    MOST,
    Field,
    Finding,
    Told,
    as_declared,
    shortened,
)
from ._drift_forms import TIME, WORDS
from ._drift_health import from_json
from ._drift_report import (
    IN_DRIFT,
    NEW,
    NOT_LOOKED_AT,
    STILL,
    UNREACHABLE,
    USUAL_KIND,
    BadReport,
    HostReport,
    Report,
    Source,
    check_version,
)

# Clocks of several controllers are never quite the same.
_AHEAD = timedelta(minutes=10)
MOST_OVERLAPS = 5
# Of two that are as new, the one that tells more of a host.
_TELLS_MORE = (UNREACHABLE, IN_PLACE, IN_DRIFT, FAILED)
_NEVER = datetime.fromtimestamp(0, timezone.utc)


class Read(t.NamedTuple):
    """A file that was named: the report in it, or why there is none."""

    file: str
    report: t.Optional[Report]
    problem: str = ""


def read_report(content: t.Any, now: datetime) -> Report:
    """The report that was written as this JSON; BadReport if it is none. It may say anything."""
    check_version(content)
    try:
        report = Report(
            made=_time(content["made"]),
            playbook=_text(content["playbook"]),
            inventory=[_text(each) for each in _list(content["inventory"])],
            previous=None
            if content["previous"] is None
            else f"{_time(content['previous']):{TIME}}",
        )
        for entry in _list(content["report"]):
            host = _host(entry, has_history=bool(report.previous))
            if host.name in report.hosts:
                raise ValueError(f"a host is in it twice: {host.name!r}")
            report.hosts[host.name] = host
        latest = max([report.made, *map(report.made_of, report.hosts.values())])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = shortened(repr(error), 200)
        raise BadReport(f"it is not as a drift report is made: {why}") from None
    if latest > now + _AHEAD:
        raise BadReport(
            f"it is of {latest:{TIME}}, which is still to come, and so would count before all "
            "others: set the clock of who made it, and have it made again"
        )
    return report


def merged(files: t.Sequence[Read]) -> t.Tuple[Report, t.List[str]]:
    """One report of all, and which of them tell of the same hosts."""
    used = [(each.file, each.report) for each in files if each.report]
    whole = Report(
        made=max((report.made for _file, report in used), default=_NEVER),
        playbook=", ".join(dict.fromkeys(report.playbook for _file, report in used)),
        inventory=list(dict.fromkeys(each for _file, report in used for each in report.inventory)),
        previous=min((report.previous for _file, report in used if report.previous), default=None),
    )
    places: t.Dict[str, t.List[int]] = {}  # of each host, in which of the files it is
    for place, (_file, report) in enumerate(used):
        for name in report.hosts:
            places.setdefault(name, []).append(place)
    overlaps: t.Dict[t.Tuple[int, int], t.List[str]] = {}  # hosts, by the older and the newer file
    newest = [0] * len(used)
    for name, some in places.items():
        tellings = {place: _dated(*used[place], name) for place in some}
        best = max(some, key=lambda place: (*_rank(tellings[place].host), -place))
        newest[best] += 1
        whole.hosts[name] = tellings[best].host
        for place in some:
            if place != best:
                overlaps.setdefault((place, best), []).append(name)
        _remember(whole.hosts[name], list(tellings.values()))
    sources = iter(newest)
    whole.sources = [
        Source(each.file, None, problem=each.problem)
        if each.report is None
        else Source(each.file, each.report.made_text, len(each.report.hosts), next(sources))
        for each in files
    ]
    names = [file for file, _report in used]
    return whole, list(_told_of(overlaps, names))


class _Telling(t.NamedTuple):
    file: str
    host: HostReport


def _dated(file: str, report: Report, name: str) -> _Telling:
    host = report.hosts[name]
    host.made = report.made_of(host)
    return _Telling(file, host)


def _rank(host: HostReport) -> t.Tuple[bool, datetime, int]:
    """A run that was cut short before it came to a host tells nothing of it, however new it is."""
    was_looked_at = bool(host.findings) or host.problems != [NOT_LOOKED_AT]
    return was_looked_at, host.made or _NEVER, _TELLS_MORE.index(host.state)


def _remember(host: HostReport, tellings: t.Sequence[_Telling]) -> None:
    """Say of a host that does not answer any more, where it is told how it was."""
    if host.state != UNREACHABLE:
        return
    answered = [each for each in tellings if each.host.state != UNREACHABLE and each.host.findings]
    if answered:
        last = max(answered, key=lambda each: _rank(each.host))
        seen, state = f"{last.host.made:{TIME}}", WORDS[last.host.state]
        problem = f"when it last answered, {seen}, it was {state}: see {last.file}"
        if problem not in host.problems:
            host.problems.append(problem)


def _told_of(
    overlaps: t.Mapping[t.Tuple[int, int], t.Sequence[str]], files: t.Sequence[str]
) -> t.Iterator[str]:
    pairs = sorted(overlaps.items())
    for (older, newer), names in pairs[:MOST_OVERLAPS]:
        first = visible(shortened(names[0], 300))
        yield (
            f"{visible(files[older])} and {visible(files[newer])} tell of the same hosts "
            f"({len(names)}, such as {first}): the latter is newer or tells more, and so counts"
        )
    if len(pairs) > MOST_OVERLAPS:
        yield f"{len(pairs) - MOST_OVERLAPS} more pairs of reports tell of the same hosts"


def _host(entry: t.Any, *, has_history: bool) -> HostReport:
    host = HostReport(_path(entry["host"]))
    in_place = [_path(each) for each in _list(entry["in_place"])]
    pins = [_finding(each) for each in _list(entry["pins"])]
    kinds = entry["kinds"] if "kinds" in entry else _guessed(in_place, pins)
    kind_of = {
        _text(path): _one_of(kind, GROUP_OF) for kind in kinds for path in _list(kinds[kind])
    }
    host.add(Told([as_declared(path, kind_of.get(path, USUAL_KIND)) for path in in_place]))
    host.add(Told(pins, [_text(each) for each in _list(entry["problems"])]))
    if len(host.findings) != len(in_place) + len(pins):
        raise ValueError("a path is in it twice")
    host.warn(_text(each) for each in _list(entry.get("warnings", [])))
    host.groups = sorted(_text(each) for each in _list(entry.get("groups", [])))
    host.unreachable = entry["state"] == UNREACHABLE
    if entry.get("made") is not None:
        host.made = _time(entry["made"])
    if entry.get("health") is not None:
        host.health = from_json(entry["health"])
    if has_history:
        for pin in entry["pins"]:
            if pin["history"] is not None:
                host.history[_path(pin["path"])] = _one_of(pin["history"], (NEW, STILL))
        host.gone = {
            _path(each["path"]): _one_of(each["state"], (*DRIFT, FAILED))
            for each in _list(entry["gone"])
        }
    return host


def _finding(pin: t.Any) -> Finding:
    copied = pin.get("copied")
    if not (
        copied is None or (isinstance(copied, int) and not isinstance(copied, bool) and copied >= 0)
    ):
        raise ValueError("copied is not a number")
    fields = tuple(
        Field(_text(each["field"]), _text(each["want"]), _text(each["have"]))
        for each in _list(pin["fields"])
    )
    return Finding(
        _path(pin["path"]),
        _one_of(pin["kind"], GROUP_OF),
        _one_of(pin["state"], (*DRIFT, FAILED)),
        fields,
        _text(pin["note"]),
        repaired=pin["repaired"] is True,
        declared=tuple(
            (_text(option), _text(value)) for option, value in pin.get("declared", {}).items()
        ),
        copied=copied,
    )


def _guessed(in_place: t.Sequence[str], pins: t.Sequence[Finding]) -> t.Dict[str, t.List[str]]:
    """What is a mount in a report of 0.1.0, which does not say: that has something in it."""
    above = {"/sys/fs/bpf"}
    for path in (*in_place, *(pin.path for pin in pins)):
        steps = path.split("/")
        above.update("/".join(steps[:length]) for length in range(2, min(len(steps), 100)))
    return {"mount": [path for path in in_place if path in above]}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"no text: {value!r}"[:80])
    return shortened(value, MOST)


def _path(value: object) -> str:
    if not value:
        raise ValueError("a name is empty")
    return _text(value)


def _list(value: t.Any) -> t.List[t.Any]:
    if not isinstance(value, list):
        raise TypeError(f"no list: {value!r}"[:80])
    return value


def _one_of(value: t.Any, words: t.Container[str]) -> str:
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"no such word: {value!r}"[:80])
    return value


def _time(value: object) -> datetime:
    return datetime.strptime(_text(value), TIME).replace(tzinfo=timezone.utc)
