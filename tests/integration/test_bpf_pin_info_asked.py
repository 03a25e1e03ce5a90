# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_info: each way to ask, and what is answered. Nothing is changed by looking."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from absence_table import Stage
from harness.host import BPFFS, Host
from harness.playbook import Result, task


@dataclass(frozen=True)
class Question:
    """One row. $P is a directory in the bpffs, $O one outside; all rows ask about one world."""

    name: str
    asked: Mapping[str, Any]
    pins: Sequence[str] = ()  # in this order
    missing: Sequence[str] = ()
    others: Mapping[str, str] = field(default_factory=dict)  # path: what it is
    unreadable: Mapping[str, str] = field(default_factory=dict)  # path: words of the reason
    warns: Sequence[str] = ()


WORLD = f"""
pin {BPFFS}/top
mkdir -p $P/app/dir/deep $P/app/mount
pin $P/app/flows; attached $P/app/prog $P/app/link
pin $P/app/dir/deep/map; pin $P/app/dir/a; pin $P/app/z
ln -s flows $P/app/symlink; ln -s /no/where $P/app/dangling
mount -t bpf bpf $P/app/mount; pin $P/app/mount/elsewhere
mkdir $O/folder; touch $O/file $O/folder/file; ln -s $P/app $O/way_in
"""
NO_PINS = {
    "$P/app/dangling": "a symlink to /no/where",
    "$P/app/mount": "a mount point",
    "$P/app/symlink": "a symlink to flows",
}
ALL = ["dir/a", "dir/deep/map", "flows", "link", "prog", "z"]
APP = [f"$P/app/{name}" for name in ALL]
WITH_DIR = {**NO_PINS, "$P/app/dir": "a directory"}
QUESTIONS = [
    Question("nothing is asked", {}, [f"{BPFFS}/top"], others={"$P": "a directory"}),
    Question("a directory", {"directory": "$P/app"}, APP[2:], others=WITH_DIR),
    Question(
        "a directory, with recurse and needless slashes",
        {"directory": "/$P//app/", "recurse": True, "type": "any"},
        APP,
        others=NO_PINS,
    ),
    Question("only maps", {"directory": "$P/app", "type": "map"}, [APP[2], APP[5]], (), WITH_DIR),
    Question(
        "the mount in the mount",
        {"directory": "$P/app/mount", "recurse": True},
        ["$P/app/mount/elsewhere"],
    ),
    Question(
        "paths, in their order, each once",
        {
            "path": [
                *("$P/app/z", "$P/app/symlink", "$P/none", "$P/app/flows", "$P/app/dir"),
                *("$P/app//z/", "$P/none", "$P/none/x/y", "$P/no.such", "$P/no.d/x", "$O/none/x"),
            ]
        },
        ["$P/app/z", "$P/app/flows"],
        ["$P/none", "$P/none/x/y", "$P/no.such", "$P/no.d/x", "$O/none/x"],
        {"$P/app/symlink": "a symlink to flows", "$P/app/dir": "a directory"},
    ),
    Question(
        "paths with recurse, and only links",
        {"path": ["$P/app/dir", "$P/app/link", "$P/app/prog"], "recurse": True, "type": "link"},
        ["$P/app/link"],
    ),
    Question(
        "paths with recurse",
        {"path": ["$P/app/z", "$P/app/dir"], "recurse": True},
        ["$P/app/z", "$P/app/dir/a", "$P/app/dir/deep/map"],
    ),
    Question(
        "what cannot be looked at, and what is elsewhere, besides a pin",
        {
            "path": [
                *("$P/app/z/x", "$O/way_in/flows", "$P/app/flows", "$P/" + "x" * 256),
                *("$O/file", "$O/folder", "$O/way_in", "$P/app/mount", BPFFS),
            ]
        },
        ["$P/app/flows"],
        others={
            "$O/file": "a file that holds no BPF object",
            "$O/folder": "a directory",
            "$O/way_in": "a symlink to $P/app",
            "$P/app/mount": "a mount point",
            BPFFS: "a mount point",
        },
        unreadable={
            "$P/app/z/x": "$P/app/z is not a directory",
            "$O/way_in/flows": "$O/way_in is a symlink to $P/app",
            "$P/" + "x" * 256: "255 bytes",
        },
    ),
    Question("a directory that is nowhere", {"directory": "$P/none/x"}, missing=["$P/none/x"]),
    Question(
        "a directory elsewhere",
        {"directory": "$O/folder"},
        warns=["$O/folder is not on bpffs but on", "ebpf.pinning.bpffs_mount"],
    ),
    Question(
        "a pin for a directory",
        {"directory": "$P/app/z"},
        unreadable={"$P/app/z": "is not a directory"},
    ),
    Question(
        "a symlink for a directory",
        {"directory": "$O/way_in"},
        unreadable={"$O/way_in": "is a symlink to $P/app, and symlinks are never followed"},
    ),
    Question("the root", {"path": ["/"]}, others={"/": "a mount point"}),
    Question(
        "a directory elsewhere as a path, with recurse",
        {"path": ["$O/folder"], "recurse": True},
        warns=["$O/folder is not on bpffs but on"],
    ),
]
REFUSED = {
    "a path that goes up": ({"path": ["$P/app/../top", "flows"]}, "'$P/app/../top' contains"),
    "both": ({"path": ["$P/top"], "directory": "$P"}, "mutually exclusive"),
}


