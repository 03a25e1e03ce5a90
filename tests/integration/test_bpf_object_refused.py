# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_object_pinned: what it refuses, what stops it in the middle, and what it says then."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.site import NOBODY
from object_table import FROM, There, program, unique

Fields = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """`given` is a shell script with `pin PATH`; $P is the path to be pinned, $F is FROM."""

    name: str
    declared: Mapping[str, Any]
    says: Sequence[str]
    given: str = ""


# At fault by themselves, whatever there is.
BAD_WORDS = [
    Refusal("no object", {}, ["exactly one of map_id, map_name", "source"]),
    Refusal("two objects", {"map_id": 1, "prog_tag": "0" * 16}, ["not map_id and prog_tag"]),
    Refusal("the id 0", {"map_id": 0}, ["map_id must be 1 to 4294967295, not 0"]),
    Refusal("an id below 0", {"link_id": -1}, ["link_id must be 1 to 4294967295, not -1"]),
    Refusal(
        "an id beyond all", {"prog_id": 2**32}, [f"prog_id must be 1 to {2**32 - 1}, not {2**32}"]
    ),
    Refusal("an empty name", {"prog_name": ""}, ["prog_name is empty", "bpftool"]),
    Refusal(
        "a tag in capitals",
        {"prog_tag": "A" * 16},
        ["must be 16 hexadecimal digits", f"not '{'A' * 16}'"],
    ),
    Refusal("a short tag", {"prog_tag": "0123"}, ["prog_tag must be 16", "not '0123'"]),
    Refusal("a relative source", {"source": "flows"}, ["source 'flows' is not absolute"]),
    Refusal("itself", {"source": "$P"}, ["source $P is the pin itself"]),
    Refusal("a dotted name", {"path": "$P.x", "map_id": 1}, ["contains a dot"]),
    Refusal("an unknown owner", {"map_id": 1, "owner": "no one"}, ["'no one' is not a user"]),
    Refusal(
        "a mode as a number",
        {"map_id": 1, "mode": 640},
        ['mode must be a quoted octal string such as "0640", not 640'],
    ),
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
        ["$P: the pin holds a map of type hash", "not a map", "on_mismatch: replace"],
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
    names = [unique() for _kind in ("map", "prog")]
    ids = [host.make_pin(f"{BPFFS}/same_{each}", name=names[0]) for each in "ab"]
    ids += [program(host, f"{BPFFS}/same_{each}", names[1], os.getpid()) for each in "cd"]
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
    refused, predicted, repaired = host.playbook(
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
    for result in (predicted.good(), repaired.good()):
        assert [each["action"] for each in result["objects"]] == [
            *("unchanged", "unchanged", "replaced", "created")
        ]
        assert result["leftovers"] == []
    new = {f"{BPFFS}/{name}" for name in ("one", "two", "four")}
    assert set(host.inventory()) - set(before) == new


def test_before_bpffs_is_mounted_check_mode_predicts_and_a_run_fails(bare_host: Host) -> None:
    host = bare_host
    elsewhere = host.scratch / "elsewhere"
    host.shell(f"mkdir {elsewhere}; mount -t bpf bpf {elsewhere}")
    words = {"name": "kept", "directory": f"{BPFFS}/agent", "source": f"{elsewhere}/map"}
    map_id = host.make_pin(f"{elsewhere}/map")
    predicted, refused, _mounted, done = host.playbook(
        [
            task("bpf_object_pinned", check=True, diff=True, **words),
            task("bpf_object_pinned", **words),
            task("ansible.builtin.command", argv=["mount", "-t", "bpf", "bpf", BPFFS]),
            task("bpf_object_pinned", diff=True, **words),
        ]
    )
    (warning,) = predicted.good().warnings
    assert refused.failed
    assert not refused.changed
    for text in (BPFFS, "not on bpffs", "ebpf.pinning.bpffs_mount"):
        assert text in warning
        assert text in refused.msg
    for key in ("objects", "counts", "directories", "diff"):
        assert done.good()[key] == predicted[key]
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
