# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_info: all that there is is told, as others tell it, and nothing is changed by looking."""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from absence_table import Stage, holdings
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import STAGING
from map_types import CPUS, LINUX, PAGE
from mount_table import mounts_at

Fields = dict[str, Any]


# What pins hold


@dataclass(frozen=True)
class MapRow:
    """`made` is what another tool asks for (see Host.make_pin), `told` what is to be said of it."""

    name: str  # of the pin
    made: Fields
    told: tuple[str, int, int, int, list[str], int]  # type, three sizes, flags, map_extra


def _made(number: int, key: int, value: int, entries: int, **more: Any) -> Fields:
    return dict(type=number, key_size=key, value_size=value, max_entries=entries, **more)


MAPS = [
    MapRow(
        "hash",
        _made(1, 5, 7, 3, flags=0x1 | 0x40 | 0x80),
        ("hash", 5, 7, 3, ["no_prealloc", "zero_seed", "rdonly_prog"], 0),
    ),
    MapRow(
        "array",
        _made(2, 4, 3, 2, flags=0x400 | 0x100),
        ("array", 4, 3, 2, ["wronly_prog", "mmapable"], 0),
    ),
    MapRow("nameless", _made(6, 4, 8, 1, name=""), ("percpu_array", 4, 8, 1, [], 0)),
    MapRow("lpm_trie", _made(11, 8, 1, 9, flags=0x1), ("lpm_trie", 8, 1, 9, ["no_prealloc"], 0)),
    MapRow(
        "lru_hash",
        _made(9, 4, 8, 4 * CPUS, flags=0x2),
        ("lru_hash", 4, 8, 4 * CPUS, ["no_common_lru"], 0),
    ),
    MapRow("devmap", _made(14, 4, 4, 2), ("devmap", 4, 4, 2, [], 0)),
    MapRow("queue", _made(22, 0, 8, 5), ("queue", 0, 8, 5, [], 0)),
    MapRow("bloom", _made(30, 0, 8, 100, map_extra=3), ("bloom_filter", 0, 8, 100, [], 3)),
    MapRow("ringbuf", _made(27, 0, 0, 2 * PAGE), ("ringbuf", 0, 0, 2 * PAGE, [], 0)),
    MapRow(
        "arena",
        _made(33, 0, 0, 1, flags=0x400, map_extra=PAGE << 12),
        ("arena", 0, 0, 1, ["mmapable"], PAGE << 12),
    ),
]
if LINUX >= (6, 19):
    MAPS.append(MapRow("insns", _made(34, 4, 16, 4), ("insn_array", 4, 16, 4, [], 0)))
if LINUX >= (7, 2):
    row = _made(35, 5, 7, 3, flags=0x1, map_extra=2)
    MAPS.append(MapRow("rhash", row, ("rhash", 5, 7, 3, ["no_prealloc"], 2)))
# Words of bpftool for a type of program, and what the kernel calls it.
PROGS = {
    "xdp": "xdp",
    "classifier": "sched_cls",
    "cgroup/skb": "cgroup_skb",
    "perf_event": "perf_event",
}
SHAPE = ("type", "key_size", "value_size", "max_entries", "flags", "map_extra")
AS_DAEMON = "+bpf,+dac_override,+dac_read_search"


