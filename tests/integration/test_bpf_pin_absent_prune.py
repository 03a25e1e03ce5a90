# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_absent with `directory`: what is not declared goes, all else stays."""

from __future__ import annotations

import pytest
from absence_table import (
    Case,
    assert_all_refused,
    assert_only_gone,
    assert_told,
    holdings,
    inventory_task,
    set_all,
    taken,
    tasks_of,
)
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import STAGING

THREE = "pin $P/one; pin $P/two; pin $P/three"
TREE = "mkdir -p $P/d/e $P/f; pin $P/one; pin $P/d/one; pin $P/d/two; pin $P/d/e/one; pin $P/f/two"
KINDS = "pin $P/map; prog $P/alone; attached $P/prog $P/link"
PRUNES = [
    Case(
        "a name that is kept stays",
        THREE,
        {"directory": "$P", "keep": ["two", "none"]},
        removed=["$P/one", "$P/three"],
    ),
    Case(
        "a whole path that is kept stays",
        THREE,
        {"directory": "$P/", "keep": ["$P/two", "$P//three/"]},
        removed=["$P/one"],
    ),
    Case(
        "a whole path elsewhere keeps nothing",
        f"{THREE}; mkdir $P/d",
        {"directory": "$P", "keep": ["/two", f"{BPFFS}/one", "$P/d/three", "two"]},
        removed=["$P/one", "$P/three"],
        spared={"$P/d": "a directory"},
    ),
    Case(
        "keep does not take patterns, or parts of names, or another case",
        THREE,
        {"directory": "$P", "keep": ["t*", "On", "ONE"]},
        removed=["$P/one", "$P/three", "$P/two"],
    ),
    Case(
        "nothing is kept",
        THREE,
        {"directory": "$P", "keep": []},
        removed=["$P/one", "$P/three", "$P/two"],
    ),
    Case("all is kept", THREE, {"directory": "$P", "keep": ["one", "two", "three"]}),
    Case(
        "only what matches a pattern goes",
        f"{THREE}; pin $P/Two",
        {"directory": "$P", "patterns": ["t*", "[a-n]*", "tw?"]},
        removed=["$P/three", "$P/two"],
    ),
    Case(
        "keep goes before patterns",
        THREE,
        {"directory": "$P", "patterns": ["t*"], "keep": ["two"]},
        removed=["$P/three"],
    ),
    Case(
        "subdirectories stay as they are",
        TREE,
        {"directory": "$P", "keep": []},
        removed=["$P/one"],
        spared={"$P/d": "a directory, not a pin", "$P/f": "a directory, not a pin"},
    ),
    Case(
        "with recurse, subdirectories are pruned and stay",
        TREE,
        {"directory": "$P", "keep": ["d/one", "two", "one", "$P/d/e/one"], "recurse": True},
        removed=["$P/d/two", "$P/f/two"],
    ),
    Case(
        "with recurse, patterns are of the last component",
        TREE,
        {"directory": "$P", "patterns": ["on?", "d*"], "keep": ["d/e/one"], "recurse": True},
        removed=["$P/d/one", "$P/one"],
    ),
    Case(
        "a directory inside is pruned, and what is beside it not",
        f"{TREE}; ln -s $P/f $P/d/e/s; ln -s ../one $P/d/up",
        {"directory": "$P/d", "keep": [], "recurse": True},
        removed=["$P/d/e/one", "$P/d/one", "$P/d/two"],
        spared={"$P/d/e/s": "a symlink to $P/f, not a pin", "$P/d/up": "a symlink to ../one"},
    ),
    Case(
        "symlinks stay, and what they lead to",
        "mkdir $P/d $P/t; pin $P/d/pin; pin $P/t/pin; ln -s $P/t/pin $P/d/a; ln -s $P/t $P/d/b; "
        "touch $O/file; ln -s $O/file $P/d/c; ln -s nowhere $P/d/d; ln -s $O/file $P/d/kept",
        {"directory": "$P/d", "keep": ["kept"], "recurse": True},
        removed=["$P/d/pin"],
        spared={
            "$P/d/a": "a symlink to $P/t/pin, not a pin",
            "$P/d/b": "a symlink to $P/t, not a pin",
            "$P/d/c": "a symlink to $O/file, not a pin",
            "$P/d/d": "a symlink to nowhere, not a pin",
        },
    ),
    Case(
        "a mount point stays, and what is mounted there",
        "mkdir $P/m $P/n; mount -t bpf bpf $P/m; pin $P/m/pin; mount -t tmpfs t $P/n; pin $P/pin",
        {"directory": "$P", "keep": [], "recurse": True},
        removed=["$P/pin"],
        spared={"$P/m": "a mount point", "$P/n": "a mount point"},
    ),
    Case(
        "a directory of the same bpffs that is mounted in it, too, stays",
        "mkdir -p $P/d/m $P/e; pin $P/d/pin; pin $P/e/pin; mount --bind $P/e $P/d/m",
        {"directory": "$P/d", "keep": [], "recurse": True},
        removed=["$P/d/pin"],
        spared={"$P/d/m": "a mount point"},
    ),
    Case(
        "links stay",
        KINDS,
        {"directory": "$P", "keep": []},
        removed=["$P/alone", "$P/map", "$P/prog"],
        spared={"$P/link": "a link of type raw_tracepoint"},
    ),
    Case(
        "maps only",
        KINDS,
        {"directory": "$P", "keep": [], "type": "map"},
        removed=["$P/map"],
        spared={
            "$P/alone": "a program, on_rename of type raw_tracepoint",
            "$P/link": "a link of type raw_tracepoint",
            "$P/prog": "only type: map is pruned",
        },
    ),
    Case(
        "programs only",
        KINDS,
        {"directory": "$P", "keep": ["prog"], "type": "prog"},
        removed=["$P/alone"],
        spared={"$P/link": "only type: prog is pruned", "$P/map": "a map of type hash"},
    ),
    Case(
        "links only, when named",
        KINDS,
        {"directory": "$P", "patterns": ["*"], "type": "link"},
        removed=["$P/link"],
        spared={"$P/alone": "a program", "$P/map": "a map", "$P/prog": "only type: link"},
    ),
    Case("a missing directory is fine", "", {"directory": "$P/none", "keep": []}),
    Case("a missing parent is fine", "", {"directory": "$P/no/no.ne", "patterns": ["*"]}),
    Case("an empty directory outside is fine", "", {"directory": "$O", "keep": ["flows"]}),
    Case("an empty directory stays", "", {"directory": "$P", "keep": [], "recurse": True}),
    Case(
        "the root of a bpffs elsewhere, but not the kernel's own files",
        "mkdir $O/m; mount -t bpf bpf $O/m; pin $O/m/one; pin $O/m/two",
        {"directory": "$O/m", "keep": ["one"]},
        removed=["$O/m/two"],
    ),
    Case(
        "what a killed run left is not for this module",
        f"mkdir -m 700 $P/{STAGING}; pin $P/{STAGING}/flows; pin $P/pin",
        {"directory": "$P", "keep": [], "recurse": True},
        removed=["$P/pin"],
    ),
    Case(
        "names that a shell or a pattern would stumble over",
        'pin "$P/new\nline"; pin "$P/[a]"; pin "$P/größe 🐝"; pin $P/-rf; pin $P/a; pin $P/c:d',
        {"directory": "$P", "keep": ["new\nline", "[a]"]},
        removed=["$P/-rf", "$P/a", "$P/c:d", "$P/größe 🐝"],
    ),
]


