# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""on_mismatch: migrate: every entry is in the new map, byte for byte, on every way there."""

from __future__ import annotations

import errno
import re
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import ADM_GROUP, DAEMON
from map_types import CPUS
from migrate_table import (
    MOVES,
    Entries,
    Gate,
    Rule,
    Shape,
    differences,
    dump,
    dumps,
    fill,
    has,
    put_script,
)

Fields = dict[str, Any]
ENOTSUPP = 524  # the kernel's own: a type without batches

# Calls that fail, as on a kernel that has no batches, or none for the type.
WAYS: dict[str, list[Rule]] = {
    "by batch": [],
    "read key by key": [("MAP_LOOKUP_BATCH", 0, errno.EINVAL)],
    "written key by key": [("MAP_UPDATE_BATCH", 0, ENOTSUPP)],
    "all key by key": [
        ("MAP_LOOKUP_BATCH", 0, ENOTSUPP),
        ("MAP_UPDATE_BATCH", 0, errno.EINVAL),
    ],
}


def _folders(host: Host) -> list[str]:
    """A folder for each way, with the old maps of all rows in it, each called by its number."""
    folders = [f"{BPFFS}/way_{number}" for number in range(len(WAYS))]
    lines = []
    for folder in folders:
        lines.append(f"mkdir {folder}\n")
        for number, move in enumerate(MOVES):
            fields = " ".join(f"{name}={value}" for name, value in move.old.seen.items())
            lines.append(f"{host.site.program('make')} {folder}/{number} {fields}\n")
            lines.append(put_script(host, f"{folder}/{number}", move.puts))
    host.shell("".join(lines))
    return folders


@pytest.mark.every_python
def test_entries_are_all_in_the_new_map_whichever_way_they_went(
    host: Host, subtests: pytest.Subtests
) -> None:
    folders = _folders(host)
    maps = [{"name": str(number), **move.item} for number, move in enumerate(MOVES)]
    gates = [Gate(host, f"way_{number}", *way) for number, way in enumerate(WAYS.values())]
    batches = [dict(directory=folder, on_mismatch="migrate", maps=maps) for folder in folders]
    pins = [f"{folders[0]}/{number}" for number in range(len(MOVES))]
    before, entries = host.inventory(), dumps(host, pins)
    predicted = host.module("bpf_map_pinned", check=True, diff=True, **batches[0]).good()
    assert host.inventory() == before
    tasks = [
        task("bpf_map_pinned", diff=True, keywords=gate.keywords, **batch)
        for gate, batch in zip(gates, batches, strict=True)
    ]
    everywhere = [{**item, "directory": folder} for folder in folders for item in maps]
    *done, again = host.playbook([*tasks, task("bpf_map_pinned", maps=everywhere)])
    after = host.inventory()
    assert set(after) == set(before)
    for gate in gates:
        assert min(gate.times, default=len(MOVES)) > len(MOVES) / 2
    assert again.good()["counts"]["unchanged"] == len(everywhere)
    assert done[0]["diff"] == predicted["diff"]
    found = dumps(host, pins)
    for way, folder, result in zip(WAYS, folders, done, strict=True):
        assert result.good()["counts"] == predicted["counts"]
        assert result.warnings == []
        others = [f"{folder}/{number}" for number in range(len(MOVES))]
        differing = differences(host, list(zip(pins, others, strict=True)))
        for number, move in enumerate(MOVES):
            with subtests.test(f"{move.about}, {way}"):
                told, there = result["maps"][number], after[f"{folder}/{number}"]
                assert found[number] == move.expected(entries[number])
                assert differing[number] == 0
                assert told["action"] == "migrated"
                assert told["copied"] == move.copied
                assert told["caught_up"] == 0
                assert f"\nentries: {move.copied} copied\n" in result["diff"][number]["after"]
                assert told["id"] == there["object"]["id"]
                assert move.new.seen.items() <= there["object"].items()
                checked = predicted["maps"][number]
                assert checked["copied"] == move.copied
                assert checked["caught_up"] is None
                assert checked["drift"] == told["drift"]


