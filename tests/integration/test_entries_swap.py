# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole table changes between two packets: for each, c/swapped.bpf.c looks at all of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task

Fields = dict[str, Any]

PATH = f"{BPFFS}/current"
OUTER = f"{BPFFS}/tables"
KEYS = 64
TIMES = 200  # that the table changes
SHAPE: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 256}
SLOT: Fields = {"outer": OUTER, "key": 1}
HASH_SLOT: Fields = {**SLOT, "key_format": "u32"}
NETWORK = """
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
echo ready
exec cat
"""
# Sends frames from v1 to v0 until its standard input ends. The pauses are for others on the CPU.
SENDER = """
import select, socket, sys
frame = bytes([255] * 6 + [2, 0, 0, 0, 0, 1]) + (0x88b5).to_bytes(2, "big") + bytes(46)
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind(("v1", 0))
    print("sending", flush=True)
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        for number in range(50):
            try:
                sender.send(frame)
            except OSError:  # no buffer left for a moment
                pass
"""


def table(number: int, keys: int = KEYS) -> list[Fields]:
    """All entries of a table that has one number in all of them."""
    return [{"key": key, "value": number} for key in range(keys)]


def declared(number: int, **more: Any) -> Fields:
    fields: Fields = {"path": PATH, **SHAPE, "key_format": "u32", "value_format": "u32"}
    fields |= {"entries": table(number), "entries_mode": "exact", "entries_swap": SLOT}
    return {name: value for name, value in (fields | more).items() if value is not None}


def held(host: Host, slot: int = 1, outer: str = OUTER) -> int | None:
    """The id of the map in a slot, as bpftool dumps it."""
    for each in host.bpftool("map", "dump", "pinned", outer):
        if int(each["key"][0], 16) == slot and isinstance(each["value"], list):
            return int.from_bytes(bytes(int(byte, 16) for byte in each["value"]), "little")
    return None


def numbers(host: Host, *which: str) -> set[int]:
    """Which values a map has."""
    told = host.bpftool("map", "dump", *(which or ("pinned", PATH)))
    return {
        int.from_bytes(bytes(int(byte, 16) for byte in each["value"]), "little") for each in told
    }


