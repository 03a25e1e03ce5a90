# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged object files: maps or a clear error, after a bounded time and in bounded memory.

Time is that of the processor, so that a busy machine does not count.
"""

from __future__ import annotations

import functools
import io
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.plugin_utils._elf_maps import (
    Choice,
    choose,
    find_maps,
)
from bpf_objects import as_libbpf_reads, object_file
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st
from test_map_definitions import read as definitions_of
from test_map_definitions import told

MEBIBYTE = 1 << 20
ROOM = 256 * MEBIBYTE  # more than this test has already
SECONDS = 4  # of the processor; the usual is some milliseconds

MAPS = """
struct pair { u32 one, two; struct pair *next; u64 bits : 3, rest : 61; };
enum verdict { DROP, PASS };
struct value { struct pair pairs[2]; enum verdict verdict; const volatile u64 *where; };
struct { __uint(type, HASH); __uint(max_entries, 4); __type(key, u32); __type(value, struct value);
    __uint(pinning, BY_NAME); } flows SEC(".maps");
struct { __uint(type, ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 8);
    __uint(map_flags, 1024); __uint(numa_node, 0); __ulong(map_extra, 0x7f); } slots SEC(".maps");
struct { __uint(type, OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct {
    __uint(type, HASH); __uint(max_entries, 4); __type(key, u64); __type(value, struct pair); });
    } outer SEC(".maps");
struct { __uint(type, PROG_ARRAY); __uint(max_entries, 4); __uint(key_size, 4);
    __array(values, int (void *)); } calls SEC(".maps");
int number; int (*function)(struct value *);
"""
VALUES = [
    *(0, 1, 2, 3, 4, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 1 << 24, 1 << 31, (1 << 32) - 2, (1 << 32) - 1),
    *(1 << 32, 1 << 40, 1 << 62, (1 << 63) - 1, (1 << 64) - 1),
]
PARTS = ["header", "table of sections", ".BTF", ".symtab", ".strtab"]
BTF_HEADER = 24  # bytes
NUMBER_OF_SECTIONS = 60  # offsets of e_shnum, and of sh_type and its like; elf(5)
TYPE, FLAGS, SIZE, ENTRY_SIZE = 4, 8, 32, 56
NOBITS, COMPRESSED = 8, 0x800
TYPEDEF = 8
Edit = tuple[int, int, int]  # place, bytes, value
FUZZ = settings(derandomize=True, database=None, deadline=None)


class TooLong(BaseException):
    """Not an Exception, so that nothing takes it for an error of the file."""


@contextmanager
def bounded() -> Iterator[None]:
    """TooLong after some seconds, MemoryError with more than a little memory."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, give_up)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, limits[1]))
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGVTALRM, before)


def refusal(path: Path) -> str:
    """Why it is refused; "" if it is not. Anything but maps or a clear error is raised."""
    try:
        with bounded():
            choose(find_maps([str(path)]), Choice(True, [], [], {}))
    except PinningError as error:
        caught = error
    else:
        return ""
    for line in str(caught).splitlines():
        assert line.startswith(f"{path}: ")
        assert line.rstrip(": ") == line, "it says nothing"
    return str(caught)


@functools.cache
def whole() -> bytes:
    return Path(object_file(MAPS)).read_bytes()


@functools.cache
def spans() -> dict[str, tuple[int, int]]:
    """Where the parts are that the lookup reads, and how long they are."""
    elf = ELFFile(io.BytesIO(whole()))
    table = elf["e_shentsize"] * elf["e_shnum"]
    found = {"header": (0, 64), "table of sections": (elf["e_shoff"], table)}
    for name in (".BTF", ".symtab", ".strtab"):
        section = elf.get_section_by_name(name)
        found[name] = (section["sh_offset"], section["sh_size"])
    return found


@functools.cache
def type_words() -> tuple[int, ...]:
    """Where in the file each word of the types is."""
    start, _size = spans()[".BTF"]
    types_at, types_size = struct.unpack_from("=8xII", whole(), start)
    begin = start + BTF_HEADER + types_at
    return tuple(range(begin, begin + types_size, 4))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "damaged.bpf.o"


@functools.cache
def header_of(name: str) -> int:
    """Where in the file the header of a section is."""
    elf = ELFFile(io.BytesIO(whole()))
    index = elf.get_section_index(name)
    assert index is not None
    return elf["e_shoff"] + index * elf["e_shentsize"]


def overwritten(*edits: Edit) -> bytes:
    """With each of these values, of so many bytes, at its place."""
    damaged = bytearray(whole())
    for place, size, value in edits:
        damaged[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, sys.byteorder)
    return bytes(damaged)