INNER = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}


@pytest.mark.every_python
def test_the_same_maps_and_programs_are_held_whichever_way_they_went(
    host: Host, subtests: pytest.Subtests
) -> None:
    folders = [f"{BPFFS}/way_{number}" for number in range(len(WAYS))]
    held = [_hold_some(host, folder) for folder in folders]
    maps = [
        dict(name="slots", type="array_of_maps", max_entries=7, inner_map=INNER),
        dict(name="names", type="hash_of_maps", key_size=4, max_entries=2, inner_map=INNER),
        dict(name="jumps", type="prog_array", max_entries=6),
    ]
    gates = [Gate(host, f"way_{number}", *way) for number, way in enumerate(WAYS.values())]
    before = host.inventory()
    batches = [dict(directory=folder, on_mismatch="migrate", maps=maps) for folder in folders]
    tasks = [task("bpf_map_pinned", check=True, **batches[0])]
    tasks += [
        task("bpf_map_pinned", keywords=gate.keywords, **batch)
        for gate, batch in zip(gates, batches, strict=True)
    ]
    predicted, *done = host.playbook(tasks)
    after = host.inventory()
    assert [each["copied"] for each in predicted.good()["maps"]] == [3, 2, 3]
    for way, folder, wanted, result in zip(WAYS, folders, held, done, strict=True):
        with subtests.test(way):
            assert result.good()["counts"] == predicted["counts"]
            assert [each["copied"] for each in result["maps"]] == [3, 2, 3]
            pins = [f"{folder}/{item['name']}" for item in maps]
            assert dumps(host, pins) == wanted
            for pin, item in zip(pins, maps, strict=True):
                assert after[pin]["object"]["id"] != before[pin]["object"]["id"]
                assert after[pin]["object"]["max_entries"] == item["max_entries"]


def _hold_some(host: Host, folder: str) -> list[Entries]:
    """Pin slots, names and jumps, of 8 entries, that hold maps and programs; what they hold."""
    host.run("mkdir", folder)
    for name in ("jump", "other_jump"):
        host.load("tails", folder, f"{folder}/{name}")
    for name in ("one", "two"):
        host.make_pin(f"{folder}/{name}", type=1, key_size=4, value_size=8, max_entries=16)
    outer = dict(key_size=4, value_size=4, max_entries=8, inner=f"{folder}/one")
    host.make_pin(f"{folder}/slots", type=12, **outer)
    host.make_pin(f"{folder}/names", type=13, **outer)
    held = {
        "slots": {0: "one", 3: "two", 6: "one"},
        "names": {0: "one", 3: "two"},
        "jumps": {0: "jump", 3: "other_jump", 5: "jump"},
    }
    host.shell(
        "".join(
            f"bpftool map update pinned {folder}/{outer} key {key} 0 0 0 "
            f"value pinned {folder}/{pin}\n"
            for outer, pins in held.items()
            for key, pin in pins.items()
        )
    )
    return dumps(host, [f"{folder}/{outer}" for outer in held])


def test_batches_that_are_always_interrupted_are_not_waited_for(host: Host) -> None:
    """Before Linux 6.15 generic_map_lookup_batch says EINTR where a slot is empty, each time."""
    path = f"{BPFFS}/folder/slots"
    before, _names, _jumps = _hold_some(host, f"{BPFFS}/folder")
    gate = Gate(host, "gate", ("MAP_LOOKUP_BATCH", 0, errno.EINTR))
    slots = dict(path=path, type="array_of_maps", max_entries=9, inner_map=INNER)
    done = host.module("bpf_map_pinned", on_mismatch="migrate", keywords=gate.keywords, **slots)
    assert done.good()["maps"][0]["copied"] == 3
    assert dump(host, path) == before


