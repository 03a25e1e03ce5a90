# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount refuses what it must not do: the message says why, and nothing was touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from mount_table import mounts_at, picture
from restoring import HASH


@dataclass(frozen=True)
class Case:
    """`given` is a shell script that finds a directory to be made in $P, and `pin PATH`.

    In `says`, $P is that directory; an empty string stands for the path that is declared.
    """

    name: str
    given: str
    says: Sequence[str]
    declared: Mapping[str, Any] = field(default_factory=dict)
    path: str = "$P"


UNMOUNTED = {"state": "unmounted"}
DELEGATING = "mount -t bpf -o delegate_maps=array:hash bpffs $P"
WHAT_IS_THERE = [
    Case(
        "one bpffs over another",
        "mkdir $P && mount -t bpf one $P && pin $P/hidden && mount -t bpf two $P",
        ["", "2 times over itself", "hidden", "umount $P"],
    ),
    Case(
        "one bpffs over another, to be unmounted by force",
        "mkdir $P && mount -t bpf one $P && pin $P/hidden && mount -t bpf two $P",
        ["", "2 times over itself", "umount $P"],
        {**UNMOUNTED, "force": True},
    ),
    Case(
        "a bpffs over a tmpfs over a bpffs",
        "mkdir $P && mount -t bpf a $P && mount -t tmpfs b $P && mount -t bpf c $P",
        ["", "3 times over itself", "tmpfs"],
        {"mode": "0700"},
    ),
    Case(
        "another file system on top",
        "mkdir $P && mount -t tmpfs memory $P",
        ["", "type tmpfs on top", "source memory", "unmount it, or declare another path"],
    ),
    Case(
        "another file system over a bpffs",
        "mkdir $P && mount -t bpf bpffs $P && pin $P/hidden && mount -t tmpfs memory $P",
        ["", "type tmpfs on top"],
    ),
    Case(
        "another file system over a bpffs, to be unmounted by force",
        "mkdir $P && mount -t bpf bpffs $P && pin $P/hidden && mount -t tmpfs memory $P",
        ["", "type tmpfs on top"],
        {**UNMOUNTED, "force": True},
    ),
    Case(
        "a directory inside a bpffs",
        "mkdir $P && mount -t bpf bpffs $P && mkdir $P/inside",
        ["", "the bpffs that is mounted at $P:"],
        path="$P/inside",
    ),
    Case(
        "a missing directory inside a bpffs",
        "mkdir $P && mount -t bpf bpffs $P",
        ["", "the bpffs that is mounted at $P:"],
        path="$P/missing/more",
    ),
    Case(
        "a missing directory with a dot in its name inside a bpffs",
        "mkdir $P && mount -t bpf bpffs $P",
        ["", "the bpffs that is mounted at $P:"],
        path="$P/missing.d",
    ),
    Case(
        "a missing directory in sysfs",
        ":",
        ["", "nobody can make directories in sysfs", BPFFS],
        path="/sys/fs/missing",
    ),
    Case(
        "a missing directory in proc",
        ":",
        ["", "nobody can make directories in proc"],
        path="/proc/missing/more",
    ),
    Case(
        "a missing directory where message queues are",
        "mkdir $P && mount -t mqueue x $P",
        ["", "nobody can make directories in mqueue"],
        path="$P/missing",
    ),
    Case(
        "a missing directory on a file system that is read-only",
        "mkdir $P && mount -t tmpfs -o ro x $P",
        ["$P/missing: mkdir: EROFS", "findmnt -T"],
        path="$P/missing/more",
    ),
    Case(
        "a missing directory on a mount that is read-only",
        "mkdir $P && mount --bind $P $P && mount -o remount,bind,ro $P",
        ["$P/missing: mkdir: EROFS", "findmnt -T"],
        path="$P/missing",
    ),
    Case(
        "a name that no file system takes, in a directory that is missing",
        ":",
        [f"$P/more/{'x' * 256}: mkdir: ENAMETOOLONG"],
        path=f"$P/more/{'x' * 256}/less",
    ),
    Case(
        "an unmount with something mounted in it",
        "mkdir $P && mount -t bpf bpf $P && mkdir $P/d && mount -t tmpfs x $P/d",
        ["", "something is mounted in it ($P/d)"],
        UNMOUNTED,
    ),
    Case(
        "an unmount by force with a pin mounted over a pin in it",
        "mkdir $P && mount -t bpf bpf $P && pin $P/x && pin $P/y && mount --bind $P/x $P/y",
        ["", "something is mounted in it ($P/y)"],
        {**UNMOUNTED, "force": True},
    ),
    Case(
        "other delegation with something mounted in it",
        f"mkdir $P && {DELEGATING} && mkdir $P/d && mount -t tmpfs x $P/d",
        ["", "something is mounted in it ($P/d)"],
        {"delegate_maps": ["hash"], "force": True},
    ),
    Case(
        "a symlink to a directory",
        "mkdir $P.real && ln -s $P.real $P",
        ["$P is a symlink to $P.real", "declare the real path"],
    ),
    Case(
        "a symlink to a mounted bpffs",
        "mkdir $P.real && mount -t bpf bpffs $P.real && ln -s $P.real $P",
        ["$P is a symlink to $P.real", "declare the real path"],
        {"mode": "0700"},
    ),
    Case(
        "a symlink to a mounted bpffs, to be unmounted",
        "mkdir $P.real && mount -t bpf bpffs $P.real && ln -s $P.real $P",
        ["$P is a symlink to $P.real", "declare the real path"],
        UNMOUNTED,
    ),
    Case(
        "a symlink in the middle of the path",
        "mkdir -p $P.real/bpf && ln -s $P.real $P",
        ["$P is a symlink to $P.real", "declare the real path"],
        path="$P/bpf",
    ),
    Case("a dangling symlink", "ln -s nowhere $P", ["$P is a symlink to nowhere"]),
    Case("a file", "touch $P", ["$P is not a directory"]),
    Case("a file in the middle of the path", "touch $P", ["$P is not a directory"], path="$P/x"),
    Case("a pin", f"pin {BPFFS}/pin", ["", "not a directory"], path=f"{BPFFS}/pin"),
    Case(
        "other delegation, without force",
        f"mkdir $P && {DELEGATING}",
        [
            "",
            "delegate_maps: want hash, have array,hash",
            "delegate_cmds: want any, have nothing",
            "force: true",
        ],
        {"delegate_maps": ["hash"], "delegate_cmds": ["any"]},
    ),
    Case(
        "other delegation, with pins",
        f"mkdir $P && {DELEGATING} && mkdir $P/d && pin $P/d/pin",
        ["", "delegate_maps: want hash, have array,hash", "1 pin ($P/d/pin)", "bpf_pin_absent"],
        {"delegate_maps": ["hash"], "force": True},
    ),
    Case(
        "an unmount with pins, though they are to be seen elsewhere too",
        "mkdir $P $P.b && mount -t bpf bpffs $P && pin $P/pin && mount --bind $P $P.b",
        ["", "1 pin ($P/pin)", "force: true"],
        UNMOUNTED,
    ),
    Case(
        "pins that an unmount would drop",
        "mkdir $P && mount -t bpf bpffs $P && mkdir $P/d && pin $P/d/one && pin $P/two",
        ["", "2 pins", "$P/d/one, $P/two", "bpf_pin_absent", "force: true"],
        UNMOUNTED,
    ),
]
WHAT_IS_DECLARED = [
    Case("a relative path", ":", ["'bpf' is not absolute"], path="bpf"),
    Case("a path that goes up", "mkdir $P", ["`..`"], path="$P/../x"),
    Case(
        "an unknown flag",
        "mkdir $P",
        ["'bogus' is not a mount flag", "nosuid"],
        {"opts": ["bogus"]},
    ),
    Case(
        "an option that is no flag",
        "mkdir $P",
        [
            "'mode=700' is not a mount flag",
            "mode, owner, group and delegate_* are options of their own",
        ],
        {"opts": ["mode=700"]},
    ),
    Case("a flag and its opposite", "mkdir $P", ["opposite"], {"opts": ["nodev", "dev"]}),
    Case(
        "two flags about access times",
        "mkdir $P",
        ["noatime, relatime exclude each other"],
        {"opts": ["noatime", "relatime"]},
    ),
    Case("a mode that is a number", "mkdir $P", ["not 448", "quoted"], {"mode": 0o700}),
    Case(
        "a mode that is not octal",
        "mkdir $P",
        ["mode must be octal", "not '0800'"],
        {"mode": "0800"},
    ),
    Case("a mode with setuid", "mkdir $P", ["mode '4755'"], {"mode": "4755"}),
    Case(
        "everything wrong at once is told at once",
        "mkdir $P",
        ["'bogus'", "owner 'nosuch'", "delegate_maps"],
        {"opts": ["bogus"], "owner": "nosuch", "delegate_maps": []},
    ),
    Case(
        "a number for what is delegated",
        "mkdir $P",
        ["delegate_cmds: '1' is not a name"],
        {"delegate_cmds": [1]},
    ),
    Case(
        "an option smuggled in with a name",
        "mkdir $P",
        ["delegate_cmds", "is not a name"],
        {"delegate_cmds": ["map_create,uid=1000"]},
    ),
    Case(
        "any besides others",
        "mkdir $P",
        ["delegate_progs: any includes the others"],
        {"delegate_progs": ["xdp", "any"]},
    ),
]