def places(part: str) -> st.SearchStrategy[int]:
    start, size = spans()[part]
    return st.integers(start, start + size - 8)


def edits() -> st.SearchStrategy[list[Edit]]:
    """Numbers that are too large, too small or at a limit, in one of the parts that are read."""
    place = st.sampled_from(PARTS).flatmap(places)
    edit = st.tuples(place, st.sampled_from([1, 2, 4, 8]), st.sampled_from(VALUES))
    return st.lists(edit, min_size=1, max_size=4)


def edits_of_types() -> st.SearchStrategy[list[Edit]]:
    """Words of types: other kinds, lengths, and ids, also such that a type is made of itself."""
    heads = st.tuples(st.integers(0, 31), st.sampled_from([0, 1, 2, 3, 0xFFFF]), st.booleans())
    word = st.one_of(
        st.sampled_from(VALUES),
        st.integers(0, 70),  # there are about 60 types
        heads.map(lambda head: head[0] << 24 | head[1] | head[2] << 31),
    )
    place = st.integers(0, len(type_words()) - 1).map(lambda index: type_words()[index])
    return st.lists(st.tuples(place, st.just(4), word), min_size=1, max_size=3)


def test_the_object_is_read_while_it_is_whole(path: Path) -> None:
    path.write_bytes(whole())
    assert not refusal(path)


@settings(FUZZ, max_examples=200)
@given(st.data())
def test_an_object_that_is_cut_is_refused(path: Path, data: st.DataObject) -> None:
    """The table of sections is at its end."""
    path.write_bytes(whole()[: data.draw(st.integers(0, len(whole()) - 64))])
    assert refusal(path)


@settings(FUZZ, max_examples=600)
@given(st.data())
def test_flipped_bits_give_maps_or_a_clear_error(path: Path, data: st.DataObject) -> None:
    damaged = bytearray(whole())
    last = 8 * len(damaged) - 1
    for bit in data.draw(st.lists(st.integers(0, last), min_size=1, max_size=3)):
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    refusal(path)


@settings(FUZZ, max_examples=600)
@given(st.data())
def test_numbers_out_of_range_give_maps_or_a_clear_error(path: Path, data: st.DataObject) -> None:
    path.write_bytes(overwritten(*data.draw(edits())))
    refusal(path)


@settings(FUZZ, max_examples=600)
@given(st.data())
def test_damaged_types_are_read_as_libbpf_reads_them_or_refused(
    path: Path, data: st.DataObject
) -> None:
    """libbpf 1.1 does not look as closely at BTF, and dies of some of these."""
    path.write_bytes(overwritten(*data.draw(edits_of_types())))
    if not refusal(path):
        theirs = as_libbpf_reads(str(path))
        ours = {name: told(each) for name, each in definitions_of(str(path)).items()}
        assert theirs in (None, ours)


def crafted() -> dict[str, bytes]:
    """Damage that is too rare for chance to find."""
    btf, symbols, first = header_of(".BTF"), header_of(".symtab"), spans()["table of sections"][0]
    return {
        "types that take no space in the file": overwritten(
            (btf + TYPE, 4, NOBITS), (btf + SIZE, 8, 1 << 33)
        ),
        "types that take all space there is": overwritten((btf + SIZE, 8, 1 << 62)),
        "compressed types": overwritten((btf + FLAGS, 8, COMPRESSED)),
        "sections without end": overwritten((NUMBER_OF_SECTIONS, 2, 0), (first + SIZE, 8, 1 << 62)),
        "symbols without end": overwritten((symbols + SIZE, 8, 24 << 50)),
        "symbols of no size": overwritten((symbols + ENTRY_SIZE, 8, 0)),
    }


@pytest.mark.parametrize("about", crafted())
def test_nothing_is_reserved_or_repeated_because_a_number_says_so(path: Path, about: str) -> None:
    path.write_bytes(crafted()[about])
    assert refusal(path)


def test_a_typedef_of_itself_is_refused(path: Path) -> None:
    """Each type in turn is what u32 is another name of: one of them is u32."""
    start, size = spans()[".BTF"]
    strings_at, _size = struct.unpack_from("=16xII", whole(), start)
    strings = whole()[start + BTF_HEADER + strings_at : start + size]
    head = struct.pack("=II", strings.index(b"\0u32\0") + 1, TYPEDEF << 24)
    target = whole().index(head) + len(head)
    texts = []
    for type_id in range(1, 70):
        path.write_bytes(overwritten((target, 4, type_id)))
        texts.append(refusal(path))
    assert any("is made of itself" in text or "typedef of itself" in text for text in texts)
