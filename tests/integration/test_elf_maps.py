# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an object file to pinned maps that libbpf takes for its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Task, task
from harness.samples import APP
from map_types import ROWS

NUMBERS = {row.declared["type"]: row.number for row in ROWS}
# include/uapi/linux/bpf.h
FLAGS = {
    "no_prealloc": 0x1,
    "no_common_lru": 0x2,
    "numa_node": 0x4,
    "zero_seed": 0x40,
    "rdonly_prog": 0x80,
    "mmapable": 0x400,
    "inner_map": 0x1000,
}


def lookup(*files: str, **options: Any) -> str:
    """The expression, as one writes it in a playbook."""
    words = [repr(str(file)) for file in files]
    words += [f"{option}={value!r}" for option, value in options.items()]
    return "{{ lookup('ebpf.pinning.elf_maps', " + ", ".join(words) + ") }}"


def show(expression: str) -> Task:
    return task("ansible.builtin.debug", msg=expression)


def maps_of(host: Host, *files: str, **options: Any) -> dict[str, dict[str, Any]]:
    """What the lookup gives, by name."""
    maps = host.playbook([show(lookup(*files, **options))])[0].good()["msg"]
    return {item["name"]: item for item in maps}


def as_libbpf_reads(host: Host, path: str) -> dict[str, dict[str, Any]]:
    return json.loads(host.run(host.site.program("define"), path).stdout)


def in_numbers(item: dict[str, Any], pin_path: str) -> dict[str, Any]:
    """An item of the list in the words of c/define.c."""
    inner = item.get("inner_map")
    return {
        "type": NUMBERS[item["type"]],
        "flags": sum(FLAGS[flag] for flag in item["flags"]),
        "pin_path": pin_path,
        "inner_map": inner and in_numbers(inner, ""),
        **{field: item.get(field, 0) for field in ("key_size", "value_size", "max_entries")},
        **{field: item.get(field, 0) for field in ("map_extra", "numa_node")},
    }


def without_types(theirs: dict[str, Any]) -> dict[str, Any]:
    theirs = {field: value for field, value in theirs.items() if field not in ("key", "value")}
    if theirs["inner_map"]:
        theirs["inner_map"] = without_types(theirs["inner_map"])
    if not theirs["flags"] & FLAGS["numa_node"]:
        theirs["numa_node"] = 0  # the kernel does not look at it
    return theirs


@pytest.mark.every_core
def test_every_field_is_what_libbpf_reads(host: Host) -> None:
    path = host.site.bpf_object("definitions")
    theirs = as_libbpf_reads(host, path)
    pinned = {name for name, fields in theirs.items() if fields["pin_path"]}
    assert len(theirs) > len(pinned) > 20
    every, some = (maps_of(host, path, all=every) for every in (True, False))
    assert set(every) == set(theirs)
    assert set(some) == pinned
    for name, fields in theirs.items():
        pin_path = f"{BPFFS}/{name}" if name in pinned else ""
        assert in_numbers(every[name], pin_path) == without_types(fields), name
        assert some.get(name, every[name]) == every[name]


@pytest.mark.every_core
def test_each_type_of_the_object_is_made_and_found_again(host: Host) -> None:
    maps = lookup(host.site.bpf_object("definitions"))
    batch = {"directory": APP, "maps": maps}
    predicted, first, second = host.playbook(
        [task("bpf_map_pinned", check=check, **batch) for check in (True, False, False)]
    )
    assert predicted.good()["counts"] == first.good()["counts"]
    assert first["counts"]["created"] == len(first["maps"]) > 20
    assert second.good()["counts"]["unchanged"] == len(first["maps"])
    assert not second.changed


def shapes(host: Host, directory: str) -> dict[str, dict[str, Any]]:
    """What is pinned there, without what differs for every map."""
    found = {}
    for path, entry in host.inventory(directory).items():
        if "object" in entry:
            shape = dict(entry["object"])
            shape["btf"] = bool(shape.pop("btf_id"))
            shape["value has a type"] = bool(shape.pop("btf_value_type_id"))
            shape["key has a type"] = bool(shape.pop("btf_key_type_id"))
            del shape["id"]
            found[path.rpartition("/")[2]] = shape
    return found


