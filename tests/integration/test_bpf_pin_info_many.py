# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of pins, at which two processes look: all is told as of a few, whatever happens."""

from __future__ import annotations

import os
from typing import Any

import pytest
from absence_table import holdings
from harness.host import BPFFS, Host
from harness.playbook import Result, task

MANY = 2_100  # more than one process looks at
MANY_PINS = f"{BPFFS}/app"


def _batch(host: Host, lines: list[str]) -> None:
    file = host.site.scratch / "batch"
    file.write_text("".join(f"{line}\n" for line in lines))
    host.run("bpftool", "batch", "file", str(file))


@pytest.fixture
def many(host: Host) -> Host:
    """All these pins, on a machine that has nothing else to do."""
    load = host.site.scratch / "loadavg"
    load.write_text("0.00 0.00 0.00 1/100 1\n")
    host.run("mount", "--bind", str(load), "/proc/loadavg")
    names = [f"{half}-map-{number:04}" for half in "az" for number in range(MANY // 2)]
    host.run("mkdir", MANY_PINS)
    _batch(
        host,
        [
            f"map create {MANY_PINS}/{name} type {kind} key 4 value {8 + number % 5} "
            f"entries {1 + number % 7} name n{number}"
            for number, name in enumerate(names)
            for kind in [("hash", "array")[number % 2]]
        ],
    )
    _batch(host, [f"map freeze pinned {MANY_PINS}/{name}" for name in names[::3]])
    for half in "az":
        host.make_pin(f"{MANY_PINS}/{half}-inner", type=2, key_size=4, value_size=24, max_entries=3)
        outer = dict(type=13, key_size=4, value_size=4, max_entries=2)
        host.make_pin(f"{MANY_PINS}/{half}-outer", inner=f"{MANY_PINS}/{half}-inner", **outer)
        key, value = "key 1 0 0 0", f"value pinned {MANY_PINS}/{half}-inner"
        host.run("bpftool", *f"map update pinned {MANY_PINS}/{half}-outer {key} {value}".split())
        host.load("linked", MANY_PINS, f"{MANY_PINS}/{half}-prog", f"{MANY_PINS}/{half}-link")
        host.make_pin(f"{MANY_PINS}/{half}-deep")
        host.shell(
            f"cd {MANY_PINS}; mkdir {half}-directory; mv {half}-deep {half}-directory/deep\n"
            f"ln -s a-map-0000 {half}-symlink; chmod 0640 {half}-map-0001\n"
            f"chown daemon:adm {half}-map-0002"
        )
    return host


def _assert_all_told(host: Host, told: Result) -> None:
    pins = {pin["path"]: pin for pin in told["pins"]}
    assert list(pins) == sorted(pins, key=lambda path: path.split("/"))
    held = holdings(host)
    assert {
        path: {"type": pin["type"], "id": pin["id"], "name": pin["name"]}
        for path, pin in pins.items()
    } == {
        path: {key: each[key] for key in ("type", "id", "name")}
        for path, each in held.items()
        if path.startswith(f"{MANY_PINS}/")
    }
    maps = {each["id"]: each for each in host.bpftool("map", "show")}
    words = {
        "type": "type",
        "key_size": "bytes_key",
        "value_size": "bytes_value",
        "max_entries": "max_entries",
        "memlock": "bytes_memlock",
        "frozen": "frozen",
    }
    for path, pin in pins.items():
        if pin["type"] == "map":
            shown = maps[pin["id"]]
            assert {word: pin["map"][word] for word in words} == {
                word: shown[each] for word, each in words.items()
            } | {"frozen": bool(shown["frozen"])}, path
    assert sum(pin["map"]["frozen"] for pin in pins.values() if "map" in pin) == MANY // 3
    for half in "az":
        path = f"{MANY_PINS}/{half}"
        assert pins[f"{path}-outer"]["map"]["inner_map"]["value_size"] == 24
        assert pins[f"{path}-link"]["link"]["target"] == {"tp_name": "task_rename"}
        assert pins[f"{path}-map-0001"]["mode"] == "0640"
        assert [pins[f"{path}-map-0002"][who] for who in ("owner", "group")] == ["daemon", "adm"]
    others = {each["path"]: each["what"] for each in told["others"]}
    symlinks = {f"{MANY_PINS}/{half}-symlink": "a symlink to a-map-0000" for half in "az"}
    assert others == symlinks
    assert told["unreadable"] == told["missing"] == []


@pytest.mark.every_python
def test_thousands_of_pins_are_told_as_bpftool_tells_them(many: Host) -> None:
    before = many.inventory()
    asked: dict[str, Any] = {"directory": MANY_PINS, "recurse": True}
    calls = many.site.scratch / "calls"
    watched = many.strace("-o", str(calls), "-e", "trace=bpf")
    no_child = many.tampered("?fork,?vfork,?clone,?clone3", "error=EAGAIN")
    run = many.playbook(
        [
            task("bpf_pin_info", label="two", keywords=watched, **asked),
            task("bpf_pin_info", label="none", keywords=no_child, **asked),
        ]
    )
    assert many.inventory() == before
    askers = {line.split()[0] for line in calls.read_text().splitlines()}
    assert len(askers) == min(2, len(os.sched_getaffinity(0)))
    _assert_all_told(many, run["two"].good())
    assert run["none"].good()["pins"] == run["two"]["pins"]


def test_a_refusal_in_either_half_hides_no_other_pin(many: Host) -> None:
    """Of each process its own system calls are counted, and two that are refused are of one pin."""
    refused = many.tampered("bpf", "error=EIO:when=300..301")  # in the first part of each
    told = many.module("bpf_pin_info", keywords=refused, directory=MANY_PINS).good()
    (unreadable,) = told["unreadable"]
    assert "EIO" in unreadable["reason"]
    assert "/a-map-" in unreadable["path"]  # in the other half it is tried again
    held = {path for path in holdings(many) if path.count("/") == MANY_PINS.count("/") + 1}
    assert {unreadable["path"], *(pin["path"] for pin in told["pins"])} == held
    assert len(told["pins"]) == len(held) - 1
