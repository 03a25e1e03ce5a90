# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted and found, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from _core.found.pins import (
    A_DIRECTORY,
    NOTHING,
    DirectorySeen,
    Found,
    MapDetails,
    NotAPin,
    Picture,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)
from _core.map_types import Host
from _core.plan.access import inherited
from _core.plan.maps import MapPlan, decide, plan, unverified
from _core.shape import Entry, Identity, MapShape
from _core.spec.maps import WantedPin, read_pins

ENTRY = Entry(Identity(1, 2), owner=0, group=0, mode=0o600)
SHAPE = MapShape(number=1, key_size=4, value_size=8, max_entries=16, flags=0, map_extra=0)
PINNED = PinnedMap(ENTRY, 42, "flows", SHAPE, MapDetails())


def want(**fields: Any) -> WantedPin:
    item = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
    defaults = {"directory": "/sys/fs/bpf", "on_mismatch": "fail"}
    return read_pins([{**item, **fields}], defaults, Host(page_size=4096, possible_cpus=4))[0]


def found(details: MapDetails = MapDetails(), **shape: int) -> PinnedMap:  # noqa: B008
    return PINNED._replace(shape=SHAPE._replace(**shape), details=details)


ARRAY_IN_HASH = {
    "type": "hash_of_maps",
    "value_size": 4,
    "inner_map": {"type": "array", "key_size": 4, "value_size": 8, "max_entries": 2},
}
OUTER = {"number": 13, "value_size": 4}
INNER = MapShape(number=2, key_size=4, value_size=16, max_entries=2, flags=0, map_extra=0)

# What is wanted, what is found, what is done, and the fields that differ.
CASES: list[tuple[str, dict[str, Any], Found, str, list[str]]] = [
    ("nothing there", {}, NOTHING, "created", []),
    ("the same", {}, found(), "unchanged", []),
    ("another type", {}, found(number=9), "incompatible", ["type"]),
    ("all of it", {},
     found(number=2, key_size=8, value_size=1, max_entries=1, flags=1, map_extra=5),
     "incompatible", ["type", "key_size", "value_size", "max_entries", "flags", "map_extra"]),
    ("told to replace", {"on_mismatch": "replace"},
     found(max_entries=1), "replaced", ["max_entries"]),
    ("told to replace what fits", {"on_mismatch": "replace"}, found(), "unchanged", []),
    ("a devmap has a flag of the kernel's", {"type": "devmap"},
     found(number=14, flags=0x80), "unchanged", []),
    ("and a NUMA node", {"type": "devmap_hash", "numa_node": 0},
     found(number=25, flags=0x84), "unchanged", []),
    ("but a hash has not", {}, found(flags=0x80), "incompatible", ["flags"]),
    ("another mode", {"mode": "0640"}, found(), "adjusted", ["mode"]),
    ("another owner and group", {"owner": "7", "group": "8"},
     found(), "adjusted", ["owner", "group"]),
    ("not frozen yet", {"frozen": True}, found(MapDetails(frozen=False)), "adjusted", ["frozen"]),
    ("frozen already", {"frozen": True}, found(MapDetails(frozen=True)), "unchanged", []),
    ("frozen for good", {"frozen": False},
     found(MapDetails(frozen=True)), "incompatible", ["frozen"]),
    ("frozen, nobody cares", {}, found(MapDetails(frozen=True)), "unchanged", []),
    ("it takes other inner maps", ARRAY_IN_HASH,
     found(MapDetails(inner_fits=False), **OUTER), "incompatible", ["inner_map"]),
    ("it holds other inner maps", ARRAY_IN_HASH,
     found(MapDetails(inner_fits=False, inner=INNER), **OUTER), "incompatible", ["inner_map"]),
    ("it takes such inner maps", ARRAY_IN_HASH,
     found(MapDetails(inner_fits=True), **OUTER), "unchanged", []),
    ("a mismatch and another mode, replaced", {"on_mismatch": "replace", "mode": "0640"},
     found(key_size=8), "replaced", ["key_size", "mode"]),
    ("a program", {"on_mismatch": "replace"}, PinnedProg(ENTRY, 7, "count", "xdp"),
     "incompatible", ["object"]),
    ("a link", {"on_mismatch": "replace"},
     PinnedLink(ENTRY, 7, "xdp", 3), "incompatible", ["object"]),
    ("a directory", {"on_mismatch": "replace"}, A_DIRECTORY, "incompatible", ["object"]),
    ("a symlink", {"on_mismatch": "replace"},
     NotAPin("a symlink to /x"), "incompatible", ["object"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "there", "action", "fields"),
    [row[1:] for row in CASES],
    ids=[row[0] for row in CASES],
)
def test_what_is_done(wanted: dict[str, Any], there: Found, action: str, fields: list[str]) -> None:
    step = decide(want(**wanted), there)
    assert step.action == action
    assert [drift.field for drift in step.drift] == fields


def test_a_refusal_names_both_sides_and_the_way_out() -> None:
    there = found(max_entries=1, flags=1)
    (problem,) = planned(want(), there).problems
    for word in ("/sys/fs/bpf/flows", "id 42", "max_entries: want 16, have 1", "replace"):
        assert word in problem
    assert "flags: want [], have [no_prealloc]" in problem


def planned(pin: WantedPin, there: Found = NOTHING, parents: bool = True, **seen: Any) -> MapPlan:
    directory: dict[str, Any] = {
        "path": pin.directory,
        "identity": Identity(1, 1),
        "missing": (),
        "on_bpffs": True,
        "fstype": "bpf",
        **seen,
    }
    picture = Picture([there], {pin.directory: DirectorySeen(**directory)})
    return plan([pin], picture, parents=parents)


def test_missing_directories_are_made_from_the_top() -> None:
    pin = want(directory="/sys/fs/bpf/a/b")
    assert planned(pin, missing=("a", "b")).new_directories == ["/sys/fs/bpf/a", "/sys/fs/bpf/a/b"]


def test_missing_directories_are_a_problem_without_parents() -> None:
    (problem,) = planned(want(directory="/sys/fs/bpf/a"), parents=False, missing=("a",)).problems
    assert "parents: true" in problem


def test_a_directory_with_a_dot_is_a_problem_before_the_kernel_says_so() -> None:
    (problem,) = planned(want(directory="/sys/fs/bpf/a.b"), missing=("a.b",)).problems
    assert "dot" in problem


def test_a_directory_off_bpffs_may_still_be_mounted() -> None:
    decided = planned(want(), on_bpffs=False, fstype="sysfs")
    assert not decided.problems
    (text,) = decided.not_mounted
    assert "sysfs" in text
    assert "bpffs_mount" in text


def test_a_replacement_inherits_what_is_not_declared() -> None:
    entry = ENTRY._replace(owner=7, group=8, mode=0o640)
    step = decide(
        want(on_mismatch="replace", group="9"), found(max_entries=1)._replace(entry=entry)
    )
    access = inherited(step.wanted.access, step.found.entry)
    assert (access.owner, access.group, access.mode) == (7, 9, 0o640)


def test_what_the_kernel_does_not_report_is_said() -> None:
    assert unverified(decide(want(numa_node=0), found(flags=4))) == ["numa_node"]
    assert unverified(decide(want(**ARRAY_IN_HASH), found(**OUTER))) == ["inner_map"]
    fits = found(MapDetails(inner_fits=True), **OUTER)
    assert unverified(decide(want(**ARRAY_IN_HASH), fits)) == []
    assert unverified(decide(want(numa_node=0), NOTHING)) == []
