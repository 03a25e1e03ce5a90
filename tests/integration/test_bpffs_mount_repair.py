# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""bpffs_mount with repair: a stack of bpffs becomes one, and no pin is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from mount_table import mounts_at


def stack(host: Host, mode: str = "755") -> None:
    host.run("mount", "-t", "bpf", "-o", f"mode={mode}", "bpf", BPFFS)


def pin(host: Host, *names: str) -> dict[str, int]:
    """Pin a map under each name; their ids."""
    ids = {}
    for name in names:
        host.run("mkdir", "-p", f"{BPFFS}/{name.rpartition('/')[0]}")
        ids[name] = host.make_pin(f"{BPFFS}/{name}")
    return ids


def ids(host: Host) -> dict[str, int]:
    """The id of each map, by its name below the mount point."""
    names = host.shell(f"cd {BPFFS}; find . -type f ! -name '*.debug'").split()
    return {name[2:]: host.map_at(f"{BPFFS}/{name[2:]}")["id"] for name in names}


def repaired(host: Host, **options: Any) -> Result:
    """The result of a task that repairs; a check before it says the same, and changes nothing."""
    words = {"repair": True, "force": True, **options}
    before, there = host.shell("cat /proc/self/mountinfo"), host.inventory()
    check = host.module("bpffs_mount", check=True, **words).good()
    assert host.shell("cat /proc/self/mountinfo") == before
    assert host.inventory() == there
    done = host.module("bpffs_mount", **words).good()
    for key in ("changed", "action", "carried", "dropped", "drift", "mount"):
        assert check[key] == done[key], key
    return done


@pytest.mark.every_python
def test_all_pins_of_a_stack_are_in_one_bpffs_then(host: Host) -> None:
    low = pin(host, "low", "d/low")
    host.shell(f"chmod 751 {BPFFS}/d; chown 7:8 {BPFFS}/d")
    stack(host)
    middle = pin(host, "middle")
    stack(host)
    high = pin(host, "high", "d/high", "e/f/deep")
    host.shell(f"chmod 2750 {BPFFS}/e; chown 3:4 {BPFFS}/e/f/deep; chmod 640 {BPFFS}/e/f/deep")
    host.load("linked", BPFFS, f"{BPFFS}/program", f"{BPFFS}/link")
    link = host.bpftool("link", "show", "pinned", f"{BPFFS}/link")["id"]

    result = repaired(host)
    assert len(mounts_at(host, BPFFS)) == 1
    host.shell(f"rm {BPFFS}/program")
    assert host.bpftool("link", "show", "pinned", f"{BPFFS}/link")["id"] == link
    host.shell(f"rm {BPFFS}/link")
    assert ids(host) == {**low, **middle, **high}
    carried = {*middle, *high, "link", "program"}
    assert {each.removeprefix(f"{BPFFS}/") for each in result["carried"]} == carried
    assert result["action"] == "adjusted"
    assert {"field": "layers", "want": 1, "have": 3} in result["drift"]
    shown = "stat -c '%a %u %g'"
    assert host.shell(f"{shown} {BPFFS}/d {BPFFS}/e {BPFFS}/e/f/deep").splitlines() == [
        "751 7 8",
        "2750 0 0",
        "640 3 4",
    ]
    assert not host.module("bpffs_mount", repair=True, force=True).good().changed


def test_without_force_it_says_which_layer_holds_what(host: Host) -> None:
    pin(host, "one", "two")
    stack(host)
    before = host.shell("cat /proc/self/mountinfo")
    for check in (True, False):
        result = host.module("bpffs_mount", repair=True, check=check)
        assert result.failed
        assert "is mounted 2 times over itself" in result.msg
        assert "has 2 pins (one, two)" in result.msg
        assert "has no pins" in result.msg
        assert "set force: true" in result.msg
    assert host.shell("cat /proc/self/mountinfo") == before
    plain = host.module("bpffs_mount", force=True)
    assert plain.failed
    assert "repair: true says which are in which" in plain.msg


@pytest.mark.parametrize("keep", ["lowest", "topmost"])
def test_of_two_pins_of_a_name_the_declared_one_stays(host: Host, keep: str) -> None:
    low = pin(host, "same", "low")
    host.run("bpftool", "map", "pin", "pinned", f"{BPFFS}/low", f"{BPFFS}/twice")
    stack(host)
    high = pin(host, "same")
    host.run("bpftool", "map", "pin", "id", str(low["low"]), f"{BPFFS}/twice")
    refused = host.module("bpffs_mount", repair=True, force=True)
    assert refused.failed
    assert "has several pins of one name" in refused.msg
    assert "(same)" in refused.msg
    assert len(mounts_at(host, BPFFS)) == 2
    result = repaired(host, keep=keep)
    kept = (low if keep == "lowest" else high)["same"]
    assert ids(host) == {"same": kept, "low": low["low"], "twice": low["low"]}
    assert result["dropped"] == [f"{BPFFS}/same"]
    gone = (high if keep == "lowest" else low)["same"]
    assert host.run("bpftool", "map", "show", "id", str(gone), check=False).returncode