def counted(host: Host) -> list[int]:
    """What the program has counted."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/seen")
    return [each["formatted"]["value"] for each in told]


@contextmanager
def traffic(host: Host) -> Iterator[None]:
    """Packets meanwhile, in a network of its own, whose device has the program."""
    network = subprocess.Popen(
        ["unshare", "--net", "sh", "-ec", NETWORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert network.stdout is not None
        assert network.stdout.readline() == "ready\n"
        enter = ("nsenter", f"--net=/proc/{network.pid}/ns/net")
        program = ("pinned", f"{BPFFS}/look")
        host.run(*enter, "bpftool", "net", "attach", "xdpgeneric", *program, "dev", "v0")
        with host.running(*enter, "python3", "-c", SENDER) as sender:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "sending\n"
            yield
            sender.communicate()
    finally:
        network.communicate()


def change_often(host: Host, times: int, **more: Any) -> None:
    """Declare another table so many times, one after the other."""
    run: Fields = {"module": "bpf_map_pinned", "watched": False, "fault": None}
    run |= {"always": {}, "meanwhile": {}, "tuning": {}}
    runs = [{**run, "arguments": declared(number, **more)} for number in range(2, times + 2)]
    (done,) = host.run_modules([runs])
    assert [each["code"] for each in done] == [0] * times, done[-1]


@pytest.mark.parametrize("kind", ["", "-DHASH"], ids=["array_of_maps", "hash_of_maps"])
def test_each_packet_sees_a_whole_table(host: Host, kind: str) -> None:
    loaded = host.site.bpf_variant("swapped", *filter(None, [kind]))
    host.run(host.site.program("load"), loaded, BPFFS, f"{BPFFS}/look")
    slot = HASH_SLOT if kind else SLOT
    assert host.module("bpf_map_pinned", **declared(1, entries_swap=slot)).good().changed
    with traffic(host):
        change_often(host, TIMES, entries_swap=slot)
    whole, mixed, missing, none, changes, last = counted(host)
    assert (mixed, missing, none) == (0, 0, 0)
    assert whole > 10_000
    assert TIMES / 2 < changes <= TIMES + 1
    assert last == TIMES + 1
    assert numbers(host) == {TIMES + 1}
    assert held(host) == host.map_at(PATH)["id"]


def test_without_a_swap_packets_see_entries_of_two_tables(host: Host) -> None:
    """What the last test looks for is there to be seen."""
    host.load("swapped", BPFFS, f"{BPFFS}/look")
    host.module("bpf_map_pinned", **declared(1)).good()
    with traffic(host):
        change_often(host, TIMES, entries_swap=None)
    whole, mixed, _missing, _none, _changes, _last = counted(host)
    assert whole > 10_000
    assert mixed > 0


OUTERS: dict[str, Fields] = {
    "array_of_maps": {"type": "array_of_maps", "max_entries": 4},
    "hash_of_maps": {"type": "hash_of_maps", "key_size": 4, "max_entries": 4},
}


def both(kind: str, number: int, **more: Any) -> list[Fields]:
    """The map before the one that holds it, in another directory, which is made first."""
    outer = {"path": f"{BPFFS}/zone/tables", "inner_map": SHAPE, **OUTERS[kind]}
    slot = {"outer": outer["path"], "key": 1, "key_format": "u32"}
    return [declared(number, entries_swap=slot, **more), outer]


def twice(host: Host, **words: Any) -> tuple[Result, Result]:
    first, again = host.playbook([task("bpf_map_pinned", **words)] * 2)
    return first.good(), again.good()


@pytest.mark.every_python
@pytest.mark.parametrize("kind", OUTERS)
def test_the_map_of_maps_may_be_declared_beside(
    host: Host, kind: str, subtests: pytest.Subtests
) -> None:
    check = host.module("bpf_map_pinned", check=True, maps=both(kind, 1)).good()
    first, again = twice(host, maps=both(kind, 1))
    for result in (check, first):
        assert [each["action"] for each in result["maps"]] == ["created"] * 2
    assert not again.changed
    path = f"{BPFFS}/zone/tables"
    old = host.map_at(PATH)["id"]
    assert held(host, outer=path) == old
    with subtests.test("a swap"):
        words = {"diff": True, "maps": both(kind, 2, entries=table(2, 3))}
        check = host.module("bpf_map_pinned", check=True, **words).good()
        assert (held(host, outer=path), host.map_at(PATH)["id"]) == (old, old)
        first, again = host.playbook([task("bpf_map_pinned", **words)] * 2)
        for result in (check, first.good()):
            told = result["maps"][0]
            assert told["action"] == "replaced"
            counts = {"declared": 3, "added": 0, "updated": 3, "removed": KEYS - 3}
            assert told["entries"] == counts
            assert [each["field"] for each in told["drift"]] == ["entries"]
        assert not again.good().changed
        new = host.map_at(PATH)["id"]
        assert new != old
        assert held(host, outer=path) == new
        assert numbers(host) == {2}
        host.run("sh", "-c", f"! bpftool map show id {old}")  # nobody needs it any more
    with subtests.test("the map of maps is made anew"):
        host.shell(f"rm {path}")
        first, again = twice(host, maps=both(kind, 2, entries=table(2, 3)))
        assert [each["action"] for each in first["maps"]] == ["adjusted", "created"]
        assert not again.changed
        assert held(host, outer=path) == new == host.map_at(PATH)["id"]
    with subtests.test("the map of maps is replaced"):
        maps = both(kind, 2, entries=table(2, 3))
        maps[1]["max_entries"] = 8
        first, again = twice(host, maps=maps, on_mismatch="replace")
        assert [each["action"] for each in first["maps"]] == ["adjusted", "replaced"]
        assert not again.changed
        assert held(host, outer=path) == new == host.map_at(PATH)["id"]
    with subtests.test("owner and mode stay"):
        host.shell(f"chmod 0640 {PATH}; chown daemon {PATH}")
        table_map, outer = both(kind, 3)
        maps = [{**table_map, "owner": "daemon"}, {**outer, "max_entries": 8}]
        first, again = twice(host, maps=maps)
        assert not again.changed
        assert first["maps"][0]["action"] == "replaced"
        assert host.shell(f"stat -c '%a %U' {PATH}") == "640 daemon\n"


def prepared(host: Host, **more: Any) -> Fields:
    """An outer map of somebody else's, and a map in its slot 1."""
    host.make_pin(f"{BPFFS}/template", type=1, key_size=4, value_size=4, max_entries=8)
    host.make_pin(
        OUTER, type=12, key_size=4, value_size=4, max_entries=4, inner=f"{BPFFS}/template"
    )
    return declared(1, **more)


