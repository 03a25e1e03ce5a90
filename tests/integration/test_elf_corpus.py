# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The object files of Debian's packages: read as libbpf reads them, field by field, and shared.

Programs of libbpf have their object files in them, whole: those are taken out. Our own sources are
there as each compiler writes them.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import task
from harness.samples import APP
from harness.site import CHECKOUT, HERE, Site
from test_elf_maps import in_numbers, lookup, show, without_types

# How many there are at least; one that several files hold is counted once.
PACKAGES = {
    "libbpf-tools": 50,
    "libxdp1": 12,
    "xdp-tools": 8,
    "ir-keytable": 9,
    "golang-github-cilium-ebpf-dev": 34,
    "libknot13": 1,
    "xdp-tests": 2,
    "pcp": 13,
}
# Unpacked, not installed: they bring services. See tools/setup-system.
UNPACKED = CHECKOUT / ".cache" / "packages"
# Our own sources. gcc makes calls of what clang puts in line, so it does not compile all of them.
OWN = ["definitions", "flows", "links", "odd", "owned", "pins", "tails"]
OF_COMPILERS = {"clang": OWN, "clang-19": OWN, "gcc": ["definitions", "odd", "owned", "tails"]}
# libbpf refuses these, but not for their maps.
REFUSED_FOR_A_PROGRAM = {"fwd_decl": "it calls a function that is declared forward only"}
# They are always made with BTF, if only a minimal one.
STORAGE = ("sk_storage", "inode_storage", "task_storage", "cgrp_storage")
# What a tool only sets when it knows how much it needs, before it loads its object; c/share.c does.
ROOM = {"max_entries": 1}
SET_BEFORE_LOADING: dict[str, dict[str, Any]] = {
    "stack_trace": {"value_size": 8, **ROOM},
    **{name: {} for name in ("perf_event_array", "cgroup_storage", "percpu_cgroup_storage")},
    **{name: {} for name in STORAGE},
}
COMPILERS = {
    "clang": ["clang", "-g", "-O2", "-target", "bpf"],
    "clang-19": ["clang-19", "-g", "-O2", "-target", "bpf"],
    "gcc": ["bpf-gcc", "-gbtf", "-O2", "-idirafter/usr/include"],
}

RELOCATABLE, BPF = 1, 247  # e_type, e_machine
HEADER = "16xHH20xQ10xHH"  # these two; where the table of sections is, size and number in it
OURS = sys.byteorder

