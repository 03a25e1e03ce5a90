# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount with state unmounted, with several mounts of one file system, and twice at once."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from mount_table import access, mounts_at, picture, picture_task, taken


@dataclass(frozen=True)
class Case:
    """`given` is a shell script that finds a directory to be made in $P, and `pin PATH`."""

    name: str
    given: str
    changed: bool = True
    force: bool = False
    dropped: Sequence[str] = ()
    layers: Sequence[str] = ()  # that are left
    below: str = ""


CASES = [
    Case("a directory is not mounted", "mkdir $P", changed=False),
    Case("a missing directory is not mounted", ":", changed=False, below="/a/b"),
    Case(
        "a directory inside a bpffs is not mounted",
        "mkdir $P && mount -t bpf bpffs $P && mkdir $P/d && pin $P/d/pin",
        changed=False,
        force=True,
        below="/d",
    ),
    Case("an empty one is unmounted", "mkdir $P && mount -t bpf bpffs $P && mkdir -p $P/a/b"),
    Case(
        "pins are dropped by force, and listed",
        "mkdir $P && mount -t bpf bpffs $P && mkdir $P/d && pin $P/d/one && pin $P/two",
        force=True,
        dropped=["/d/one", "/two"],
    ),
    Case(
        "force drops nothing where there is nothing",
        "mkdir $P && mount -t bpf bpffs $P",
        force=True,
    ),
    Case(
        "one mount of two goes by force, and the pins stay in the other",
        "mkdir $P $P.b && mount -t bpf bpffs $P && pin $P/pin && mount --bind $P $P.b",
        force=True,
        dropped=["/pin"],
    ),
    Case(
        "what is mounted below it stays",
        "mkdir $P && mount -t tmpfs t $P && mount -t bpf bpffs $P",
        layers=["tmpfs"],
    ),
]


@pytest.mark.every_python
def test_it_is_unmounted(host: Host, subtests: pytest.Subtests) -> None:
    root = host.scratch / "mounts"
    root.mkdir()
    paths = [f"{root}/{number}{case.below}" for number, case in enumerate(CASES)]
    for number, case in enumerate(CASES):
        pin = f'pin() {{ {host.site.program("make")} "$@" >/dev/null; }}'
        host.shell(f"{pin}; P={root}/{number}; {case.given}")
    before = picture(host, str(root))
    declared = [
        {"path": path, "state": "unmounted", "force": case.force}
        for case, path in zip(CASES, paths, strict=True)
    ]
    run = host.playbook(
        [
            *(task("bpffs_mount", check=True, **each) for each in declared),
            picture_task("after the checks", str(root)),
            *(task("bpffs_mount", **each) for each in declared),
        ]
    )
    assert taken(run["after the checks"]) == before
    for number, (case, path) in enumerate(zip(CASES, paths, strict=True)):
        check, real = run[number].good(), run[number + len(CASES) + 1].good()
        with subtests.test(case.name):
            assert [row.fstype for row in mounts_at(host, path)] == list(case.layers)
            assert real.changed == case.changed
            assert real["mount"] is None
            assert real["dropped"] == [f"{path}{pin}" for pin in case.dropped]
            for key in ("changed", "mount", "drift", "dropped"):
                assert check[key] == real[key], key


def test_the_last_mount_takes_the_maps_along(host: Host, subtests: pytest.Subtests) -> None:
    here, there = "/mnt/here", "/mnt/there"
    host.shell(f"mount -t tmpfs t /mnt && mkdir {here} {there} && mount -t bpf bpffs {here}")
    lost = host.make_pin(f"{BPFFS}/lost")
    kept = host.make_pin(f"{here}/kept")
    host.run("mount", "--bind", here, there)
    run = host.playbook(
        [
            task("bpffs_mount", label="refused", state="unmounted"),
            task("bpffs_mount", label="by force", state="unmounted", force=True),
            task("bpffs_mount", label="of two", path=here, state="unmounted", force=True),
        ]
    )
    with subtests.test("refused first, with the pins in the message"):
        assert run["refused"].failed
        assert f"{BPFFS}/lost" in run["refused"].msg
        assert run["by force"].good()["dropped"] == [f"{BPFFS}/lost"]
    with subtests.test("the map whose last pin was dropped is gone from the kernel"):
        assert mounts_at(host, BPFFS) == []
        _until_gone(host, lost)
    with subtests.test("the map whose pin is seen elsewhere is there"):
        assert run["of two"].good().changed
        assert mounts_at(host, here) == []
        assert host.map_at(f"{there}/kept")["id"] == kept


def test_the_same_file_system_at_two_paths_is_one(host: Host, subtests: pytest.Subtests) -> None:
    here, there = "/mnt/here", "/mnt/there"
    host.shell(
        f"mount -t tmpfs t /mnt && mkdir {here} {there} && mount -t bpf -o nosuid bpffs {here}"
        f" && mount --bind {here} {there}"
    )
    host.make_pin(f"{here}/pin")
    (before,) = mounts_at(host, here)
    result = host.module("bpffs_mount", path=there, mode="0711", opts=["noexec"]).good()
    with subtests.test("its root is one directory"):
        assert access(host, here) == access(host, there) == "1711 0 0"
        assert result["mount"]["pins"] == 1
    with subtests.test("flags are those of the mount"):
        assert mounts_at(host, here)[0].flags == before.flags
        assert mounts_at(host, there)[0].flags == before.flags | {"noexec"}


def test_two_runs_at_once_mount_once(host: Host) -> None:
    host.shell("mount -t tmpfs t /mnt")
    # Each waits for the other to arrive, and mount(2) takes its time: so they do meet.
    meet = f"""cd {host.scratch} && touch arrived.$$
    until [ "$(ls arrived.* | wc -l)" = 2 ]; do sleep 0.02; done
    exec strace -f -qq -o trace.$$ -e trace=mount -e inject=mount:delay_enter=2500000 \\
        {host.site.python} "$@" """
    wanted = {"path": "/mnt/a/b", "mode": "0755", "opts": ["nosuid"], "delegate_maps": ["any"]}
    each = task("bpffs_mount", **wanted, keywords=host.interpreter(meet))
    play = {"hosts": "all", "gather_facts": False, "tasks": [each]}
    file = host.scratch / "both.yml"
    file.write_text(json.dumps([play]))
    processes = [host.start(str(file)) for _twice in range(2)]
    results = [host.finish(process)[0].good() for process in processes]
    assert [result["mount"]["mode"] for result in results] == ["1755", "1755"]
    assert sorted(result.changed for result in results) == [False, True]
    (row,) = mounts_at(host, "/mnt/a/b")
    assert row.flags == {"rw", "nosuid", "relatime"}
    assert "delegate_maps=any" in row.options
    traces = [trace.read_text() for trace in host.scratch.glob("trace.*")]
    assert len(traces) == 2
    assert sum(trace.count("mount(") for trace in traces) == 1


def _until_gone(host: Host, map_id: int) -> None:
    # The kernel frees a map a moment after its last reference is dropped.
    deadline = time.monotonic() + 5
    while host.run("bpftool", "map", "show", "id", str(map_id), check=False).returncode == 0:
        assert time.monotonic() < deadline, f"map {map_id} is still there"
        time.sleep(0.05)