def test_the_maps_are_those_that_libbpf_makes_of_the_same_object(host: Host) -> None:
    """With BTF where the kernel takes it, and without where libbpf tries again without."""
    theirs = f"{BPFFS}/theirs"
    host.run("mkdir", theirs)
    host.load("definitions", theirs)
    path = host.site.bpf_object("definitions")
    host.module("bpf_map_pinned", directory=APP, maps=lookup(path)).good()
    made = shapes(host, APP)
    assert made == shapes(host, theirs)
    assert {shape["btf"] for shape in made.values()} == {True, False}


def test_libbpf_takes_the_maps_for_its_own(host: Host) -> None:
    path = host.site.bpf_object("definitions")
    made = host.module("bpf_map_pinned", directory=APP, maps=lookup(path)).good()
    ids = {each["name"]: each["id"] for each in made["maps"]}
    before = host.inventory(APP)
    loaded = host.load("definitions", APP, f"{BPFFS}/prog")
    assert {name: loaded[name] for name in ids} == ids
    assert host.inventory(APP) == before
    program = host.bpftool("prog", "show", "pinned", f"{BPFFS}/prog")
    assert ids["first_of_a_kind"] in program["map_ids"]


def test_maps_of_libbpf_are_found_as_declared(host: Host) -> None:
    """The BTF of the whole object is no drift: types are compared, not bytes."""
    host.run("mkdir", APP)
    ids = host.load("definitions", APP)
    path = host.site.bpf_object("definitions")
    found = host.module("bpf_map_pinned", directory=APP, maps=lookup(path)).good()
    assert not found.changed, found
    assert {each["name"]: each["id"] for each in found["maps"]}.items() <= ids.items()


def hexadecimal(count: int) -> list[str]:
    """Bytes that a mistaken offset would show in another field."""
    return [str((7 * number + 1) % 120) for number in range(count)]


def test_bpftool_shows_the_same_fields_as_with_the_btf_of_libbpf(host: Host) -> None:
    theirs = f"{BPFFS}/theirs"
    host.run("mkdir", theirs)
    host.load("definitions", theirs)
    path = host.site.bpf_object("definitions")
    host.module("bpf_map_pinned", directory=APP, maps=lookup(path)).good()
    dumps = {}
    for directory in (APP, theirs):
        for name in ("rich", "sizes_and_types", "on_a_node", "routes"):
            pin = f"{directory}/{name}"
            shape = host.map_at(pin)
            key, value = hexadecimal(shape["bytes_key"]), hexadecimal(shape["bytes_value"])
            if name == "routes":
                key[:4] = ["24", "0", "0", "0"]  # the length of a prefix
            host.run("bpftool", "map", "update", "pinned", pin, "key", *key, "value", *value)
            dumps[name, directory] = host.run("bpftool", "map", "dump", "pinned", pin).stdout
        for name in ("verdicts", "locked", "first_of_a_kind"):
            pin = f"{directory}/{name}"
            dumps[name, directory] = host.run("bpftool", "map", "dump", "pinned", pin).stdout
    for name, directory in dumps:
        assert dumps[name, APP] == dumps[name, theirs], name
        assert '"value' in dumps[name, directory], name
    for field in ("address", "verdict", "middle", "one", "undefined", "name", "state"):
        assert f'"{field}":' in dumps["rich", APP]


def test_the_kernel_has_the_smallest_btf_for_each_map(host: Host) -> None:
    path = host.site.bpf_object("definitions")
    host.module("bpf_map_pinned", directory=APP, maps=lookup(path)).good()

    def named(pin: str) -> set[str]:
        dump = host.bpftool("btf", "dump", "id", str(host.info(f"{APP}/{pin}")["btf_id"]))
        return {each["name"] for each in dump["types"]} - {"(anon)"}

    assert named("of_a_cgroup") == {"int", "__u64", "unsigned long long"}
    assert named("seen") == {"mac", "__u8", "unsigned char", "__ARRAY_SIZE_TYPE__"}
    whole = {"everything", "verdict", "mac", "undefined", "looked_at", "pair_t", "address_t"}
    assert named("rich") > whole
    assert not named("rich") & {"__sk_buff", "locked", "prefix", "slot", "counters"}


# Objects of other compilers and targets

SOURCE = """
typedef unsigned int u32;
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
struct count { u32 packets, bytes; };
struct {
    __uint(type, 1);
    __uint(max_entries, 4);
    __type(key, u32);
    __type(value, struct count);
    __uint(pinning, 1);
} flows __attribute__((section(".maps"), used));
"""


