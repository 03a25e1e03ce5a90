# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bpf_restore: which files it writes and removes, and what is in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness.host import BPFFS, Host
from harness.samples import HASH
from restore_places import MANIFEST, MAPS, Place, actions, results, without_invocation
from restoring import Fields, capabilities_of_the_unit

# What a host goes through


@dataclass(frozen=True)
class Step:
    """A run after others; `files` are what it writes and removes, `names` the manifests then."""

    before: Sequence[Fields]
    run: Fields
    files: Fields
    names: Sequence[str]
    diff: Sequence[str] = ()  # in what changes in the manifest
    gone: bool = False  # and then there is no command


AGENT = {"maps": MAPS, "directory": f"{BPFFS}/agent", "mode": "0640"}
_ALL = {"core": "written", "lib/ebpf-pinning/ebpf-pinning": "written"}
_OTHER = "etc/restore.d/other.json"
_GONE = {"lib/ebpf-pinning/ebpf-pinning": "removed"}
OTHER = {"name": "other", "maps": MAPS[:1]}

STEPS = {
    "the first manifest brings the command": Step(
        [], AGENT, {**_ALL, MANIFEST: "written"}, ["agent.json"], ["flows", "0640"]
    ),
    "a manifest of nothing is one, too": Step(
        [], {}, {**_ALL, MANIFEST: "written"}, ["agent.json"]
    ),
    "another manifest is only that": Step(
        [AGENT], OTHER, {_OTHER: "written"}, ["agent.json", "other.json"], ["flows"]
    ),
    "a map is added": Step(
        [{"maps": MAPS[:1]}], {"maps": MAPS}, {MANIFEST: "written"}, ["agent.json"], ["counts"]
    ),
    "a map is removed": Step(
        [{"maps": MAPS}], {"maps": MAPS[:1]}, {MANIFEST: "written"}, ["agent.json"], ["counts"]
    ),
    "an option is changed": Step(
        [AGENT], {**AGENT, "mode": "0600"}, {MANIFEST: "written"}, ["agent.json"], ["0600"]
    ),
    "the interpreter is changed": Step(
        [AGENT],
        {**AGENT, "python": "/bin/sh"},
        {"lib/ebpf-pinning/ebpf-pinning": "written"},
        ["agent.json"],
    ),
    "one of two is switched off": Step(
        [AGENT, OTHER], {"state": "absent"}, {MANIFEST: "removed"}, ["other.json"], ["flows"]
    ),
    "the last one takes the command along": Step(
        [AGENT],
        {"state": "absent"},
        {MANIFEST: "removed", **_GONE},
        [],
        ["flows"],
        gone=True,
    ),
    "what never was is absent": Step([], {"state": "absent"}, {}, [], gone=True),
    "what never was is absent beside others": Step(
        [OTHER], {"state": "absent"}, {}, ["other.json"]
    ),
    "a policy does not count": Step(
        [{"maps": MAPS}],
        {"maps": [{**each, "on_mismatch": "migrate", "value_growth": "zero_pad"} for each in MAPS]},
        {},
        ["agent.json"],
    ),
    "the order of fields does not count": Step(
        [{"maps": MAPS}],
        {"maps": [dict(reversed(each.items())) for each in MAPS]},
        {},
        ["agent.json"],
    ),
}


