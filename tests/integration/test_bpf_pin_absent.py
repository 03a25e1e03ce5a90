# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_absent with `path`: what goes, what is told of it, what is refused."""

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

RECURSE = {"recurse": True}
ODD_NAMES = [
    "with spaces in it",
    "new\nline",
    "tab\tand\u2028separator",
    "größe_大小_🐝",
    "colon:and#hash~tilde",
    "*",
    "[a-z]?",
    "-rf",
    "'single'",
    "x" * 255,
]
REMOVALS = [
    Case("a map", "pin $P/map", {"path": ["$P/map"]}, removed=["$P/map"]),
    Case("a program", "prog $P/prog", {"path": ["$P/prog"]}, removed=["$P/prog"]),
    Case(
        "a link, whose program is pinned too",
        "attached $P/prog $P/link",
        {"path": ["$P/link"]},
        removed=["$P/link"],
    ),
    Case(
        "a program that a link holds",
        "attached $P/prog $P/link",
        {"path": ["$P/prog"]},
        removed=["$P/prog"],
    ),
    Case(
        "all three, in the order of the list",
        "pin $P/map; attached $P/prog $P/link",
        {"path": ["$P/prog", "$P/map", "$P/link"]},
        removed=["$P/prog", "$P/map", "$P/link"],
    ),
    Case(
        "a map that the guard allows",
        "pin $P/map; prog $P/prog",
        {"path": ["$P/map"], "type": "map"},
        removed=["$P/map"],
    ),
    Case(
        "a program that the guard allows",
        "pin $P/map; prog $P/prog",
        {"path": ["$P/prog"], "type": "prog"},
        removed=["$P/prog"],
    ),
    Case(
        "a link that the guard allows",
        "attached $P/prog $P/link",
        {"path": ["$P/link"], "type": "link"},
        removed=["$P/link"],
    ),
    Case(
        "one of two names of a pin",
        "pin $P/one; ln $P/one $P/two",
        {"path": ["$P/one"]},
        removed=["$P/one"],
    ),
    Case(
        "both names of a pin",
        "pin $P/one; ln $P/one $P/two",
        {"path": ["$P/one", "$P/two"]},
        removed=["$P/one", "$P/two"],
    ),
    Case(
        "one of two pins of a map",
        "pin $P/one; bpftool map pin pinned $P/one $P/two",
        {"path": ["$P/two"]},
        removed=["$P/two"],
    ),
    Case(
        "missing ones",
        "",
        {"path": ["$P/missing", "$P/missing/parent/too", "$P/no.such", "$P/no.d/x", "$O/none/x"]},
        missing=["$P/missing", "$P/missing/parent/too", "$P/no.such", "$P/no.d/x", "$O/none/x"],
    ),
    Case(
        "missing ones, with a guard and with recurse",
        "",
        {"path": ["$P/missing", "$O/missing"], "type": "map", **RECURSE},
        missing=["$P/missing", "$O/missing"],
    ),
    Case("an empty list", "pin $P/map", {"path": []}),
    Case(
        "one that is there, between missing ones",
        "pin $P/here",
        {"path": ["$P/a", "$P/here", "$P/z"]},
        removed=["$P/here"],
        missing=["$P/a", "$P/z"],
    ),
    Case(
        "the same one again and again",
        "pin $P/map",
        {"path": ["$P/map", "$P/map", "$P//map/", "$P/none", "$P/none"]},
        removed=["$P/map"],
        missing=["$P/none"],
    ),
    Case(
        "names that a shell would stumble over",
        "\n".join(f'pin "$P/{name}"' for name in ODD_NAMES),
        {"path": [f"$P/{name}" for name in ODD_NAMES]},
        removed=[f"$P/{name}" for name in ODD_NAMES],
    ),
    Case(
        "nothing that is only called alike",
        "pin $P/map; pin $P/map_1; pin $P/mapp; pin $P/ma; mkdir $P/d; pin $P/d/map",
        {"path": ["$P/map"], **RECURSE},
        removed=["$P/map"],
    ),
    Case(
        "a directory with all pins in it",
        "mkdir -p $P/d/a/b $P/d/empty; pin $P/d/z; pin $P/d/a/y; pin $P/d/a/b/x; prog $P/d/prog",
        {"path": ["$P/d"], **RECURSE},
        removed=["$P/d/a/b/x", "$P/d/a/y", "$P/d/prog", "$P/d/z"],
        directories=["$P/d/a/b", "$P/d/a", "$P/d/empty", "$P/d"],
    ),
    Case(
        "a directory in which a run was killed",
        f"mkdir -p -m 700 $P/d/{STAGING}; pin $P/d/pin; pin $P/d/{STAGING}/new",
        {"path": ["$P/d"], **RECURSE},
        removed=[f"$P/d/{STAGING}/new", "$P/d/pin"],
        directories=[f"$P/d/{STAGING}", "$P/d"],
    ),
    Case(
        "an empty directory",
        "mkdir $P/d",
        {"path": ["$P/d"], **RECURSE, "type": "map"},
        directories=["$P/d"],
    ),
    Case(
        "a directory that is named besides what is in it",
        "mkdir -p $P/d/e; pin $P/d/e/pin; pin $P/other",
        {"path": ["$P/d/e/pin", "$P/d", "$P/d/e", "$P/other"], **RECURSE},
        removed=["$P/d/e/pin", "$P/other"],
        directories=["$P/d/e", "$P/d"],
    ),
]


