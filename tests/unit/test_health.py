# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pins stay on a condition, how several bpffs become one, which mounts are amiss."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.info.health import bad_mounts
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.absence.conditions import (
    NONE,
    Conditions,
    conditions_of,
    duration,
    read_duration,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.observed import (
    Layer,
    LayerPin,
    Mount,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.mounts.stack import (
    layers_told,
    merge_of,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    NO_DETAILS,
    Pin,
    PinnedLink,
    PinnedMap,
    PinnedProg,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.usage import (
    Usage,
    Users,
    is_attached_nowhere,
    is_mappable,
    is_unused,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.people import BadField
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import (
    Entry,
    Identity,
    MapShape,
)

ENTRY = Entry(Identity(1, 2), 0, 0, 0o600)
MAP = PinnedMap(ENTRY, 11, "flows", MapShape(1, 4, 8, 1, 0, 0), NO_DETAILS)
PROG = PinnedProg(ENTRY, 12, "count", "xdp")
LINK = PinnedLink(ENTRY, 13, "xdp", 12, {}, attached=True)
SEVERED = PinnedLink(ENTRY, 14, "xdp", 12, {}, attached=False)
UNTOLD = PinnedLink(ENTRY, 15, "netfilter", 12, {}, attached=None)
FREE = Users()
UNUSED, DEAD, OLD = Conditions(unused=True), Conditions(severed=True), Conditions(older_than=60)


DURATIONS = {"7d": 604800, "12h": 43200, "30m": 1800, "45s": 45, "1d12h": 129600, "2w": 1209600}


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_read(text: str) -> None:
    assert read_duration(text) == DURATIONS[text]


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-7d", "7D", "1.5h", "7d ", "7d\n", "٣d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadField, match="is no duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3661, "1h1m"), (90000, "1d1h"), (-5, "0s")],
)
def test_a_duration_is_told_by_its_greatest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


STAYS: list[tuple[str, Conditions, Pin, Users, float, str]] = [
    ("a map in a process", UNUSED, MAP, Users(processes=((7, "agent"),)), 0, "process 7 (agent)"),
    ("a map that may be mapped", UNUSED, MAP, Users(mapping=((7, "a"),)), 0, "perhaps in the"),
    ("a map of a program", UNUSED, MAP, Users(programs=("9 (xdp x)",)), 0, "program 9 (xdp x)"),
    ("a map with another pin", UNUSED, MAP, Users(pins=("/b/x",)), 0, "pinned as /b/x"),
    ("a map in a map", UNUSED, MAP, Users(maps=(3,)), 0, "in map 3"),
    ("a map in many", UNUSED, MAP, Users(maps=(1, 2, 3, 4, 5)), 0, "in map 1, 2, 3 and 2 more"),
    ("a program of a link", UNUSED, PROG, Users(links=(3,)), 0, "attached by link 3"),
    ("a program on a hook", UNUSED, PROG, Users(hooks=("tc on x",)), 0, "attached to tc on x"),
    (
        "a program whose ways are not told",
        UNUSED,
        PinnedProg(ENTRY, 1, "", "sk_reuseport"),
        FREE,
        0,
        "does not tell what programs of type sk_reuseport",
    ),
    ("a link that works", UNUSED, LINK, FREE, 0, ": attached"),
    ("a link of which it is not told", UNUSED, UNTOLD, FREE, 0, "whether links of type netfilter"),
    ("a link that works, for severed", DEAD, LINK, FREE, 0, "still attached"),
    ("a severed one in a process", DEAD, SEVERED, Users(processes=((7, "a"),)), 0, "process 7 (a)"),
    ("a map, for severed", DEAD, MAP, FREE, 0, "only links can be severed"),
    ("a young map", OLD, MAP, FREE, 60, "1m old, not older than 1m"),
    ("an old one in a process", OLD, MAP, Users(processes=((7, "a"),)), 99, "process 7 (a)"),
]


@pytest.mark.parametrize(
    ("conditions", "pin", "users", "age", "words"),
    [row[1:] for row in STAYS],
    ids=[row[0] for row in STAYS],
)
def test_a_pin_stays(
    conditions: Conditions, pin: Pin, users: Users, age: float, words: str
) -> None:
    reason = conditions.why_not(pin, Usage(users, age))
    assert reason.startswith(pin.label)
    assert words in reason


GOES: list[tuple[str, Conditions, Pin, Users, float]] = [
    ("without conditions", NONE, MAP, Users(processes=()), 0),
    ("a map that nobody has", UNUSED, MAP, FREE, 0),
    ("a program that nobody has", UNUSED, PROG, FREE, 0),
    ("a severed link that nobody has", UNUSED, SEVERED, FREE, 0),
    ("a severed link", DEAD, SEVERED, FREE, 0),
    ("a severed link with another pin", DEAD, SEVERED, Users(pins=("/b/x",)), 0),
    ("an old map that a program uses", OLD, MAP, Users(programs=("9 (xdp x)",)), 61),
    ("all at once", Conditions(unused=True, severed=True, older_than=5), SEVERED, FREE, 6),
]


@pytest.mark.parametrize(
    ("conditions", "pin", "users", "age"), [row[1:] for row in GOES], ids=[row[0] for row in GOES]
)
def test_a_pin_goes(conditions: Conditions, pin: Pin, users: Users, age: float) -> None:
    assert conditions.why_not(pin, Usage(users, age)) == ""


def test_conditions_are_read_as_modules_and_manifests_give_them() -> None:
    assert conditions_of({}) == conditions_of({"unused": False, "older_than": None}) == NONE
    assert not NONE.any
    assert conditions_of({"older_than": "0s"}).any
    assert conditions_of({"unused": True, "severed": True, "older_than": "1m"}) == Conditions(
        unused=True, severed=True, older_than=60
    )


def test_who_has_a_program_is_not_always_where_it_is_attached() -> None:
    assert is_attached_nowhere(PROG, Users(processes=((7, "a"),), pins=("/b/x",)))
    assert not is_attached_nowhere(PROG, Users(maps=(3,)))
    assert not is_attached_nowhere(PinnedProg(ENTRY, 1, "", "socket_filter"), FREE)
    assert not is_attached_nowhere(MAP, FREE)
    assert is_unused(MAP, FREE)
    assert not is_unused(LINK, FREE)


def test_only_some_maps_can_be_mapped() -> None:
    assert not is_mappable(MAP)
    assert is_mappable(MAP._replace(shape=MAP.shape._replace(flags=1 << 10)))
    assert is_mappable(MAP._replace(shape=MAP.shape._replace(number=27)))
    assert not is_mappable(PROG)


def mount(number: int, point: str, parent: int, fstype: str = "bpf") -> Mount:
    return Mount(number, parent, number, "/", point, ("rw",), fstype, "bpf", ("rw",))


def layer(number: int, **pins: int) -> Layer:
    held = tuple(LayerPin(name, "map", map_id, "a map") for name, map_id in pins.items())
    return Layer(mount(number, "/b", number - 1), ENTRY, held)


MERGES: list[tuple[str, list[Layer], str | None, dict[str, int], list[int], list[str]]] = [
    ("an empty one above", [layer(1, a=1), layer(2)], None, {}, [], []),
    ("an empty one below", [layer(1), layer(2, a=1)], None, {"a": 1}, [], []),
    (
        "different names",
        [layer(1, a=1), layer(2, b=2), layer(3, c=3)],
        None,
        {"b": 2, "c": 3},
        [],
        [],
    ),
    ("the same object", [layer(1, a=1), layer(2, a=1)], None, {}, [], []),
    ("two of a name", [layer(1, a=1), layer(2, a=2)], None, {}, [], ["a"]),
    ("two of a name, the lowest", [layer(1, a=1), layer(2, a=2)], "lowest", {}, [2], []),
    ("two of a name, the topmost", [layer(1, a=1), layer(2, a=2)], "topmost", {"a": 2}, [1], []),
    (
        "three, the lowest that has one",
        [layer(1), layer(2, a=2), layer(3, a=3)],
        "lowest",
        {"a": 2},
        [3],
        [],
    ),
    (
        "the old one again on top",
        [layer(1, a=1), layer(2, a=2), layer(3, a=1)],
        "topmost",
        {},
        [2],
        [],
    ),
]


@pytest.mark.parametrize(
    ("stack", "keep", "carried", "dropped", "clashes"),
    [row[1:] for row in MERGES],
    ids=[row[0] for row in MERGES],
)
def test_several_bpffs_become_one(
    stack: list[Layer], keep: str | None, carried: dict[str, int], dropped: list[int], clashes: Any
) -> None:
    merge = merge_of(stack, keep)
    assert {each.pin.path: each.pin.id for each in merge.carried} == carried
    assert [each.id for each in merge.dropped] == dropped
    assert list(merge.clashes) == clashes
    lowest = {each.path for each in stack[0].pins}
    for each in merge.carried:
        assert each.replaces == (each.pin.path in lowest)
        assert each.pin in stack[each.layer].pins


def test_the_layers_are_told_by_what_they_hold() -> None:
    told = layers_told([layer(1, a=1), layer(2), layer(3, **{f"p{n}": n for n in range(7)})])
    assert told == (
        "mount id 1 has 1 pin (a); mount id 2 has no pins; "
        "mount id 3 has 7 pins (p0, p1, p2, p3, p4, and 2 more)"
    )


SYSFS = mount(20, "/sys", 1, "sysfs")
BAD = [
    ("one where it belongs", [SYSFS, mount(30, "/sys/fs/bpf", 20)], [], []),
    ("one elsewhere", [mount(1, "/", 0, "ext4"), mount(30, "/run/agent", 1)], [], []),
    (
        "two over one another",
        [SYSFS, mount(30, "/sys/fs/bpf", 20), mount(31, "/sys/fs/bpf", 30)],
        [30],
        [("/sys/fs/bpf", "hidden"), ("/sys/fs/bpf", "stacked")],
    ),
    (
        "one over others",
        [SYSFS, mount(30, "/sys/fs/bpf", 20), mount(31, "/sys/fs", 20)],
        [30],
        [("/sys/fs/bpf", "hidden"), ("/sys/fs", "misplaced")],
    ),
    ("one in sysfs alone", [SYSFS, mount(31, "/sys/fs", 20)], [], [("/sys/fs", "misplaced")]),
]


@pytest.mark.parametrize(
    ("table", "hidden", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_mounts_that_are_amiss_are_told(table: Any, hidden: list[int], told: Any) -> None:
    found = bad_mounts(table, [each for each in table if each.id in hidden])
    assert [(each.path, each.finding) for each in found] == told