def test_a_check_predicts_a_run_tells_and_a_rerun_finds_nothing(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / f"step_{number}") for number in range(len(STEPS))]
    for place in places:
        place.path.mkdir()
    steps = list(zip(STEPS.values(), places, strict=True))
    results(host, [[place.run(**each) for each in step.before] for step, place in steps])
    outside = [Place(Path(path)).picture() for path in ("/etc", "/usr/local/lib")]
    before = [place.picture() for place in places]
    predicted = results(host, [[place.run(check=True, **step.run)] for step, place in steps])
    checked = [place.picture() for place in places]
    made = results(host, [[place.run(**step.run)] for step, place in steps])
    after = [place.picture() for place in places]
    again = results(
        host,
        [[place.run(check=check, **step.run) for check in (False, True)] for step, place in steps],
    )
    at_last = [place.picture() for place in places]
    for number, (about, step) in enumerate(STEPS.items()):
        place, (result,) = places[number], made[number]
        with subtests.test(about):
            assert not result.get("failed"), result
            assert checked[number] == before[number]
            assert without_invocation(predicted[number][0]) == without_invocation(result)
            assert result["changed"] == bool(step.files)
            told = actions(result, place)
            cores = [name for name in told if "/core-" in name]
            assert {name: told[name] for name in told if name not in cores} == step.files
            assert [told[name] for name in cores] == (["removed"] if step.gone and told else [])
            assert result["manifests"] == step.names
            text = "".join(each["before"] + each["after"] for each in result["diff"])
            assert all(word in text for word in step.diff)
            assert bool(result["diff"]) == any("restore.d" in name for name in step.files)
            names = [path.name for path in place.manifests.glob("*")]
            assert sorted(names) == list(step.names)
            if step.gone:
                assert not list(place.library.glob("*"))
                assert result["sandbox"] is None
            for rerun in again[number]:
                assert (rerun["changed"], rerun["files"]) == (False, []), rerun
                assert rerun["diff"] == []
                assert rerun["manifests"] == step.names
            assert at_last[number] == after[number]
    with subtests.test("nothing else of the machine is touched"):
        assert outside == [Place(Path(path)).picture() for path in ("/etc", "/usr/local/lib")]


def test_switched_off_nothing_is_left(host: Host, tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    kept = place.library / "notes"
    results(host, [[place.run()]])
    leftover = place.manifests / "agent.json.new~"
    leftover.write_text("of a killed run")
    results(host, [[place.run(state="absent")]])
    assert [path for path in place.path.rglob("*") if not path.is_dir()] == []
    results(host, [[place.run()]])
    kept.write_text("of somebody else")
    results(host, [[place.run(state="absent")]])
    assert [path for path in place.path.rglob("*") if not path.is_dir()] == [kept]


# What is in the manifest

BTF = {"data": "", "key_type_id": "0", "value_type_id": "0"}
TYPED: list[tuple[Fields, Fields]] = [
    ({"max_entries": "16", "key_size": "4"}, {"max_entries": 16, "key_size": 4}),
    ({"frozen": "yes"}, {"frozen": True}),
    ({"frozen": "off"}, {"frozen": False}),
    ({"numa_node": "0"}, {"numa_node": 0}),
    ({"flags": "no_prealloc"}, {"flags": ["no_prealloc"]}),
    ({"flags": "no_prealloc,rdonly_prog"}, {"flags": ["no_prealloc", "rdonly_prog"]}),
    ({"owner": 0, "group": 4}, {"owner": "0", "group": "4"}),
    ({"directory": f"{BPFFS}/x", "mode": None}, {"directory": f"{BPFFS}/x"}),
    (
        {"type": "hash_of_maps", "value_size": 4, "inner_map": {**HASH, "max_entries": "9"}},
        {"type": "hash_of_maps", "value_size": 4, "inner_map": {**HASH, "max_entries": 9}},
    ),
]


def test_items_are_taken_as_bpf_map_pinned_takes_them(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(TYPED))]
    item = {"name": "flows", **HASH}
    made = results(
        host,
        [
            [place.run(maps=[{**item, **written}])]
            for place, (written, _read) in zip(places, TYPED, strict=True)
        ],
    )
    for place, (written, read), (result,) in zip(places, TYPED, made, strict=True):
        with subtests.test(str(written)):
            assert not result.get("failed"), result
            (found,) = json.loads((place.manifests / "agent.json").read_bytes())["maps"]
            assert found == {**item, **read}


