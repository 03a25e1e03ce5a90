# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From object files to a list of maps: which are taken, what is changed, what is refused."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.plugin_utils._elf_maps import (
    Choice,
    choose,
    find_maps,
)
from bpf_objects import as_libbpf_reads, object_file, section

PINNED = "__uint(pinning, BY_NAME);"
SIZES = "__uint(key_size, 4); __uint(value_size, 8);"


def hash_map(name: str, entries: int = 2, more: str = f"{SIZES} {PINNED}") -> str:
    return (
        f"struct {{ __uint(type, HASH); __uint(max_entries, {entries}); {more} }} {name} "
        'SEC(".maps");'
    )


def maps_of(*sources: str, **choice: Any) -> list[dict[str, Any]]:
    defaults: dict[str, Any] = {"all": False, "include": [], "exclude": [], "override": {}}
    found = find_maps([object_file(source) for source in sources])
    return choose(found, Choice(**{**defaults, **choice}))


def names(maps: list[dict[str, Any]]) -> set[str]:
    return {item["name"] for item in maps}


TWO = hash_map("flows") + hash_map("flows_v6") + hash_map("private", more=SIZES)
FLOWS = {
    "name": "flows",
    "type": "hash",
    "flags": [],
    "key_size": 4,
    "value_size": 8,
    "max_entries": 2,
}


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        ({}, {"flows", "flows_v6"}),
        ({"all": True}, {"flows", "flows_v6", "private"}),
        ({"include": ["flows"]}, {"flows"}),
        ({"include": ["flows*"]}, {"flows", "flows_v6"}),
        ({"include": ["*6", "flow?"]}, {"flows", "flows_v6"}),
        ({"include": ["private"], "all": True}, {"private"}),
        ({"exclude": ["flows"]}, {"flows_v6"}),
        ({"exclude": ["*_v6", "nothing"]}, {"flows"}),
        ({"include": ["flows*"], "exclude": ["*6"]}, {"flows"}),
        ({"exclude": ["*"]}, set()),
    ],
)
def test_maps_are_taken_by_name(choice: dict[str, Any], taken: set[str]) -> None:
    assert names(maps_of(TWO, **choice)) == taken


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"include": ["flow"]}, "include: there is no map flow, but flows, flows_v6, private"),
        ({"include": ["flows", "x*"]}, r"include: there is no map x\*"),
        ({"include": ["Flows"]}, "no map Flows"),
        ({"include": ["private"]}, "private is not pinned by name: say `all=true`"),
        ({"override": {"flow": {}}}, "override: there is no map flow"),
        ({"override": {"flow*": {}}}, r"override: there is no map flow\*"),
        ({"override": {"private": {}}}, "override: private is not pinned by name"),
        ({"override": {"flows": 4}}, "map flows: override: give its fields as a dictionary"),
    ],
)
def test_a_name_that_has_no_effect_is_refused(choice: dict[str, Any], text: str) -> None:
    with pytest.raises(PinningError, match=text):
        maps_of(TWO, **choice)


def test_an_override_of_a_map_that_is_left_out_is_nothing_wrong() -> None:
    """So hosts may differ in what they exclude, and share what they override."""
    assert not maps_of(TWO, exclude=["*"], override={"flows": {"max_entries": 3}})


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({}, FLOWS),
        ({"max_entries": 9}, {**FLOWS, "max_entries": 9}),
        ({"flags": ["no_prealloc"]}, {**FLOWS, "flags": ["no_prealloc"]}),
        ({"mode": "0640", "frozen": True}, {**FLOWS, "mode": "0640", "frozen": True}),
        ({"key_size": None}, {**FLOWS, "key_size": None}),
    ],
)
def test_fields_are_overridden_by_name(fields: dict[str, Any], item: dict[str, Any]) -> None:
    flows, other = maps_of(TWO, override={"flows": fields})
    assert flows == item
    assert other == {**FLOWS, "name": "flows_v6"}


def test_an_inner_map_is_overridden_field_by_field() -> None:
    source = (
        "struct { __uint(type, OF_MAPS); __uint(max_entries, 2); __uint(key_size, 4); "
        f"{PINNED} __array(values, struct {{ __uint(type, HASH); __uint(max_entries, 3); "
        f'{SIZES} }}); }} flows SEC(".maps");'
    )
    override = {"flows": {"max_entries": 5, "inner_map": {"max_entries": 7}}}
    ((plain,), (other,)) = maps_of(source), maps_of(source, override=override)
    inner = {**plain["inner_map"], "max_entries": 7}
    assert plain["inner_map"]["max_entries"] == 3
    assert other == {**plain, "max_entries": 5, "inner_map": inner}


def test_what_is_not_given_is_left_out() -> None:
    source = f'struct {{ __uint(type, ARENA); {PINNED} }} memory SEC(".maps");'
    assert maps_of(source) == [{"name": "memory", "type": "arena", "flags": []}]