def put(host: Host, pin: str, slot: int = 1) -> None:
    host.shell(f"bpftool map update pinned {OUTER} key {slot} 0 0 0 value pinned {BPFFS}/{pin}")


def test_only_the_slot_is_filled_where_only_that_differs(
    host: Host, subtests: pytest.Subtests
) -> None:
    words = prepared(host)
    host.module("bpf_map_pinned", **words).good()
    there = host.map_at(PATH)["id"]
    for about, disturb, have in (
        ("empty", f"bpftool map delete pinned {OUTER} key 1 0 0 0", "no map"),
        (
            "another map",
            f"bpftool map update pinned {OUTER} key 1 0 0 0 value pinned {BPFFS}/template",
            f"another map (id {host.map_at(f'{BPFFS}/template')['id']})",
        ),
    ):
        with subtests.test(about):
            host.shell(disturb)
            change = {"field": "entries_swap", "have": have}
            change["want"] = f"this map, in its slot of {OUTER}"
            check = host.module("bpf_map_pinned", check=True, diff=True, **words).good()
            assert held(host) != there
            first, again = twice(host, **words)
            for result in (check, first):
                assert result["maps"][0]["action"] == "adjusted"
                assert result["maps"][0]["drift"] == [change]
            assert have in str(check["diff"])
            assert not again.changed
            assert held(host) == there == host.map_at(PATH)["id"]


def test_a_frozen_table_is_swapped_for_a_frozen_one(host: Host) -> None:
    words = prepared(host, frozen=True)
    host.module("bpf_map_pinned", **words).good()
    first, again = twice(host, **{**words, "entries": table(2)})
    assert first["maps"][0]["action"] == "replaced"
    assert not again.changed
    assert host.map_at(PATH)["frozen"] == 1
    assert numbers(host) == {2}
    assert held(host) == host.map_at(PATH)["id"]


@pytest.mark.parametrize("policy", ["fail", "replace", "migrate"])
def test_another_shape_is_what_on_mismatch_decides(host: Host, policy: str) -> None:
    words = prepared(host)
    host.make_pin(PATH, type=1, key_size=4, value_size=4, max_entries=9)
    before = host.inventory()
    result = host.module("bpf_map_pinned", on_mismatch=policy, **words)
    if policy == "fail":
        assert result.failed
        assert "max_entries: want 256, have 9" in result.msg
        assert host.inventory() == before
        assert held(host) is None
        return
    assert result.good()["maps"][0]["action"] == "replaced"
    assert host.map_at(PATH)["max_entries"] == 256
    assert held(host) == host.map_at(PATH)["id"]