# The same in both modules, and what it is to say.
REFUSED: list[tuple[Fields, str]] = [
    ({"mode": 416}, 'mode must be a quoted octal string such as "0640", not 416'),
    ({"maps": [{"name": "flows", **HASH, "mode": 416}]}, 'a quoted octal string such as "0640"'),
    ({"mode": "u=rw"}, "octal"),
    ({"mode": "4755"}, "0777"),
    ({"maps": [{"name": "flows", **HASH, "sort": "x"}]}, "sort"),
    ({"maps": [{"name": "flows", **HASH, "max_entries": "many"}]}, "max_entries"),
    ({"maps": [{"name": "flows", **HASH, "frozen": "perhaps"}]}, "frozen"),
    ({"maps": [{"name": "flows", **HASH, "on_mismatch": "maybe"}]}, "on_mismatch"),
    ({"maps": ["flows"]}, "dict"),
    ({"maps": [{"name": "a.b", **HASH}]}, "dot"),
    ({"maps": [{"name": "flows"}]}, "type is missing"),
    ({"maps": [{**HASH}]}, "neither name nor path"),
    ({"maps": [{"name": "flows", **HASH}] * 2}, "keep one"),
    ({"owner": "no-such-user"}, "create it first"),
    ({"maps": [{"name": "flows", **HASH, "group": "no-such-group"}]}, "create it first"),
    ({"directory": "sys/fs/bpf"}, "not absolute"),
    ({"maps": [{"name": "flows", **HASH, "type": "struct_ops"}]}, "struct_ops"),
]