@pytest.mark.every_python
def test_all_is_told_as_bpftool_tells_it(host: Host, subtests: pytest.Subtests) -> None:
    app = f"{BPFFS}/app"
    host.run("mkdir", app)
    for row in MAPS:
        host.make_pin(f"{BPFFS}/{row.name}", **row.made)
    for pin in ("first", "second"):
        host.load("pins", app, f"{app}/{pin}")
    linked, program = host.site.bpf_object("linked"), host.site.program("program")
    for words in PROGS:
        host.run("bpftool", "prog", "load", linked, f"{app}/{PROGS[words]}", "type", words)
    daemon = ["setpriv", "--reuid=daemon", f"--inh-caps={AS_DAEMON}"]
    host.run(*daemon, f"--ambient-caps={AS_DAEMON}", program, f"{BPFFS}/daemons", "a_name", "7")
    host.load("linked", app, f"{app}/attached", f"{app}/link")
    host.shell(
        f"bpftool map freeze pinned {BPFFS}/array\n"
        f"chown daemon:adm {BPFFS}/hash; chmod 0640 {BPFFS}/hash\n"
        f"chown 4242:4243 {BPFFS}/queue; chmod 0 {BPFFS}/queue"
    )
    before = host.inventory()
    run = host.playbook(
        [task("bpf_pin_info", check=check, recurse=True) for check in (False, True)]
    )
    assert host.inventory() == before
    told, checked = run[0].good(), run[1].good()
    assert not told.changed
    assert told.warnings == []
    assert told["pins"] == checked["pins"]
    pins = {pin["path"]: pin for pin in told["pins"]}
    held = {path: each for path, each in holdings(host).items() if ".debug" not in path}
    with subtests.test("every pin, with type, id and name"):
        named = {
            path: {
                **{key: pin[key] for key in ("type", "id", "name")},
                "memlock": pin[pin["type"]].get("memlock"),
            }
            for path, pin in pins.items()
        }
        assert named == held
        kinds = [each["type"] for each in held.values()]
        assert told["counts"] == {
            **{kind: kinds.count(kind) for kind in ("map", "prog", "link")},
            "unreadable": 0,
        }
        assert [told[key] for key in ("missing", "others", "unreadable")] == [[], [], []]
    with subtests.test("owner, group and mode"):
        access = {path: (pin["owner"], pin["group"], pin["mode"]) for path, pin in pins.items()}
        assert access == {
            **dict.fromkeys(pins, ("root", "root", "0600")),
            f"{BPFFS}/daemons": ("daemon", "root", "0600"),
            f"{BPFFS}/hash": ("daemon", "adm", "0640"),
            f"{BPFFS}/queue": ("4242", "4243", "0000"),
        }
    for row in MAPS:
        with subtests.test(row.name):
            shape = pins[f"{BPFFS}/{row.name}"]["map"]
            assert {each: shape[each] for each in SHAPE} == dict(zip(SHAPE, row.told, strict=True))
    for path, pin in pins.items():
        with subtests.test(path):
            _assert_as_bpftool(host, path, pin, before[path]["object"])


def _assert_as_bpftool(host: Host, path: str, pin: Fields, seen: Fields) -> None:
    """`seen` is what c/info.c says of a map."""
    if pin["type"] == "map":
        shown, shape = host.map_at(path), pin["map"]
        sizes = [shape[each] for each in ("key_size", "value_size", "max_entries", "memlock")]
        words = ["bytes_key", "bytes_value", "max_entries", "bytes_memlock"]
        assert sizes == [shown[word] for word in words]
        assert shape["map_extra"] == seen["map_extra"]
        assert shape["frozen"] is bool(seen["frozen"])
        assert shape["frozen"] is bool(shown["frozen"])
        assert shape["btf_id"] == shown.get("btf_id", 0) == seen["btf_id"]
        users = [
            {key: each.get(key, "") for key in ("id", "type", "name")}
            for each in host.bpftool("prog", "show")
            if pin["id"] in each.get("map_ids", ())
        ]
        assert pin["programs"] == users
        assert len(users) == (2 if path.endswith(("/counters", "/flows_of_all_tenants")) else 0)
    elif pin["type"] == "prog":
        shown = host.bpftool("prog", "show", "pinned", path)
        assert pin["prog"]["type"] == shown["type"] == PROGS.get(Path(path).name, shown["type"])
        assert pin["prog"]["tag"] == shown["tag"]
        assert pin["prog"]["map_ids"] == shown.get("map_ids", [])
        by = "daemon" if shown["uid"] else "root"
        assert pin["prog"]["loaded_by"] == by == ("daemon" if "daemons" in path else "root")
        started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        assert abs(started + pin["prog"]["load_time"] - shown["loaded_at"]) <= 2
    else:
        shown = host.bpftool("link", "show", "pinned", path)
        assert pin["link"] == {
            "type": "raw_tracepoint",
            "prog_id": shown["prog_id"],
            "prog_name": "on_rename",
            "target": {"tp_name": "task_rename"},
            "attached": None,  # the kernel does not say
        }


# What is told since Linux 6.18


