# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of maps that others have made and pinned, as bpftool dumps them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import CHECKOUT

Fields = dict[str, Any]

THEIRS = f"{BPFFS}/theirs"  # where a loader pins
PIN = f"{THEIRS}/blocked"
FORMATS: Fields = {"key_format": "ipv4", "value_format": "u64"}
TWO = [{"key": "10.0.0.1", "value": 1}, {"key": "10.0.0.2", "value": 2}]
BOTH = {(10, 0, 0, 1): 1, (10, 0, 0, 2): 2}
Dumped = dict[tuple[int, ...], int]


def dump(host: Host, path: str = PIN) -> Dumped:
    """What bpftool finds in a map."""
    told = host.bpftool("map", "dump", "pinned", path)
    return {raw(each["key"]): int.from_bytes(raw(each["value"]), "little") for each in told}


def raw(numbers: list[str]) -> tuple[int, ...]:
    return tuple(int(each, 16) for each in numbers)


def put(host: Host, key: str, value: str, path: str = PIN) -> None:
    host.shell(f"bpftool map update pinned {path} key {key} value {value} 0 0 0 0 0 0 0")


def entries(path: str = PIN, /, **words: Any) -> Fields:
    return {"path": path, **FORMATS, "entries": TWO, **words}


@pytest.fixture
def pinned(host: Host) -> Host:
    """A host on which somebody has made a map for four addresses, and pinned it for a group."""
    host.run("mkdir", THEIRS)
    host.shell(f"{MADE}; chgrp adm {PIN}; chmod 0640 {PIN}")
    return host


@pytest.mark.every_core
@pytest.mark.every_python
def test_a_map_of_others_gets_its_entries_and_nothing_else(
    pinned: Host, subtests: pytest.Subtests
) -> None:
    host = pinned
    before = host.inventory()
    with subtests.test("a check tells, and writes nothing"):
        check = host.module("bpf_map_entries", check=True, diff=True, **entries()).good()
        assert check.changed
        (told,) = check["maps"]
        assert told["entries"] == {"declared": 2, "added": 2, "updated": 0, "removed": 0}
        (drift,) = told["drift"]
        assert drift == {"field": "entries", "want": "as declared (present)", "have": "2 missing"}
        assert "2 missing" in check["diff"][0]["before"]
        assert dump(host) == {}
    done, again = host.playbook([task("bpf_map_entries", **entries())] * 2)
    with subtests.test("a run writes them"):
        assert done.good().changed
        assert done["maps"][0]["action"] == "adjusted"
        assert done["maps"][0]["id"] == host.map_at(PIN)["id"]
        assert dump(host) == BOTH
    with subtests.test("and again nothing"):
        assert not again.good().changed
        assert again["counts"] == {"adjusted": 0, "unchanged": 1, "incompatible": 0}
    put(host, "10 0 0 1", "9")
    put(host, "10 0 0 9", "9")
    host.shell(f"bpftool map delete pinned {PIN} key 10 0 0 2")
    with subtests.test("initial leaves values"):
        host.module("bpf_map_entries", **entries(entries_mode="initial")).good()
        assert dump(host) == {**BOTH, (10, 0, 0, 1): 9, (10, 0, 0, 9): 9}
    with subtests.test("exact leaves nothing else"):
        exact = host.module("bpf_map_entries", **entries(entries_mode="exact")).good()
        assert exact["maps"][0]["drift"][0]["have"] == "1 different, 1 extra"
        assert dump(host) == BOTH
    with subtests.test("the pin and the map are what they were"):
        assert host.inventory() == before


