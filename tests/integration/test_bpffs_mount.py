# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount brings about what is declared: predicted by a check, done once, then unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.host import Host
from harness.playbook import Result, Task, task
from harness.site import NOBODY
from mount_table import access, mounts_at, picture, picture_task, taken

ADM = 4
SYSTEMD = "mount -t bpf -o nosuid,nodev,noexec,relatime,mode=700 none"


@dataclass(frozen=True)
class Case:
    """`given` is a shell script that finds the directory in $P, and a pin maker as `pin PATH`."""

    name: str
    given: str
    declared: dict[str, Any] = field(default_factory=dict)
    changed: bool = True
    drift: Sequence[str] = ()  # fields
    access: str = "1777 0 0"
    flags: str = "rw,relatime"  # of the mount, all of them
    options: Sequence[str] = ()  # of the file system, some of them
    same_mount: bool = False  # the mount that was there, with the pins that were there
    below: str = ""  # what is declared is $P + below
    layers: Sequence[str] = ("bpf",)
    source: str = "bpffs"

    def path(self, root: str) -> str:
        return f"{root}{self.below.rstrip('/')}"

    def task(self, root: str, **words: Any) -> Task:
        return task(
            "bpffs_mount", label=self.name, path=f"{root}{self.below}", **self.declared, **words
        )


@dataclass(frozen=True)
class New(Case):
    """One that the module mounts: as systemd and bpftool do, unless declared otherwise."""

    access: str = "1700 0 0"
    source: str = "bpf"


