# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be: each a message that names the culprit and says what to do; nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, Task, task

HASH = {"type": "hash", "key_size": 4, "value_size": 8, "max_entries": 16}
INNER = {"type": "array", "value_size": 8, "max_entries": 16}
OUTER = {"type": "hash_of_maps", "key_size": 4, "max_entries": 2}


@dataclass(frozen=True)
class Bad:
    """`texts` are all in the message: the culprit, what is wrong, what to do."""

    about: str
    arguments: dict[str, Any]
    texts: Sequence[str]


def _named(name: str, *texts: str, about: str) -> Bad:
    return Bad(about, {"name": name, **HASH}, texts)


def _shaped(about: str, *texts: str, **shape: Any) -> Bad:
    return Bad(about, {"name": "culprit", **shape}, ["culprit: ", *texts])


def _hash(about: str, *texts: str, **other: Any) -> Bad:
    return _shaped(about, *texts, **{**HASH, **other})


NAMES = [
    _named("flows.v4", "flows.v4", "dot", "use `_`", about="a name with a dot"),
    _named("..", "'..'", "dot", about="the parent directory as a name"),
    _named("", "empty", "needs one", about="an empty name"),
    _named("x" * 256, "256 bytes", "255 is the longest", about="a name of 256 characters"),
    _named("ä" * 128, "256 bytes", "255 is the longest", about="a name of 256 bytes"),
    _named("a/b", "a/b", "`directory`", about="a name with a slash"),
    _named("ebpf-pinning~staging", "reserved", "choose another", about="the staging directory"),
    Bad("no name", {**HASH}, ["name", "path"]),
    Bad(
        "no name in a list",
        {"maps": [HASH, {"name": "b", **HASH}]},
        ["maps[0]: ", "neither name nor path", "say where"],
    ),
    Bad(
        "a name and another path",
        {"name": "a", "path": f"{BPFFS}/b", **HASH},
        [f"{BPFFS}/b", "'a'", "only one of them"],
    ),
    Bad(
        "a list and a name",
        {"name": "a", "maps": [{"name": "b", **HASH}]},
        ["mutually exclusive", "maps"],
    ),
    Bad(
        "a relative directory",
        {"name": "a", "directory": "sys/fs/bpf", **HASH},
        ["directory", "sys/fs/bpf", "not absolute", "whole path"],
    ),
    Bad(
        "a directory with ..",
        {"name": "a", "directory": f"{BPFFS}/../bpf", **HASH},
        ["directory", f"{BPFFS}/../bpf", "`..`", "write the path that is meant"],
    ),
    Bad(
        "a path with ..",
        {"path": f"{BPFFS}/x/../a", **HASH},
        ["path", f"{BPFFS}/x/../a", "`..`", "write the path that is meant"],
    ),
    Bad(
        "a path with a dot in its last part",
        {"path": f"{BPFFS}/x/a.b", **HASH},
        ["'a.b'", "dot", "use `_`"],
    ),
    Bad(
        "a policy that is still to come",
        {"name": "a", "on_mismatch": "overwrite", **HASH},
        ["on_mismatch", "fail, replace, migrate", "overwrite"],
    ),
    Bad(
        "one path twice",
        {"maps": [{"name": "a", **HASH}, {"path": f"{BPFFS}//a", **HASH}]},
        ["maps[1]", f"{BPFFS}/a", "maps[0]", "keep one"],
    ),
]