def compiled(host: Host, name: str, source: str, *options: str) -> str:
    path = str(host.scratch / name)
    clang = ["clang", "-g", "-O2", *(options or ["-target", "bpf"]), "-c", "-x", "c", "-"]
    subprocess.run([*clang, "-o", path], input=source.encode(), check=True)
    return path


def test_an_object_of_the_other_byte_order_is_read_but_not_pinned_with_its_btf(host: Host) -> None:
    ours = compiled(host, "native.bpf.o", SOURCE)
    target = "bpfeb" if sys.byteorder == "little" else "bpfel"
    other = compiled(host, "foreign.bpf.o", SOURCE, "-target", target)
    native, foreign = (maps_of(host, path)["flows"] for path in (ours, other))
    assert native.pop("btf")["data"] != foreign.pop("btf")["data"]
    assert native == foreign
    refused, without = host.playbook(
        [
            task("bpf_map_pinned", maps=lookup(other)),
            task("bpf_map_pinned", maps=lookup(other, override={"flows": {"btf": None}})),
        ]
    )
    assert refused.failed
    assert "byte order" in refused.msg
    assert without.good()["counts"]["created"] == 1


def test_an_object_linked_of_two_is_read(host: Host) -> None:
    """bpftool's linker merges sections and BTF, and fills in what clang leaves to loaders."""
    parts = [
        compiled(host, "one.bpf.o", SOURCE),
        compiled(host, "two.bpf.o", SOURCE.replace("flows", "drops").replace("1);\n}", "0);\n}")),
    ]
    whole = str(host.scratch / "whole.bpf.o")
    host.run("bpftool", "gen", "object", whole, *parts)
    theirs = as_libbpf_reads(host, whole)
    maps = maps_of(host, whole, all=True)
    assert set(maps) == set(theirs) == {"flows", "drops"}
    assert maps["flows"]["btf"] == maps_of(host, parts[0])["flows"]["btf"]
    assert set(maps_of(host, whole)) == {"flows"}


# In playbooks


@pytest.mark.every_core
def test_a_list_comes_however_many_maps_there_are(host: Host) -> None:
    path = compiled(host, "one.bpf.o", SOURCE)
    empty = compiled(host, "none.bpf.o", "int number;")
    run = host.playbook(
        [
            show(lookup(path)),
            show(lookup(path, exclude=["*"])),
            show(lookup(empty)),
            task("bpf_map_pinned", maps=lookup(path)),
            task("bpf_map_pinned", maps=lookup(empty)),
        ]
    )
    one, nothing, none, made, unmade = (result.good() for result in run)
    assert [item["name"] for item in one["msg"]] == ["flows"]
    assert nothing["msg"] == none["msg"] == []
    assert [made["counts"]["created"], unmade["counts"]["created"]] == [1, 0]


def test_it_is_told_when_no_map_is_pinned_by_name(host: Host) -> None:
    path = compiled(host, "private.bpf.o", SOURCE.replace("pinning, 1", "pinning, 0"))
    silent = compiled(host, "one.bpf.o", SOURCE)
    assert "no map is pinned by name" in host.playbook([show(lookup(path))]).output
    for expression in (lookup(path, all=True), lookup(silent), lookup(path, silent)):
        assert "no map is pinned by name" not in host.playbook([show(expression)]).output


def test_a_host_may_have_more_room_than_the_object_says(host: Host) -> None:
    path = compiled(host, "one.bpf.o", SOURCE)
    variables = {"room": {"flows": {"max_entries": 4096, "mode": "0640"}}}
    expression = lookup(path).replace(") }}", ", override=room) }}")
    made = host.playbook([task("bpf_map_pinned", maps=expression)], vars=variables)[0].good()
    assert made["maps"][0]["shape"]["max_entries"] == 4096
    assert host.map_at(f"{BPFFS}/flows")["max_entries"] == 4096
    assert host.shell(f"stat -c %a {BPFFS}/flows").strip() == "640"


@pytest.mark.every_core
def test_a_relative_path_is_looked_for_in_files(host: Host) -> None:
    (host.scratch / "files").mkdir()
    compiled(host, "files/agent.bpf.o", SOURCE)
    expressions = [lookup("agent.bpf.o"), "{{ lookup('ebpf.pinning.elf_maps', files) }}"]
    run = host.playbook([show(each) for each in expressions], vars={"files": ["agent.bpf.o"] * 2})
    for found in run:
        assert [item["name"] for item in found.good()["msg"]] == ["flows"]


