# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One language of shapes: what is told of a map that others made can be declared, and fits."""

from __future__ import annotations

from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from map_types import ROWS

# Flags of include/uapi/linux/bpf.h: all but those of descriptors and of struct_ops.
FLAGS = [1 << bit for bit in range(20) if bit not in (3, 4, 13, 14, 15, 16)]
STORAGE = {24, 28, 29, 32}  # which the tool here cannot make: they need BTF
DEVMAPS = {14, 25}  # the kernel sets RDONLY_PROG, and refuses it from others
OF_MAPS = {12, 13}


def _shapes() -> dict[int, tuple[int, int, int, int, int]]:
    """A way to make each type: key_size, value_size, max_entries, flags, map_extra."""
    shapes = {}
    for row in ROWS:
        key, value, entries, flags = row.seen
        flags &= ~0x80 if row.number in DEVMAPS else ~0
        shapes.setdefault(row.number, (key, value, entries, flags & ~0x4, row.extra))
    return {number: shape for number, shape in shapes.items() if number not in STORAGE}


def made_by_others(host: Host) -> list[str]:
    """Every type, with each flag besides that the kernel takes for it; the names of the pins."""
    make = host.site.program("make")
    host.make_pin(f"{BPFFS}/inner", type=2, value_size=8, max_entries=16)
    lines = [f"mkdir {BPFFS}/d"]
    for number, (key, value, entries, flags, extra) in _shapes().items():
        for more in (0, *FLAGS):
            words = [
                *(f"{BPFFS}/d/t{number}_{more:x}", f"type={number}", f"flags={flags | more}"),
                *(f"key_size={key}", f"value_size={value}", f"max_entries={entries}"),
                *([f"map_extra={extra}"] if extra else []),
                *([f"inner={BPFFS}/inner"] if number in OF_MAPS else []),
            ]
            lines.append(f"{make} {' '.join(words)} 2>/dev/null || true")
    host.shell("\n".join(lines))
    names = host.shell(f"ls {BPFFS}/d").split()
    for name in names:
        if name.startswith(("t12_", "t13_")):
            key = "0 " * _shapes()[int(name[1:3])][0]
            update = f"bpftool map update pinned {BPFFS}/d/{name} key {key}"
            host.shell(f"{update} value pinned {BPFFS}/inner")
    return names


# What is told of a map and is no option of one, or belongs to its pin.
BESIDE = {"name", "programs", "frozen", "memlock", "btf_id"}


def told(run: Result) -> list[dict[str, Any]]:
    """What bpf_pin_info says, as items of `maps`."""
    return [
        {"path": pin["path"], **{key: pin["map"][key] for key in pin["map"].keys() - BESIDE}}
        for pin in run.good()["pins"]
    ]


@pytest.mark.every_python
def test_what_info_tells_of_any_map_can_be_declared_and_fits(host: Host) -> None:
    names = made_by_others(host)
    assert {name.partition("_")[0] for name in names} == {f"t{number}" for number in _shapes()}
    before = host.inventory()
    maps = told(host.module("bpf_pin_info", directory=f"{BPFFS}/d"))
    assert len(maps) == len(names)
    found = host.module("bpf_map_pinned", maps=maps).good()
    assert found["counts"]["unchanged"] == len(names)
    assert host.inventory() == before
    # And so can what that one tells.
    shapes = [dict(each["shape"], path=each["path"]) for each in found["maps"]]
    for item, shape in zip(maps, shapes, strict=True):
        del shape["name"]
        assert {key: item[key] for key in shape} == shape
    inner = {each["path"]: each["inner_map"]["type"] for each in maps if "inner_map" in each}
    assert set(inner.values()) == {"array"}


def test_maps_of_libbpf_with_btf_can_be_declared_as_they_are_told(host: Host) -> None:
    host.run("mkdir", f"{BPFFS}/d")
    bpf_object = host.site.bpf_variant("fields", "-DFIELD=__u64 field", "-DSTORAGE")
    host.run(host.site.program("load"), bpf_object, f"{BPFFS}/d")
    maps = told(host.module("bpf_pin_info", directory=f"{BPFFS}/d"))
    found = host.module("bpf_map_pinned", maps=maps).good()
    assert found["counts"]["unchanged"] == len(maps)


def test_what_is_told_of_a_missing_map_is_its_declaration(host: Host) -> None:
    short = dict(path=f"{BPFFS}/flows", type="lru_hash", key_size=4, value_size=8, max_entries=8)
    short.update(mode="0640", owner="daemon")
    (missing,) = host.module("bpf_map_pinned", check=True, **short).good()["maps"]
    assert missing["declared"] == dict(
        {key: value for key, value in short.items() if key != "path"}, flags=[], map_extra=0
    )
    (made,) = host.module("bpf_map_pinned", **short).good()["maps"]
    assert made["declared"] == missing["declared"]
    whole = host.module("bpf_map_pinned", path=short["path"], **missing["declared"]).good()
    assert [each["action"] for each in whole["maps"]] == ["unchanged"]
    assert "declared" not in whole["maps"][0]


@pytest.mark.parametrize("number", sorted(DEVMAPS))
def test_a_difference_and_a_diff_tell_of_no_flag_of_the_kernel_s_own(
    host: Host, number: int
) -> None:
    host.make_pin(f"{BPFFS}/ports", type=number, value_size=4, max_entries=2)
    kind = {14: "devmap", 25: "devmap_hash"}[number]
    declared = [
        dict(type=kind, value_size=4, max_entries=3),
        dict(type="hash", key_size=4, value_size=4, max_entries=2),
        dict(type="array", value_size=8, max_entries=2),
    ]
    common = dict(path=f"{BPFFS}/ports")
    runs = host.playbook(
        [
            task("bpf_map_pinned", check=True, diff=True, on_mismatch=policy, **common, **item)
            for item in declared
            for policy in ("fail", "replace")
        ]
    )
    for run in runs:
        assert "max_entries" in str(run["maps"])
        assert "rdonly_prog" not in str(run["maps"])
        assert "rdonly_prog" not in str(run.get("diff"))
        assert "flags" not in {each["field"] for each in run["maps"][0]["drift"]}


def test_a_kernel_that_is_new_enough_is_not_called_too_old(host: Host) -> None:
    """The kernel refuses the size; that it is 2.6 is what it says under setarch."""
    item = dict(name="stacks", type="stack_trace", value_size=2**20, max_entries=1)
    old = host.interpreter(f'exec setarch --uname-2.6 {host.site.python} "$@"')
    now, then = host.playbook(
        [task("bpf_map_pinned", keywords=words, **item) for words in ({}, old)]
    )
    assert "MAP_CREATE: EINVAL: " in now.msg
    assert "needs Linux" not in now.msg
    assert "(stack_trace needs Linux 4.6, this is 2.6." in then.msg