# BTF

FLOWS = dict(name="flows_of_all_tenants", type="hash", key_size=8, flags=["no_prealloc"])
FLOW = "key 1 0 0 0 2 0 0 0 value 3 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0"


def _flow(host: Host) -> Any:
    """The one entry, by the names of its fields if there is BTF."""
    path = f"{BPFFS}/{FLOWS['name']}"
    (entry,) = host.bpftool("map", "dump", "pinned", path)
    return entry.get("formatted", entry)


@pytest.fixture
def flows(host: Host) -> str:
    """The path of a map that libbpf pinned with BTF, with an entry in it."""
    host.load("pins", BPFFS)
    path = f"{BPFFS}/{FLOWS['name']}"
    host.run("bpftool", *f"map update pinned {path} {FLOW}".split())
    return path


def _twice(host: Host, **declared: Any) -> list[Result]:
    """The results in check mode, and then; a third run changes nothing."""
    words = {**FLOWS, **declared, "on_mismatch": "migrate"}
    *both, again = host.playbook(
        [task("bpf_map_pinned", check=check, **words) for check in (True, False, False)]
    )
    assert again.good()["counts"]["unchanged"] == 1
    return both


def test_btf_stays_when_none_is_declared(host: Host, flows: str) -> None:
    before = host.info(flows)
    assert before["btf_value_type_id"]
    for result in _twice(host, value_size=16, max_entries=256):
        assert result.good()["counts"]["migrated"] == 1
        assert result.warnings == []
    assert host.info(flows)["id"] != before["id"]
    assert _flow(host) == {
        "key": {"source": 1, "target": 2},
        "value": {"packets": 3, "bytes": 4},
    }


def test_declared_btf_wins(host: Host, flows: str) -> None:
    """Also when nothing else differs, and then there is something to be copied as well."""
    before = host.info(flows)
    btf = host.site.btf("types", "flow", "other_count")
    for result in _twice(host, value_size=16, max_entries=128, btf=btf):
        assert result.good()["counts"]["migrated"] == 1
        assert [drift["field"] for drift in result["maps"][0]["drift"]] == ["btf"]
        assert result["maps"][0]["copied"] == 1
        assert result.warnings == []
    assert host.info(flows)["id"] != before["id"]
    assert _flow(host) == {
        "key": {"source": 1, "target": 2},
        "value": {"packets": 3, "drops": 4},
    }


def test_btf_that_describes_shorter_values_is_dropped_with_a_warning(
    host: Host, flows: str
) -> None:
    entries = dump(host, flows)
    for result in _twice(host, value_size=24, max_entries=128, value_growth="zero_pad"):
        assert result.good()["counts"]["migrated"] == 1
        (warning,) = result.warnings
        assert warning.startswith(f"{flows}: the BTF of the old map")
        assert "declare btf" in warning
    assert host.info(flows)["btf_value_type_id"] == 0
    assert dump(host, flows) == {key: [value + "00" * 8] for key, (value,) in entries.items()}


# Programs, check mode, access, frozen


def test_programs_that_hold_the_old_map_are_named(host: Host) -> None:
    ids = host.load("pins", BPFFS, f"{BPFFS}/program")
    jump = host.load("tails", BPFFS, f"{BPFFS}/jump")["jumps"]
    counter = host.bpftool("prog", "show", "pinned", f"{BPFFS}/program")["id"]
    jumper = host.bpftool("prog", "show", "pinned", f"{BPFFS}/jump")["id"]
    maps = [
        dict(name="counters", type="percpu_array", value_size=16, max_entries=17),
        dict(name="jumps", type="prog_array", max_entries=9),
        dict(name="blocked", type="lpm_trie", key_size=8, value_size=4, max_entries=65),
    ]
    batch = {"on_mismatch": "migrate", "maps": maps}
    run = host.playbook([task("bpf_map_pinned", check=check, **batch) for check in (True, False)])
    for result in run:
        first, second = result.good().warnings
        for warning, name, program in (
            (first, "counters", f"{counter} (socket_filter count_packets)"),
            (second, "jumps", f"{jumper} (socket_filter jump)"),
        ):
            said = f"{BPFFS}/{name}: program {program} still uses the old map; reload it to switch"
            assert warning.startswith(said)
            assert "the new map does not get what is written to the old one" in warning
        assert "tail calls end" in second
        assert "tail calls end" not in first
    # They do go on.
    for old in (ids["counters"], jump):
        assert host.bpftool("map", "show", "id", str(old))["id"] == old