Maps = dict[str, dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Specimen:
    """An object file of a package, and what libbpf reads in it; None if libbpf refuses it."""

    package: str
    name: str
    byte_order: str
    path: str
    theirs: Maps | None

    @property
    def twin(self) -> str:
        """How its like for the other byte order is called. All of cilium/ebpf are in pairs."""
        one, other = ("-el.", "-eb.") if self.byte_order == "little" else ("-eb.", "-el.")
        return self.name.replace(one, other)


def objects_in(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Byte order and content of each object file for BPF."""
    for found in re.finditer(rb"\x7fELF\x02([\x01\x02])\x01", data):
        rest = data[found.start() :]
        order, byte_order = ("<", "little") if found[1] == b"\x01" else (">", "big")
        if len(rest) < struct.calcsize(order + HEADER):
            continue
        kind, machine, table, size, count = struct.unpack_from(order + HEADER, rest)
        if (kind, machine) == (RELOCATABLE, BPF):
            yield byte_order, rest[: table + size * count]  # the table is last


def files_of(package: str) -> list[Path]:
    listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=False)
    paths = [Path(line) for line in listed.stdout.splitlines()]
    paths += sorted((UNPACKED / package).rglob("*"))
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def as_libbpf_reads(site: Site, path: Path) -> Maps | None:
    done = subprocess.run([site.program("define"), path], capture_output=True, check=False)
    assert done.returncode in (0, 1)
    return None if done.returncode else json.loads(done.stdout)


def own_sources(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each of ours, by each compiler; the name of the compiler with it."""
    headers = f"-idirafter/usr/include/{os.uname().machine}-linux-gnu"
    for compiler, names in OF_COMPILERS.items():
        for name in names:
            source, target = HERE / "c" / f"{name}.bpf.c", folder / f"{name}-{compiler}.bpf.o"
            command = [*COMPILERS[compiler], headers, "-c", source, "-o", target]
            subprocess.run(command, check=True)
            yield compiler, target


@pytest.fixture(scope="module")
def corpus(site: Site, tmp_path_factory: pytest.TempPathFactory) -> list[Specimen]:
    folder = tmp_path_factory.mktemp("corpus")
    specimens: dict[bytes, Specimen] = {}
    files = [(package, file) for package in PACKAGES for file in files_of(package)]
    for package, file in [*files, *own_sources(folder)]:
        for byte_order, data in objects_in(file.read_bytes()):
            if data not in specimens:
                path = folder / f"{len(specimens)}-{file.name}"
                path.write_bytes(data)
                theirs = as_libbpf_reads(site, path)
                specimens[data] = Specimen(package, file.name, byte_order, str(path), theirs)
    return list(specimens.values())


def native(corpus: Sequence[Specimen]) -> dict[str, Specimen]:
    """Those of the host's own byte order by name, as twins are looked for."""
    return {each.name: each for each in corpus if each.byte_order == OURS}


def is_to_be_taken(specimen: Specimen, natives: dict[str, Specimen]) -> bool:
    """libbpf knows its own byte order only."""
    known = specimen if specimen.byte_order == OURS else natives[specimen.twin]
    return known.theirs is not None or re.sub("-e[lb].elf", "", known.name) in REFUSED_FOR_A_PROGRAM


@dataclass(frozen=True)
class Readings:
    """What the lookup gives for each specimen that it is to take: all maps, or the pinned."""

    every: dict[Specimen, Maps]
    pinned: dict[Specimen, Maps]


@pytest.fixture(scope="module")
def readings(
    site: Site, corpus: list[Specimen], tmp_path_factory: pytest.TempPathFactory
) -> Readings:
    natives = native(corpus)
    taken = [each for each in corpus if is_to_be_taken(each, natives)]
    host = Host(site, tmp_path_factory.mktemp("reader"))
    run = host.playbook(
        [show([lookup(each.path, all=every) for each in taken]) for every in (True, False)]
    )
    host.close()
    every, pinned = ([by_name(maps) for maps in result.good()["msg"]] for result in run)
    return Readings(dict(zip(taken, every, strict=True)), dict(zip(taken, pinned, strict=True)))


def by_name(maps: list[dict[str, Any]]) -> Maps:
    return {item["name"]: item for item in maps}


def test_no_package_is_missing(corpus: list[Specimen]) -> None:
    found = Counter(each.package for each in corpus)
    too_few = {name: found[name] for name, least in PACKAGES.items() if found[name] < least}
    assert not too_few, "tools/setup-system installs them"


def in_pages(size: int) -> int:
    """Rounded up to a power of two of pages."""
    pages = -(-size // resource.getpagesize())
    return resource.getpagesize() * 2 ** (pages - 1).bit_length() if size else 0


def test_every_field_of_every_map_is_what_libbpf_reads(readings: Readings) -> None:
    count = 0
    for specimen, maps in readings.every.items():
        if specimen.theirs is None:
            continue
        assert set(maps) == set(specimen.theirs), specimen
        pinned = {name for name, fields in specimen.theirs.items() if fields["pin_path"]}
        assert set(readings.pinned[specimen]) == pinned, specimen
        for name, fields in specimen.theirs.items():
            pin_path = f"{BPFFS}/{name}" if name in pinned else ""
            ours = in_numbers(maps[name], pin_path)
            if maps[name]["type"].endswith("ringbuf"):  # libbpf has done that already
                ours["max_entries"] = in_pages(ours["max_entries"])
            assert ours == without_types(fields), (specimen, name)
            count += 1
    assert count > 200


def test_objects_of_the_other_byte_order_are_read_like_ours(
    site: Site, corpus: list[Specimen], readings: Readings, tmp_path: Path
) -> None:
    natives = native(corpus)
    foreign = [each for each in readings.every if each.byte_order != OURS]
    assert len(foreign) > 8
    for specimen in foreign:
        twin = natives[specimen.twin]
        theirs, ours = readings.every[specimen], readings.every[twin]
        assert without_btf(theirs) == without_btf(ours), specimen
        assert set(readings.pinned[specimen]) == set(readings.pinned[twin]), specimen
        for name in ours:
            if "btf" in ours[name]:
                blobs = [base64.b64decode(maps[name]["btf"]["data"]) for maps in (theirs, ours)]
                assert blobs[0][:2] == blobs[1][:2][::-1], specimen
            given, expected = (spelled_btf(site, tmp_path, maps[name]) for maps in (theirs, ours))
            assert given == expected, specimen


def without_btf(maps: Any) -> Any:
    if not isinstance(maps, dict):
        return maps
    return {key: without_btf(value) for key, value in maps.items() if key != "btf"}


def test_what_libbpf_refuses_is_refused(
    host: Host, corpus: list[Specimen], readings: Readings
) -> None:
    refused = {each.path: each for each in corpus if each not in readings.every}
    assert len(refused) > 20
    result = host.playbook([show(lookup(*refused, all=True))])[0]
    assert result.failed
    for path in refused:
        assert f"{path}: it has legacy map definitions" in result.msg


def spelled(site: Site, path: str, ids: Sequence[int]) -> list[str]:
    """The types with these ids, in the words of c/spell.c."""
    command = [site.program("spell"), path, *map(str, ids)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def spelled_btf(site: Site, folder: Path, item: dict[str, Any]) -> list[str]:
    """The types of key and value that come with a map, read by libbpf."""
    if "btf" not in item:
        return []
    blob = folder / "blob"
    blob.write_bytes(base64.b64decode(item["btf"]["data"]))
    return spelled(site, str(blob), [item["btf"]["key_type_id"], item["btf"]["value_type_id"]])


def test_the_types_of_keys_and_values_are_those_of_the_object(
    site: Site, readings: Readings, tmp_path: Path
) -> None:
    count = 0
    for specimen, maps in readings.every.items():
        for name, fields in (specimen.theirs or {}).items():
            cut_out = spelled_btf(site, tmp_path, maps[name])
            if cut_out:
                whole = spelled(site, specimen.path, [fields["key"], fields["value"]])
                assert cut_out == whole, (specimen, name)
                assert "..." not in "".join(whole)
                count += 1
    assert count > 150


@dataclass(frozen=True)
class Shared:
    """Objects of the host's byte order, and their maps as tasks declare them, by place."""

    objects: list[Specimen]
    maps: dict[Specimen, list[dict[str, Any]]]

    def batch(self, root: str) -> list[dict[str, Any]]:
        return [
            {**item, "directory": f"{root}/{number}"}
            for number, each in enumerate(self.objects)
            for item in self.maps[each]
        ]

    def loaded(self, host: Host, root: str) -> list[dict[str, int] | None]:
        """The ids of the maps of each object, as libbpf takes or makes them."""
        places = " ".join(f"{root}/{number}" for number in range(len(self.objects)))
        host.shell(f"mkdir -p {places}")
        command = [host.site.program("share"), root, *(each.path for each in self.objects)]
        found: list[dict[str, int] | None] = json.loads(host.run(*command).stdout)
        return found


@pytest.fixture(scope="module")
def shared(readings: Readings) -> Shared:
    objects = [each for each in readings.every if each.byte_order == OURS]
    maps = {}
    for each in objects:
        items = [
            {**SET_BEFORE_LOADING.get(item["type"], ROOM), **item}
            for item in readings.every[each].values()
        ]
        if each.package == "gcc":  # the kernel refuses its BTF, so libbpf makes maps without
            items = [{**item, "btf": None} for item in items]
        maps[each] = items
    return Shared(objects, maps)


def ids_by_place(maps: Sequence[dict[str, Any]], root: str) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for each in maps:
        number, _slash, name = each["path"].removeprefix(f"{root}/").partition("/")
        found.setdefault(int(number), {})[name] = each["id"]
    return found


def test_every_map_is_made_with_its_types_and_taken_by_libbpf(host: Host, shared: Shared) -> None:
    batch = shared.batch(APP)
    predicted, made, again = host.playbook(
        [
            task("bpf_map_pinned", maps=batch, check=check, directory=APP)
            for check in (True, False, False)
        ]
    )
    assert predicted.good()["counts"] == made.good()["counts"]
    assert made["counts"]["created"] == len(batch) > 300
    assert again.good()["counts"]["unchanged"] == len(batch)
    described = {
        f"{item['directory']}/{item['name']}": bool(item.get("btf")) or item["type"] in STORAGE
        for item in batch
    }
    found = {
        path: bool(entry["object"]["btf_value_type_id"])
        for path, entry in host.inventory(APP).items()
        if "object" in entry
    }
    unverified = {each["path"] for each in again["maps"] if "btf" in each["unverified"]}
    assert {path: has_btf or path in unverified for path, has_btf in found.items()} == described
    assert len(unverified) < 20
    ids = ids_by_place(made["maps"], APP)
    before = host.inventory(APP)
    taken = shared.loaded(host, APP)
    loadable = [number for number, each in enumerate(taken) if each is not None]
    assert len(loadable) > 100
    for number in loadable:
        assert taken[number] == ids.get(number, {}), shared.objects[number]
    after = host.inventory(APP)
    assert {path: after[path] for path in described} == {path: before[path] for path in described}


def test_what_libbpf_makes_of_every_object_is_found_as_declared(host: Host, shared: Shared) -> None:
    theirs = shared.loaded(host, APP)
    batch = [
        item
        for item in shared.batch(APP)
        if theirs[int(item["directory"].rpartition("/")[2])] is not None
    ]
    before = host.inventory(APP)
    for found in host.playbook(
        [task("bpf_map_pinned", maps=batch, check=check, directory=APP) for check in (True, False)]
    ):
        assert found.good()["counts"]["unchanged"] == len(batch) > 250
        for number, ids in ids_by_place(found["maps"], APP).items():
            assert ids == theirs[number]
    assert host.inventory(APP) == before