@pytest.mark.parametrize("whose", ["the pin", "the directory"])
def test_a_pin_of_a_stranger_takes_no_place_of_another(host: Host, whose: str) -> None:
    low = pin(host, "d/flows")
    stack(host, "1777")
    pin(host, "d/flows")
    host.run("chown", "1234", f"{BPFFS}/d/flows" if whose == "the pin" else f"{BPFFS}/d")
    result = host.module("bpffs_mount", repair=True, force=True, keep="topmost")
    assert result.failed
    assert "belongs to user id 1234, and would take the place of another pin" in result.msg
    repaired(host, keep="lowest")
    assert ids(host) == low


def test_what_a_killed_run_left_goes(host: Host) -> None:
    low = pin(host, "d/low", "d/ebpf-pinning~carried")
    stack(host)
    high = pin(host, "high")
    repaired(host)
    del low["d/ebpf-pinning~carried"]
    assert ids(host) == {**low, **high}


def test_what_is_declared_of_the_root_is_set_on_the_one_that_stays(host: Host) -> None:
    pin(host, "low")
    stack(host)
    result = repaired(host, mode="0711", group="adm")
    assert host.shell(f"stat -c '%a %G' {BPFFS}").strip() == "1711 adm"
    assert result["mount"]["pins"] == 1


OBSTACLES = {
    "another file system": ("mount -t tmpfs t $B; mount -t bpf bpf $B", "another file system"),
    "a mount in it": ("mkdir $B/d; mount -t tmpfs t $B/d", "something is mounted in it"),
    "a symlink in it": ("ln -s / $B/l", "l is a symlink to /"),
}


@pytest.mark.parametrize("about", OBSTACLES)
def test_what_cannot_be_undone_is_left_as_it_is(host: Host, about: str) -> None:
    script, words = OBSTACLES[about]
    pin(host, "low")
    stack(host)
    host.shell(script.replace("$B", BPFFS))
    before = host.shell("cat /proc/self/mountinfo")
    result = host.module("bpffs_mount", repair=True, force=True)
    assert result.failed
    assert words in result.msg
    assert host.shell("cat /proc/self/mountinfo") == before


def test_a_bpffs_in_use_is_left_with_all_pins_and_another_run_goes_on(host: Host) -> None:
    low = pin(host, "low")
    stack(host)
    high = pin(host, "high")
    with host.running("sh", "-c", f"cd {BPFFS} && echo ready && cat") as user:
        assert user.stdout.readline() == "ready\n"
        result = host.module("bpffs_mount", repair=True, force=True)
        assert result.failed
        assert "in use: find the processes" in result.msg
        assert "pins carried to the lowest" in result.msg
        assert ids(host) == high
    repaired(host)
    assert ids(host) == {**low, **high}


def test_no_name_of_the_topmost_is_missing_for_a_moment(host: Host) -> None:
    pin(host, "low")
    stack(host)
    pin(host, "high")
    with host.reading(f"{BPFFS}/high") as seen:
        repaired(host)
    assert seen["reads"] > 100
    assert seen["misses"] == 0


def test_bpf_host_repairs_before_it_looks_at_pins(host: Host) -> None:
    low = pin(host, "flows")
    stack(host)
    declared = {
        "mounts": [{"repair": True, "force": True}],
        "maps": [
            {"name": "flows", "type": "hash", "key_size": 4, "value_size": 8, "max_entries": 1}
        ],
    }
    check, real = host.playbook(
        [task("bpf_host", check=True, **declared), task("bpf_host", **declared)]
    )
    assert any("one bpffs still hides another" in each for each in check.good()["warnings"])
    assert real.good()["mounts"][0]["action"] == "adjusted"
    assert ids(host) == low


def test_keep_without_repair_is_refused(host: Host) -> None:
    result = host.module("bpffs_mount", keep="lowest")
    assert result.failed
    assert "keep is about repair" in result.msg


def test_the_diff_tells_the_layers(host: Host) -> None:
    pin(host, "low")
    stack(host)
    run = host.playbook([task("bpffs_mount", repair=True, force=True)], "--check", "--diff")
    text = json.dumps(run[0].good()["diff"])
    assert "has 1 pin (low)" in text
    assert "has no pins" in text