def test_what_bpf_map_pinned_refuses_is_refused_alike(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    maps = {"maps": [{"name": "flows", **HASH}]}
    runs = []
    for fields, _words in REFUSED:
        run = place.run(**{**maps, **fields})
        model = {**run, "module": "bpf_map_pinned"}
        arguments = {"directory": BPFFS, **maps, **fields}
        special = {k: v for k, v in run["arguments"].items() if k.startswith("_")}
        model["arguments"] = {**arguments, **special}
        runs.append([run, model])
    before = place.picture()
    done = results(host, runs)
    assert place.picture() == before
    for (fields, words), (result, model) in zip(REFUSED, done, strict=True):
        with subtests.test(str(fields)):
            assert result["failed"], result
            assert model["failed"], model
            assert words in result["msg"]
            for line in model["msg"].splitlines():
                assert line.partition(": ")[2] in result["msg"], (model["msg"], result["msg"])


BAD_NAMES = ["", ".", "..", ".hidden", "a/b", "/etc/passwd", "x" * 201]
WRONG: dict[str, tuple[Fields, Sequence[str]]] = {
    **{f"the name {name[:9]!r}": ({"name": name}, ["name"]) for name in BAD_NAMES},
    "a python that is no program": ({"python": "/etc/passwd"}, ["/etc/passwd", "3.8"]),
    "a python that is a directory": ({"python": "/usr/bin"}, ["/usr/bin", "3.8"]),
    "a python without its path": ({"python": "python3"}, ["python3", "whole path"]),
    "a library without its path": ({"library": "lib"}, ["library", "not absolute"]),
    "manifests without their path": ({"manifests": "etc"}, ["manifests", "not absolute"]),
    "a mount without a path": ({"mounts": [{"mode": "0700"}]}, ["path", "mounts"]),
    "a mount with an unknown option": ({"mounts": [{"path": "/x", "force": True}]}, ["force"]),
    "a mount with an unknown flag": ({"mounts": [{"path": "/x", "opts": ["no"]}]}, ["'no'"]),
    "a state of another module": ({"state": "mounted"}, ["state"]),
}


def test_what_cannot_be_is_refused_and_nothing_is_written(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    place = Place(tmp_path / "place")
    place.path.mkdir()
    before = place.picture()
    runs = [
        [place.run(check=check, **fields) for check in (True, False)]
        for fields, _words in WRONG.values()
    ]
    for (about, (_fields, words)), both in zip(WRONG.items(), results(host, runs), strict=True):
        with subtests.test(about):
            for result in both:
                assert result["failed"], result
                assert not result.get("changed")
                assert all(word in result["msg"] for word in words), result["msg"]
            assert both[0]["msg"] == both[1]["msg"]
    assert place.picture() == before


def test_what_a_task_before_may_make_is_refused_but_in_a_check(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    missing: dict[str, tuple[Fields, Sequence[str]]] = {
        "a python": ({"python": "/no/python"}, ["/no/python", "3.8"]),
        "the user of a mount": ({"mounts": [{"path": "/x", "owner": "nosuch"}]}, ["nosuch"]),
    }
    place = Place(tmp_path / "place")
    place.path.mkdir()
    before = place.picture()
    runs = [
        [place.run(check=check, **fields) for check in (True, False)]
        for fields, _words in missing.values()
    ]
    for (about, (_fields, words)), both in zip(missing.items(), results(host, runs), strict=True):
        with subtests.test(about):
            check, real = both
            assert real["failed"], real
            assert not real.get("changed")
            assert all(word in real["msg"] for word in words), real["msg"]
            assert check["changed"], check
    assert place.picture() == before


def test_whoever_is_not_root_is_told_so(host: Host) -> None:
    refused = host.module("bpf_restore", name="agent", keywords=host.as_nobody())
    assert refused.failed
    assert "become: true" in refused.msg


# What the unit is to be allowed

SANDBOXES: dict[str, tuple[Fields, Fields]] = {
    "nothing": ({}, {"writable": [], "capabilities": []}),
    "the bpffs of the system": (
        {"maps": MAPS, "directory": f"{BPFFS}/agent/deep"},
        {"writable": [BPFFS], "capabilities": []},
    ),
    "a mount of its own": (
        {
            "mounts": [{"path": "/run/agent/bpffs"}],
            "maps": [{"path": "/run/agent/bpffs/a/b", **HASH}, *MAPS],
        },
        {"writable": ["/run/agent/bpffs", BPFFS], "capabilities": []},
    ),
    "a mount inside of another": (
        {
            "mounts": [{"path": f"{BPFFS}/inner"}],
            "maps": [{"path": f"{BPFFS}/inner/map", **HASH}, {"path": f"{BPFFS}/inner2", **HASH}],
        },
        {"writable": [BPFFS, f"{BPFFS}/inner"], "capabilities": []},
    ),
    "no mount yet": (
        {"maps": [{"path": "/run/later/map", **HASH}]},
        {"writable": ["/run/later"], "capabilities": []},
    ),
    "a map that needs more than CAP_BPF": (
        {"maps": [{"name": "map", **HASH, "flags": ["zero_seed"]}]},
        {"writable": [BPFFS], "capabilities": ["CAP_SYS_ADMIN"]},
    ),
    "an inner map that needs more than CAP_BPF": (
        {
            "maps": [
                {
                    "name": "map",
                    "type": "array_of_maps",
                    "max_entries": 2,
                    "inner_map": {**HASH, "flags": ["zero_seed"]},
                }
            ]
        },
        {"writable": [BPFFS], "capabilities": ["CAP_SYS_ADMIN"]},
    ),
    "the interfaces of the host": (
        {
            "maps": [
                {
                    "name": "map",
                    "type": "devmap",
                    "value_size": 4,
                    "max_entries": 2,
                    "entries": [{"key": 0, "value": "lo"}],
                }
            ]
        },
        {"writable": [BPFFS], "capabilities": [], "network": True},
    ),
}


def test_the_unit_is_to_be_allowed_what_these_maps_need(
    host: Host, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    places = [Place(tmp_path / str(number)) for number in range(len(SANDBOXES))]
    runs = [
        [place.run(**fields)]
        for place, (fields, _told) in zip(places, SANDBOXES.values(), strict=True)
    ]
    done = results(host, runs)
    for number, (about, (fields, told)) in enumerate(SANDBOXES.items()):
        with subtests.test(about):
            (result,) = done[number]
            nothing = {"network": False, "loads": False, "links": False, "interfaces": []}
            assert result["sandbox"] == {**nothing, **told}
            if "mounts" in fields or BPFFS not in told["writable"]:
                continue
            # The kernel agrees: with these it is restored.
            place = places[number]
            words = [str(place.starter), "restore", "--manifests", str(place.manifests)]
            host.shell(f"find {BPFFS} -name map -delete")
            host.run(*capabilities_of_the_unit(*told["capabilities"]), *words)
            if told["capabilities"]:
                host.shell(f"find {BPFFS} -name map -delete")
                done_without = host.run(*capabilities_of_the_unit(), *words, check=False)
                assert done_without.returncode == 1, "without them it cannot be"
