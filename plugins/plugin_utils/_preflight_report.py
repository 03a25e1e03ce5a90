# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object file will meet, over all hosts of a run. Pure. Private to this collection.

A fleet is mostly alike: what is told of many hosts in the same words is one finding.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ._drift_findings import shortened
from ._drift_forms import counted

GOOD, BAD, FAILED, UNREACHABLE = "good", "bad", "failed", "unreachable"
HOST_STATES = (GOOD, BAD, FAILED, UNREACHABLE)
FITS, MISSING, REFUSED, UNNOTICED, UNKNOWN = "fits", "missing", "refused", "unnoticed", "unknown"
VERDICTS = (REFUSED, UNNOTICED, UNKNOWN, MISSING, FITS)  # the worst first
FITTING = "its entries would fit"
MOST_TEXT = 4000  # characters of one text of a host
MOST_ITEMS = 1000  # of one list of a host


class MapFound(t.NamedTuple):
    """What comes of one map on a host."""

    name: str
    path: str
    verdict: str
    reasons: t.Tuple[str, ...] = ()
    fields: t.Tuple[str, ...] = ()
    notes: t.Tuple[str, ...] = ()
    programs: t.Tuple[str, ...] = ()
    migration: str = ""  # in words; "" where there is nothing to migrate
    entries: t.Optional[int] = None  # that would be migrated, if somebody counted

    @property
    def is_good(self) -> bool:
        """Whether the object can be rolled out as far as this goes."""
        return self.verdict in (FITS, MISSING)


class HostFound(t.NamedTuple):
    """What is told of a host."""

    name: str
    state: str  # one of HOST_STATES
    loader: str = ""
    maps: t.Tuple[MapFound, ...] = ()
    lacks: t.Tuple[str, ...] = ()
    notes: t.Tuple[str, ...] = ()
    problem: str = ""  # why there is nothing to tell


class Finding(t.NamedTuple):
    """What is told alike of one map, or of the kernel, on some hosts."""

    map: str  # "" where it is about the kernel
    verdict: str
    texts: t.Tuple[str, ...]
    hosts: t.Tuple[str, ...]


class Report:
    """All hosts of a run; `object` is the file, as it was named."""

    def __init__(self, object_file: str = "") -> None:
        self.object = object_file
        self.hosts: t.Dict[str, HostFound] = {}
        self.made = datetime.now(timezone.utc)

    @property
    def sorted_hosts(self) -> t.List[HostFound]:
        """By their names."""
        return [self.hosts[name] for name in sorted(self.hosts)]

    def counts(self) -> t.Dict[str, int]:
        """How many hosts are in each state."""
        return {
            state: sum(each.state == state for each in self.hosts.values()) for state in HOST_STATES
        }

    def remarks(self) -> t.Dict[str, t.List[str]]:
        """What is told of whole hosts and is no obstacle, with the hosts of each."""
        found: t.Dict[str, t.List[str]] = {}
        for host in self.sorted_hosts:
            for text in host.notes:
                found.setdefault(text, []).append(host.name)
        return found

    def findings(self) -> t.List[Finding]:
        """What there is to say of maps and kernels, the worst first; each once, with its hosts."""
        found: t.Dict[t.Tuple[str, str, str], t.List[t.Tuple[HostFound, MapFound]]] = {}
        for host in self.sorted_hosts:
            for each in host.maps:
                is_told = each.path and (each.verdict != FITS or each.notes)
                if is_told or not each.is_good:
                    key = each.name, each.verdict, _DIGITS.sub("0", "\n".join(texts_of(each)))
                    found.setdefault(key, []).append((host, each))
            for text in host.lacks:
                lack = MapFound("", "", REFUSED, (text,))
                found.setdefault(("", REFUSED, text), []).append((host, lack))
        findings = [_finding(each) for each in found.values()]
        return sorted(findings, key=lambda each: (VERDICTS.index(each.verdict), each.map))


def _finding(alike: t.Sequence[t.Tuple[HostFound, MapFound]]) -> Finding:
    """Maps of which the same is told, but for numbers, such as how many entries there are."""
    _host, first = alike[0]
    texts = texts_of(first)
    counted_entries = [each.entries for _host, each in alike if each.entries is not None]
    if first.migration == FITTING and counted_entries:
        told = f"{counted(sum(counted_entries), 'entry')} would fit"
        texts = (*texts[:-1], told if len(alike) == 1 else f"{told}, on all of them")
    return Finding(first.name, first.verdict, texts, tuple(host.name for host, _map in alike))


def texts_of(found: MapFound) -> t.Tuple[str, ...]:
    """All that there is to say of a map, but for its programs, which differ from host to host."""
    texts = (*found.reasons, *found.fields, *found.notes)
    return (*texts, found.migration) if found.migration else texts


def read_host(name: str, result: t.Mapping[str, t.Any]) -> HostFound:
    """Read a result of bpf_preflight. A host may say anything, and is then told as failed."""
    try:
        return _read(name, result)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        problem = f"the result of bpf_preflight is not as this version makes it: {error!r}"
        return HostFound(name, FAILED, problem=shortened(problem, MOST_TEXT))


def _read(name: str, result: t.Mapping[str, t.Any]) -> HostFound:
    if "maps" not in result:
        message = str(result.get("msg") or "the task failed and said nothing")
        return HostFound(name, FAILED, problem=shortened(message, MOST_TEXT))
    maps = tuple(_map(each) for each in _list(result["maps"]))
    lacks = _texts(result["lacks"])
    is_good = not lacks and all(each.is_good for each in maps)
    return HostFound(
        name,
        GOOD if is_good else BAD,
        shortened(str(result["loader"]), MOST_TEXT),
        maps,
        lacks,
        _texts(result["notes"]),
    )


def _map(said: t.Mapping[str, t.Any]) -> MapFound:
    verdict = said["verdict"]
    if verdict not in VERDICTS:
        raise ValueError(f"verdict {shortened(repr(verdict), 80)}")
    programs = (f"{each['id']} ({each['type']} {each['name']})" for each in _list(said["programs"]))
    return MapFound(
        shortened(str(said["name"]), MOST_TEXT),
        shortened(str(said["path"] or ""), MOST_TEXT),
        verdict,
        _texts(said["reasons"]),
        _texts(said["fields"]),
        _texts(said["notes"]),
        tuple(shortened(each, MOST_TEXT) for each in programs),
        *_migration(said["migration"]),
    )


def _migration(said: t.Optional[t.Mapping[str, t.Any]]) -> t.Tuple[str, t.Optional[int]]:
    if said is None:
        return "", None
    entries = said["entries"]
    is_known = isinstance(entries, int) and not isinstance(entries, bool)
    if not said["fits"]:
        return f"its entries would not fit: {'; '.join(_texts(said['obstacles']))}", None
    return FITTING, entries if is_known else None


def _list(value: t.Any) -> t.Sequence[t.Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list is of type {type(value).__name__}")
    return value[:MOST_ITEMS]


def _texts(value: t.Any) -> t.Tuple[str, ...]:
    return tuple(shortened(str(each), MOST_TEXT) for each in _list(value))


_DIGITS = re.compile(r"[0-9]+")