def test_a_run_that_was_killed_between_slot_and_name_is_made_good(host: Host) -> None:
    """The slot has a map of the killed run, the name the one before: both are whole tables."""
    words = prepared(host)
    host.module("bpf_map_pinned", **words).good()
    host.module(
        "bpf_map_pinned", **{**words, "path": f"{BPFFS}/killed", "entries": table(2)}
    ).good()
    host.shell(f"rm {BPFFS}/killed")
    assert numbers(host, "id", str(held(host))) == {2}
    assert numbers(host) == {1}
    first, again = twice(host, **{**words, "entries": table(2)})
    assert first["maps"][0]["action"] == "replaced"
    assert not again.changed
    assert held(host) == host.map_at(PATH)["id"]
    assert numbers(host) == {2}


# What is there beside what `prepared` makes, what is declared, and what is said of it.
REFUSED: dict[str, tuple[str, Fields, str]] = {
    "present": ("", {"entries_mode": None}, "entries_swap needs entries_mode: exact"),
    "initial": ("", {"entries_mode": "initial"}, "entries_swap needs entries_mode: exact"),
    "no entries": ("", {"entries": None, "entries_mode": None}, "none are declared"),
    "no key": ("", {"entries_swap": {"outer": OUTER}}, "key"),
    "itself": ("", {"entries_swap": {"outer": PATH, "key": 1}}, "is the map itself"),
    "a relative path": ("", {"entries_swap": {"outer": "tables", "key": 1}}, "is not absolute"),
    "a slot too far": (
        "",
        {"entries_swap": {"outer": OUTER, "key": 4}},
        f"entries_swap.key: must be from 0 to 3, as {OUTER} has 4 slots",
    ),
    "no number": (
        "",
        {"entries_swap": {"outer": OUTER, "key": "canary"}},
        "entries_swap.key: must",
    ),
    "no outer": (
        f"rm {OUTER}",
        {},
        f"{PATH}: entries_swap: {OUTER}: no map is pinned there",
    ),
    "no map of maps": (
        "",
        {"entries_swap": {"outer": f"{BPFFS}/template", "key": 1}},
        f"entries_swap: {BPFFS}/template is a map of type hash, which holds no maps",
    ),
    "a directory": (
        f"rm {OUTER}; mkdir {OUTER}",
        {},
        f"entries_swap: {OUTER}: there is a directory, and no map",
    ),
    "a symlink": (
        f"mv {OUTER} {BPFFS}/other; ln -s {BPFFS}/other {OUTER}",
        {},
        f"entries_swap: {OUTER}: there is a symlink",
    ),
    "a stranger's": (
        f"chown daemon {OUTER}",
        {},
        f"entries_swap: {OUTER}: the pin, or a directory above it, belongs to daemon",
    ),
    "another shape": (
        f"bpftool map update pinned {OUTER} key 0 0 0 0 value pinned {BPFFS}/template",
        {"value_size": 8, "value_format": "u64"},
        "want hash key_size=4 value_size=8 max_entries=256, and it holds hash key_size=4 "
        "value_size=4 max_entries=8",
    ),
    "a frozen map of maps": (
        f"bpftool map freeze pinned {OUTER}",
        {},
        f"entries_swap: {OUTER}: this map of maps is frozen",
    ),
    "a type that is no inner one": (
        "",
        {"type": "array_of_maps", "key_size": 4, "value_size": 4, "inner_map": SHAPE,
         "key_format": None, "value_format": None, "entries": []},
        "the kernel takes no such map into another",
    ),
}  # fmt: skip


@pytest.mark.parametrize("about", REFUSED)
def test_what_cannot_be_swapped_is_refused_before_anything_changes(host: Host, about: str) -> None:
    script, change, text = REFUSED[about]
    words = prepared(host)
    host.shell(script or ":")
    first = {"name": "before", **SHAPE}
    before = host.inventory()
    wanted = {name: value for name, value in {**words, **change}.items() if value is not None}
    for check in (True, False):
        result = host.module("bpf_map_pinned", check=check, maps=[first, wanted])
        if check and about == "no outer":  # a task before may make it
            assert text in str(result.good().warnings)
            continue
        assert result.failed
        assert text in result.msg
        assert "canary" not in result.msg
        assert host.inventory() == before


