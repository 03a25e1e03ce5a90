# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of the health of its pins and mounts. Pure. Private to this collection."""

from __future__ import annotations

import typing as t

from ._drift_findings import MOST, shortened, spelled_bytes

Json = t.Dict[str, t.Any]

MOST_PINS = 100_000  # of a host
UNUSED, SEVERED, UNATTACHED, FULL = "unused", "severed", "unattached", "full"
OF_PINS = (SEVERED, UNATTACHED, UNUSED)
OF_MOUNTS = ("hidden", "stacked", "misplaced")
FINDINGS = (*OF_PINS, FULL, *OF_MOUNTS)
_WORDS = {
    UNUSED: "nobody uses it",
    SEVERED: "severed: it is attached to nothing any more",
    UNATTACHED: "attached nowhere",
}
_NEARLY = 0.9  # of max_entries


class Sized(t.NamedTuple):
    """A map or program, and how much there is of it. None: not told."""

    path: str
    type: str  # map or prog
    memlock: t.Optional[int]  # bytes
    entries: t.Optional[int] = None
    max_entries: t.Optional[int] = None
    has_more_entries: bool = False  # than were counted

    @property
    def is_nearly_full(self) -> bool:
        """Return whether little room is left."""
        if self.entries is None or not self.max_entries:
            return False
        return self.entries >= _NEARLY * self.max_entries


class BadMount(t.NamedTuple):
    """A mount that should not be where it is."""

    path: str
    finding: str  # one of OF_MOUNTS
    what: str


class Health(t.NamedTuple):
    """All that a host says."""

    memlock: int  # bytes
    pins: t.Tuple[Sized, ...] = ()
    unused: t.Tuple[str, ...] = ()
    severed: t.Tuple[str, ...] = ()
    unattached: t.Tuple[str, ...] = ()
    mounts: t.Tuple[BadMount, ...] = ()
    unseen: t.Tuple[str, ...] = ()

    def counts(self) -> t.Dict[str, int]:
        """How many there are of each of FINDINGS."""
        counts = dict.fromkeys(FINDINGS, 0)
        for name in OF_PINS:
            counts[name] = len(getattr(self, name))
        counts[FULL] = sum(each.is_nearly_full for each in self.pins)
        for mount in self.mounts:
            counts[mount.finding] += 1
        return counts

    def remarks(self) -> t.List[t.Tuple[str, str]]:
        """The paths with which something is the matter, and what; the mounts first."""
        told: t.Dict[str, t.List[str]] = {}
        for mount in self.mounts:
            told.setdefault(mount.path, []).append(f"{mount.finding}: {mount.what}")
        memory = {each.path: each.memlock for each in self.pins}
        for name in OF_PINS:
            for path in getattr(self, name):
                told.setdefault(path, []).append(_WORDS[name])
        for pin in self.pins:
            if pin.is_nearly_full:
                told.setdefault(pin.path, []).append(f"{pin.entries} of {pin.max_entries} entries")
        return [
            (path, ", ".join([*texts, *_memory_told(memory.get(path))]))
            for path, texts in told.items()
        ]


def health_in(result: t.Mapping[str, t.Any]) -> t.Optional[Health]:
    """Return what a result says; None if it says nothing.

    ValueError, TypeError or KeyError where it makes no sense.
    """
    raw = result.get("health")
    return None if raw is None else from_json(raw)


def from_json(raw: t.Any) -> Health:
    """Read what a host, or a report, has written; it may say anything."""
    if not isinstance(raw, dict):
        raise TypeError("health is no dictionary")
    mounts = [
        BadMount(_text(each["path"]), _finding(each["finding"]), _text(each["what"]))
        for each in _list(raw["mounts"])
    ]
    return Health(
        _count(raw["memlock"]) or 0,
        tuple(map(_sized, _list(raw["pins"]))),
        tuple(map(_text, _list(raw["unused"]))),
        tuple(map(_text, _list(raw["severed"]))),
        tuple(map(_text, _list(raw["unattached"]))),
        tuple(mounts),
        tuple(map(_text, _list(raw["unseen"]))),
    )


def as_json(health: t.Optional[Health]) -> t.Optional[Json]:
    """Return it as the report has it."""
    if health is None:
        return None
    fields: Json = {**health._asdict()}
    fields["pins"] = [each._asdict() for each in health.pins]
    fields["mounts"] = [each._asdict() for each in health.mounts]
    return {key: list(each) if isinstance(each, tuple) else each for key, each in fields.items()}


def _memory_told(memory: t.Optional[int]) -> t.List[str]:
    return [] if memory is None else [spelled_bytes(memory)]


def _sized(raw: t.Any) -> Sized:
    kind = raw["type"]
    if kind not in ("map", "prog"):
        raise ValueError("type of a pin is neither map nor prog")
    return Sized(
        _text(raw["path"]),
        kind,
        _count(raw["memlock"]),
        _count(raw.get("entries")),
        _count(raw.get("max_entries")),
        raw.get("has_more_entries") is True,
    )


def _count(value: t.Any) -> t.Optional[int]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"no number: {shortened(repr(value), 80)}")
    return value


def _text(value: t.Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"no text: {shortened(repr(value), 80)}")
    return shortened(value, MOST)


def _finding(value: t.Any) -> str:
    if value not in OF_MOUNTS:
        raise ValueError(f"no finding: {shortened(repr(value), 80)}")
    return str(value)


def _list(value: t.Any) -> t.List[t.Any]:
    if not isinstance(value, list):
        raise TypeError(f"no list: {shortened(repr(value), 80)}")
    if len(value) > MOST_PINS:
        raise ValueError(f"a list of {len(value)}")
    return value