@pytest.mark.parametrize("cases", [WHAT_IS_THERE, WHAT_IS_DECLARED], ids=["there", "declared"])
def test_refused_with_nothing_touched(
    host: Host, cases: list[Case], subtests: pytest.Subtests
) -> None:
    root = host.scratch / "mounts"
    root.mkdir()
    tasks = []
    for number, case in enumerate(cases):
        place = str(root / str(number))
        pin = f'pin() {{ {host.site.program("make")} "$@" >/dev/null; }}'
        host.shell(f"{pin}; P={place}; {case.given}")
        arguments = {**case.declared, "path": case.path.replace("$P", place)}
        tasks.append(task("bpffs_mount", label=case.name, check=True, **arguments))
        tasks.append(task("bpffs_mount", label=case.name, **arguments))
    before = picture(host, str(root))
    pins = host.inventory()

    run = host.playbook(tasks)

    assert picture(host, str(root)) == before
    assert host.inventory() == pins
    for number, case in enumerate(cases):
        place = str(root / str(number))
        check, real = run.results[2 * number : 2 * number + 2]
        for result in (check, real):
            with subtests.test(case.name):
                _assert_refused(result)
                for words in case.says:
                    assert (words or case.path).replace("$P", place) in result.msg
        with subtests.test(f"{case.name}, in a check"):
            assert check.msg == real.msg