HASH = Shape("hash", 4, 8, 16)


def test_owner_group_and_mode_are_kept_or_as_declared(host: Host) -> None:
    for name in ("kept", "declared"):
        fill(host, f"{BPFFS}/{name}", HASH, [(0, 16, 1)])
        host.shell(f"chown 0:3 {BPFFS}/{name}; chmod 0606 {BPFFS}/{name}")
    grown = HASH.but(entries=17).declared
    access = {"owner": "daemon", "group": "adm", "mode": "0640"}
    maps = [{"name": "kept", **grown}, {"name": "declared", **access, **grown}]
    host.module("bpf_map_pinned", on_mismatch="migrate", maps=maps).good()
    there = host.inventory()
    found = {
        name: tuple(there[f"{BPFFS}/{name}"][field] for field in ("bits", "owner", "group"))
        for name in ("kept", "declared")
    }
    assert found == {"kept": ("0606", 0, 3), "declared": ("0640", DAEMON, ADM_GROUP)}


def test_a_map_is_frozen_when_all_is_in_it_and_a_frozen_one_can_be_left(host: Host) -> None:
    for name in ("to_freeze", "frozen", "stays_frozen"):
        fill(host, f"{BPFFS}/{name}", HASH, [(0, 16, 1)])
    host.run("bpftool", "map", "freeze", "pinned", f"{BPFFS}/frozen")
    host.run("bpftool", "map", "freeze", "pinned", f"{BPFFS}/stays_frozen")
    maps = [
        {"name": "to_freeze", "frozen": True, **HASH.but(entries=17).declared},
        {"name": "frozen", "frozen": False, **HASH.declared},
        {"name": "stays_frozen", "frozen": True, **HASH.but(entries=17).declared},
    ]
    # Between the swap and the second sweep, too, the new map must not be frozen yet.
    late = put_script(host, f"{BPFFS}/to_freeze", [(3, 1, 2)])
    gate = Gate(host, "gate", ("rename", 1, "true"), ("MAP_LOOKUP_BATCH", 1, late))
    batch = {"on_mismatch": "migrate", "maps": maps}
    predicted, done, again = host.playbook(
        [
            task("bpf_map_pinned", check=True, **batch),
            task("bpf_map_pinned", keywords=gate.keywords, **batch),
            task("bpf_map_pinned", **batch),
        ]
    )
    assert gate.times == [1, 1]
    for result in (predicted, done):
        assert result.good()["counts"]["migrated"] == 3
        assert [each["copied"] for each in result["maps"]] == [16, 16, 16]
    assert again.good()["counts"]["unchanged"] == 3
    frozen = [host.info(f"{BPFFS}/{item['name']}")["frozen"] for item in maps]
    assert frozen == [1, 0, 1]
    for item in maps[1:]:
        assert has(host, f"{BPFFS}/{item['name']}", (0, 16, 1)) == 16
    assert has(host, f"{BPFFS}/to_freeze", (3, 1, 2)) == 1
    assert len(dump(host, f"{BPFFS}/to_freeze")) == 16