def test_of_frozen_arrays_the_hash_of_their_values_is_told(host: Host) -> None:
    """Each value takes a multiple of 8 bytes."""
    for name in ("filled", "empty", "open"):
        host.make_pin(f"{BPFFS}/{name}", type=2, value_size=5, max_entries=3)
    host.make_pin(f"{BPFFS}/hash", type=1)
    value = bytes([1, 2, 3, 4, 5])
    put = f"{BPFFS}/filled key 1 0 0 0 value {' '.join(map(str, value))}"
    host.run(*f"bpftool map update pinned {put}".split())
    for name in ("filled", "empty", "hash"):
        host.run("bpftool", "map", "freeze", "pinned", f"{BPFFS}/{name}")
    before = host.inventory()
    told = host.module("bpf_pin_info").good()
    assert host.inventory() == before
    hashes = {Path(pin["path"]).name: pin["map"].get("hash") for pin in told["pins"]}
    filled = bytes(8) + value.ljust(8, b"\0") + bytes(8)
    expected = {"filled": sha256(filled), "empty": sha256(bytes(24))} if LINUX >= (6, 18) else {}
    assert hashes == {
        **dict.fromkeys(hashes),
        **{name: each.hexdigest() for name, each in expected.items()},
    }
    assert hashes.keys() == {"filled", "empty", "open", "hash"}


def test_a_map_for_one_program_only_is_told_to_be_exclusive(host: Host) -> None:
    if LINUX < (6, 18):
        pytest.skip("this kernel has no exclusive maps")
    for number, kind in ((1, "hash"), (2, "array")):
        host.make_pin(f"{BPFFS}/{kind}", type=number)
        host.make_pin(f"{BPFFS}/exclusive_{kind}", type=number, exclusive="x")
    host.make_pin(f"{BPFFS}/tails", type=3, value_size=4)
    before = host.inventory()
    told = host.module("bpf_pin_info", health=True).good()
    assert host.inventory() == before
    pins = {Path(pin["path"]).name: pin["map"].get("exclusive") for pin in told["pins"]}
    assert pins == {
        "hash": False,
        "array": False,
        "tails": None,
        "exclusive_hash": True,
        "exclusive_array": True,
    }


# What cannot be read