def test_a_user_or_group_that_is_not_there_is_refused_but_in_a_check(
    host: Host, subtests: pytest.Subtests
) -> None:
    """A task before may make it: see test_check_announced.py."""
    place = host.scratch / "place"
    place.mkdir()
    for option, what in (("owner", "user"), ("group", "group")):
        with subtests.test(option):
            arguments = {"path": str(place), option: "nosuch"}
            before = picture(host, str(place))
            check, real = host.playbook(
                [task("bpffs_mount", check=check, **arguments) for check in (True, False)]
            )
            assert picture(host, str(place)) == before
            _assert_refused(real)
            assert f"{option} 'nosuch' is not a {what}" in real.msg
            assert check.good().changed
            assert any(real.msg in warning for warning in check.warnings)


def test_what_the_kernel_refuses_leaves_nothing_behind(
    host: Host, subtests: pytest.Subtests
) -> None:
    root = host.scratch / "mounts"
    root.mkdir()
    names = ["delegate_cmds", "delegate_maps", "delegate_progs", "delegate_attachs"]
    paths = [str(root / name / "new") for name in names]
    before = host.shell(f"find {root}; cat /proc/self/mountinfo")
    run = host.playbook(
        [
            task("bpffs_mount", path=path, delegate_cmds=["any"], **{name: ["any_thing"]})
            if name != "delegate_cmds"
            else task("bpffs_mount", path=path, delegate_cmds=["any_thing"])
            for name, path in zip(names, paths, strict=True)
        ]
    )
    after = host.shell(f"find {root}; cat /proc/self/mountinfo")
    for name, path, result in zip(names, paths, run, strict=True):
        with subtests.test(f"nonsense under {name}"):
            _assert_refused(result)
            assert path in result.msg
            assert f"{name}=any_thing" in result.msg
            assert "check the names under delegate_*" in result.msg
            assert mounts_at(host, path) == []
    with subtests.test("no directories are left"):
        assert after == before


def test_an_immutable_directory_takes_no_mount_point(host: Host) -> None:
    place = host.scratch / "place"
    place.mkdir()
    host.run("chattr", "+i", str(place))
    try:
        check, real = host.playbook(
            [task("bpffs_mount", path=f"{place}/bpf", check=check) for check in (True, False)]
        )
    finally:
        host.run("chattr", "-i", str(place))
    _assert_refused(real)
    assert "chattr -i" in real.msg
    assert "bpffs refuses" not in real.msg
    assert (check.failed, check.msg) == (True, real.msg)