def test_a_file_without_maps_adds_none() -> None:
    assert maps_of("int number;", hash_map("flows"), "") == [FLOWS]


def test_a_map_that_no_other_load_can_use_is_refused_unless_it_is_left_out() -> None:
    """For the kernel, the list belongs to the BTF that came with the map."""
    held = "struct bpf_list_head { u64 opaque[2]; }; struct value { struct bpf_list_head head; };"
    typed = "__type(key, u32); __type(value, struct value);"
    private, pinned = hash_map("queue", 2, typed), hash_map("queue", 2, typed + PINNED)
    flows = hash_map("flows")
    assert maps_of(held + private + flows) == [FLOWS]
    assert maps_of(held + pinned + flows, exclude=["queue"]) == [FLOWS]
    with pytest.raises(PinningError, match="map queue: its values have a bpf_list_head"):
        maps_of(held + pinned + flows)


# Several files

VALUE = "struct value { u32 hits; struct far *far; };"
TYPED = f"__type(key, u32); __type(value, struct value); {PINNED}"
SAME = {
    "by size": (hash_map("flows"), hash_map("flows") + "int other;"),
    "by type": (VALUE + hash_map("flows", 2, TYPED), VALUE + hash_map("flows", 2, TYPED)),
    "by types that come under other ids": (
        VALUE + hash_map("flows", 2, TYPED),
        "long other;" + VALUE + "long more;" + hash_map("flows", 2, TYPED),
    ),
    "by types that have other names for a number": (
        VALUE + hash_map("flows", 2, TYPED),
        VALUE.replace("u32", "unsigned int") + hash_map("flows", 2, TYPED),
    ),
    "by types of which the code looks at more": (
        VALUE + hash_map("flows", 2, TYPED),
        "struct far { int inside; }; int look(struct far *far) { return far->inside; }"
        + VALUE
        + hash_map("flows", 2, TYPED),
    ),
}
DIFFERENT = {
    "max_entries": (hash_map("flows", 2), hash_map("flows", 3)),
    "flags": (hash_map("flows"), hash_map("flows", 2, f"{SIZES} __uint(map_flags, 1); {PINNED}")),
    "btf": (
        VALUE + hash_map("flows", 2, TYPED),
        VALUE.replace("hits", "misses") + hash_map("flows", 2, TYPED),
    ),
    "value_size, btf": (
        VALUE + hash_map("flows", 2, TYPED),
        VALUE.replace("u32", "u64 more; u32") + hash_map("flows", 2, TYPED),
    ),
    "btf that only one has": (
        hash_map("flows", 2, f"__uint(key_size, 4); __uint(value_size, 16); {PINNED}"),
        VALUE + hash_map("flows", 2, TYPED),
    ),
}


@pytest.mark.parametrize("sources", SAME.values(), ids=SAME)
def test_a_map_that_two_files_define_alike_is_one(sources: tuple[str, str]) -> None:
    assert maps_of(*sources) == maps_of(sources[0])
    assert names(maps_of(*sources, hash_map("more"))) == {"flows", "more"}


