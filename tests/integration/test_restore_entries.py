# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries after a restart: they are back before the map has its name."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from booted_hosts import UNIT, states
from harness.booted import Booted
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import HASH
from restoring import DRIFT, GOOD, TROUBLE, Fields, Restorer, keep_apart, restart

MANIFESTS = "/etc/ebpf-pinning/restore.d"
SHAPE: Fields = {"type": "hash", "key_size": 4, "value_size": 4, "max_entries": 8}
MAP: Fields = {**SHAPE, "key_format": "ipv4", "value_format": "u32"}
ENTRIES = [{"key": "192.0.2.77", "value": 424242}, {"key": "192.0.2.78", "value": 2}]
BOTH = {bytes([192, 0, 2, 77]): 424242, bytes([192, 0, 2, 78]): 2}
LINES = "192.0.2.77 424242\n192.0.2.78 2\n"


def dump(host: Host, name: str) -> dict[bytes, int]:
    """What bpftool finds in a map."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/{name}")
    return {_raw(each["key"]): int.from_bytes(_raw(each["value"]), "little") for each in told}


def _raw(numbers: list[str]) -> bytes:
    return bytes(int(each, 16) for each in numbers)


def listed(src: Path | str, **more: Any) -> Fields:
    return {**MAP, "entries_from": {"src": str(src), "remote_src": True, **more}}


def put(host: Host, name: str, key: str, value: str) -> None:
    host.shell(f"bpftool map update pinned {BPFFS}/{name} key {key} value {value}")


def test_entries_are_back_when_the_unit_is_done(booted: Booted, subtests: pytest.Subtests) -> None:
    host = booted
    host.shell(f"mkdir /etc/lists && umask 077 && printf '{LINES}' > /etc/lists/blocked")
    maps = [
        {"name": "inline", **MAP, "entries": ENTRIES},
        {"name": "frozen", **MAP, "entries": ENTRIES, "frozen": True},
        {"name": "listed", **listed("/etc/lists/blocked"), "entries_mode": "exact"},
        {"name": "initial", **MAP, "entries": ENTRIES, "entries_mode": "initial"},
        {"name": "plain", **HASH},
    ]
    wanted = {"maps": maps, "at_boot": True}
    check, made, again = (
        *host.playbook([task("bpf_host", **wanted)], "--check", "--diff", "-vvv"),
        *(run := host.playbook([task("bpf_host", **wanted)] * 2, "--diff", "-vvv")),
    )
    file = f"{MANIFESTS}/sys-fs-bpf.json"
    with subtests.test("what is in the maps is in a file that only root reads, and nowhere else"):
        assert made.good()["at_boot"] == check.good()["at_boot"]
        assert not again.good().changed
        assert host.shell(f"stat -c '%a %u' {file}") == "600 0\n"
        assert "192.0.2.77" in host.shell(f"cat {file}")
        for told in (run.output, json.dumps([dict(each.fields) for each in (check, made)])):
            assert f"{MANIFESTS}/sys-fs-bpf.json" in told
            assert "192.0.2.7" not in told
            assert "424242" not in told
    names = [each["name"] for each in maps[:-1]]
    assert [dump(host, name) for name in names] == [BOTH] * 4
    host.restart()
    with subtests.test("all are back"):
        assert states(host)["Result"] == "success", host.log
        assert [dump(host, name) for name in names] == [BOTH] * 4
        assert dump(host, "plain") == {}
        assert host.map_at(f"{BPFFS}/frozen")["frozen"] == 1
    with subtests.test("and nothing of them is in the journal"):
        assert "192.0.2.7" not in host.log
    host.shell("printf '192.0.2.78 2\\n192.0.2.79 x\\n' > /etc/lists/blocked")
    host.restart()
    with subtests.test("a list that is wrong keeps no other map from coming back"):
        assert states(host)["Result"] == "exit-code"
        assert [dump(host, name) for name in ("inline", "frozen", "initial")] == [BOTH] * 3
        assert host.run("test", "-e", f"{BPFFS}/listed", check=False).returncode == 1
        log = host.run("journalctl", "-u", UNIT, check=False).stdout + host.log
        assert "/etc/lists/blocked: line 2: value: must be a whole number" in log
    host.shell(f"printf '{LINES}192.0.2.80 3\\n' > /etc/lists/blocked")
    host.restart()
    with subtests.test("it is read anew at each boot"):
        assert dump(host, "listed") == {**BOTH, bytes([192, 0, 2, 80]): 3}


def test_the_command_tells_what_differs_and_puts_it_right(
    restorer: Restorer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    host = restorer.host
    source = tmp_path / "blocked"
    source.write_text(LINES)
    maps = [
        {"name": "present", **MAP, "entries": ENTRIES},
        {"name": "exact", **listed(source), "entries_mode": "exact"},
        {"name": "fixed", **MAP, "entries": ENTRIES, "frozen": True},
    ]
    file = restorer.declare(maps=maps)
    with subtests.test("missing"):
        seen = restorer.json("check")
        assert (seen.code, set(seen.states.values())) == (DRIFT, {"missing"})
        assert restorer.run("restore").code == GOOD
        assert [dump(host, each["name"]) for each in maps] == [BOTH] * 3
        assert restorer.run("check").code == GOOD
    for name in ("present", "exact"):
        put(host, name, "192 0 2 77", "1 0 0 0")
        put(host, name, "192 0 2 99", "1 0 0 0")
        host.shell(f"bpftool map delete pinned {BPFFS}/{name} key 192 0 2 78")
    there = [dump(host, name) for name in ("present", "exact")]
    with subtests.test("different, by numbers alone"):
        seen = restorer.json("check")
        assert seen.code == DRIFT
        assert seen.line(f"{BPFFS}/present")["detail"] == (
            "entries: want as declared (present), have 1 missing, 1 different"
        )
        assert seen.line(f"{BPFFS}/exact")["detail"] == (
            "entries: want as declared (exact), have 1 missing, 1 different, 1 extra"
        )
        assert [dump(host, name) for name in ("present", "exact")] == there
    with subtests.test("put right"):
        assert restorer.run("restore").code == GOOD
        assert dump(host, "present") == {**BOTH, bytes([192, 0, 2, 99]): 1}
        assert dump(host, "exact") == BOTH
    maps[2] = {**maps[2], "entries": [{"key": "192.0.2.77", "value": 1}]}
    file = restorer.declare(maps=maps)
    with subtests.test("what is frozen otherwise is left alone"):
        done = restorer.json("restore")
        assert done.code == TROUBLE
        line = done.line(f"{BPFFS}/fixed")
        assert line["state"] == "different"
        assert "have 1 different" in line["detail"]
        assert dump(host, "fixed") == BOTH
    assert file.exists()


def peak(restorer: Restorer) -> int:
    """The most memory that a look at all maps takes, in bytes."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(restorer.run("status", before=["python3", "-c", program]).output) * 1024