def test_a_run_that_cannot_lock_leaves_no_directory(host: Host) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt; mount -t tmpfs -o nr_inodes=1 t /run")
    result = host.module("bpffs_mount", path="/mnt/some/where")
    assert host.shell("find /mnt") == "/mnt\n"
    _assert_refused(result)
    assert "/run/ebpf-pinning.lock: open: ENOSPC" in result.msg


def test_others_get_through_the_directories_on_the_way_whatever_the_umask(host: Host) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt")
    keywords = host.interpreter('umask 077; python "$@"')
    arguments = {"path": "/mnt/agent/run/bpffs", "mode": "0711"}
    assert host.playbook([task("bpffs_mount", keywords=keywords, **arguments)])[0].good().changed
    nobody = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    host.run(*nobody, "stat", "/mnt/agent/run/bpffs/.")
    host.run("chmod", "711", BPFFS)
    pinned = {"path": f"{BPFFS}/agent/maps/one", **HASH}
    assert host.playbook([task("bpf_map_pinned", keywords=keywords, **pinned)])[0].good().changed
    host.run(*nobody, "stat", f"{BPFFS}/agent/maps/one")


def test_a_process_inside_keeps_it_mounted(host: Host) -> None:
    with host.running("sh", "-c", f"cd {BPFFS} && echo there && cat") as process:
        assert process.stdout is not None
        process.stdout.readline()
        before = mounts_at(host, BPFFS)
        result = host.module("bpffs_mount", state="unmounted")
        assert mounts_at(host, BPFFS) == before
    _assert_refused(result)
    assert f"{BPFFS}: umount: EBUSY" in result.msg
    assert "fuser" in result.msg


def test_a_user_without_privileges_is_told_to_become(host: Host, subtests: pytest.Subtests) -> None:
    host.shell("mount -t tmpfs -o mode=755 t /mnt && mkdir /mnt/plain /mnt/closed")
    host.shell("mount -t bpf -o mode=700 bpffs /mnt/closed")
    cases = {
        "mounting": {"path": "/mnt/plain"},
        "making directories": {"path": "/mnt/new"},
        "a mode": {"path": BPFFS, "mode": "0700"},
        "an owner": {"path": BPFFS, "owner": "nobody"},
        "flags": {"path": BPFFS, "opts": ["noexec"]},
        "unmounting": {"path": BPFFS, "state": "unmounted"},
        "one that is closed": {"path": "/mnt/closed", "mode": "0755"},
    }
    before = picture(host, "/mnt", BPFFS)
    keywords = host.as_nobody()
    run = host.playbook(
        [task("bpffs_mount", label=name, keywords=keywords, **c) for name, c in cases.items()]
    )
    assert picture(host, "/mnt", BPFFS) == before
    for name, arguments in cases.items():
        with subtests.test(name):
            _assert_refused(run[name])
            assert arguments["path"] in run[name].msg
            assert "become: true" in run[name].msg
            assert "CAP_BPF" not in run[name].msg, "which would not do"


def test_root_without_cap_sys_admin_is_told_which_capability(
    host: Host, subtests: pytest.Subtests
) -> None:
    place = host.scratch / "plain"
    place.mkdir()
    without = "--bounding-set=-sys_admin --inh-caps=-sys_admin"
    keywords = host.interpreter(f'exec setpriv {without} {host.site.python} "$@"')
    cases = {
        "mounting": {"path": str(place)},
        "flags": {"opts": ["noexec"]},
        "unmounting": {"state": "unmounted"},
    }
    before = host.shell("cat /proc/self/mountinfo")
    run = host.playbook(
        [task("bpffs_mount", label=name, keywords=keywords, **c) for name, c in cases.items()]
    )
    checks = host.playbook(
        [task("bpffs_mount", check=True, keywords=keywords, **c) for c in cases.values()]
    )
    assert host.shell("cat /proc/self/mountinfo") == before
    for name, check in zip(cases, checks, strict=True):
        with subtests.test(f"{name}, in a check"):
            assert check.failed
            assert check.msg == run[name].msg
    for name, arguments in cases.items():
        with subtests.test(name):
            _assert_refused(run[name])
            assert arguments.get("path", BPFFS) in run[name].msg
            assert "CAP_SYS_ADMIN" in run[name].msg
            assert "CAP_BPF" not in run[name].msg
    assert "container" in run["mounting"].msg


def _assert_refused(result: Result) -> None:
    assert result.failed, result
    assert not result.changed
    assert "Traceback" not in result.msg