# What is declared together and cannot all be.
DISAGREEING: dict[str, tuple[list[Fields], str]] = {
    "two in one slot": (
        [declared(1), declared(1, path=f"{BPFFS}/second")],
        f"{BPFFS}/second: entries_swap: {PATH} is to be in the same slot: keep one",
    ),
    "another shape": (
        [declared(1, value_size=8, value_format="u64")],
        f"{OUTER} takes no map like this one; that is hash key_size=4 value_size=8 "
        "max_entries=256, and inner_map is hash key_size=4 value_size=4 max_entries=256",
    ),
    "a slot too far": (
        [declared(1, entries_swap={**SLOT, "key": 9})],
        "entries_swap.key: must be from 0 to 3",
    ),
}


@pytest.mark.parametrize("about", DISAGREEING)
def test_what_disagrees_in_one_declaration_is_refused(host: Host, about: str) -> None:
    maps, text = DISAGREEING[about]
    outer = {"path": OUTER, "inner_map": SHAPE, **OUTERS["array_of_maps"]}
    before = host.inventory()
    result = host.module("bpf_map_pinned", maps=[outer, *maps])
    assert result.failed
    assert text in result.msg
    assert host.inventory() == before


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"entries": [{"key": 0, "value": PATH}]},
            f"entries_swap puts it into {OUTER}, and so do the entries of that",
        ),
        (
            {"entries": [], "entries_mode": "exact"},
            "whose entries_mode exact would remove it",
        ),
    ],
    ids=["named twice", "removed"],
)
def test_the_entries_of_the_map_of_maps_leave_the_slot_alone(
    host: Host, more: Fields, text: str
) -> None:
    outer = {"path": OUTER, "inner_map": SHAPE, **OUTERS["array_of_maps"], **more}
    before = host.inventory()
    result = host.module("bpf_map_pinned", maps=[outer, declared(1)])
    assert result.failed
    assert text in result.msg
    assert host.inventory() == before


def test_nothing_of_a_table_or_its_slot_is_told(host: Host) -> None:
    host.make_pin(f"{BPFFS}/template", type=1, key_size=4, value_size=4, max_entries=8)
    host.make_pin(OUTER, type=13, key_size=4, value_size=4, inner=f"{BPFFS}/template")
    words = declared(424242, entries_swap={**HASH_SLOT, "key": 3735928559})
    tasks = [task("bpf_map_pinned", **words, check=check, diff=True) for check in (True, False)]
    run = host.playbook(tasks, "-vvv")
    assert all(each.good().changed for each in run)
    for canary in ("3735928559", "deadbeef", "424242"):
        assert canary not in run.output
        assert canary not in str([each.fields for each in run])


def pins(host: Host) -> Fields:
    """All that is pinned; the directory itself had a staging directory in it for a moment."""
    return {path: each for path, each in host.inventory().items() if path != BPFFS}


def test_what_only_the_kernel_knows_of_an_empty_map_of_maps_changes_nothing(host: Host) -> None:
    """It does not say what an array_of_maps is for, and to try that would be to put a map there."""
    words = prepared(host, value_size=8, value_format="u64")
    for there in (False, True):
        if there:
            host.make_pin(PATH, type=1, key_size=4, value_size=8, max_entries=256)
        before = pins(host)
        result = host.module("bpf_map_pinned", **words)
        assert result.failed
        assert not result.changed
        assert f"entries_swap: {OUTER}: MAP_UPDATE_ELEM: EINVAL: " in result.msg
        assert "made for others than hash key_size=4 value_size=8 max_entries=256" in result.msg
        assert pins(host) == before
        assert held(host) is None