@pytest.mark.every_python
def test_it_prunes(host: Host, subtests: pytest.Subtests) -> None:
    stages = set_all(host, PRUNES)
    outside = str(host.scratch / "outside")
    held, before = holdings(host), host.inventory()
    run = host.playbook(
        [
            *tasks_of(PRUNES, stages, check=True, every=2),
            inventory_task(host, "after the checks"),
            *tasks_of(PRUNES, stages),
        ]
    )
    with subtests.test("a check changes nothing"):
        assert taken(run["after the checks"]) == before
    for stage, case in zip(stages, PRUNES, strict=True):
        with subtests.test(case.name):
            assert_told(stage, case, run, held)
    with subtests.test("nothing else is touched"):
        gone = {
            stage.say(path)
            for stage, case in zip(stages, PRUNES, strict=True)
            for path in case.removed
        }
        elsewhere = {path for path in held if path.startswith(outside)}
        assert_only_gone(before, host.inventory(), gone - elsewhere)
        assert elsewhere & holdings(host).keys() == elsewhere - gone


REFUSALS = [
    Case("a directory alone", "pin $P/a", {"directory": "$P"}, ["keep", "patterns"]),
    Case(
        "the bpffs that all share",
        "pin $P/a",
        {"directory": BPFFS, "keep": []},
        [f"directory {BPFFS} is", "shared with all", "directory of your own", "prune_shared: true"],
    ),
    Case(
        "the bpffs that all share, written otherwise, by patterns",
        "pin $P/a",
        {"directory": "//sys/fs//bpf/", "patterns": ["case_*"], "recurse": True},
        [f"directory {BPFFS} is", "shared with all", "prune_shared: true"],
    ),
    Case(
        "the bpffs that all share, mounted elsewhere, too",
        f"pin $P/a; mkdir $O/m; mount --bind {BPFFS} $O/m",
        {"directory": "$O/m", "keep": []},
        [f"directory $O/m is {BPFFS}", "shared with all", "prune_shared: true"],
    ),
    Case(
        "no patterns",
        "pin $P/a",
        {"directory": "$P", "patterns": []},
        ["patterns is empty", "leave it out"],
    ),
    Case(
        "no patterns, besides keep",
        "pin $P/a",
        {"directory": "$P", "patterns": [], "keep": ["b"]},
        ["patterns is empty"],
    ),
    Case(
        "an empty name to keep",
        "pin $P/a",
        {"directory": "$P", "keep": ["a", "", "../b", "/"]},
        ["keep: '' cannot name", "keep: '../b' cannot name"],
    ),
    Case(
        "a directory outside",
        "touch $O/file",
        {"directory": "$O", "keep": [], "recurse": True},
        ["$O is not on bpffs", "ansible.builtin.file"],
    ),
    Case(
        "a directory above the bpffs",
        "pin $P/a",
        {"directory": "/sys/fs", "keep": [], "recurse": True},
        ["/sys/fs is not on bpffs"],
    ),
    Case("a file", "touch $O/file", {"directory": "$O/file", "keep": []}, ["$O/file is not a"]),
    Case("a pin", "pin $P/a", {"directory": "$P/a", "keep": []}, ["$P/a is not a directory"]),
    Case(
        "a symlink to a directory",
        "mkdir $P/d; pin $P/d/a; ln -s d $P/s",
        {"directory": "$P/s", "keep": []},
        ["$P/s is a symlink to d", "declare the real path"],
    ),
    Case(
        "a symlink in the middle of the path",
        "mkdir -p $P/d/e; pin $P/d/e/a; ln -s $P/d $O/s",
        {"directory": "$O/s/e", "keep": []},
        ["$O/s is a symlink to $P/d", "declare the real path"],
    ),
    Case("a relative directory", "", {"directory": "x", "keep": []}, ["'x' is not absolute"]),
    Case(
        "a directory that goes up",
        "mkdir $P/d; pin $P/a",
        {"directory": "$P/d/..", "keep": []},
        ["'$P/d/..'", "`..`"],
    ),
    Case(
        "a kept path that goes up",
        "pin $P/a",
        {"directory": "$P", "keep": ["$P/d/../a"]},
        ["keep '$P/d/../a'", "`..`"],
    ),
]