FRESH = [
    New("a directory becomes a bpffs that is closed to others", "mkdir $P"),
    New("missing directories are made", ":", below="/a/b"),
    New("needless slashes do not matter", "mkdir $P", below="//"),
    New("a space in the path does not matter", "mkdir $P", below="/with space"),
    New(
        "mode, owner, group and flags are as declared from the beginning",
        "mkdir $P",
        {
            "mode": "0750",
            "owner": "nobody",
            "group": "adm",
            "opts": ["nosuid", "nodev", "noexec", "nosymfollow"],
        },
        access=f"1750 {NOBODY} {ADM}",
        flags="rw,nosuid,nodev,noexec,nosymfollow,relatime",
    ),
    New(
        "owner and group may be numbers without a name",
        "mkdir $P",
        {"owner": "12345", "group": "54321", "mode": "2770"},
        access="3770 12345 54321",
    ),
    New(
        "a read-only one has its owner all the same",
        "mkdir $P",
        {"opts": ["ro", "noatime", "nodiratime"], "owner": "nobody", "mode": "0555"},
        access=f"1555 {NOBODY} 0",
        flags="ro,noatime,nodiratime",
    ),
    New("strictatime is no relatime", "mkdir $P", {"opts": ["strictatime"]}, flags="rw"),
    New(
        "opposites of flags that a new mount does not have are fine",
        "mkdir $P",
        {"opts": ["rw", "suid", "dev", "exec", "diratime", "symfollow"]},
    ),
    New(
        "what is delegated is as declared",
        "mkdir $P",
        {
            "delegate_cmds": ["prog_load", "map_create"],
            "delegate_maps": ["any"],
            "delegate_progs": ["xdp"],
            "delegate_attachs": ["cgroup_inet_ingress"],
            "group": "adm",
        },
        access=f"1700 0 {ADM}",
        options=[
            "delegate_cmds=map_create:prog_load",
            "delegate_maps=any",
            "delegate_progs=xdp",
            "delegate_attachs=cgroup_inet_ingress",
        ],
    ),
    Case(
        "an empty one that delegates otherwise is mounted anew when forced; the rest stays",
        "mkdir $P && mount -t bpf -o delegate_maps=array,delegate_cmds=any,mode=700,uid=12,noexec"
        " bpffs $P",
        {"delegate_maps": ["hash"], "force": True, "opts": ["nosuid"]},
        drift=["delegate_maps"],
        access="1700 12 0",
        flags="rw,nosuid,noexec,relatime",
        options=["delegate_maps=hash", "delegate_cmds=any"],
    ),
]
THERE = [
    Case(
        "a mounted one stays as it is when nothing is declared",
        "mkdir $P && mount -t bpf -o mode=711,uid=7,noexec bpffs $P && pin $P/pin",
        changed=False,
        same_mount=True,
        access="1711 7 0",
        flags="rw,noexec,relatime",
    ),
    Case(
        "the one that systemd mounts, with source none, is as good as any",
        f"mkdir $P && {SYSTEMD} $P && pin $P/pin",
        {"mode": "0700", "opts": ["nosuid", "nodev", "noexec"], "owner": "root", "group": "root"},
        changed=False,
        same_mount=True,
        access="1700 0 0",
        flags="rw,nosuid,nodev,noexec,relatime",
        source="none",
    ),
    Case(
        "a bpffs over a tmpfs is a bpffs",
        "mkdir $P && mount -t tmpfs t $P && mount -t bpf bpffs $P && pin $P/pin",
        changed=False,
        same_mount=True,
        layers=("tmpfs", "bpf"),
    ),
    Case(
        "order and case of what is delegated do not matter",
        "mkdir $P && mount -t bpf -o delegate_maps=hash:array,delegate_cmds=any bpffs $P"
        " && pin $P/pin",
        {"delegate_maps": ["ARRAY", "hash"], "delegate_cmds": ["any"]},
        changed=False,
        same_mount=True,
        options=["delegate_maps=hash:array", "delegate_cmds=any"],
    ),
    Case(
        "a wrong mode is set in place",
        f"mkdir $P && {SYSTEMD} $P && pin $P/pin",
        {"mode": "1755"},
        drift=["mode"],
        same_mount=True,
        access="1755 0 0",
        flags="rw,nosuid,nodev,noexec,relatime",
        source="none",
    ),
    Case(
        "a wrong owner is set in place",
        "mkdir $P && mount -t bpf bpffs $P && pin $P/pin",
        {"owner": "nobody"},
        drift=["owner"],
        same_mount=True,
        access=f"1777 {NOBODY} 0",
    ),
    Case(
        "a wrong group is set in place",
        "mkdir $P && mount -t bpf -o uid=12,gid=12,mode=2775 bpffs $P && pin $P/pin",
        {"group": "adm"},
        drift=["group"],
        same_mount=True,
        access=f"3775 12 {ADM}",
    ),
    Case(
        "all that differs is set at once",
        "mkdir $P && mount -t bpf -o noexec bpffs $P && mkdir $P/d && pin $P/d/pin",
        {"owner": "nobody", "group": "adm", "mode": "0711", "opts": ["nodev"]},
        drift=["owner", "group", "mode", "opts"],
        same_mount=True,
        access=f"1711 {NOBODY} {ADM}",
        flags="rw,nodev,noexec,relatime",
    ),
    Case(
        "a missing flag is added and all others stay",
        "mkdir $P && mount -t bpf -o nosuid,nodev,noatime,nodiratime bpffs $P && pin $P/pin",
        {"opts": ["noexec"]},
        drift=["opts"],
        same_mount=True,
        flags="rw,nosuid,nodev,noexec,noatime,nodiratime",
    ),
    Case(
        "a flag whose opposite is declared is taken away and all others stay",
        f"mkdir $P && {SYSTEMD} $P && pin $P/pin",
        {"opts": ["exec", "nosuid"]},
        drift=["opts"],
        same_mount=True,
        access="1700 0 0",
        flags="rw,nosuid,nodev,relatime",
        source="none",
    ),
    Case(
        "relatime becomes strictatime",
        "mkdir $P && mount -t bpf -o nosuid bpffs $P && pin $P/pin",
        {"opts": ["strictatime"]},
        drift=["opts"],
        same_mount=True,
        flags="rw,nosuid",
    ),
    Case(
        "strictatime stays when a flag of another kind is added",
        "mkdir $P && mount -t bpf -o strictatime bpffs $P && pin $P/pin",
        {"opts": ["nosuid"]},
        drift=["opts"],
        same_mount=True,
        flags="rw,nosuid",
    ),
    Case(
        "noatime becomes relatime",
        "mkdir $P && mount -t bpf -o noatime bpffs $P && pin $P/pin",
        {"opts": ["relatime"]},
        drift=["opts"],
        same_mount=True,
    ),
    Case(
        "a writable one becomes read-only, after its mode is set",
        "mkdir $P && mount -t bpf -o nosuid bpffs $P && pin $P/pin",
        {"opts": ["ro"], "mode": "0755"},
        drift=["mode", "opts"],
        same_mount=True,
        access="1755 0 0",
        flags="ro,nosuid,relatime",
    ),
    Case(
        "a read-only file system becomes writable, before its mode is set",
        "mkdir $P && mount -t bpf -o nosuid bpffs $P && pin $P/pin"
        " && mount -o remount,ro,nosuid $P",
        {"opts": ["rw"], "mode": "0755"},
        drift=["mode", "opts"],
        same_mount=True,
        access="1755 0 0",
        flags="rw,nosuid,relatime",
        options=["rw"],
    ),
    Case(
        "a read-only mount of a writable file system becomes writable",
        "mkdir $P && mount -t bpf -o nodev bpffs $P && pin $P/pin"
        " && mount -o remount,bind,ro,nodev $P",
        {"opts": ["rw", "noexec"]},
        drift=["opts"],
        same_mount=True,
        flags="rw,nodev,noexec,relatime",
    ),
    Case(
        "a read-only one that stays so gets its mode all the same",
        "mkdir $P && mount -t bpf bpffs $P && pin $P/pin && mount -o remount,bind,ro $P",
        {"opts": ["ro"], "mode": "0755"},
        drift=["mode"],
        same_mount=True,
        access="1755 0 0",
        flags="ro,relatime",
    ),
]


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(FRESH, id="fresh", marks=pytest.mark.every_python),
        pytest.param(THERE[:9], id="there"),
        pytest.param(THERE[9:], id="flags", marks=pytest.mark.every_python),
    ],
)
def test_a_bpffs_is_as_declared(host: Host, cases: list[Case], subtests: pytest.Subtests) -> None:
    root = host.scratch / "mounts"
    root.mkdir()
    roots = [str(root / str(number)) for number in range(len(cases))]
    pairs = list(zip(cases, roots, strict=True))
    for case, path in pairs:
        pin = f'pin() {{ {host.site.program("make")} "$@" >/dev/null; }}'
        host.shell(f"{pin}; P={path}; {case.given}")
    ids = [[row.id for row in mounts_at(host, case.path(path))] for case, path in pairs]
    before = picture(host, str(root))
    run = host.playbook(
        [
            *(case.task(path, check=True) for case, path in pairs),
            picture_task("after the checks", str(root)),
            *(case.task(path) for case, path in pairs),
            picture_task("after the first run", str(root)),
            *(case.task(path) for case, path in pairs),
        ]
    )
    after = picture(host, str(root))

    assert taken(run["after the checks"]) == before
    assert taken(run["after the first run"]) == after
    step = len(cases) + 1
    for number, (case, path) in enumerate(pairs):
        check, real, again = (run[number + step * phase] for phase in range(3))
        with subtests.test(case.name):
            _check_real(host, case, case.path(path), real.good())
            if case.same_mount:
                assert [row.id for row in mounts_at(host, case.path(path))] == ids[number]
                assert _pins(before, path) == _pins(after, path) != []
            assert _promise(check.good()) == _promise(real)
            assert not again.good().changed
            assert again["mount"] == real["mount"]
            assert again["drift"] == []


