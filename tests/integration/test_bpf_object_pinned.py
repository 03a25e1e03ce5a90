# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_object_pinned: what is in the kernel gets a name, and keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from absence_table import holdings, inventory_task, taken
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.samples import STAGING
from harness.site import ADM_GROUP, DAEMON
from harness.together import at_once
from object_table import FROM, There, program

AT_ONCE = 4


def _checked_and_done(host: Host, **words: Any) -> Result:
    """Of a check run that changes nothing, a run that does the same, and one without a change."""
    before = host.inventory()
    predicted, seen, done, again = host.playbook(
        [
            task("bpf_object_pinned", check=True, diff=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_object_pinned", diff=True, **words),
            task("bpf_object_pinned", diff=True, **words),
        ]
    )
    assert taken(seen) == before
    for key in ("changed", "objects", "counts", "directories", "leftovers", "diff"):
        assert done.good()[key] == predicted.good()[key], key
    assert done.warnings == predicted.warnings
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


# Owner, group and mode


@pytest.mark.every_python
def test_owner_group_and_mode_are_as_declared_or_as_they_were(host: Host, there: There) -> None:
    """In a directory where another run was killed: what that left is cleared away."""
    left = f"{BPFFS}/d/{STAGING}"
    mine = {"owner": "daemon", "group": "adm", "mode": "0640"}
    host.shell(
        f"cd {BPFFS}; mkdir d; mkdir -m 0700 {left}; bpftool map pin pinned {FROM}/map {left}/new\n"
        f"bpftool map pin pinned {FROM}/map d/kept; chown 0:3 d/kept; chmod 0606 d/kept\n"
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
        "kept": ("0606", 0, 3, 1),
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
            program(host, path, "old")
        else:
            host.load("linked", BPFFS, f"{BPFFS}/old_prog", path)
            host.run("rm", f"{BPFFS}/old_prog")
    host.run("chmod", "0711", BPFFS)
    host.shell(f"cd {BPFFS}; chown :adm *_by_*; chmod 0640 *_by_*; chmod 0600 map_by_map")
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
            assert access == [bits, 0, ADM_GROUP, 1]
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


def test_of_many_runs_at_once_one_pins_it_and_all_succeed(host: Host, there: There) -> None:
    host.make_pin(f"{BPFFS}/outdated")
    prog, link = {"prog_id": there.ids["prog"]}, {"source": f"{FROM}/link"}
    objects = [
        {"name": "plain", **prog},
        {"name": "with_access", "mode": "0640", "group": "adm", **link},
        {"name": "outdated", "on_mismatch": "replace", **prog},
        {"name": "deep", "directory": f"{BPFFS}/new/folder", **link},
    ]
    results = at_once(host, AT_ONCE, "bpf_object_pinned", objects=objects)
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
