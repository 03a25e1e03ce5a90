# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpf_pin_absent with `path`: what goes, what is told of it, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from absence_table import (
    Case,
    assert_only_gone,
    assert_refused,
    assert_told,
    assert_told_why,
    holdings,
    inventory_task,
    is_alive,
    set_all,
    taken,
    tasks_of,
)
from harness.host import BPFFS, Host
from harness.playbook import task
from mount_table import picture

RECURSE = {"recurse": True}
STAGING = "ebpf-pinning~staging"
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
    Case("the bpffs itself", "pin $P/a", {"path": [BPFFS], **RECURSE}, [BPFFS, "is no pin"]),
    Case("the bpffs, written otherwise", "", {"path": ["//sys/fs//bpf/"], **RECURSE}, ["no pin"]),
    Case("everything", "", {"path": ["/"], **RECURSE}, ["/ is no pin"]),
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
    stages = set_all(host, REFUSALS)
    outside = str(host.scratch / "outside")
    files, held, before = picture(host, outside), holdings(host), host.inventory()
    run = host.playbook(
        [*tasks_of(REFUSALS, stages, check=True, every=3), *tasks_of(REFUSALS, stages)]
    )
    with subtests.test("nothing was touched"):
        assert host.inventory() == before
        assert holdings(host) == held
        assert picture(host, outside) == files
    for stage, case in zip(stages, REFUSALS, strict=True):
        with subtests.test(case.name):
            assert_told_why(stage, case, run)


HOLDER = """
import ctypes, sys
fd = ctypes.CDLL("libbpf.so.1").bpf_obj_get(sys.argv[1].encode())
print(fd, flush=True)
sys.stdin.read()
"""


def test_who_else_holds_the_object_is_told(host: Host, subtests: pytest.Subtests) -> None:
    root = f"{BPFFS}/app"
    host.run("mkdir", root)
    ids = host.load("pins", root, f"{root}/prog")
    host.make_pin(f"{BPFFS}/held")
    held = holdings(host)
    with host.running(host.site.python, "-c", HOLDER, f"{BPFFS}/held") as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        run = host.playbook(
            [
                task("bpf_pin_absent", label="a process", path=[f"{BPFFS}/held"]),
                task(
                    "bpf_pin_absent",
                    label="a program",
                    path=[f"{root}/counters", f"{root}/per_socket", f"{root}/flows_of_all_tenants"],
                ),
                task("bpf_pin_absent", label="the program itself", path=[root], recurse=True),
            ]
        )
        assert is_alive(host, held[f"{BPFFS}/held"])
    told = {
        label: {pin["path"].rpartition("/")[2]: pin["last_reference"] for pin in run[label]["pins"]}
        for label in ("a process", "a program", "the program itself")
    }
    with subtests.test("a process holds it"):
        assert told["a process"] == {"held": False}
    with subtests.test("a program holds some of its object file's maps"):
        used = {"counters": False, "per_socket": True, "flows_of_all_tenants": False}
        assert told["a program"] == used
    with subtests.test("nobody holds the others"):
        others = ids.keys() - used.keys() | {"prog"}
        assert told["the program itself"] == dict.fromkeys(others, True)
    with subtests.test("with the program, its maps are gone"):
        for name in ids:
            assert not is_alive(host, {"type": "map", "id": ids[name]}), name


def test_a_refusal_of_the_kernel_ends_it_and_what_was_done_is_told(host: Host) -> None:
    root = f"{BPFFS}/app"
    host.shell(f"mkdir -p {root}/d")
    ids = {name: host.make_pin(f"{root}/{name}") for name in ("a", "b", "c", "d/x")}
    inject = ["-o", str(host.scratch / "trace"), "-e", "trace=unlinkat"]
    words = {"path": [f"{root}/{name}" for name in ("a", "b", "c")]}
    run = host.playbook(
        [
            task(
                "bpf_pin_absent",
                keywords=host.strace(*inject, "-e", "inject=unlinkat:error=EIO:when=2"),
                **words,
            ),
            task(
                "bpf_pin_absent",
                keywords=host.strace(*inject, "-e", "inject=unlinkat:error=EBUSY:when=4"),
                path=[*words["path"], f"{root}/d"],
                recurse=True,
            ),
        ]
    )
    pin, directory = run
    assert pin.failed
    assert pin.changed
    assert f"{root}/b: unlink: EIO" in pin.msg
    assert "Removed before that: 1 (see `pins`)" in pin.msg
    (removed,) = pin["pins"]
    assert (removed["path"], removed["id"]) == (f"{root}/a", ids["a"])
    assert removed["last_reference"] is True
    assert pin["counts"] == {"removed": 1, "missing": 0, "spared": 0}
    # The second one goes on from there: a is missing, b, c and d/x go, d is refused.
    assert directory.failed
    assert directory.changed
    assert f"{root}/d: rmdir: EBUSY" in directory.msg
    assert "Removed before that: 3" in directory.msg
    assert directory["counts"] == {"removed": 3, "missing": 1, "spared": 0}
    assert [each["path"] for each in directory["pins"]] == [
        f"{root}/{name}" for name in ("b", "c", "d/x", "a")
    ]
    assert directory["directories"] == []
    assert set(host.inventory(root)) == {root, f"{root}/d"}