SHAPES = [
    _shaped("no type", "type is missing", "hash", "ringbuf", key_size=4),
    _hash("an unknown type", "'hashmap'", "unknown", "use one of", "lru_hash", type="hashmap"),
    _hash("a type in capitals", "'HASH'", "unknown", "use one of", type="HASH"),
    _hash("struct_ops", "struct_ops", "cannot be declared", "loader", type="struct_ops"),
    _hash("an unknown flag", "'lazy'", "unknown", "no_prealloc", flags=["lazy"]),
    _shaped(
        "a flag of other types",
        "'no_prealloc'",
        "not for array",
        "mmapable",
        type="array",
        value_size=8,
        max_entries=1,
        flags=["no_prealloc"],
    ),
    _hash(
        "a flag that is lost when pinned",
        "rdonly",
        "file descriptor",
        "rdonly_prog",
        flags=["rdonly"],
    ),
    _hash("the other one", "wronly", "file descriptor", "wronly_prog", flags=["wronly"]),
    _hash(
        "flags that exclude each other",
        "rdonly_prog",
        "wronly_prog",
        "keep one",
        flags=["rdonly_prog", "wronly_prog"],
    ),
    _hash("no key", "key_size 0", "1 or more", key_size=0),
    _hash("a negative size", "value_size -1", "1 or more", value_size=-1),
    _hash("more entries than 32 bits", "max_entries 4294967296", max_entries=2**32),
    _shaped(
        "no size", "max_entries", "missing", "1 or more", type="hash", key_size=4, value_size=8
    ),
    _shaped(
        "key of an array",
        "key_size 8",
        "takes 4",
        type="array",
        key_size=8,
        value_size=1,
        max_entries=1,
    ),
    _shaped(
        "key of a ringbuf", "key_size 4", "takes 0", type="ringbuf", key_size=4, max_entries=4096
    ),
    _shaped(
        "value of a ringbuf",
        "value_size 4",
        "takes 0",
        type="ringbuf",
        value_size=4,
        max_entries=4096,
    ),
    _shaped(
        "a ringbuf of nothing", "max_entries 0", "1 to 2147483648", type="ringbuf", max_entries=0
    ),
    _shaped(
        "entries of local storage",
        "max_entries 5",
        "takes 0",
        type="sk_storage",
        value_size=8,
        max_entries=5,
    ),
    _shaped(
        "a short prefix",
        "key_size 4",
        "5 to 260",
        type="lpm_trie",
        key_size=4,
        value_size=1,
        max_entries=1,
    ),
    _shaped(
        "half a frame",
        "value_size 12",
        "multiples of 8",
        type="stack_trace",
        value_size=12,
        max_entries=1,
    ),
    _shaped(
        "half a build id",
        "value_size 40",
        "multiples of 32",
        type="stack_trace",
        value_size=40,
        max_entries=1,
        flags=["stack_build_id"],
    ),
    _shaped(
        "a large value per CPU",
        "value_size 32769",
        "1 to 32768",
        type="percpu_array",
        value_size=32769,
        max_entries=1,
    ),
    _shaped(
        "a device and a half", "value_size 6", "4 or 8", type="devmap", value_size=6, max_entries=1
    ),
    _shaped(
        "a short cgroup", "key_size 4", "8 or 16", type="cgroup_storage", key_size=4, value_size=8
    ),
    _shaped(
        "too many hash functions",
        "map_extra 16",
        "0 to 15",
        type="bloom_filter",
        value_size=8,
        max_entries=1,
        map_extra=16,
    ),
    _hash("map_extra of a hash", "map_extra 1", "takes 0", map_extra=1),
    _shaped(
        "an odd address",
        "map_extra 5",
        "multiples of 4096",
        type="arena",
        max_entries=1,
        map_extra=5,
    ),
    _shaped(
        "a node for what has none",
        "numa_node",
        "percpu_hash",
        "drop it",
        **{**HASH, "type": "percpu_hash"},
        numa_node=0,
    ),
    _hash("a negative node", "numa_node -1", "0 is the first", numa_node=-1),
    _hash("an inner map of a hash", "inner_map is not for hash", "drop it", inner_map=INNER),
    _shaped("no inner map", "inner_map is missing", "needs the shape", **OUTER),
    _shaped(
        "maps of maps of maps",
        "inner_map",
        "array_of_maps",
        "choose another",
        **OUTER,
        inner_map={
            "type": "array_of_maps",
            "max_entries": 1,
        },
    ),
    _shaped(
        "inner program array",
        "inner_map",
        "prog_array",
        "choose another",
        **OUTER,
        inner_map={"type": "prog_array", "max_entries": 1},
    ),
    _shaped(
        "inner map of a wrong size",
        "inner_map: ",
        "key_size 8",
        "takes 4",
        **OUTER,
        inner_map={**INNER, "key_size": 8},
    ),
    _hash("an unknown user", "owner 'nemo'", "not a user", "create it first", owner="nemo"),
    _hash("an unknown group", "group 'nemo'", "not a group", "create it first", group="nemo"),
    _hash("a mode that is not octal", "mode '0999'", "not octal", '"0640"', mode="0999"),
    _hash("a mode in letters", "mode 'u=rw'", "not octal", '"0640"', mode="u=rw"),
    _hash("a mode that YAML has read", "mode 416", "quoted", '"0640"', mode=0o640),
    _hash("a mode with more bits", "mode '1640'", "bits beyond 0777", mode="1640"),
    # What only this kernel can tell, when it is asked to make the map.
    _shaped(
        "more CPUs than any kernel has",
        f"{BPFFS}/culprit: ",
        "E2BIG",
        "lower max_entries",
        type="cpumap",
        value_size=4,
        max_entries=2**20,
    ),
    _shaped(
        "a stack deeper than the kernel walks",
        f"{BPFFS}/culprit: ",
        "EINVAL",
        "docs/map-types.md",
        type="stack_trace",
        value_size=2**16,
        max_entries=1,
    ),
]