def _check_real(host: Host, case: Case, path: str, real: Result) -> None:
    rows = mounts_at(host, path)
    assert tuple(row.fstype for row in rows) == tuple(case.layers)
    assert real.changed == case.changed
    assert [drift["field"] for drift in real["drift"]] == list(case.drift)
    assert access(host, path) == case.access
    assert rows[-1].flags == frozenset(case.flags.split(","))
    assert rows[-1].source == case.source
    assert set(case.options) <= set(rows[-1].options)
    mount = real["mount"]
    assert mount["path"] == path
    assert mount["source"] == rows[-1].source
    assert set(mount["opts"]) - {"strictatime"} == rows[-1].flags - {"rw"}
    assert mount["mode"] == case.access.split()[0].zfill(4)
    shown = [f"delegate_{kind}={':'.join(names)}" for kind, names in mount["delegate"].items()]
    assert {_sorted(word) for word in shown if not word.endswith("=")} == {
        _sorted(word) for word in rows[-1].options if word.startswith("delegate_")
    }
    assert mount["pins"] == (1 if case.same_mount else 0)
    assert real["dropped"] == []


def _pins(lines: list[str], path: str) -> list[list[str]]:
    # Path and inode of every pin.
    fields = [line.split() for line in lines if line.startswith(f"{path}/")]
    return [[words[0], words[5]] for words in fields if words[0].endswith("/pin")]


def _promise(result: Result) -> dict[str, Any]:
    return {key: result[key] for key in ("changed", "mount", "drift", "dropped")}


def _sorted(word: str) -> str:
    field_, _equals, names = word.partition("=")
    return f"{field_}={':'.join(sorted(names.split(':')))}"