def test_types_are_those_of_the_map_that_is_found(host: Host, subtests: pytest.Subtests) -> None:
    host.run("mkdir", THEIRS)
    host.load("rules", THEIRS)
    cpus = len(host.bpftool("map", "lookup", "pinned", *_empty_limit(host))["values"])
    drop = {"verdict": "DROP", "log": True, "burst": 300, "label": "edge"}
    maps = [
        {"path": f"{THEIRS}/options", "entries": [{"key": 1, "value": drop}]},
        {
            "path": f"{THEIRS}/limits",
            "key_format": {"port": "be16"},
            "entries": [
                {"key": {"proto": 6, "port": 443}, "value": 5},
                {"key": {"proto": 17, "port": 53}, "value": list(range(cpus))},
            ],
        },
    ]
    done, again = host.playbook([task("bpf_map_entries", maps=maps)] * 2)
    assert done.good().changed
    assert [each["entries"]["added"] for each in done["maps"]] == [0, 2]
    with subtests.test("a struct by the names of its fields"):
        told = host.bpftool("map", "dump", "pinned", f"{THEIRS}/options")
        value = told[1]["formatted"]["value"]
        assert [value[field] for field in ("verdict", "burst")] == ["DROP", 300]
        assert raw(told[1]["value"]) == (
            7,
            0,
            0,
            0,
            1,
            0,
            *(300).to_bytes(2, "little"),
            *b"edge\0\0\0\0",
        )
        assert raw(told[0]["value"]) == (0,) * 16
    with subtests.test("a value for all CPUs, and one for each"):
        told = host.bpftool("map", "dump", "pinned", f"{THEIRS}/limits")
        values = {
            raw(each["key"]): [
                int.from_bytes(raw(cpu["value"]), "little") for cpu in each["values"]
            ]
            for each in told
        }
        assert values[6, 0, 1, 0xBB] == [5] * cpus
        assert values[17, 0, 0, 53] == [*range(cpus)]
    with subtests.test("a second run writes nothing"):
        assert not again.good().changed


def _empty_limit(host: Host) -> list[str]:
    """Words that look up an entry which is there for the moment."""
    path, key = f"{THEIRS}/limits", "key 0 0 0 0"
    host.shell(f"bpftool map update pinned {path} {key} value 0 0 0 0 0 0 0 0")
    return [path, *key.split()]


def file_of(host: Host, text: str) -> Fields:
    path = host.scratch / "list"
    path.write_text(text)
    return {"src": str(path), "remote_src": True}


def test_a_list_of_the_host_is_what_is_in_the_map(pinned: Host) -> None:
    source = {**file_of(pinned, "# ours\n10.0.0.1\n10.0.0.2 2\n"), "value": 1}
    words = {"path": PIN, **FORMATS, "entries_from": source, "entries_mode": "exact"}
    pinned.module("bpf_map_entries", **words).good()
    assert dump(pinned) == BOTH
    file_of(pinned, "10.0.0.2\n10.0.0.3\n")
    done = pinned.module("bpf_map_entries", **words).good()
    assert done["maps"][0]["drift"][0]["have"] == "1 missing, 1 different, 1 extra"
    assert dump(pinned) == {(10, 0, 0, 2): 1, (10, 0, 0, 3): 1}


def test_all_maps_are_decided_about_before_the_first_is_written(pinned: Host) -> None:
    maps = [entries(), entries(f"{THEIRS}/nothing")]
    refused = pinned.module("bpf_map_entries", maps=maps)
    assert refused.failed
    assert not refused.changed
    assert f"{THEIRS}/nothing: no map is pinned there" in refused.msg
    assert [each["action"] for each in refused["maps"]] == ["adjusted", "incompatible"]
    assert dump(pinned) == {}


def _prog(host: Host) -> None:
    host.run("rm", PIN)
    host.run(host.site.program("program"), PIN, "rulesprog", "1")