def _is_told(result: Result, texts: Sequence[str]) -> None:
    assert result.failed
    assert not result.changed
    assert "Traceback" not in result.msg
    for text in texts:
        assert text in result.msg


@pytest.mark.parametrize("table", [NAMES, SHAPES], ids=["names", "shapes"])
def test_a_declaration_that_cannot_be(
    host: Host, table: Sequence[Bad], subtests: pytest.Subtests
) -> None:
    before = host.inventory()
    run = host.playbook([task("bpf_map_pinned", **bad.arguments) for bad in table])
    assert host.inventory() == before
    for bad, result in zip(table, run, strict=True):
        with subtests.test(bad.about):
            _is_told(result, bad.texts)


def test_all_that_is_wrong_is_told_at_once(host: Host) -> None:
    before = host.inventory()
    batch = [
        {"name": "good", **HASH},
        {"name": "bad.name", "type": "hush", "mode": "0999"},
        {"name": "bad_sizes", "type": "array", "key_size": 8, "flags": ["lazy"], "owner": "nemo"},
    ]
    result = host.module("bpf_map_pinned", maps=batch)
    _is_told(result, [])
    told = result.msg.splitlines()
    assert [line.split(": ")[0] for line in told] == ["maps[1] bad.name"] * 3 + [
        "maps[2] bad_sizes"
    ] * 5
    whole = " ".join(told)
    for text in ("dot", "hush", "0999", "nemo", "lazy", "key_size 8", "value_size", "max_entries"):
        assert text in whole
    assert host.inventory() == before


def _places(host: Host) -> list[tuple[Bad, dict[str, Any]]]:
    off = str(host.scratch / "off")
    inside = f"{BPFFS}/folder"
    not_on_bpffs = ["is not on bpffs but on ", "mount a bpffs there first"]
    as_nobody = host.as_nobody()
    never_followed = "symlinks are never followed"

    def at(about: str, directory: str, *texts: str, name: str = "a", **more: Any) -> Bad:
        return Bad(about, {"directory": directory, "name": name, **HASH, **more}, texts)

    return [
        (at("off bpffs", off, off, *not_on_bpffs), {}),
        (at("a new directory off bpffs", f"{off}/new", f"{off}/new", *not_on_bpffs), {}),
        (at("a file off bpffs", off, f"{off}/file", "outside bpffs", name="file"), {}),
        (at("the root directory", "/", "/ is not on bpffs", name="a"), {}),
        (at("below a file", f"{off}/file", f"{off}/file", "is not a directory"), {}),
        (at("below a pin", f"{BPFFS}/pin", f"{BPFFS}/pin", "is not a directory"), {}),
        (
            at(
                "by a symlink inside",
                f"{BPFFS}/to_folder",
                f"{BPFFS}/to_folder is a symlink to {inside}",
                never_followed,
                "declare the real path",
            ),
            {},
        ),
        (
            at(
                "by a symlink from outside",
                f"{off}/to_bpffs/folder",
                f"{off}/to_bpffs is a symlink to {BPFFS}",
                never_followed,
                "declare the real path",
            ),
            {},
        ),
        (
            at(
                "a symlink to a pin",
                BPFFS,
                f"{BPFFS}/to_pin: ",
                f"a symlink to {BPFFS}/pin",
                "declare another name",
                name="to_pin",
            ),
            {},
        ),
        (
            at(
                "a dangling symlink",
                BPFFS,
                f"{BPFFS}/to_nothing: ",
                "a symlink to /nothing",
                name="to_nothing",
            ),
            {},
        ),
        (
            at(
                "a directory",
                BPFFS,
                f"{BPFFS}/folder: ",
                "a directory",
                "declare another name",
                name="folder",
            ),
            {},
        ),
        (
            at(
                "a program",
                BPFFS,
                f"{BPFFS}/program: ",
                "program",
                "declare another name",
                name="program",
            ),
            {},
        ),
        (at("a link", BPFFS, f"{BPFFS}/link: ", "link", "declare another name", name="link"), {}),
        (
            at(
                "no parent",
                f"{BPFFS}/new/x",
                f"{BPFFS}/new/x does not exist",
                "parents: true",
                parents=False,
            ),
            {},
        ),
        (
            at(
                "a dot in a new directory",
                f"{BPFFS}/v1.2/x",
                f"{BPFFS}/v1.2/x",
                "'v1.2'",
                "use `_`",
            ),
            {},
        ),
        (
            at(
                "read-only",
                str(host.scratch / "ro"),
                f"{host.scratch}/ro",
                "mounted read-only",
                "remount it writable",
            ),
            {},
        ),
        (
            at("new, as nobody", BPFFS, f"{BPFFS}/a: ", "EPERM", "become: true", "CAP_BPF"),
            as_nobody,
        ),
        (
            at(
                "there, as nobody",
                BPFFS,
                f"{BPFFS}/pin: ",
                "EACCES",
                "become: true",
                "owner, group and mode",
                name="pin",
            ),
            as_nobody,
        ),
        (
            at(
                "in another's directory, as nobody",
                inside,
                f"{inside}/a: ",
                "become: true",
                mode="0644",
            ),
            as_nobody,
        ),
        (
            at(
                "in a closed directory, as nobody",
                f"{BPFFS}/closed",
                f"{BPFFS}/closed",
                "become: true",
            ),
            as_nobody,
        ),
    ]