def test_who_may_read_some_is_told_of_those(host: Host, subtests: pytest.Subtests) -> None:
    root = f"{BPFFS}/app"
    host.shell(f"mkdir {root} {root}/open {root}/closed; chmod 0711 {root}/closed")
    for name in ("map", "unreadable", "open/map", "closed/map"):
        host.make_pin(f"{root}/{name}")
    host.load("linked", root, f"{root}/prog", f"{root}/link")
    host.load("linked", root, f"{root}/other_prog", f"{root}/writable_link")
    host.shell(f"cd {root}; chmod 0444 map prog link open/map closed/map; chmod 0666 writable_link")
    before, held = host.inventory(), holdings(host)
    nobody = host.as_nobody()
    run = host.playbook(
        [
            task("bpf_pin_info", label="flat", keywords=nobody, directory=root),
            task("bpf_pin_info", label="deep", keywords=nobody, directory=root, recurse=True),
            task("bpf_pin_info", label="closed", keywords=nobody, directory=f"{root}/closed"),
            task("bpf_pin_info", label="path", keywords=nobody, path=[f"{root}/closed/map"]),
        ]
    )
    seen = {entry["atime"] for path, entry in host.inventory().items() if "atime" in entry}
    assert seen  # nobody cannot leave out the access time of a directory: all else is as before
    after = host.inventory()
    assert {path: {**entry, "atime": 0} for path, entry in after.items()} == {
        path: {**entry, "atime": 0} for path, entry in before.items()
    }
    flat, deep, closed, path = (run[label].good() for label in ("flat", "deep", "closed", "path"))
    readable = [f"{root}/{name}" for name in ("map", "prog", "writable_link")]
    with subtests.test("those that may be read"):
        told = {pin["path"]: pin for pin in flat["pins"]}
        assert list(told) == readable
        for each, pin in told.items():
            assert {key: pin[key] for key in ("type", "id", "name")} == {
                key: held[each][key] for key in ("type", "id", "name")
            }
            assert pin[pin["type"]].get("memlock") == held[each]["memlock"]
        assert told[f"{root}/map"]["map"]["max_entries"] == 1
        assert told[f"{root}/map"]["map"]["frozen"] is False
        shown = host.bpftool("prog", "show", "pinned", f"{root}/prog")
        assert told[f"{root}/prog"]["prog"]["tag"] == shown["tag"]
        assert told[f"{root}/writable_link"]["link"]["target"] == {"tp_name": "task_rename"}
    with subtests.test("what only others may know is not made up"):
        assert told[f"{root}/map"]["programs"] == []
        assert told[f"{root}/prog"]["prog"]["map_ids"] is None
        assert told[f"{root}/writable_link"]["link"]["prog_name"] is None
        (warning,) = (each for each in flat.warnings if "which programs" in each)
        assert "become: true" in warning
        assert "CAP_SYS_ADMIN" in warning
    with subtests.test("the privilege that is missing is named, and no other"):
        assert "CAP_BPF" not in warning  # it does not help (bpf_obj_get_next_id)
    with subtests.test("those that may not be read are told as such"):
        reasons = {each["path"]: each["reason"] for each in flat["unreadable"]}
        assert f"{root}/unreadable" in reasons
        assert f"{root}/other_prog" in reasons
        for reason in reasons.values():
            assert "EACCES" in reason
            assert "become: true" in reason
    with subtests.test("a link that may only be read cannot be looked at"):
        assert f"{root}/link" in reasons  # the kernel opens links for reading and writing
        assert f"{root}/link" not in [each["path"] for each in flat["others"]]
    with subtests.test("a directory that may not be listed does not hide the others"):
        assert [pin["path"] for pin in deep["pins"]] == sorted([*readable, f"{root}/open/map"])
        assert f"{root}/closed" in [each["path"] for each in deep["unreadable"]]
    with subtests.test("a directory that may not be listed"):
        assert [each["path"] for each in closed["unreadable"]] == [f"{root}/closed"]
        assert "EACCES" in closed["unreadable"][0]["reason"]
    with subtests.test("what is in it may be asked for by its path"):
        assert [pin["id"] for pin in path["pins"]] == [held[f"{root}/closed/map"]["id"]]


def test_a_refusal_of_the_kernel_hides_one_pin_only(host: Host) -> None:
    for number in range(5):
        host.make_pin(f"{BPFFS}/{number}")
    refused = host.tampered("bpf", "error=EIO:when=4")
    told = host.module("bpf_pin_info", keywords=refused).good()
    (unreadable,) = told["unreadable"]
    assert "EIO" in unreadable["reason"]
    paths = [pin["path"] for pin in told["pins"]]
    assert sorted([*paths, unreadable["path"]]) == [f"{BPFFS}/{number}" for number in range(5)]
    assert told["counts"] == {"map": 4, "prog": 0, "link": 0, "unreadable": 1}


def test_another_run_at_work_hides_nothing(host: Host) -> None:
    """A lookout may be there at any time: whoever makes pins must not be in its way, nor it."""
    work = f"{BPFFS}/app/{STAGING}"
    host.shell(f"mkdir {BPFFS}/app; mkdir -m 0700 {work}")
    ids = {name: host.make_pin(f"{BPFFS}/{name}") for name in ("app/map", "top")}
    host.make_pin(f"{work}/new")
    with host.running("flock", "--no-fork", work, "sh", "-c", "echo; exec cat") as other:
        assert other.stdout is not None
        other.stdout.readline()
        told = host.module("bpf_pin_info", recurse=True).good()
    pins = {pin["path"].removeprefix(f"{BPFFS}/"): pin["id"] for pin in told["pins"]}
    assert {name: pins.get(name) for name in ids} == ids


# Mounts

MOUNTS = """
cd $O; mkdir one two stack cover cover/x bind
mount -t bpf -o nosuid,noexec,nodev first one; chmod 0750 one; chown daemon:adm one
pin one/a; mkdir one/d; pin one/d/b; attached one/d/prog one/d/link; ln -s a one/s
mount -t bpf -o delegate_cmds=prog_load:map_create,delegate_maps=hash,ro second two
mount -t bpf lower stack; pin stack/under; mount -t bpf upper stack; pin stack/over
mount -t bpf covered cover/x; pin cover/x/y; mount -t tmpfs tmpfs cover
mount --bind one/d bind
touch file; mount --bind one/a file
"""
NONE: dict[str, list[str]] = {"cmds": [], "maps": [], "progs": [], "attachs": []}


