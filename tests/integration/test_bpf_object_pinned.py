# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_object_pinned: what is in the kernel gets a name, and keeps it; all of a batch, or none."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from absence_table import holdings, inventory_task, taken
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.site import ADM_GROUP, DAEMON, NOBODY

Fields = dict[str, Any]
STAGING = "ebpf-pinning~staging"
FROM = f"{BPFFS}/loader"  # where others have pinned what there is
_numbers = count(1)


@dataclass(frozen=True)
class There:
    """Objects that no other test of this machine has: their names, and the tag of a program."""

    map_name: str
    prog_name: str
    prog_tag: str
    ids: Mapping[str, int]  # map, prog and link

    @property
    def references(self) -> Mapping[str, tuple[str, int | str]]:
        """Every option that names an object: what it holds, and the value."""
        return {
            "map_id": ("map", self.ids["map"]),
            "map_name": ("map", self.map_name),
            "prog_id": ("prog", self.ids["prog"]),
            "prog_name": ("prog", self.prog_name),
            "prog_tag": ("prog", self.prog_tag),
            "link_id": ("link", self.ids["link"]),
            "source": ("link", f"{FROM}/link"),
        }


def _unique() -> str:
    # Names and tags are known to the whole machine, where other tests may run: 15 characters.
    return f"t{os.getpid():x}_{next(_numbers)}"


def _program(host: Host, path: str, name: str, number: int | None = None) -> int:
    code = os.getpid() << 8 | next(_numbers) if number is None else number
    return int(host.run(host.site.program("program"), path, name, str(code)).stdout)


@pytest.fixture
def there(host: Host) -> There:
    """A map, a program and a link, pinned in FROM by others."""
    map_name, prog_name = _unique(), _unique()
    host.run("mkdir", FROM)
    map_id = host.make_pin(f"{FROM}/map", name=map_name)
    prog_id = _program(host, f"{FROM}/prog", prog_name)
    host.load("linked", FROM, f"{FROM}/attached", f"{FROM}/link")
    tag = host.bpftool("prog", "show", "id", str(prog_id))["tag"]
    link_id = host.bpftool("link", "show", "pinned", f"{FROM}/link")["id"]
    return There(map_name, prog_name, tag, {"map": map_id, "prog": prog_id, "link": link_id})