@pytest.mark.every_python
def test_it_removes(host: Host, subtests: pytest.Subtests) -> None:
    stages = set_all(host, REMOVALS)
    held, before = holdings(host), host.inventory()
    run = host.playbook(
        [
            *tasks_of(REMOVALS, stages, check=True, every=2),
            inventory_task(host, "after the checks"),
            *tasks_of(REMOVALS, stages),
            task("bpf_pin_absent", label="again", **stages[0].arguments(REMOVALS[0])),
        ]
    )
    with subtests.test("a check changes nothing"):
        assert taken(run["after the checks"]) == before
    for stage, case in zip(stages, REMOVALS, strict=True):
        with subtests.test(case.name):
            assert_told(stage, case, run, held)
    with subtests.test("nothing else is touched"):
        gone = {
            stage.say(path)
            for stage, case in zip(stages, REMOVALS, strict=True)
            for path in [*case.removed, *case.directories]
        }
        assert_only_gone(before, host.inventory(), gone)
    with subtests.test("a second run changes nothing"):
        assert not run["again"].good().changed
        assert run["again"]["counts"] == {"removed": 0, "missing": 1, "spared": 0}


REFUSALS = [
    Case(
        "a program late in the list, when only maps may go",
        "pin $P/one; pin $P/two; prog $P/prog",
        {"path": ["$P/one", "$P/two", "$P/prog"], "type": "map"},
        ["$P/prog holds a program, on_rename of type raw_tracepoint", "type: map", "type: prog"],
    ),
    Case(
        "all that the guard forbids are told at once",
        "pin $P/map; attached $P/prog $P/link",
        {"path": ["$P/map", "$P/prog", "$P/link"], "type": "prog"},
        ["$P/map holds a map of type hash", "$P/link holds a link of type raw_tracepoint"],
    ),
    Case(
        "a map deep in a directory, when only links may go",
        "mkdir -p $P/d/e; attached $P/prog $P/d/link; pin $P/d/e/map",
        {"path": ["$P/d"], "type": "link", **RECURSE},
        ["$P/d/e/map holds a map", "type: link"],
    ),
    Case(
        "a directory without recurse, besides a pin",
        "pin $P/pin; mkdir $P/d; pin $P/d/pin",
        {"path": ["$P/pin", "$P/d"]},
        ["$P/d is a directory", "recurse: true"],
    ),
    Case(
        "an empty directory without recurse",
        "mkdir $P/d",
        {"path": ["$P/d"], "type": "map"},
        ["$P/d is a directory", "recurse: true"],
    ),
    Case(
        "a symlink in a directory",
        "mkdir $P/d $P/e; pin $P/d/a; pin $P/e/target; ln -s $P/e/target $P/d/b; pin $P/d/c",
        {"path": ["$P/d"], **RECURSE},
        ["$P/d/b is a symlink to $P/e/target, not a pin", "nothing was removed"],
    ),
    Case(
        "a symlink to a directory, deep in a directory",
        "mkdir -p $P/d/e $P/t; pin $P/d/a; pin $P/t/target; ln -s $P/t $P/d/e/s",
        {"path": ["$P/d"], **RECURSE},
        ["$P/d/e/s is a symlink to $P/t, not a pin"],
    ),
    Case(
        "two dangling symlinks in a directory",
        "mkdir $P/d; pin $P/d/a; ln -s /no/where $P/d/b; ln -s nowhere $P/d/gone",
        {"path": ["$P/d"], **RECURSE},
        ["$P/d/b is a symlink to /no/where", "$P/d/gone is a symlink to nowhere"],
    ),
    Case(
        "a symlink to a pin",
        "pin $P/a; pin $P/target; ln -s target $P/s",
        {"path": ["$P/a", "$P/s"], **RECURSE},
        ["$P/s is a symlink to target, not a pin"],
    ),
    Case(
        "a symlink to a directory",
        "mkdir $P/d; pin $P/d/target; ln -s $P/d $P/s",
        {"path": ["$P/s"], **RECURSE},
        ["$P/s is a symlink to $P/d, not a pin"],
    ),
    Case(
        "a symlink in the middle of the path",
        "mkdir -p $P/d/e; pin $P/d/e/target; ln -s $P/d $P/s; pin $P/a",
        {"path": ["$P/a", "$P/s/e/target", "$P/s/missing"], **RECURSE},
        ["$P/s is a symlink to $P/d", "declare the real path"],
    ),
    Case(
        "a symlink that leads into the bpffs from outside",
        "pin $P/target; ln -s $P $O/s",
        {"path": ["$O/s/target"]},
        ["$O/s is a symlink to $P", "declare the real path"],
    ),
    Case(
        "a symlink outside, to a pin",
        "pin $P/target; ln -s $P/target $O/s",
        {"path": ["$O/s"]},
        ["$O/s is not on bpffs"],
    ),
    Case(
        "a file outside, besides a pin",
        "pin $P/pin; echo precious > $O/file",
        {"path": ["$P/pin", "$O/file"]},
        ["$O/file is not on bpffs", "ansible.builtin.file"],
    ),
    Case(
        "a directory outside",
        "mkdir $O/d; echo precious > $O/d/file",
        {"path": ["$O/d"], **RECURSE},
        ["$O/d is not on bpffs"],
    ),
    Case("an empty directory outside", "mkdir $O/d", {"path": ["$O/d"], **RECURSE}, ["$O/d"]),
    Case(
        "something below a file outside",
        "touch $O/file",
        {"path": ["$O/file/x"]},
        ["$O/file is not a directory"],
    ),
    Case("something below a pin", "pin $P/a", {"path": ["$P/a/x"]}, ["$P/a is not a directory"]),
    Case(
        "a mount point",
        "mkdir $O/m; mount -t bpf bpf $O/m; pin $O/m/pin",
        {"path": ["$O/m"], **RECURSE},
        ["$O/m is a mount point", "ebpf.pinning.bpffs_mount with state: unmounted"],
    ),
    Case(
        "a mount point in the bpffs",
        "pin $P/a; mkdir $P/m; mount -t bpf bpf $P/m; pin $P/m/pin",
        {"path": ["$P/a", "$P/m"], **RECURSE},
        ["$P/m is a mount point", "ebpf.pinning.bpffs_mount with state: unmounted"],
    ),
    Case(
        "a mount point in a directory",
        "mkdir -p $P/d/m; pin $P/d/a; mount -t tmpfs t $P/d/m; touch $P/d/m/file",
        {"path": ["$P/d"], **RECURSE},
        ["$P/d/m is a mount point, not a pin"],
    ),
    Case(
        "a directory of the same bpffs that is mounted in a directory, too",
        "mkdir -p $P/d/m $P/e; pin $P/d/a; pin $P/e/pin; mount --bind $P/e $P/d/m",
        {"path": ["$P/d"], **RECURSE},
        ["$P/d/m is a mount point, not a pin"],
    ),
    Case("the bpffs itself", "pin $P/a", {"path": [BPFFS], **RECURSE}, [BPFFS, "is not a pin"]),
    Case(
        "the bpffs, written otherwise",
        "",
        {"path": ["//sys/fs//bpf/"], **RECURSE},
        ["not a pin"],
    ),
    Case("everything", "", {"path": ["/"], **RECURSE}, ["/ is not a pin"]),
    Case(
        "the kernel's own files",
        "",
        {"path": [f"{BPFFS}/maps.debug", f"{BPFFS}/progs.debug"]},
        ["maps.debug", "progs.debug", "the kernel's own", "leave it out"],
    ),
    Case(
        "a path that goes up, besides a pin",
        "pin $P/a; pin $P/b; mkdir $P/d",
        {"path": ["$P/a", "$P/d/../b"]},
        ["'$P/d/../b'", "`..`"],
    ),
    Case(
        "relative and empty paths",
        "pin $P/a",
        {"path": ["$P/a", "flows", "", "./x"]},
        ["'flows' is not absolute", "'' is not absolute", "'./x' is not absolute"],
    ),
    Case(
        "a name that is too long",
        "pin $P/a",
        {"path": ["$P/a", "$P/" + "x" * 256]},
        ["$P/xxxxx", "255 bytes"],
    ),
    Case(
        "all that is wrong is told at once",
        "pin $P/pin; touch $O/file; ln -s $P $P/s",
        {"path": ["$P/pin", "$O/file", "$P/s/pin", "$O/file/x"]},
        ["$O/file is not on bpffs", "$P/s is a symlink", "$O/file is not a directory"],
    ),
    Case(
        "a path and a directory",
        "pin $P/a",
        {"path": ["$P/a"], "directory": "$P", "keep": []},
        ["mutually exclusive", "path", "directory"],
    ),
    Case("neither path nor directory", "", {"keep": []}, ["path, directory"]),
    Case("nothing at all", "", {}, ["path", "directory"]),
    Case("keep besides path", "pin $P/a", {"path": ["$P/a"], "keep": ["a"]}, ["keep", "path"]),
    Case("patterns besides path", "pin $P/a", {"path": ["$P/a"], "patterns": ["*"]}, ["patterns"]),
    Case("an unknown type", "pin $P/a", {"path": ["$P/a"], "type": "btf"}, ["type", "link"]),
]


def test_it_refuses_with_nothing_touched(host: Host, subtests: pytest.Subtests) -> None:
    assert_all_refused(host, subtests, REFUSALS)