def test_an_item_decides_for_itself_what_becomes_of_its_map(host: Host) -> None:
    names = ("left", "emptied", "moved", "moved_and_longer")
    for name in names:
        fill(host, f"{BPFFS}/{name}", HASH, [(0, 16, 1)])
    grown, longer = HASH.but(entries=17).declared, HASH.but(value=12).declared
    maps = [
        {"name": "emptied", "on_mismatch": "replace", **grown},
        {"name": "moved", **grown},
        {"name": "moved_and_longer", **longer},
    ]
    refuses = {"name": "left", "on_mismatch": "fail", **grown}
    words = {"on_mismatch": "migrate", "value_growth": "zero_pad"}
    refused, done = host.playbook(
        [
            task("bpf_map_pinned", maps=[*maps, refuses], **words),
            task("bpf_map_pinned", maps=maps, **words),
        ]
    )
    assert refused.failed
    assert done.good()["counts"]["replaced"] == 1
    assert done["counts"]["migrated"] == 2
    assert [each["copied"] for each in done["maps"]] == [None, 16, 16]
    assert [len(found) for found in dumps(host, [f"{BPFFS}/{name}" for name in names])] == [
        16,
        0,
        16,
        16,
    ]


# LRU

FULL = 1000
FULL_SHAPE = Shape("hash", 4, 8, FULL)
LRU = Shape("lru_hash", 4, 8, FULL)
TIGHT = [
    LRU,
    LRU.but(flags=("no_common_lru",)),
    LRU.but(kind="lru_percpu_hash"),
    LRU.but(kind="lru_percpu_hash", flags=("no_common_lru", "zero_seed")),
]


def test_an_lru_map_that_is_quite_full_has_all_entries_or_is_given_up(
    host: Host, subtests: pytest.Subtests
) -> None:
    tasks = []
    for number, new in enumerate(TIGHT):
        old = FULL_SHAPE.but(kind=new.kind.removeprefix("lru_"))
        fill(host, f"{BPFFS}/{number}", old, [(0, FULL, 1)])
        words = {"name": str(number), "on_mismatch": "migrate", **new.declared}
        tasks.append(task("bpf_map_pinned", **words))
    before = host.inventory()
    results = host.playbook(tasks)
    after = host.inventory()
    for number, (new, result) in enumerate(zip(TIGHT, results, strict=True)):
        with subtests.test(f"{new.kind} {new.flags}"):
            path = f"{BPFFS}/{number}"
            assert has(host, path, (0, FULL, 1)) == FULL
            assert result.failed == (after[path] == before[path])


def test_what_an_lru_map_evicts_while_it_is_filled_is_missed(host: Host) -> None:
    """There come more entries than it can hold, after the module has counted them."""
    path = f"{BPFFS}/recent"
    fill(host, path, FULL_SHAPE, [(0, 500, 1)])
    before = host.inventory()
    late = Gate(host, "late", ("MAP_CREATE", 1, put_script(host, path, [(500, 500, 1)])))
    smaller = LRU.but(entries=501).declared
    roomy = LRU.but(entries=CPUS * FULL, flags=("no_common_lru",)).declared
    words = {"name": "recent", "on_mismatch": "migrate"}
    refused, done = host.playbook(
        [
            task("bpf_map_pinned", keywords=late.keywords, **words, **smaller),
            task("bpf_map_pinned", **words, **roomy),
        ]
    )
    assert late.times == [1]
    assert refused.failed
    assert not refused.changed
    (told,) = refused["maps"]
    assert (told["action"], told["copied"]) == ("failed", None)
    evicted = re.search(rf"evicted (\d+) of {FULL} entries", refused.msg)
    assert evicted, refused.msg
    assert FULL - 501 <= int(evicted[1]) < FULL
    assert "the old map is still in place" in refused.msg
    assert "raise max_entries by some 128 for each CPU" in refused.msg
    # It was in place, since this is the same map.
    assert done.good()["maps"][0]["copied"] == FULL
    assert host.info(path)["id"] != before[path]["object"]["id"]
    assert has(host, path, (0, FULL, 1)) == FULL