def _checked_and_done(host: Host, **words: Any) -> Result:
    """Of a check run that changes nothing, a run that does the same, and one without a change."""
    before = host.inventory()
    foreseen, seen, done, again = host.playbook(
        [
            task("bpf_object_pinned", check=True, diff=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_object_pinned", diff=True, **words),
            task("bpf_object_pinned", diff=True, **words),
        ]
    )
    assert taken(seen) == before
    for key in ("changed", "objects", "counts", "directories", "leftovers", "diff"):
        assert done.good()[key] == foreseen.good()[key], key
    assert done.warnings == foreseen.warnings
    assert not again.good().changed
    assert again["diff"] == []
    assert again["counts"]["unchanged"] == len(done["objects"])
    kept = [{**each, "action": "unchanged", "drift": []} for each in done["objects"]]
    assert again["objects"] == kept
    return done


@pytest.mark.every_python
def test_an_object_is_found_by_all_that_names_it(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    other, directory = host.scratch / "other", f"{BPFFS}/new/folder"
    host.shell(f"mkdir {other}; mount -t bpf bpf {other}")
    host.run("bpftool", "map", "pin", "pinned", f"{FROM}/map", f"{other}/map")
    references = there.references
    objects = [{"name": option, option: value} for option, (_kind, value) in references.items()]
    kinds = [kind for kind, _value in references.values()]
    # From a bpffs to another.
    objects += [
        {"path": f"{other}/deep/link", "source": f"{FROM}/link"},
        {"name": "from_elsewhere", "source": f"{other}/map"},
    ]
    kinds += ["link", "map"]
    done = _checked_and_done(host, directory=directory, objects=objects)
    held = holdings(host)
    paths = [each.get("path", f"{directory}/{each.get('name')}") for each in objects]
    for path, kind, outcome in zip(paths, kinds, done["objects"], strict=True):
        with subtests.test(path):
            assert held[path] == held[f"{FROM}/{kind}"]
            assert outcome == {
                "path": path,
                "name": path.rpartition("/")[2],
                "action": "created",
                "drift": [],
                "type": kind,
                "id": there.ids[kind],
                "object_name": held[path]["name"],
            }
    assert done.changed
    assert done.warnings == []
    assert done["directories"] == [f"{BPFFS}/new", directory, f"{other}/deep"]
    counts = {"created": len(objects), "adjusted": 0, "replaced": 0, "incompatible": 0}
    assert done["counts"] == {**counts, "unchanged": 0}
    headers = [each["before_header"].removesuffix(" (found)") for each in done["diff"]]
    assert headers == [*done["directories"], *paths]
    for each, kind in zip(done["diff"][3:], kinds, strict=True):
        assert each["before"] == ""
        assert f"id {there.ids[kind]}" in each["after"]


# Refusals. In a row, $F is FROM; the numbers are of the map, the program and the link there.


@dataclass(frozen=True)
class Refusal:
    """`given` is a shell script with `pin PATH`; $P is the path that is to be pinned."""

    name: str
    declared: Mapping[str, Any]
    says: Sequence[str]
    given: str = ""


# At fault by themselves, whatever there is.
BAD_WORDS = [
    Refusal("no object", {}, ["exactly one of map_id, map_name", "source"]),
    Refusal("two objects", {"map_id": 1, "prog_tag": "0" * 16}, ["not map_id and prog_tag"]),
    Refusal("the id 0", {"map_id": 0}, ["map_id 0 is no id", "begin at 1"]),
    Refusal("an id below 0", {"link_id": -1}, ["link_id -1 is no id"]),
    Refusal("an id beyond all", {"prog_id": 2**32}, [f"prog_id {2**32} is no id"]),
    Refusal("an empty name", {"prog_name": ""}, ["prog_name is empty", "bpftool"]),
    Refusal("a tag in capitals", {"prog_tag": "A" * 16}, ["no tag: 16 hexadecimal digits"]),
    Refusal("a short tag", {"prog_tag": "0123"}, ["'0123' is no tag"]),
    Refusal("a relative source", {"source": "flows"}, ["source 'flows' is not absolute"]),
    Refusal("itself", {"source": "$P"}, ["source $P is the pin itself"]),
    Refusal("a dotted name", {"path": "$P.x", "map_id": 1}, ["contains a dot"]),
    Refusal("an unknown owner", {"map_id": 1, "owner": "no one"}, ["'no one' is not a user"]),
    Refusal("a mode as a number", {"map_id": 1, "mode": 640}, ["mode 640 is no text"]),
]
# At fault because of what there is.
BAD_WORLD = [
    Refusal("an id that is nowhere", {"map_id": 2**32 - 1}, ["map_id 4294967295 is nowhere"]),
    Refusal("a link that is nowhere", {"link_id": 2**32 - 1}, ["link_id 4294967295 is nowhere"]),
    Refusal("a name that is nowhere", {"map_name": "no_such!"}, ["map_name no_such! is nowhere"]),
    Refusal(
        "a name that the kernel has cut",
        {"prog_name": "no_such_program!"},
        ["prog_name no_such_program! is nowhere", "keeps 15 characters", "give those"],
    ),
    Refusal("a tag that is nowhere", {"prog_tag": "0" * 16}, [f"prog_tag {'0' * 16} is nowhere"]),
    Refusal("a source that is nowhere", {"source": "$F/x/y"}, ["source $F/x/y does not exist"]),
    Refusal("a directory as source", {"source": "$F"}, ["source $F is a directory, not a pin"]),
    Refusal(
        "a symlink as source",
        {"source": "$P_link"},
        ["source $P_link is a symlink to $F/map, not a pin"],
        "ln -s $F/map $P_link",
    ),
    Refusal(
        "a symlink on the way to the source",
        {"source": "$P_link/map"},
        ["$P_link is a symlink to $F, and symlinks are never followed"],
        "ln -s $F $P_link",
    ),
    Refusal("a file as source", {"source": "/etc/passwd"}, ["a file that holds no BPF object"]),
    Refusal("a source that is below a pin", {"source": "$F/map/x"}, ["$F/map is not a directory"]),
    Refusal(
        "another map there",
        {"source": "$F/map"},
        ["$P: the pin holds a map of type hash", "is to hold a map", "on_mismatch: replace"],
        "pin $P",
    ),
    Refusal(
        "a map where a link is to be",
        {"source": "$F/link", "on_mismatch": "fail"},
        ["$P: the pin holds a map of type hash", "a link of type raw_tracepoint"],
        "pin $P",
    ),
    Refusal(
        "a directory there",
        {"source": "$F/map", "on_mismatch": "replace"},
        ["$P: the name is taken by a directory, and only pins are replaced"],
        "mkdir $P",
    ),
    Refusal(
        "a symlink there, though it leads to the object",
        {"source": "$F/map", "on_mismatch": "replace"},
        ["$P: the name is taken by a symlink to $F/map"],
        "ln -s $F/map $P",
    ),
    Refusal("a directory with a dot", {"path": "$P.d/x", "source": "$F/map"}, ["contains a dot"]),
]


def test_one_bad_item_changes_nothing_and_all_are_told(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    rows = [*BAD_WORDS, *BAD_WORLD]
    paths = {row.name: f"{BPFFS}/{number}" for number, row in enumerate(rows)}
    names = [_unique() for _kind in ("map", "prog")]
    ids = [host.make_pin(f"{BPFFS}/same_{each}", name=names[0]) for each in "ab"]
    ids += [_program(host, f"{BPFFS}/same_{each}", names[1], os.getpid()) for each in "cd"]
    tag = host.bpftool("prog", "show", "id", str(ids[2]))["tag"]
    ambiguous = [("map_name", names[0], ids[:2]), ("prog_name", names[1], ids[2:])]
    ambiguous.append(("prog_tag", tag, ids[2:]))
    make = f'pin() {{ {host.site.program("make")} "$@" >/dev/null; }}; F={FROM}; '
    for row in rows:
        host.shell(make + _said(row.given, paths[row.name]))
    good = {"path": f"{BPFFS}/made/good", "map_id": there.ids["map"]}
    adjusted = {"path": f"{FROM}/map", "map_id": there.ids["map"], "mode": "0640"}
    words, world = (
        [
            good,
            adjusted,
            *({"path": paths[row.name], **_filled(row, paths[row.name])} for row in part),
        ]
        for part in (BAD_WORDS, BAD_WORLD)
    )
    world += [{"path": f"{BPFFS}/by_{option}", option: value} for option, value, _ids in ambiguous]
    before = host.inventory()
    run = host.playbook(
        [
            task("bpf_object_pinned", check=check, objects=objects)
            for objects in (words, world)
            for check in (True, False)
        ]
    )
    assert host.inventory() == before
    for number, part in ((0, BAD_WORDS), (2, BAD_WORLD)):
        for result in run.results[number : number + 2]:
            assert result.failed
            assert not result.changed
            assert result.msg == run[number].msg
        for row in part:
            with subtests.test(row.name):
                for says in row.says:
                    assert _said(says, paths[row.name]) in run[number].msg
    for option, value, matches in ambiguous:
        with subtests.test(f"ambiguous: {option}"):
            (line,) = (
                line for line in run[2].msg.splitlines() if line.startswith(f"{BPFFS}/by_{option}:")
            )
            assert f"{option} {value} is 2 objects: " in line
            assert re.findall(r"\(id (\d+)\)", line) == list(map(str, matches))
            assert "Give the id of the one that is meant" in line
    with subtests.test("item by item"):
        outcomes = {each["path"]: each for each in run[3]["objects"]}
        assert [outcomes[each["path"]]["action"] for each in (good, adjusted)] == [
            "created",
            "adjusted",
        ]
        assert len(outcomes) == len(world)
        assert run[3]["counts"]["incompatible"] == len(world) - 3  # nor that with a dot
        taken = outcomes[paths["another map there"]]
        (drift,) = taken["drift"]
        assert drift["field"] == "object"
        assert f"(id {there.ids['map']})" in drift["want"]
        assert f"(id {before[taken['path']]['object']['id']})" in drift["have"]
        assert run[3]["directories"] == []


def _said(text: str, path: str) -> str:
    return text.replace("$P", path).replace("$F", FROM)


def _filled(row: Refusal, path: str) -> Fields:
    return {
        key: _said(value, path) if isinstance(value, str) else value
        for key, value in row.declared.items()
    }


def test_a_place_that_cannot_be_is_refused(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    read_only = host.scratch / "read_only"
    host.shell(f"mkdir {read_only}; mount -t bpf bpf {read_only} -o ro; ln -s {FROM} {BPFFS}/way")
    # Those that cannot be reached are told before those where nothing can be made.
    rows = [
        (f"{BPFFS}/way/a", [f"{BPFFS}/way is a symlink to {FROM}", "declare the real path"]),
        (f"{FROM}/prog/a", [f"{FROM}/prog is not a directory"]),
        (f"{read_only}/a", [f"{read_only} is on a bpffs that is mounted read-only", "opts: [rw]"]),
        (f"{BPFFS}/none/a", [f"{BPFFS}/none does not exist", "parents: true"]),
    ]
    before = host.inventory()
    run = host.playbook(
        [
            task(
                "bpf_object_pinned",
                parents=False,
                objects=[{"path": path, "map_id": there.ids["map"]} for path, _says in part],
            )
            for part in (rows[:2], rows[2:])
        ]
    )
    assert host.inventory() == before
    for number, (path, says) in enumerate(rows):
        with subtests.test(path):
            result = run[number // 2]
            assert result.failed
            assert not result.changed
            for text in says:
                assert text in result.msg


# Owner, group and mode


@pytest.mark.every_python
def test_owner_group_and_mode_are_as_declared_or_as_they_were(host: Host, there: There) -> None:
    """In a directory where another run was killed: what that left is cleared away."""
    left = f"{BPFFS}/d/{STAGING}"
    mine = {"owner": "daemon", "group": "adm", "mode": "0640"}
    host.shell(
        f"cd {BPFFS}; mkdir d; mkdir -m 0700 {left}; bpftool map pin pinned {FROM}/map {left}/new\n"
        f"bpftool map pin pinned {FROM}/map d/kept; chown 2:3 d/kept; chmod 0606 d/kept\n"
        f"bpftool map pin pinned {FROM}/map d/drifted\n"
        f"bpftool prog pin id {there.ids['prog']} d/prog"
    )
    objects = [
        {"name": "new", "link_id": there.ids["link"], **mine},
        {"name": "kept", "map_id": there.ids["map"]},
        {"name": "drifted", "map_name": there.map_name, **mine},
        {"name": "prog", "source": f"{FROM}/prog", "mode": "0"},
        {"name": "plain", "prog_id": there.ids["prog"]},
    ]
    before = host.inventory()
    done = _checked_and_done(host, directory=f"{BPFFS}/d", objects=objects)
    after = host.inventory()
    access = {
        name: tuple(after[f"{BPFFS}/d/{name}"][key] for key in ("bits", "owner", "group", "links"))
        for name in ("new", "kept", "drifted", "prog", "plain")
    }
    assert access == {
        "new": ("0640", DAEMON, ADM_GROUP, 1),
        "kept": ("0606", 2, 3, 1),
        "drifted": ("0640", DAEMON, ADM_GROUP, 1),
        "prog": ("0000", 0, 0, 1),
        "plain": ("0600", 0, 0, 1),
    }
    assert [each["action"] for each in done["objects"]] == [
        *("created", "unchanged", "adjusted", "adjusted", "created")
    ]
    drift = [
        [(each["field"], each["want"], each["have"]) for each in outcome["drift"]]
        for outcome in done["objects"]
    ]
    assert drift[2] == [
        ("owner", "daemon", "root"),
        ("group", "adm", "root"),
        ("mode", "0640", "0600"),
    ]
    assert drift[3] == [("mode", "0000", "0600")]
    assert drift[0] == drift[1] == drift[4] == []
    assert done["leftovers"] == [left]
    assert left in done["diff"][0]["before_header"]
    assert "owner: daemon\ngroup: adm\n" in done["diff"][1]["after"]
    assert done["diff"][2]["before"] == 'owner: root\ngroup: root\nmode: "0600"\n'
    assert len(done["diff"]) == 5
    assert set(before) - set(after) == {left, f"{left}/new"}
    for name in ("kept", "drifted", "prog"):
        assert after[f"{BPFFS}/d/{name}"]["inode"] == before[f"{BPFFS}/d/{name}"]["inode"]


# Replacing

REPLACED = {
    # what is there, and what is to be there
    "map_by_prog": ("map", "prog"),
    "prog_by_prog": ("prog", "prog"),
    "prog_by_link": ("prog", "link"),
    "link_by_link": ("link", "link"),
    "link_by_map": ("link", "map"),
    "map_by_map": ("map", "map"),
}


def test_a_replacement_takes_the_name_at_once(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    for name, (old, _new) in REPLACED.items():
        path = f"{BPFFS}/{name}"
        if old == "map":
            host.make_pin(path)
        elif old == "prog":
            _program(host, path, "old")
        else:
            host.load("linked", BPFFS, f"{BPFFS}/old_prog", path)
            host.run("rm", f"{BPFFS}/old_prog")
    host.shell(f"cd {BPFFS}; chown 4242:adm *_by_*; chmod 0640 *_by_*; chmod 0600 map_by_map")
    objects = [
        {"name": name, f"{new}_id": there.ids[new]} for name, (_old, new) in REPLACED.items()
    ]
    objects[-1]["mode"] = "0604"
    held = holdings(host)
    before = host.inventory()
    refused = host.module("bpf_object_pinned", objects=objects)
    assert host.inventory() == before
    assert refused.failed
    assert refused["counts"]["incompatible"] == len(objects)
    done = _checked_and_done(host, on_mismatch="replace", objects=objects)
    after, now = host.inventory(), holdings(host)
    assert done["counts"]["replaced"] == len(objects)
    assert [path for path in after if STAGING in path] == []
    for number, (name, (old, new)) in enumerate(REPLACED.items()):
        with subtests.test(name):
            path = f"{BPFFS}/{name}"
            assert now[path] == held[f"{FROM}/{new}"]
            outcome = done["objects"][number]
            assert (outcome["type"], outcome["id"]) == (new, there.ids[new])
            drift = outcome["drift"][0]
            assert drift["field"] == "object"
            assert f"id {held[path]['id']}" in drift["have"]
            assert f"id {there.ids[new]}" in drift["want"]
            bits = "0604" if name == "map_by_map" else "0640"
            access = [after[path][key] for key in ("bits", "owner", "group", "links")]
            assert access == [bits, 4242, ADM_GROUP, 1]
            detached = [text for text in done.warnings if text.startswith(f"{path}: ")]
            assert len(detached) == (old == "link")


def test_a_reader_never_misses_the_name(host: Host, there: There) -> None:
    """It leads to a program, a map and a link in turn, while the pin is opened all the time."""
    path = f"{BPFFS}/busy"
    host.make_pin(path)
    ids = [there.ids["prog"], there.ids["map"], there.ids["link"]]
    turns = [{"prog_id": ids[0]}, {"map_id": ids[1]}, {"link_id": ids[2]}]
    # Whoever took the name away before would be seen: what gives it comes late.
    late = host.tampered("?link,?linkat,?rename,?renameat,?renameat2", "delay_enter=50000")
    with host.reading(path) as seen:
        run = host.playbook(
            [
                task("bpf_object_pinned", path=path, on_mismatch="replace", keywords=late, **turn)
                for turn in turns
            ]
        )
    assert [result.good()["counts"]["replaced"] for result in run] == [1] * len(turns)
    assert seen["misses"] == 0
    assert seen["ids"][1:] == ids


@pytest.mark.every_python
def test_a_batch_that_changes_places_loses_nothing(host: Host, subtests: pytest.Subtests) -> None:
    """What is to be pinned may have no other reference than a pin that the batch replaces."""
    ids = {name: host.make_pin(f"{BPFFS}/{name}") for name in ("a", "b", "live", "new")}
    wanted = {
        "two pins change places": {"a": ids["b"], "b": ids["a"]},
        "one moves up, and what was there gets another name": {
            "live": ids["new"],
            "previous": ids["live"],
        },
    }
    run = host.playbook(
        [
            task(
                "bpf_object_pinned",
                on_mismatch="replace",
                objects=[{"name": name, "map_id": each} for name, each in part.items()],
            )
            for part in wanted.values()
        ]
    )
    after = host.inventory()
    for result, (about, part) in zip(run, wanted.items(), strict=True):
        with subtests.test(about):
            pins = {name: after.get(f"{BPFFS}/{name}", {}).get("object", {}) for name in part}
            assert {name: pin.get("id") for name, pin in pins.items()} == part
            assert result.good()["counts"]["replaced"] == len(part.keys() & ids.keys())


# Others who are there, and trouble


AT_ONCE = 4


def test_of_many_runs_at_once_one_pins_it_and_all_succeed(host: Host, there: There) -> None:
    host.make_pin(f"{BPFFS}/outdated")
    prog, link = {"prog_id": there.ids["prog"]}, {"source": f"{FROM}/link"}
    objects = [
        {"name": "plain", **prog},
        {"name": "with_access", "mode": "0640", "group": "adm", **link},
        {"name": "outdated", "on_mismatch": "replace", **prog},
        {"name": "deep", "directory": f"{BPFFS}/new/folder", **link},
    ]
    # All modules start together, and dawdle at each call: all see the same before one acts.
    start, ready = host.scratch / "start", host.scratch / "ready"
    calls = "bpf,flock,?mkdir,?mkdirat,?link,?linkat,?rename,?renameat,?renameat2"
    options = f"-o /dev/null -e trace={calls} -e inject={calls}:delay_enter=20000"
    together = host.interpreter(
        f"echo >> {ready}; timeout 120 sh -c 'until [ -e {start} ]; do sleep 0.01; done'\n"
        f'exec strace -f --seccomp-bpf -qq {options} {host.site.python} "$@"'
    )
    play = host.play([task("bpf_object_pinned", objects=objects, keywords=together)])
    runs = [host.start(play) for _run in range(AT_ONCE)]
    try:
        while not ready.exists() or len(ready.read_text()) < AT_ONCE:
            assert all(run.started.goes_on for run in runs)
            time.sleep(0.05)
    finally:
        start.touch()
    results = [host.finish(run)[0].good() for run in runs]
    after, held = host.inventory(), holdings(host)
    assert [path for path in after if STAGING in path] == []
    for item, outcomes in zip(
        objects, zip(*(each["objects"] for each in results), strict=True), strict=True
    ):
        path = outcomes[0]["path"]
        actions = sorted(outcome["action"] for outcome in outcomes)
        change = "replaced" if item["name"] == "outdated" else "created"
        assert actions == [change] + ["unchanged"] * (AT_ONCE - 1), path
        assert held[path]["id"] == there.ids["prog" if "prog_id" in item else "link"]
        assert (after[path]["bits"], after[path]["links"]) == (item.get("mode", "0600"), 1)


def test_a_refusal_in_the_middle_is_told_item_by_item(host: Host, there: There) -> None:
    host.make_pin(f"{BPFFS}/old")
    objects = [
        {"name": "one", "map_id": there.ids["map"]},
        {"name": "two", "prog_id": there.ids["prog"], "mode": "0640"},
        {"name": "old", "link_id": there.ids["link"], "on_mismatch": "replace"},
        {"name": "four", "map_id": there.ids["map"]},
    ]
    before = host.inventory()
    refuse = host.tampered("?rename,?renameat,?renameat2", "error=ENOSPC:when=1")
    refused, foreseen, repaired = host.playbook(
        [
            task("bpf_object_pinned", keywords=refuse, objects=objects),
            task("bpf_object_pinned", check=True, objects=objects),
            task("bpf_object_pinned", objects=objects),
        ]
    )
    assert refused.failed
    assert refused.changed
    actions = [each["action"] for each in refused["objects"]]
    assert actions == ["created", "created", "failed", "not_done"]
    assert refused.msg.startswith(f"{BPFFS}/old: ")
    assert "ENOSPC" in refused["objects"][2]["error"]
    for text in ("2 created, 1 failed, 1 not done (see `objects`)", "run again to do the rest"):
        assert text in refused.msg
    for result in (foreseen.good(), repaired.good()):
        assert [each["action"] for each in result["objects"]] == [
            *("unchanged", "unchanged", "replaced", "created")
        ]
        assert result["leftovers"] == []
    new = {f"{BPFFS}/{name}" for name in ("one", "two", "four")}
    assert set(host.inventory()) - set(before) == new


def test_before_bpffs_is_mounted_check_mode_foresees_and_a_run_fails(bare_host: Host) -> None:
    host = bare_host
    elsewhere = host.scratch / "elsewhere"
    host.shell(f"mkdir {elsewhere}; mount -t bpf bpf {elsewhere}")
    words = {"name": "kept", "directory": f"{BPFFS}/agent", "source": f"{elsewhere}/map"}
    map_id = host.make_pin(f"{elsewhere}/map")
    foreseen, refused, _mounted, done = host.playbook(
        [
            task("bpf_object_pinned", check=True, diff=True, **words),
            task("bpf_object_pinned", **words),
            task("ansible.builtin.command", argv=["mount", "-t", "bpf", "bpf", BPFFS]),
            task("bpf_object_pinned", diff=True, **words),
        ]
    )
    (warning,) = foreseen.good().warnings
    assert refused.failed
    assert not refused.changed
    for text in (BPFFS, "not on bpffs", "ebpf.pinning.bpffs_mount"):
        assert text in warning
        assert text in refused.msg
    for key in ("objects", "counts", "directories", "diff"):
        assert done.good()[key] == foreseen[key]
    assert done["objects"][0]["id"] == map_id


def test_who_lacks_a_privilege_is_told_which(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    host.shell(f"mkdir {BPFFS}/mine; chown {NOBODY} {BPFFS}/mine; chmod 0444 {FROM}/map")
    references = {"map_id": there.ids["map"], "prog_name": there.prog_name}
    objects = [{"path": f"{BPFFS}/mine/{key}", key: each} for key, each in references.items()]
    before = host.inventory()
    refused = host.module("bpf_object_pinned", keywords=host.as_nobody(), objects=objects)
    assert host.inventory().keys() == before.keys()
    assert refused.failed
    assert not refused.changed
    lines = refused.msg.splitlines()
    for line, (option, value) in zip(lines, references.items(), strict=True):
        with subtests.test(option):
            assert line.startswith(f"{BPFFS}/mine/{option}: {option} {value}: ")
            assert "EPERM" in line
            assert "become: true" in line
            assert "CAP_SYS_ADMIN" in line
            assert "CAP_BPF" not in line  # it does not help (bpf_map_get_fd_by_id)