def test_a_place_that_cannot_be(host: Host, subtests: pytest.Subtests) -> None:
    off, read_only = host.scratch / "off", host.scratch / "ro"
    host.load("linked", BPFFS, f"{BPFFS}/program", f"{BPFFS}/link")
    host.make_pin(f"{BPFFS}/pin", type=1, max_entries=16)
    host.shell(
        f"""
        mkdir {off} {read_only} {BPFFS}/folder; mkdir -m 0700 {BPFFS}/closed
        mount -t tmpfs tmpfs {off}; touch {off}/file; ln -s {BPFFS} {off}/to_bpffs
        mount -t bpf -o ro bpf {read_only}
        ln -s {BPFFS}/folder {BPFFS}/to_folder
        ln -s {BPFFS}/pin {BPFFS}/to_pin
        ln -s /nothing {BPFFS}/to_nothing
        """
    )
    places = _places(host)
    tasks: list[Task] = [
        task("bpf_map_pinned", keywords=keywords, **bad.arguments) for bad, keywords in places
    ]
    everything = f"find {off} {read_only} -printf '%p %i %m %T@ %C@\n'"
    before, before_off = host.inventory(), host.shell(everything)
    run = host.playbook(tasks)
    assert host.inventory() == before
    assert host.shell(everything) == before_off
    for (bad, _keywords), result in zip(places, run, strict=True):
        with subtests.test(bad.about):
            _is_told(result, bad.texts)


def test_what_looks_odd_and_is_fine(host: Host) -> None:
    """Names at the limit, and with what a shell or the kernel's own names would not take."""
    names = ["x" * 255, "ä" * 127 + "x", "with space", "a:b#c~d", "-rf", "~", "1", "{", "'"]
    maps = [{"name": name, **HASH} for name in names]
    first, second, nothing = host.playbook(
        [
            task("bpf_map_pinned", maps=maps),
            task("bpf_map_pinned", maps=maps),
            task("bpf_map_pinned", maps=[]),
        ]
    )
    assert first.good()["counts"]["created"] == len(names)
    assert second.good()["counts"]["unchanged"] == len(names)
    assert nothing.good()["maps"] == []
    assert not nothing.changed
    there = {path.removeprefix(f"{BPFFS}/") for path in host.inventory()}
    assert there >= set(names)
    kernel_names = {name: host.info(f"{BPFFS}/{name}")["name"] for name in names}
    assert kernel_names["with space"] == "with_space"
    assert kernel_names["a:b#c~d"] == "a_b_c_d"
    assert kernel_names["x" * 255] == "x" * 15


def test_where_all_is_as_declared_a_read_only_bpffs_is_fine(host: Host) -> None:
    host.make_pin(f"{BPFFS}/a", type=1, max_entries=16)
    host.run("mount", "-o", "remount,ro", BPFFS)
    fits, refused = host.playbook(
        [task("bpf_map_pinned", name="a", **more, **HASH) for more in ({}, {"mode": "0640"})]
    )
    assert fits.good()["counts"]["unchanged"] == 1
    assert refused.failed
    assert "remount it writable" in refused.msg
