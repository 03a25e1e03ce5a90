# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted and found, and what follows from them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf, minimal
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.kind import Observed
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.run import plan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.engine.steps import Action, Cure
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.apply import MapKind
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.declaration import (
    WantedPin,
    read_pins,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.migration import (
    loses_btf,
    obstacles,
    with_btf_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.mismatch import (
    held_open,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.plan import (
    decide,
    unverified,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps.steps import MapPlan
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.access import inherited
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    A_DIRECTORY,
    NOTHING,
    DirectorySeen,
    Found,
    MapDetails,
    MountedPin,
    NotAPin,
    Nothing,
    PinContext,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import (
    NUMBERS_ONLY,
    ROOT_ONLY,
    People,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Access,
    Entry,
    Identity,
    MapBtf,
    MapShape,
    Survey,
)

ENTRY = Entry(Identity(1, 2), owner=0, group=0, mode=0o600)
SHAPE = MapShape(number=1, key_size=4, value_size=8, max_entries=16, flags=0, map_extra=0)
PINNED = PinnedMap(ENTRY, 42, "flows", SHAPE, MapDetails())


def want(**fields: Any) -> WantedPin:
    item = {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
    defaults = {"directory": "/sys/fs/bpf", "on_mismatch": "fail"}
    return read_pins(
        [{**item, **fields}], defaults, Host(page_size=4096, possible_cpus=4), NUMBERS_ONLY
    )[0]


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
    ("which nobody misses in a hash", {}, found(number=14, flags=0x80), "incompatible", ["type"]),
    ("nor has it what a hash has", {"type": "devmap"},
     found(flags=0x80), "incompatible", ["type", "flags"]),
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
    ("a mount of what fits", {"on_mismatch": "replace"},
     MountedPin.of(found(), fits_there=True), "unchanged", []),
    ("a mount of what can be adjusted", {"on_mismatch": "replace", "mode": "0640"},
     MountedPin.of(found(), fits_there=True), "adjusted", ["mode"]),
    ("a mount of what does not fit", {"on_mismatch": "replace"},
     MountedPin.of(found(max_entries=1), fits_there=True), "incompatible", ["max_entries"]),
    ("a mount over a file elsewhere", {"on_mismatch": "replace"},
     MountedPin.of(found()), "incompatible", ["object"]),
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
    step = decide(want(**wanted), there, ROOT_ONLY)
    assert step.action.value == action
    assert [change.field for change in step.changes] == fields


def test_a_refusal_names_both_sides_and_the_way_out() -> None:
    there = found(max_entries=1, flags=1)
    (problem,) = planned(want(), there).texts()
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
    context = PinContext({pin.directory: DirectorySeen(**directory)}, parents=parents)
    return plan(MapKind(), Observed([(pin, there)], context))


def test_missing_directories_are_made_from_the_top() -> None:
    pin = want(directory="/sys/fs/bpf/a/b")
    assert planned(pin, missing=("a", "b")).makes == ["/sys/fs/bpf/a", "/sys/fs/bpf/a/b"]


def test_missing_directories_are_a_problem_without_parents() -> None:
    (problem,) = planned(want(directory="/sys/fs/bpf/a"), parents=False, missing=("a",)).texts()
    assert "parents: true" in problem


def test_a_directory_with_a_dot_is_a_problem_before_the_kernel_says_so() -> None:
    (problem,) = planned(want(directory="/sys/fs/bpf/a.b"), missing=("a.b",)).texts()
    assert "dot" in problem


def test_a_directory_off_bpffs_may_still_be_mounted() -> None:
    decided = planned(want(), on_bpffs=False, fstype="sysfs")
    (text,) = decided.texts()
    assert decided.texts(Cure.MOUNT) == [text]
    assert "sysfs" in text
    assert "bpffs_mount" in text


def test_a_replacement_inherits_what_is_not_declared() -> None:
    entry = ENTRY._replace(owner=7, group=8, mode=0o640)
    there = found(max_entries=1)._replace(entry=entry)
    step = decide(want(on_mismatch="replace", group="9"), there, ROOT_ONLY)
    access = inherited(step.wanted.access, step.found.entry, user=7)
    assert (access.owner, access.group, access.mode) == (7, 9, 0o640)


def test_a_replacement_inherits_nothing_from_a_stranger() -> None:
    entry = ENTRY._replace(owner=7, group=8, mode=0o666)
    assert inherited(want(group="9").access, entry, user=0) == Access(group=9)
    assert inherited(want(owner="7").access, entry, user=0) == Access(7, 8, 0o666)


STRANGERS = ENTRY._replace(owner=7)
# What is wanted, who the task's user is, what is done, and the fields that differ.
OF_ANOTHER = [
    ("nobody declared", {}, 0, "incompatible", ["owner"]),
    ("nobody declared, replace", {"on_mismatch": "replace"}, 0, "incompatible", ["owner"]),
    ("nobody declared, migrate", {"on_mismatch": "migrate"}, 0, "incompatible", ["owner"]),
    ("nobody declared, another mode", {"mode": "0640"}, 0, "incompatible", ["owner", "mode"]),
    ("another size", {"key_size": 8}, 0, "incompatible", ["key_size", "owner"]),
    ("another size, replace", {"key_size": 8, "on_mismatch": "replace"}, 0, "replaced",
     ["key_size", "owner"]),
    ("more entries, migrate", {"max_entries": 32, "on_mismatch": "migrate"}, 0, "migrated",
     ["max_entries", "owner"]),
    ("declared", {"owner": "7"}, 0, "unchanged", []),
    ("the task's", {}, 7, "unchanged", []),
    ("root declared", {"owner": "0"}, 0, "adjusted", ["owner"]),
    ("root declared, replace", {"owner": "0", "on_mismatch": "replace"}, 0, "replaced", ["owner"]),
    ("root declared, migrate", {"owner": "0", "on_mismatch": "migrate"}, 0, "migrated", ["owner"]),
    ("a third declared", {"owner": "8"}, 0, "adjusted", ["owner"]),
    ("the task's, another declared", {"owner": "8"}, 7, "adjusted", ["owner"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "user", "action", "fields"),
    [row[1:] for row in OF_ANOTHER],
    ids=[row[0] for row in OF_ANOTHER],
)
def test_the_map_of_another_user(
    wanted: dict[str, Any], user: int, action: str, fields: list[str]
) -> None:
    step = decide(want(**wanted), PINNED._replace(entry=STRANGERS), People(user))
    assert (step.action.value, [change.field for change in step.changes]) == (action, fields)


def test_what_the_kernel_does_not_report_is_said() -> None:
    assert unverified(decide(want(numa_node=0), found(flags=4), ROOT_ONLY)) == ["numa_node"]
    assert unverified(decide(want(**ARRAY_IN_HASH), found(**OUTER), ROOT_ONLY)) == ["inner_map"]
    fits = found(MapDetails(inner_fits=True), **OUTER)
    assert unverified(decide(want(**ARRAY_IN_HASH), fits, ROOT_ONLY)) == []
    assert unverified(decide(want(numa_node=0), NOTHING, ROOT_ONLY)) == []


def test_what_the_kernel_refuses_is_predicted_and_not_compared() -> None:
    step = decide(want(), Nothing("why"), ROOT_ONLY)
    assert (step.action, step.changes) == (Action.CREATE, ())
    (warning,) = MapKind().predict(step).warnings
    assert "why" in warning
    blob, key, value = minimal(8)
    data = base64.b64encode(blob).decode()
    wanted = want(btf={"data": data, "key_type_id": key, "value_type_id": value})
    refused = decide(wanted, found(MapDetails(without_btf="why")), ROOT_ONLY)
    assert (refused.action, unverified(refused)) == (Action.KEEP, ["btf"])
    taken = decide(wanted, found(), ROOT_ONLY)
    assert [change.field for change in taken.changes] == ["btf"]


def holding(entries: int, room: int | None = None) -> MapDetails:
    return MapDetails(contents=Survey(entries, entries if room is None else room))


def inner(fits: bool | None, shape: MapShape | None = INNER) -> MapDetails:
    return MapDetails(inner_fits=fits, inner=shape)


LONGER = {"value_size": 9, "value_growth": "zero_pad"}
PERCPU = {"type": "percpu_hash"}
TRIE = {"type": "lpm_trie", "key_size": 8}
ARRAY = {"type": "array"}

QUEUE = {"type": "queue", "key_size": None}
QUEUED = {"number": 22, "key_size": 0}
# What is wanted, what is there, and whether its entries can be kept by a migration.
WAYS = [
    ("another size", {"max_entries": 8}, found(), True),
    ("longer values", {"value_size": 16}, found(), True),
    ("shorter values", {"value_size": 4}, found(), False),
    ("another key", {"key_size": 8}, found(), False),
    ("another type", {"type": "array"}, found(), False),
    ("a queue", {**QUEUE, "max_entries": 8}, found(**QUEUED), False),
    ("a stranger's", {}, found()._replace(entry=STRANGERS), True),
    ("a stranger's queue", QUEUE, found(**QUEUED)._replace(entry=STRANGERS), False),
]


@pytest.mark.parametrize(
    ("wanted", "there", "can_be_kept"), [row[1:] for row in WAYS], ids=[row[0] for row in WAYS]
)
def test_who_is_refused_is_told_first_how_to_keep_the_entries_where_that_can_be(
    wanted: dict[str, Any], there: PinnedMap, can_be_kept: bool
) -> None:
    reason = decide(want(**wanted), there, ROOT_ONLY).reason
    assert "on_mismatch: replace" in reason
    assert ("on_mismatch: migrate" in reason) == can_be_kept
    if can_be_kept:
        assert reason.index("on_mismatch: migrate") < reason.index("on_mismatch: replace")


@pytest.mark.parametrize(
    ("wanted", "shape", "can_be_kept"), [({}, {}, True), (QUEUE, QUEUED, False)]
)
def test_a_map_that_others_hold_open_is_to_be_copied_only_if_it_can_be(
    wanted: dict[str, Any], shape: dict[str, int], can_be_kept: bool
) -> None:
    there = found(**shape)._replace(entry=STRANGERS)
    step = decide(want(owner="0", **wanted), there, ROOT_ONLY)
    assert step.action is Action.ADJUST
    assert ("on_mismatch: migrate" in held_open(step).of_a_stranger) == can_be_kept


# What is wanted and found, and the beginning of each reason why it cannot be migrated.
OBSTACLES: list[tuple[str, dict[str, Any], PinnedMap, list[str]]] = [
    ("more room", {}, found(max_entries=1), []),
    ("less room, and enough", {}, found(holding(16), max_entries=17), []),
    ("less room than entries", {}, found(holding(17), max_entries=18),
     ["it holds 17 entries, and max_entries 16 is too small"]),
    ("an LRU map of the same size", {"type": "lru_hash"}, found(holding(17), max_entries=17),
     ["it holds 17 entries"]),
    ("zeros beyond the end", ARRAY, found(holding(16, 16), number=2, max_entries=99), []),
    ("a slot beyond the end", ARRAY, found(holding(16, 17), number=2, max_entries=99),
     ["its slot 16 is not empty, and max_entries 16 is too small"]),
    ("a program beyond the end", {"type": "prog_array", "value_size": 4},
     found(holding(1, 18), number=3, value_size=4, max_entries=99), ["its slot 17 is not empty"]),
    ("other flags", {"flags": ["zero_seed"]}, found(flags=1), []),
    ("longer values, as told", LONGER, found(), []),
    ("longer values", {"value_size": 9}, found(), ["values would grow from 8 to 9 bytes"]),
    ("longer values, refused", {"value_size": 9, "value_growth": "refuse"}, found(),
     ["values would grow"]),
    ("shorter values", {**LONGER, "value_size": 7}, found(),
     ["values of 8 bytes do not go into 7"]),
    ("longer keys", {"key_size": 5}, found(), ["keys of 4 bytes do not go where keys have 5"]),
    ("shorter keys", {"key_size": 3}, found(), ["keys of 4 bytes do not go where keys have 3"]),
    ("a hash for an LRU hash", {"type": "lru_hash"}, found(holding(1)), []),
    ("an LRU hash for a hash", {}, found(number=9), []),
    ("per CPU, to LRU", {"type": "lru_percpu_hash"}, found(holding(1), number=5), []),
    ("per CPU, from LRU", PERCPU, found(number=10), []),
    ("a hash for one per CPU", PERCPU, found(),
     ["entries of a hash do not go into a percpu_hash"]),
    ("an array for one per CPU", {"type": "percpu_array"}, found(number=2), ["entries of a array"]),
    ("a hash for an array", ARRAY, found(), ["entries of a hash do not go into a array"]),
    ("a trie for a hash", {"key_size": 8}, found(number=11, key_size=8, flags=1),
     ["entries of a lpm_trie do not go into a hash"]),
    ("a trie for a trie", {**TRIE, "max_entries": 17}, found(number=11, key_size=8, flags=1), []),
    ("maps for maps", ARRAY_IN_HASH, found(inner(True), max_entries=1, **OUTER), []),
    ("other maps", ARRAY_IN_HASH, found(inner(False), **OUTER), ["the maps in it are not as"]),
    ("no maps, but for others", ARRAY_IN_HASH, found(inner(False, None), **OUTER), []),
    ("a type that cannot be copied, though the same", {"type": "queue", "key_size": 0},
     found(number=22, key_size=0, max_entries=1), ["reading it takes the entries out"]),
    ("a type that cannot be copied, and another", {}, found(number=27),
     ["what is in it is on its way"]),
    ("a type that nobody knows", {}, found(number=99), ["type 99 is not known"]),
    ("BTF that cannot be read", {}, found(MapDetails(btf_hidden=True), max_entries=1),
     ["its BTF cannot be read"]),
    ("all of it", {"key_size": 5, "value_size": 9, "max_entries": 1}, found(holding(2)),
     ["keys of 4", "values would grow", "it holds 2 entries"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "there", "reasons"),
    [row[1:] for row in OBSTACLES],
    ids=[row[0] for row in OBSTACLES],
)
def test_each_reason_against_a_migration_is_told(
    wanted: dict[str, Any], there: PinnedMap, reasons: list[str]
) -> None:
    pin = want(on_mismatch="migrate", **wanted)
    told = list(obstacles(pin, there))
    assert len(told) == len(reasons)
    for text, beginning in zip(told, reasons):
        assert text.startswith(beginning)
    step = decide(pin, there, ROOT_ONLY)
    assert step.action is (Action.REFUSE if reasons else Action.MIGRATE)
    if reasons:
        (problem,) = planned(pin, there).texts()
        assert f"It cannot be migrated: {'; '.join(told)}. " in problem


def test_a_migration_inherits_access_and_sets_what_is_declared() -> None:
    wanted = want(on_mismatch="migrate", mode="0640", group="9")
    step = decide(wanted, found(max_entries=1), ROOT_ONLY)
    assert step.action is Action.MIGRATE
    assert [change.field for change in step.changes] == ["max_entries", "group", "mode"]
    access = inherited(step.wanted.access, step.found.entry, user=0)
    assert (access.owner, access.group, access.mode) == (0, 9, 0o640)


def test_btf_goes_along_while_it_describes_the_values() -> None:
    blob, key, value = minimal(8)
    btf = MapBtf(Btf.parse(blob), (key, value))
    there = found(MapDetails(btf=btf), max_entries=1)
    same, longer = want().map, want(**LONGER).map
    assert with_btf_of(same, there).btf is btf
    assert not loses_btf(same, there)
    assert with_btf_of(longer, there) is longer
    assert loses_btf(longer, there)
    without = found(max_entries=1)
    assert with_btf_of(same, without) is same
    assert not loses_btf(longer, without)