def test_every_bpffs_is_told_and_whether_it_can_be_seen(
    host: Host, subtests: pytest.Subtests
) -> None:
    stage = Stage(host, 0)
    stage.set(MOUNTS)
    places = [str(stage.outside / name) for name in ("one", "two", "stack", "cover/x", "bind")]
    rows = {row.source: row for place in places for row in mounts_at(host, place)}
    before = host.inventory()
    told = host.module("bpf_pin_info", path=[]).good()
    assert host.inventory() == before
    mounts = {mount["source"]: mount for mount in told["mounts"] if mount["path"] in places[:4]}
    expected = {
        "first": (0, "0750", "daemon", "adm", NONE, 5),
        "second": (
            1,
            "1777",
            "root",
            "root",
            {**NONE, "cmds": ["map_create", "prog_load"], "maps": ["hash"]},
            0,
        ),
        "upper": (2, "1777", "root", "root", NONE, 1),
    }
    for source, (place, mode, owner, group, delegate, pins) in expected.items():
        with subtests.test(source):
            assert mounts[source] == {
                "path": places[place],
                "source": source,
                "opts": sorted(rows[source].flags - {"rw"}),
                "mode": mode,
                "owner": owner,
                "group": group,
                "delegate": delegate,
                "pins": pins,
                "hidden": False,
            }
    with subtests.test("a part of one, mounted elsewhere"):
        (bound,) = (mount for mount in told["mounts"] if mount["path"] == places[4])
        assert (bound["source"], bound["pins"], bound["hidden"]) == ("first", 3, False)
        assert bound["mode"] == "0755"
    for source, place in (("lower", 2), ("covered", 3)):
        with subtests.test(f"one that is hidden: {source}"):
            assert mounts[source] == {
                "path": places[place],
                "source": source,
                "opts": sorted(rows[source].flags - {"rw"}),
                "hidden": True,
            }
    with subtests.test("a pin that is mounted over a file is no trouble"):
        assert told.warnings == []
    with subtests.test("none is left out"):
        script = "findmnt --kernel --list --noheadings --types bpf --output TARGET"
        listed = host.shell(script).splitlines()
        listed.remove(str(stage.outside / "file"))
        assert sorted(mount["path"] for mount in told["mounts"]) == sorted(listed)


def test_without_a_bpffs_there_is_nothing_but_a_warning(bare_host: Host) -> None:
    told = bare_host.module("bpf_pin_info").good()
    assert told["pins"] == told["missing"] == told["unreadable"] == []
    assert BPFFS not in [mount["path"] for mount in told["mounts"]]
    (warning,) = told.warnings
    assert f"{BPFFS} is not on bpffs" in warning


def test_what_is_told_of_inner_maps_declares_them(host: Host) -> None:
    """A devmap has a flag that the kernel sets by itself, a trie one that it cannot do without."""
    kinds = {"devmap": 14, "lpm_trie": 11, "array": 2}
    for name, number in kinds.items():
        flags = int(name == "lpm_trie")
        sizes = {"key_size": 8 if flags else 4, "value_size": 4}
        host.make_pin(f"{BPFFS}/{name}", type=number, flags=flags, **sizes)
        for outer in (12, 13):
            path = f"{BPFFS}/{outer}_{name}"
            host.make_pin(path, type=outer, key_size=4, value_size=4, inner=f"{BPFFS}/{name}")
            words = f"map update pinned {path} key 0 0 0 0 value pinned {BPFFS}/{name}"
            host.run("bpftool", *words.split())
    told = host.module("bpf_pin_info").good()["pins"]
    fields = (*SHAPE, "inner_map")
    maps = [
        {"path": pin["path"], **{each: pin["map"][each] for each in fields if each in pin["map"]}}
        for pin in told
    ]
    assert len([item for item in maps if "inner_map" in item]) == 6
    again = host.module("bpf_map_pinned", check=True, maps=maps).good()
    assert not again.changed
    assert again["counts"]["unchanged"] == len(maps) == 9
