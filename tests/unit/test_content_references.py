# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that mean what the kernel holds, as bytes and back; keys that are numbers of slots."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    Context,
    Format,
    Unfit,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.octets import Untyped
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.of_map import Slot
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.references import (
    CgroupByPath,
    Device,
    Program,
    QueueSize,
    WithProgram,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps import (
    content,
    reading,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import MapShape
from contents import NAMES

PROGRAMS = {"/sys/fs/bpf/one": 1, "/sys/fs/bpf/large": 0xFFFF0001}


class FewReferences:
    """A host with two programs and a cgroup."""

    def program_id(self, path: str, kind: str) -> int:
        if path not in PROGRAMS:
            raise Unfit(f"must be a program of the host {kind}".strip())
        return PROGRAMS[path]

    def program_path(self, program_id: int) -> object:
        return {each: path for path, each in PROGRAMS.items()}.get(program_id, program_id)

    def cgroup_v2_id(self, path: str) -> int:
        if path != "/sys/fs/cgroup/a":
            raise Unfit("must be a cgroup of the host")
        return 2**40

    def cgroup_path(self, cgroup_id: int) -> object:
        return "/sys/fs/cgroup/a" if cgroup_id == 2**40 else cgroup_id


HERE = FewReferences()


def formats(order: Any) -> dict[str, Format]:
    context = Context(NAMES, order)
    xdp = Program(context, HERE, "xdp")
    return {
        "program": Program(context, HERE),
        "cgroup": CgroupByPath(context, HERE),
        "device": WithProgram("interface", Device(context), 4, xdp),
        "device or program": WithProgram("interface", Device(context), 8, xdp),
        "queue": WithProgram("qsize", QueueSize(context), 4, xdp),
        "queue or program": WithProgram("qsize", QueueSize(context), 8, xdp),
        "slot": Slot(Untyped(4), context),
    }


ONE = "/sys/fs/bpf/one"
SAME: list[tuple[str, Any, bytes, Any]] = [
    ("program", ONE, b"\1\0\0\0", ONE),
    ("program", "/sys/fs/bpf/large", b"\1\0\xff\xff", "/sys/fs/bpf/large"),
    ("cgroup", "/sys/fs/cgroup/a", b"\0\0\0\0\0\1\0\0", "/sys/fs/cgroup/a"),
    ("device", "eth0", b"\2\0\0\0", "eth0"),
    ("device", 2, b"\2\0\0\0", "eth0"),
    ("device", "2", b"\2\0\0\0", "eth0"),
    ("device", "9", b"\3\0\0\0", "9"),
    ("device", {"interface": "lo"}, b"\1\0\0\0", "lo"),
    ("device or program", "lo", b"\1\0\0\0\0\0\0\0", "lo"),
    (
        "device or program",
        {"interface": "lo", "program": ONE},
        b"\1\0\0\0\1\0\0\0",
        {"interface": "lo", "program": ONE},
    ),
    ("queue", "192", b"\xc0\0\0\0", 192),
    ("queue or program", 16384, b"\0\x40\0\0\0\0\0\0", 16384),
    (
        "queue or program",
        {"qsize": 1, "program": ONE},
        b"\1\0\0\0\1\0\0\0",
        {"qsize": 1, "program": ONE},
    ),
    ("slot", 7, b"\7\0\0\0", 7),
    ("slot", "0x07", b"\7\0\0\0", 7),
    ("slot", "0x07 0x00 0x00 0x01", b"\7\0\0\1", 7 + 2**24),
    ("slot", [7, 0, 0, 1], b"\7\0\0\1", 7 + 2**24),
]


@pytest.mark.parametrize(("name", "value", "raw", "back"), SAME)
def test_a_value_is_the_bytes_that_the_kernel_shows(
    name: str, value: Any, raw: bytes, back: Any
) -> None:
    found = formats("little")[name]
    assert found.encode(value) == raw
    assert found.decode(raw) == back
    assert found.encode(back) == raw
    other = formats("big")[name]
    assert other.decode(other.encode(back)) == back


WRONG: list[tuple[str, Any, str]] = [
    ("program", 1, "must be the path of a pinned program"),
    ("program", "/none", "must be a program of the host"),
    ("cgroup", 1, "must be the path of a cgroup"),
    ("device", 0, "must be the name of an interface, or its index"),
    ("device", 7, "there is no interface with this index here (see `ip link`)"),
    ("device", True, "must be the name of an interface, or its index"),
    ("device", {"interface": 7}, "there is no interface with this index here (see `ip link`)"),
    ("device", {}, "must have interface, perhaps program, and nothing else"),
    ("device", {"interface": "lo", "x": 1}, "must have interface, perhaps program, and nothing"),
    (
        "device",
        {"interface": "lo", "program": ONE},
        "program: has no room in value_size 4: 8 has",
    ),
    (
        "device or program",
        {"interface": "none0", "program": ONE},
        "interface: must be an interface of the host",
    ),
    (
        "device or program",
        {"interface": "lo", "program": "/none"},
        "program: must be a program of the host xdp",
    ),
    ("queue", 0, "must be how many packets may wait, from 1 to 16384"),
    ("queue", 16385, "must be how many packets may wait, from 1 to 16384"),
    ("queue or program", {"program": ONE}, "must have qsize, perhaps program, and nothing else"),
    ("slot", 2**32, "must be a whole number from 0 to 4294967295"),
    ("slot", "0x07 0x00", "must be a whole number from 0 to 4294967295"),
    ("slot", None, "must be a whole number from 0 to 4294967295"),
]


@pytest.mark.parametrize(("name", "value", "told"), WRONG)
def test_what_is_none_is_told_without_the_value(name: str, value: Any, told: str) -> None:
    with pytest.raises(Unfit) as caught:
        formats("little")[name].encode(value)
    assert str(caught.value).startswith(told)


def encoded(
    kind: str, given: dict[str, Any], value_size: int = 4, most: int = 4
) -> dict[bytes, bytes]:
    number = MAP_TYPES[kind].number
    key_size = MAP_TYPES[kind].key.start
    wanted = content.WantedContent(given, MapShape(number, key_size, value_size, most, 0, 0))
    return dict(wanted.encoded(None).pairs)


def test_keys_of_arrays_are_numbers_unless_a_format_says_something_else() -> None:
    given: dict[str, Any] = {"value_format": "u32"}
    for key in (3, "3", "0x03", "0x03 0x00 0x00 0x00"):
        pairs = encoded("array", {**given, "entries": [{"key": key, "value": 1}]})
        assert pairs == {b"\3\0\0\0": b"\1\0\0\0"}
    hexed = {**given, "key_format": "hex", "entries": [{"key": "03000000", "value": 1}]}
    assert encoded("array", hexed) == {b"\3\0\0\0": b"\1\0\0\0"}
    with pytest.raises(PinningError, match=r"entries\[0\]\.key: must be from 0 to 3"):
        encoded("array", {**given, "entries": [{"key": 4, "value": 1}]})


@pytest.mark.parametrize("ranges", ["0,2-3", "0-1,4"])
def test_keys_of_a_cpumap_are_possible_cpus_whatever_their_numbers(
    ranges: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_possible", lambda: f"{ranges}\n")
    there = {"0,2-3": {0, 2, 3}, "0-1,4": {0, 1, 4}}[ranges]
    assert reading.possible_cpus() == there
    for cpu in range(6):
        given = {"entries": [{"key": cpu, "value": 64}]}
        if cpu in there:
            assert len(encoded("cpumap", given, most=8)) == 1
            continue
        with pytest.raises(PinningError, match=r"entries\[0\]\.key: must be a possible CPU"):
            encoded("cpumap", given, most=8)


def test_values_without_keys_stay_in_their_order_and_may_be_there_twice() -> None:
    values = [5, 3, 5]
    given = {
        "value_format": "u32",
        "entries_mode": "initial",
        "entries": [{"value": each} for each in values],
    }
    for kind in ("queue", "stack", "bloom_filter"):
        pairs = encoded(kind, given)
        assert [int.from_bytes(each, "little") for each in pairs.values()] == values