def test_it_refuses_with_nothing_touched(host: Host, subtests: pytest.Subtests) -> None:
    assert_all_refused(host, subtests, REFUSALS)


def test_the_shared_bpffs_is_pruned_when_told(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/d; ln -s pin {BPFFS}/s")
    for name in ("keep", "go", "d/pin"):
        host.make_pin(f"{BPFFS}/{name}")
    before = host.inventory()
    words = {"directory": BPFFS, "keep": ["keep"], "prune_shared": True}
    run = host.playbook(
        [
            task("bpf_pin_absent", check=True, **words),
            inventory_task(host, "after the check"),
            task("bpf_pin_absent", **words),
            task("bpf_pin_absent", **words),
        ]
    )
    assert taken(run["after the check"]) == before
    spared = {f"{BPFFS}/d": "a directory, not a pin", f"{BPFFS}/s": "a symlink to pin, not a pin"}
    for result in (run[0].good(), run[2].good(), run[3].good()):
        assert {each["path"]: each["reason"] for each in result["spared"]} == spared
    for result in (run[0], run[2]):
        assert [pin["path"] for pin in result["pins"]] == [f"{BPFFS}/go"]
    assert not run[3].changed
    assert f"{BPFFS}/maps.debug" in before
    assert_only_gone(before, host.inventory(), {f"{BPFFS}/go"})


@pytest.mark.every_python
def test_a_name_that_is_no_text_is_pruned_and_told(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/app")
    host.make_pin(f"{BPFFS}/app/stays")
    host.make_pin(f"{BPFFS}/app/goes")
    host.shell(f"mv {BPFFS}/app/goes \"$(printf '{BPFFS}/app/a\\377b')\"")
    result = host.module("bpf_pin_absent", directory=f"{BPFFS}/app", keep=["stays"], diff=True)
    assert [pin["path"] for pin in result.good()["pins"]] == [f"{BPFFS}/app/a\\xffb"]
    assert host.shell(f"ls {BPFFS}/app") == "stays\n"