def test_of_many_long_lists_one_at_a_time_is_in_memory(restorer: Restorer, tmp_path: Path) -> None:
    source, count = tmp_path / "long", 100_000
    source.write_text("".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} 1\n" for n in range(count)))
    long = {**listed(source), "max_entries": count}
    nothing = peak(restorer)
    restorer.declare(maps=[{"name": "one", **long}])
    one = peak(restorer) - nothing
    restorer.declare(maps=[{"name": f"map_{number}", **long} for number in range(5)])
    assert one > 10 * count
    assert peak(restorer) - nothing < 2 * one


def by_others(folder: Path) -> Path:
    folder.chmod(0o777)
    return folder / "blocked"


def by_a_link(folder: Path) -> Path:
    link = folder / "link"
    link.symlink_to(folder / "blocked")
    os.chown(link, 1, 1, follow_symlinks=False)
    return link


def by_nobody(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder / "nowhere"


NOT_ROOTS = {
    "a directory that others may write to": (by_others, "so others than root decide what is there"),
    "a symlink of another user": (by_a_link, "belongs to user id 1, who decides where it leads"),
    "nothing": (by_nobody, "nowhere does not exist: declare the path of the list"),
}


@pytest.mark.parametrize(("spoil", "reason"), NOT_ROOTS.values(), ids=NOT_ROOTS)
def test_a_list_that_is_not_roots_own_is_not_read(
    restorer: Restorer, tmp_path: Path, spoil: Any, reason: str
) -> None:
    folder = tmp_path / "lists"
    folder.mkdir(mode=0o755)
    (folder / "blocked").write_text(LINES)
    maps = [
        {"name": "listed", **listed(spoil(folder))},
        {"name": "inline", **MAP, "entries": ENTRIES},
    ]
    restorer.declare(maps=maps)
    done = restorer.json("restore")
    assert done.code == TROUBLE
    assert done.line(f"{BPFFS}/listed")["state"] == "failed"
    assert reason in done.line(f"{BPFFS}/listed")["detail"]
    assert dump(restorer.host, "inline") == BOTH
    assert restorer.host.run("test", "-e", f"{BPFFS}/listed", check=False).returncode == 1


REFUSED: dict[str, tuple[Fields, str]] = {
    "a list where anybody may write": (
        listed("/tmp/blocked"),
        "/tmp belongs to user id 0, group id 0, mode 1777, so others than root decide",
    ),
    "a list in a home": (listed("/home/blocked"), "homes are hidden from what restores at boot"),
    "interfaces": (
        {**SHAPE, "key_format": "ifindex", "value_format": "u32", "entries": []},
        "entries of the format ifindex cannot be put back at boot",
    ),
    "cgroups in a field": (
        {
            **SHAPE,
            "value_size": 8,
            "key_format": "u32",
            "value_format": [{"name": "group", "format": "cgroup"}],
            "entries": [],
        },
        "entries of the format cgroup cannot be put back at boot",
    ),
    "types that only the pin has": (
        {**SHAPE, "key_format": "u32", "entries": [{"key": 1, "value": 1}]},
        "as the map has no BTF that says its type",
    ),
    "an entry that does not fit": (
        {**MAP, "entries": [{"key": "192.0.2.77", "value": -1}]},
        "entries[0].value: must be a whole number",
    ),
}


def test_what_could_not_come_back_is_not_installed(host: Host, subtests: pytest.Subtests) -> None:
    keep_apart(host)
    host.shell(
        """
        mount -t tmpfs -o mode=1777 tmp /tmp && echo 192.0.2.77 1 > /tmp/blocked
        mount -t tmpfs -o mode=755 home /home && echo 192.0.2.77 1 > /home/blocked
        """
    )
    (host.scratch / "files").mkdir()
    (host.scratch / "files" / "blocked").write_text(LINES)
    for module in ("bpf_restore", "bpf_host"):
        more = {"name": "agent"} if module == "bpf_restore" else {"at_boot": True}
        tasks = [
            task(module, maps=[{"name": "one", **one}], **more) for one, _text in REFUSED.values()
        ]
        before = host.inventory()
        run = host.playbook(tasks)
        for (about, (_one, text)), result in zip(REFUSED.items(), run, strict=True):
            with subtests.test(f"{module}: {about}"):
                assert result.failed
                assert text in result.msg, result
        assert host.inventory() == before
        assert host.run("test", "-e", "/etc/ebpf-pinning", check=False).returncode == 1


def test_a_manifest_shows_nothing_of_what_is_in_the_maps(host: Host) -> None:
    keep_apart(host)
    first = {"name": "agent", "maps": [{"name": "one", **MAP, "entries": ENTRIES}]}
    second = {**first, "maps": [{"name": "one", **MAP, "entries": ENTRIES[:1]}]}
    run = host.playbook(
        [task("bpf_restore", **first), task("bpf_restore", **second)], "--diff", "-vvv"
    )
    assert run[1].good().changed
    assert "(2 hidden)" in str(run[1]["diff"])
    assert "(1 hidden)" in str(run[1]["diff"])
    assert "192.0.2.7" not in run.output + json.dumps([dict(each.fields) for each in run])
    restart(host)
    host.run("/usr/local/lib/ebpf-pinning/ebpf-pinning", "restore")
    assert dump(host, "one") == {bytes([192, 0, 2, 77]): 424242}


TABLE: Fields = {**MAP, "entries": ENTRIES, "entries_mode": "exact"}
INNER: Fields = {name: SHAPE[name] for name in ("type", "key_size", "value_size", "max_entries")}
IN_PLACE: Fields = {"key_format": "ipv4", "value_format": "u32"}
# A table in a slot, a map in place, and a pinned map that comes after the one that it is to be in.
OF_MAPS: list[Fields] = [
    {"name": "current", **TABLE, "entries_swap": {"outer": f"{BPFFS}/tables", "key": 1}},
    {
        "name": "zones",
        "type": "hash_of_maps",
        "key_size": 4,
        "max_entries": 4,
        "inner_map": INNER,
        "key_format": "u32",
        "entries": [
            {"key": 1, "value": f"{BPFFS}/zone"},
            {"key": 2, "value": {**IN_PLACE, "entries": ENTRIES}},
        ],
    },
    {"name": "tables", "type": "array_of_maps", "max_entries": 2, "inner_map": INNER},
    {"name": "zone", **INNER},
]


def slots(host: Host, name: str) -> dict[int, int]:
    """The ids of the maps in a map of maps, by their keys."""
    told = host.bpftool("map", "dump", "pinned", f"{BPFFS}/{name}")
    pairs = [(each["key"], each["value"]) for each in told if isinstance(each["value"], list)]
    return {
        int.from_bytes(_raw(key), "little"): int.from_bytes(_raw(value), "little")
        for key, value in pairs
    }


def are_in_place(host: Host) -> bool:
    zones = slots(host, "zones")
    told = host.bpftool("map", "dump", "id", str(zones[2]))
    return (
        slots(host, "tables") == {1: host.map_at(f"{BPFFS}/current")["id"]}
        and zones[1] == host.map_at(f"{BPFFS}/zone")["id"]
        and {_raw(each["key"]) for each in told} == {*BOTH}
        and dump(host, "current") == BOTH
    )


def test_maps_are_back_in_the_maps_that_hold_them(
    restorer: Restorer, subtests: pytest.Subtests
) -> None:
    host = restorer.host
    restorer.declare(maps=OF_MAPS)
    with subtests.test("missing"):
        seen = restorer.json("check")
        assert (seen.code, set(seen.states.values())) == (DRIFT, {"missing"})
        assert restorer.run("restore").code == GOOD
        assert are_in_place(host)
        assert restorer.run("check").code == GOOD
    with subtests.test("only the map of maps is missing"):
        host.shell(f"rm {BPFFS}/tables {BPFFS}/zones")
        assert restorer.run("restore").code == GOOD
        assert are_in_place(host)
    with subtests.test("another map is in the slot, and a map in place has other entries"):
        zone = slots(host, "zones")[2]
        host.shell(
            f"bpftool map update pinned {BPFFS}/tables key 1 0 0 0 value pinned {BPFFS}/zone;"
            f"bpftool map update id {zone} key 1 2 3 4 value 1 0 0 0"
        )
        seen = restorer.json("check")
        assert seen.code == DRIFT
        assert seen.states[f"{BPFFS}/current"] == seen.states[f"{BPFFS}/zones"] == "different"
        assert "in its slot of" in seen.line(f"{BPFFS}/current")["detail"]
        assert restorer.run("restore").code == GOOD
        assert are_in_place(host)
    with subtests.test("a table that is not as declared is swapped"):
        put(host, "current", "1 2 3 4", "1 0 0 0")
        old = host.map_at(f"{BPFFS}/current")["id"]
        assert restorer.run("restore").code == GOOD
        assert host.map_at(f"{BPFFS}/current")["id"] != old
        assert are_in_place(host)


def test_what_would_come_back_before_its_map_of_maps_is_refused(host: Host) -> None:
    keep_apart(host)
    host.module("bpf_host", maps=OF_MAPS[2:]).good()
    current, zones = OF_MAPS[:2]
    before = host.inventory()
    for each, text in (
        (current, f"{BPFFS}/current: entries_swap: {BPFFS}/tables is not declared beside"),
        (zones, f"{BPFFS}/zones: entries[0].value: this map is not declared beside"),
    ):
        for check in (True, False):
            result = host.module("bpf_host", maps=[each], at_boot=True, check=check)
            assert result.failed
            assert text in result.msg
            assert host.inventory() == before