Case = tuple[Callable[[Host], object], Fields, str]
REFUSED: dict[str, Case] = {
    "there is nothing": (lambda host: host.run("rm", PIN), {}, "no map is pinned there"),
    "nor a directory": (lambda host: host.run("rm", "-r", THEIRS), {}, "no map is pinned there"),
    "it holds a program": (_prog, {}, "the pin holds a program"),
    "it is a directory": (
        lambda host: host.shell(f"rm {PIN}; mkdir {PIN}"),
        {},
        "there is a directory, not a pin",
    ),
    "it is a symlink": (
        lambda host: host.shell(f"mv {PIN} {PIN}2; ln -s blocked2 {PIN}"),
        {},
        "there is a symlink to blocked2, not a pin",
    ),
    "it is frozen": (
        lambda host: host.shell(f"bpftool map freeze pinned {PIN}"),
        {},
        "the map is frozen, so its entries stay as they are for good",
    ),
    "its type takes none": (
        lambda host: host.shell(
            f"rm {PIN}; bpftool map create {PIN} type queue value 8 entries 4 name theirs"
        ),
        {},
        "entries of the type queue are written when the map is made, since nobody can look",
    ),
    "it is too small": (
        lambda _host: None,
        {"entries": [{"key": f"10.0.0.{number}", "value": 1} for number in range(5)]},
        "max_entries 4",
    ),
    "old and new do not fit": (
        lambda host: [put(host, f"10 0 0 {number}", "1") for number in (7, 8, 9)],
        {"entries_mode": "exact"},
        "3 entries are there, 2 are to be added, 3 go only after that, and max_entries is 4: have "
        "whoever makes the map make it larger",
    ),
    "a format does not fit": (lambda _host: None, {"key_format": "ipv6"}, "the format ipv6"),
    "a field has no name": (
        lambda _host: None,
        {"value_format": {"a": "u8"}},
        "the value has no BTF",
    ),
    "the pin is somebody's": (
        lambda host: host.run("chown", "nobody", PIN),
        {},
        "the pin belongs to nobody, who may have another map get the entries",
    ),
    "the directory is somebody's": (
        lambda host: host.run("chown", "nobody", THEIRS),
        {},
        f"the directory {THEIRS} belongs to nobody",
    ),
    "nothing is declared": (
        lambda _host: None,
        {"entries": None, "key_format": None, "value_format": None},
        "nothing is declared to be in the map",
    ),
    "a mode without entries": (
        lambda _host: None,
        {"entries": None, "entries_mode": "exact", "key_format": None, "value_format": None},
        "entries_mode is for entries, and none are declared",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_filled_is_refused_with_the_reason(pinned: Host, case: Case) -> None:
    prepare, words, text = case
    prepare(pinned)
    before = pinned.inventory()
    refused = pinned.module("bpf_map_entries", **entries(**words))
    assert refused.failed
    assert not refused.changed
    assert text in refused.msg
    assert pinned.inventory() == before


def test_a_frozen_map_with_these_entries_is_as_declared(pinned: Host) -> None:
    put(pinned, "10 0 0 1", "1")
    put(pinned, "10 0 0 2", "2")
    pinned.shell(f"bpftool map freeze pinned {PIN}")
    assert not pinned.module("bpf_map_entries", **entries()).good().changed


def test_who_may_only_read_the_pin_is_told_so_before_anything(pinned: Host) -> None:
    put(pinned, "10 0 0 1", "1")
    pinned.shell(f"chmod 0755 {BPFFS}; chmod 0644 {PIN}")
    words = pinned.as_nobody()

    def tried(**more: Any) -> Result:
        return pinned.module("bpf_map_entries", keywords=words, **entries(**more))

    assert not tried(entries=TWO[:1]).good().changed
    refused = tried()
    assert refused.failed
    assert "the pin may be read, but not written: OBJ_GET: EACCES" in refused.msg
    pinned.run("chmod", "0600", PIN)
    assert "no permission to open the pin" in tried().msg
    assert dump(pinned) == {(10, 0, 0, 1): 1}


def test_the_user_of_a_loader_fills_its_own_map(pinned: Host) -> None:
    pinned.shell(f"chmod 0755 {BPFFS}; chown nobody {THEIRS} {PIN}")
    done = pinned.module("bpf_map_entries", keywords=pinned.as_nobody(), **entries()).good()
    assert done.changed
    assert dump(pinned) == BOTH


MADE = f"bpftool map create {PIN} type hash key 4 value 8 entries 4 name theirs"
LOADER: Fields = {"ansible.builtin.command": {"cmd": MADE}}


@pytest.mark.every_core
def test_a_map_that_a_task_before_makes_is_awaited_in_a_check(host: Host) -> None:
    host.run("mkdir", THEIRS)
    tasks = [LOADER, task("bpf_map_entries", **entries())]
    _loader, check = host.playbook(tasks, "--check")
    assert check.good().changed
    (warning,) = check.warnings
    assert "no map is pinned there" in warning
    assert "until then a run that is not a check fails" in warning
    assert check["maps"][0]["drift"][0]["have"] == "no map"
    _loader, done = host.playbook(tasks)
    assert done.good().changed
    assert dump(host) == BOTH


def test_a_map_that_a_task_before_removes_is_not_there_in_a_check(pinned: Host) -> None:
    tasks = [task("bpf_pin_absent", path=[PIN]), task("bpf_map_entries", **entries())]
    _gone, check = pinned.playbook(tasks, "--check")
    assert check.good()["maps"][0]["drift"][0]["have"] == "no map"


def test_nothing_is_told_of_keys_and_values_unless_asked_for(pinned: Host) -> None:
    key, value = "203.0.113.77", 0x5EC2E75EC2E742
    put(pinned, "203 0 113 99", "1")
    words = entries(entries=[{"key": key, "value": value}], entries_mode="exact")
    bad = {**words, "entries": [{"key": key, "value": value}, {"key": f"{key}.1", "value": value}]}
    tasks = [
        task("bpf_map_entries", diff=True, **words),
        task("bpf_map_entries", maps=[bad]),
    ]
    run = pinned.playbook(tasks, "-vvvv")
    assert [each.failed for each in run] == [False, True]
    told = run.output + "".join(map(repr, run))
    for spelling in (key, str(value), f"{value:x}", "203.0.113.99", "203, 0, 113"):
        assert spelling not in told.lower().replace("0x", "")
    put(pinned, "203 0 113 99", "1")
    shown = pinned.module("bpf_map_entries", show_entries=True, **words).good()
    assert shown["maps"][0]["entries"]["shown"]["removed"] == [{"key": "203.0.113.99"}]


# Decides, lets somebody else act, and carries out what was decided.
MEANWHILE = """
import json, subprocess, sys
sys.path.insert(0, sys.argv[1])
from _core.engine.run import apply, plan
from _core.kinds.entries.apply import EntriesKind
from _core.kinds.entries.declaration import read_entries
kind = EntriesKind()
decided = plan(kind, kind.observe(read_entries([json.loads(sys.argv[2])])))
subprocess.run(["sh", "-ec", sys.argv[3]], check=True)
result = apply(kind, decided)
print(json.dumps([result.outcomes[0].word, result.error]))
"""
PUT, ZEROS = f"bpftool map update pinned {PIN}2 key 10 0 0", " 0" * 7
NEW = f"rm {PIN}; bpftool map create {PIN} type %s name theirs"
MEANTIMES = {
    "another map of this shape": (NEW % "hash key 4 value 8 entries 4", "adjusted", ""),
    "one of another type": (NEW % "percpu_hash key 4 value 8 entries 9", "adjusted", ""),
    "one that has them": (
        f"{MADE.replace(PIN, f'{PIN}2')}; {PUT} 1 value 1{ZEROS}; {PUT} 2 value 2{ZEROS}; "
        f"mv {PIN}2 {PIN}",
        "unchanged",
        "",
    ),
    "one that is too small": (NEW % "hash key 4 value 8 entries 1", "failed", "max_entries 1"),
    "one of other values": (NEW % "hash key 4 value 2 entries 4", "failed", "the format u64"),
    "nothing": (f"rm {PIN}", "failed", "no map is pinned there"),
    "a frozen one": (
        f"{NEW % 'hash key 4 value 8 entries 4'}; bpftool map freeze pinned {PIN}",
        "failed",
        "the map is frozen",
    ),
}


@pytest.mark.parametrize("meantime", MEANTIMES.values(), ids=MEANTIMES)
def test_a_map_that_is_exchanged_meanwhile_is_decided_about_again(
    pinned: Host, meantime: tuple[str, str, str]
) -> None:
    script, word, text = meantime
    place = str(CHECKOUT / "plugins" / "module_utils")
    words = [pinned.site.python, "-B", "-c", MEANWHILE, place, json.dumps(entries()), script]
    done, error = json.loads(pinned.run(*words).stdout)
    assert done == word
    assert text in error
    assert bool(error) == (word == "failed")
    if not error:
        told = pinned.bpftool("map", "dump", "pinned", PIN)
        keys = {raw(each["key"]): _first_value(each) for each in told}
        assert keys == BOTH


def _first_value(entry: Fields) -> int:
    value = entry["values"][-1]["value"] if "values" in entry else entry["value"]
    return int.from_bytes(raw(value), "little")