def test_a_question_is_answered_and_nothing_touched(host: Host, subtests: pytest.Subtests) -> None:
    stage = Stage(host, 0)
    stage.set(WORLD)
    rows = {row.name: row.asked for row in QUESTIONS}
    rows.update((name, asked) for name, (asked, _words) in REFUSED.items())
    said = {name: json.loads(stage.say(json.dumps(dict(asked)))) for name, asked in rows.items()}
    tasks = [task("bpf_pin_info", label=name, **asked) for name, asked in said.items()]
    before = host.inventory()
    run = host.playbook(tasks)
    with subtests.test("nothing was touched"):
        assert host.inventory() == before
    for row in QUESTIONS:
        with subtests.test(row.name):
            _assert_answered(stage, row, run[row.name].good())
    for name, (_asked, words) in REFUSED.items():
        with subtests.test(name):
            assert run[name].failed
            assert stage.say(words) in run[name].msg


def _assert_answered(stage: Stage, row: Question, told: Result) -> None:
    assert not told.changed
    assert [pin["path"] for pin in told["pins"]] == [stage.say(path) for path in row.pins]
    assert told["missing"] == [stage.say(path) for path in row.missing]
    others = {each["path"]: each["what"] for each in told["others"]}
    assert others == {stage.say(path): stage.say(what) for path, what in row.others.items()}
    reasons = {each["path"]: each["reason"] for each in told["unreadable"]}
    assert list(reasons) == [stage.say(path) for path in row.unreadable]
    for path, words in row.unreadable.items():
        assert stage.say(words) in reasons[stage.say(path)]
    assert told["counts"]["unreadable"] == len(reasons)
    assert sum(told["counts"].values()) == len(told["pins"]) + len(reasons)
    assert len(told.warnings) == bool(row.warns), told.warnings
    for words in row.warns:
        assert stage.say(words) in told.warnings[0]


# What cannot be seen in a name is spelled, and so are bytes that are no UTF-8.
NAMES = {
    "new\nline": "new\\nline",
    "größe_大小_🐝": "größe_大小_🐝",
    " -rf *": " -rf *",
    "quote'\"`$(id)": "quote'\"`$(id)",
    "tab\tand\u2028separator": "tab\\tand\\u2028separator",
    "\udcff\udcfe": "\\xff\\xfe",
    "half_\udce5\udca4": "half_\\xe5\\xa4",
    "x" * 255: "x" * 255,
}


def test_any_name_is_told(host: Host) -> None:
    ids = {told: host.make_pin(f"{BPFFS}/{name}") for name, told in NAMES.items()}
    host.run("mkdir", f"{BPFFS}/d\udcff")
    ids["d\\xff/m"] = host.make_pin(f"{BPFFS}/d\udcff/m")
    told = host.module("bpf_pin_info", recurse=True).good()
    assert {pin["path"].removeprefix(f"{BPFFS}/"): pin["id"] for pin in told["pins"]} == ids
    assert told["unreadable"] == told["others"] == []