def test_another_type_than_that_of_the_pin_is_drift(host: Host) -> None:
    """Structure counts, and on_mismatch decides."""
    old = compiled(host, "old.bpf.o", SOURCE)
    renamed = compiled(host, "renamed.bpf.o", SOURCE.replace("u32", "word"))
    new = compiled(host, "new.bpf.o", SOURCE.replace("bytes", "drops"))
    made, same, refused, replaced = host.playbook(
        [
            task("bpf_map_pinned", maps=lookup(old)),
            task("bpf_map_pinned", maps=lookup(renamed)),
            task("bpf_map_pinned", maps=lookup(new)),
            task("bpf_map_pinned", maps=lookup(new), on_mismatch="replace"),
        ]
    )
    assert made.good()["counts"]["created"] == 1
    assert same.good()["counts"]["unchanged"] == 1
    assert refused.failed
    assert [drift["field"] for drift in refused["maps"][0]["drift"]] == ["btf"]
    assert "drops" in refused.msg
    assert replaced.good()["counts"]["replaced"] == 1


def test_a_new_version_of_the_program_takes_the_entries_along(host: Host) -> None:
    """Its values are longer: what is new in them is zero, and libbpf takes the map."""
    old = compiled(host, "old.bpf.o", SOURCE)
    new = compiled(host, "new.bpf.o", SOURCE.replace("bytes;", "bytes, drops;"))
    host.module("bpf_map_pinned", maps=lookup(old)).good()
    words = f"map update pinned {BPFFS}/flows key 1 0 0 0 value 2 0 0 0 3 0 0 0"
    host.run("bpftool", *words.split())
    grown = {"on_mismatch": "migrate", "value_growth": "zero_pad"}
    moved = host.module("bpf_map_pinned", maps=lookup(new), **grown).good()
    assert moved["counts"]["migrated"] == 1
    (entry,) = host.bpftool("map", "dump", "pinned", f"{BPFFS}/flows")
    assert entry["formatted"] == {"key": 1, "value": {"packets": 2, "bytes": 3, "drops": 0}}
    loaded = host.run(host.site.program("load"), new, BPFFS)
    assert json.loads(loaded.stdout) == {"flows": moved["maps"][0]["id"]}


REFUSED = {
    "a static map": (
        'static struct { int (*type)[1]; } flows __attribute__((section(".maps"), used));',
        "map flows: it is static",
    ),
    "a legacy definition": (
        'struct bpf_map_def { int type; } flows __attribute__((section("maps"), used));',
        "legacy map definitions",
    ),
    "a field of the future": (SOURCE.replace("max_entries", "entries"), "field entries is not"),
}


@pytest.mark.every_core
def test_what_libbpf_refuses_fails_the_task_before_anything_is_done(
    host: Host, subtests: pytest.Subtests
) -> None:
    stripped = str(host.scratch / "stripped.bpf.o")
    host.run("llvm-strip", "-o", stripped, compiled(host, "one.bpf.o", SOURCE))
    before = host.inventory()
    cases = {
        about: (compiled(host, f"{number}.bpf.o", source), text)
        for number, (about, (source, text)) in enumerate(REFUSED.items())
    }
    cases["an object without BTF"] = (stripped, "no section .BTF")
    cases["a file of another kind"] = (__file__, "not an ELF file")
    cases["no such file"] = ("missing.bpf.o", "there is no file missing.bpf.o")
    run = host.playbook(
        [task("bpf_map_pinned", maps=lookup(path)) for path, _text in cases.values()]
    )
    for (about, (path, text)), result in zip(cases.items(), run, strict=True):
        with subtests.test(about):
            assert result.failed
            assert "ebpf.pinning.elf_maps" in result.msg
            assert path in result.msg
            assert text in result.msg
            if path != "missing.bpf.o":
                assert host.run(host.site.program("define"), path, check=False).returncode
    assert host.inventory() == before


@pytest.mark.every_core
def test_ansible_doc_shows_its_page(host: Host) -> None:
    ansible_doc = str(Path(host.site.playbook_command).with_name("ansible-doc"))
    page = host.run(ansible_doc, "-t", "lookup", "ebpf.pinning.elf_maps").stdout
    for word in ("override", "include", "LIBBPF_PIN_BY_NAME"):
        assert word in page