def test_a_read_only_bpffs_is_told(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/d")
    host.make_pin(f"{BPFFS}/one")
    host.make_pin(f"{BPFFS}/d/two")
    host.shell(f"mount -o remount,bind,ro {BPFFS}")
    before = host.inventory()
    tasks = [
        task("bpf_pin_absent", path=[f"{BPFFS}/one", f"{BPFFS}/d/two"]),
        task("bpf_pin_absent", directory=f"{BPFFS}/d", keep=[]),
        task("bpf_pin_absent", path=[f"{BPFFS}/none"]),
    ]
    check, run = host.playbook(tasks, "--check"), host.playbook(tasks)
    assert host.inventory() == before
    for result in (*check.results[:2], *run.results[:2]):
        assert_refused(result)
        assert f"{BPFFS}/d/two is on a bpffs that is mounted read-only" in result.msg
        assert "remount it writable" in result.msg
    assert run[2].good()["counts"] == {"removed": 0, "missing": 1, "spared": 0}


def test_a_user_without_privileges(host: Host, subtests: pytest.Subtests) -> None:
    host.shell(f"mkdir {BPFFS}/own {BPFFS}/closed; chown nobody {BPFFS}/own")
    pins = ["roots", "open", "own/map", "own/roots", "closed/map"]
    for name in pins:
        host.make_pin(f"{BPFFS}/{name}")
    host.shell(f"chmod 0644 {BPFFS}/open; chown nobody {BPFFS}/own/map; chmod 0700 {BPFFS}/closed")
    held, before = holdings(host), host.inventory()
    refused = {
        "a pin that may not be opened": {"path": [f"{BPFFS}/roots"]},
        "a pin that may not be opened, in a list": {"path": [f"{BPFFS}/own/map", f"{BPFFS}/roots"]},
        "a pin that may be opened but not removed": {"path": [f"{BPFFS}/open"]},
        "a directory that may not be entered": {"path": [f"{BPFFS}/closed/map"]},
        "a directory that may not be read": {"directory": f"{BPFFS}/closed", "keep": []},
        "a directory with another user's pin": {"directory": f"{BPFFS}/own", "keep": []},
    }
    keywords = host.as_nobody()
    own = {"path": [f"{BPFFS}/own/map", f"{BPFFS}/none"]}
    run = host.playbook(
        [
            *(task("bpf_pin_absent", label=n, keywords=keywords, **a) for n, a in refused.items()),
            inventory_task(host, "after the refusals"),
            task("bpf_pin_absent", label="its own", keywords=keywords, **own),
        ]
    )
    assert taken(run["after the refusals"]) == before
    for name, arguments in refused.items():
        with subtests.test(name):
            assert_refused(run[name])
            assert "become: true" in run[name].msg
            assert arguments.get("path", [f"{BPFFS}/"])[-1].removesuffix("/map") in run[name].msg
    with subtests.test("its own pin goes, but it may not ask who else holds the map"):
        removed, missing = run["its own"].good()["pins"]
        assert removed == {
            "path": f"{BPFFS}/own/map",
            "action": "removed",
            "last_reference": None,
            **held[f"{BPFFS}/own/map"],
        }
        assert missing["action"] == "missing"
        assert_only_gone(before, host.inventory(), {f"{BPFFS}/own/map"})


def test_what_takes_a_name_meanwhile_is_left_alone(host: Host, subtests: pytest.Subtests) -> None:
    """The module looks at all of them, removes `first`, and then is held up for a while."""
    host.shell(f"mkdir {BPFFS}/d {BPFFS}/other")
    for name in ("first", "pin", "first_1", "d/pin", "other/pin", "new"):
        host.make_pin(f"{BPFFS}/{name}")
    held = holdings(host)
    trace = str(host.scratch / "trace")
    delay = "inject=unlinkat:delay_exit=1000000:when=1"
    slow = host.strace("-o", trace, "-e", "trace=unlinkat", "-e", delay)
    play = host.play(
        [
            task("bpf_pin_absent", keywords=slow, path=[f"{BPFFS}/first", f"{BPFFS}/pin"]),
            task("bpf_pin_absent", keywords=slow, path=[f"{BPFFS}/first_1", f"{BPFFS}/d/pin"]),
        ]
    )
    process = host.start(play)
    gone = 'while test -e "$1"; do sleep 0.01; done'
    host.run(
        "sh",
        "-ec",
        f'{gone}; mv -f "$3" "$2"',
        "-",
        f"{BPFFS}/first",
        f"{BPFFS}/pin",
        f"{BPFFS}/new",
    )
    host.run(
        "sh",
        "-ec",
        f'{gone}; mv -T --exchange "$2" "$3" 2>/dev/null || {{ mv "$2" "$2_old"; mv "$3" "$2"; }}',
        "-",
        f"{BPFFS}/first_1",
        f"{BPFFS}/d",
        f"{BPFFS}/other",
    )
    run = host.finish(process)
    for result, path, first, now in zip(
        run,
        (f"{BPFFS}/pin", f"{BPFFS}/d"),
        ("first", "first_1"),
        ((f"{BPFFS}/pin", f"{BPFFS}/new"), (f"{BPFFS}/d/pin", f"{BPFFS}/other/pin")),
        strict=True,
    ):
        with subtests.test(path):
            assert result.failed
            assert result.changed
            assert f"{path} is another one than a moment ago" in result.msg
            assert "Removed before that: 1" in result.msg
            assert [pin["path"] for pin in result["pins"]] == [f"{BPFFS}/{first}"]
            there, before = now
            assert holdings(host)[there] == held[before]


def test_a_run_in_the_directory_is_not_disturbed(host: Host) -> None:
    root = f"{BPFFS}/app"
    host.shell(f"mkdir {root} && mkdir -m 700 {root}/{STAGING}")
    host.make_pin(f"{root}/a")
    host.make_pin(f"{root}/{STAGING}/new")
    before = host.inventory()
    with host.running("flock", f"{root}/{STAGING}", "sh", "-c", "echo locked; cat") as process:
        assert process.stdout is not None
        process.stdout.readline()
        run = host.playbook(
            [
                task("bpf_pin_absent", path=[root], recurse=True),
                inventory_task(host, "after the refusal"),
                task("bpf_pin_absent", directory=root, keep=[], recurse=True),
            ]
        )
    assert_refused(run[0])
    assert f"{root}/{STAGING}: another run works in this directory: run again" in run[0].msg
    assert taken(run[1]) == before
    assert run[2].good()["counts"] == {"removed": 1, "missing": 0, "spared": 0}
    assert_only_gone(before, host.inventory(), {f"{root}/a"})


def test_a_thousand_pins_in_one_task(host: Host) -> None:
    batch = host.scratch / "batch"
    names = [f"map_{number:04}" for number in range(1000)]
    host.shell(f"mkdir {BPFFS}/many")
    batch.write_text(
        "".join(
            f"map create {BPFFS}/many/{name} type array key 4 value 8 entries 1 name {name}\n"
            for name in [*names, "stays"]
        )
    )
    host.run("bpftool", "batch", "file", str(batch))
    held = holdings(host)
    paths = [f"{BPFFS}/many/{name}" for name in names]
    run = host.playbook(
        [
            task("bpf_pin_absent", check=True, directory=f"{BPFFS}/many", keep=["stays"]),
            task("bpf_pin_absent", path=paths, type="map"),
            task("bpf_pin_absent", path=paths, type="map"),
        ]
    )
    check, real, again = (result.good() for result in run)
    assert len(held) >= 1001
    for result in (check, real):
        pins = {pin["path"]: (pin["type"], pin["id"], pin["name"]) for pin in result["pins"]}
        assert pins == {path: tuple(held[path].values()) for path in paths}
        assert result["counts"] == {"removed": 1000, "missing": 0, "spared": 0}
    assert all(pin["last_reference"] for pin in real["pins"])
    alive = {each["id"] for each in host.bpftool("map", "show")}
    assert not alive & {held[path]["id"] for path in paths}
    assert set(host.inventory(f"{BPFFS}/many")) == {f"{BPFFS}/many", f"{BPFFS}/many/stays"}
    assert again["counts"] == {"removed": 0, "missing": 1000, "spared": 0}


def test_the_diff_says_what_the_pins_hold(host: Host) -> None:
    host.shell(f"mkdir {BPFFS}/d")
    host.load("linked", BPFFS, f"{BPFFS}/d/prog")
    map_id = host.make_pin(f"{BPFFS}/d/map")
    prog_id = host.bpftool("prog", "show", "pinned", f"{BPFFS}/d/prog")["id"]
    words: dict[str, Any] = {"path": [f"{BPFFS}/d"], "recurse": True}
    check, real = host.playbook(
        [
            task("bpf_pin_absent", check=True, diff=True, **words),
            task("bpf_pin_absent", diff=True, **words),
        ]
    )
    for result in (check, real):
        diff = {each["before_header"]: each for each in result.good()["diff"]}
        assert list(diff) == [f"{BPFFS}/d/{name} (found)" for name in ("map", "prog")] + [
            f"{BPFFS}/d (found)"
        ]
        assert (
            diff[f"{BPFFS}/d/map (found)"]["before"] == f"pin: a map of type hash (id {map_id})\n"
        )
        assert f"(id {prog_id})" in diff[f"{BPFFS}/d/prog (found)"]["before"]
        assert all(each["after"] == "" for each in diff.values())