@pytest.mark.parametrize("sources", DIFFERENT.values(), ids=DIFFERENT)
def test_a_map_that_two_files_define_in_two_ways_is_refused(
    sources: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    fields = request.node.callspec.id.removesuffix(" that only one has")
    with pytest.raises(
        PinningError, match=f"map flows: .*, with another {fields}: make them agree, or"
    ) as caught:
        maps_of(*sources)
    assert object_file(sources[0]) in str(caught.value)
    assert object_file(sources[1]) in str(caught.value)


def test_an_override_may_settle_it() -> None:
    sources = DIFFERENT["max_entries"]
    (flows,) = maps_of(*sources, override={"flows": {"max_entries": 7}})
    assert flows["max_entries"] == 7


def test_the_one_that_is_not_pinned_does_not_count() -> None:
    sources = hash_map("flows"), hash_map("flows", 3, SIZES)
    assert maps_of(*sources) == [FLOWS]
    with pytest.raises(PinningError, match="another max_entries"):
        maps_of(*sources, all=True)


def test_inner_maps_are_compared_too() -> None:
    def outer(value: str) -> str:
        return (
            f"struct value {{ {value} }} value; struct {{ __uint(type, OF_MAPS); "
            f"__uint(max_entries, 2); __uint(key_size, 4); {PINNED} __array(values, "
            "struct { __uint(type, HASH); "
            '__type(key, u32); __type(value, struct value); }); } outer SEC(".maps");'
        )

    assert len(maps_of(outer("u32 hits;"), outer("unsigned int hits;"))) == 1
    with pytest.raises(PinningError, match="with another inner_map"):
        maps_of(outer("u32 hits;"), outer("u32 misses;"))


# Files


def refusal(path: str | Path) -> str:
    with pytest.raises(PinningError) as caught:
        find_maps([str(path)])
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text


GOOD = hash_map("flows")
LEGACY = (
    "struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; };"
    'struct bpf_map_def flows SEC("%s") = { HASH, 4, 8, 2, 0 };'
)


def test_what_is_no_object_file_is_refused(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.touch()
    text.write_text("maps: []\n")
    assert "not an ELF file" in refusal(empty)
    assert "not an ELF file" in refusal(text)
    assert "Is a directory" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "missing")


def test_what_is_not_for_bpf_is_refused(tmp_path: Path) -> None:
    native = tmp_path / "native.o"
    source = tmp_path / "native.c"
    source.write_text('int flows __attribute__((section(".maps")));')
    subprocess.run(["gcc", "-c", "-o", native, source], check=True)
    assert "not a BPF object file" in refusal(native)
    assert as_libbpf_reads(str(native)) is None


def edited(tmp_path: Path, *options: str) -> str:
    path = str(tmp_path / "edited.bpf.o")
    subprocess.run(["llvm-objcopy", *options, object_file(GOOD), path], check=True)
    assert as_libbpf_reads(path) is None
    return path


def test_an_object_whose_btf_is_stripped_is_refused(tmp_path: Path) -> None:
    path = edited(tmp_path, "--remove-section=.BTF", "--remove-section=.rel.BTF")
    assert "no section .BTF" in refusal(path)
    assert "llvm-strip -g" in refusal(path)


def test_an_object_whose_symbols_are_stripped_is_refused(tmp_path: Path) -> None:
    path = edited(tmp_path, "--strip-all", "--keep-section=.BTF", "--keep-section=.maps")
    assert "symbols are stripped" in refusal(path)


def test_what_only_loses_its_debug_sections_is_read(tmp_path: Path) -> None:
    path = str(tmp_path / "stripped.bpf.o")
    subprocess.run(["llvm-strip", "-g", "-o", path, object_file(GOOD)], check=True)
    assert find_maps([path])[0].name == "flows"


@pytest.mark.parametrize("name", ["maps", "maps/flows", "lirc_mode2/maps"])
def test_legacy_definitions_are_refused(name: str) -> None:
    path = object_file(LEGACY % name)
    assert "legacy map definitions" in refusal(path)
    assert "rewrite them in BTF style" in refusal(path)
    if name == "maps":
        assert as_libbpf_reads(path) is None


def test_a_program_may_be_in_a_section_that_is_called_like_legacy_definitions() -> None:
    program = 'SEC("xdp/maps") int look(void *packet) { return 2; }'
    assert maps_of(GOOD + program) == [FLOWS]


def test_btf_that_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.bpf.o"
    whole, blob = Path(object_file(GOOD)).read_bytes(), section(object_file(GOOD), ".BTF")
    path.write_bytes(whole.replace(blob[:8], b"\0" * 8))
    assert "section .BTF is damaged" in refusal(path)


def test_btf_without_the_maps_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.bpf.o"
    whole, blob = Path(object_file(GOOD)).read_bytes(), section(object_file(GOOD), ".BTF")
    path.write_bytes(whole.replace(blob, blob.replace(b"\0.maps\0", b"\0.mapz\0")))
    assert "does not describe the maps" in refusal(path)
    assert as_libbpf_reads(str(path)) is None


def test_objects_of_an_old_clang_are_read(tmp_path: Path) -> None:
    """Before it had a number of its own, BPF was machine 0."""
    path = tmp_path / "old.bpf.o"
    whole = bytearray(Path(object_file(GOOD)).read_bytes())
    whole[18:20] = b"\0\0"
    path.write_bytes(whole)
    assert [found.name for found in find_maps([str(path)])] == ["flows"]


def test_every_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = object_file(LEGACY % "maps")
    with pytest.raises(PinningError) as caught:
        find_maps([path, object_file(GOOD), str(tmp_path / "missing")])
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        path,
        str(tmp_path / "missing"),
    ]


def test_only_our_own_errors_come_out_of_damaged_files(tmp_path: Path) -> None:
    dice = random.Random(5)
    whole = Path(object_file(TWO)).read_bytes()
    path = tmp_path / "damaged.bpf.o"
    well = 0
    for _round in range(600):
        damaged = bytearray(whole[: dice.choice([len(whole), dice.randrange(len(whole))])])
        # Where the headers are, at both ends, more often than in between.
        size = len(damaged) or 1
        places = [dice.randrange(size), dice.randrange(min(size, 64)), -dice.randrange(1, size + 1)]
        for place in places[: dice.randrange(4)] if damaged else []:
            damaged[place] = dice.choice([0, 1, 255, dice.randrange(256)])
        path.write_bytes(damaged)
        try:
            choose(find_maps([str(path)]), Choice(True, [], [], {}))
            well += 1
        except PinningError:
            continue
    assert 20 < well < 580
