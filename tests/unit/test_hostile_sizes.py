# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input that is twice as large takes about twice the work, however it is crafted.

Work is counted in lines of Python that run, not in time. What is told of it counts in characters.
"""

from __future__ import annotations

import struct
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf_types import (
    ARRAY,
    DATASEC,
    ENUM,
    ENUM64,
    FWD,
    INT,
    PTR,
    STRUCT,
    TYPEDEF,
    VAR,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.definitions import (
    read_definitions,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.object_file.elf import Elf
from ansible_collections.ebpf.pinning.plugins.plugin_utils import _elf_maps
from ansible_collections.ebpf.pinning.plugins.plugin_utils._elf_maps import (
    Choice,
    Found,
    choose,
)
from test_btf import info

TWICE = 2.5  # at most, where 4 would be the square
A_CHARACTER = 40  # of what is told, at most, for each byte of input


def lines_of(work: Callable[[], object]) -> tuple[int, str]:
    """How many lines of Python ran, and the error of the user, if it came to one."""
    count, text = 0, ""

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except PinningError as error:
        text = str(error)
    finally:
        sys.settrace(before)
    return count, text


class Blob:
    """BTF, put together type by type."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.count = 0
        self.strings = bytearray(b"\0")

    def name(self, text: str) -> int:
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(self, *words: int) -> int:
        self.words += words
        self.count += 1
        return self.count

    def number(self, count: int, of: int) -> int:
        """As __uint writes it."""
        return self.add(0, info(PTR), self.add(0, info(ARRAY), 0, of, of, count))

    @property
    def bytes(self) -> bytes:
        sections = (0, 4 * len(self.words), 4 * len(self.words), len(self.strings))
        header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, *sections)
        return header + struct.pack(f"<{len(self.words)}I", *self.words) + bytes(self.strings)


class Maps(Blob):
    """BTF of an object that defines maps."""

    def __init__(self) -> None:
        super().__init__()
        self.int = self.add(self.name("int"), info(INT), 4, 1 << 24 | 32)
        self.hash, self.two = self.number(1, self.int), self.number(2, self.int)
        self.fields = {field: self.name(field) for field in ("type", "max_entries", "key", "value")}
        self.variables: list[int] = []

    def define(self, key: int, value: int, *more: tuple[int, int]) -> int:
        """A struct that defines a map. `more` are names and types of more fields."""
        types = {"type": self.hash, "max_entries": self.two, "key": key, "value": value}
        members = [(self.fields[field], types[field]) for field in types]
        for field in ("key", "value"):
            pointer = self.add(0, info(PTR), types[field])
            members[list(types).index(field)] = (self.fields[field], pointer)
        members += more
        words = [word for name, type_id in members for word in (name, type_id, 0)]
        return self.add(0, info(STRUCT, len(members)), 8 * len(members), *words)

    def variable(self, definition: int, name: int = 0) -> None:
        name = name or self.name(f"map{len(self.variables)}")
        self.variables.append(self.add(name, info(VAR), definition, 1))

    def finish(self) -> bytes:
        words = [word for variable in self.variables for word in (variable, 0, 8)]
        self.add(self.name(".maps"), info(DATASEC, len(self.variables)), 0, *words)
        return self.bytes

    def row(self, kind: int, length: int, of: int) -> int:
        """So many typedefs, or arrays, one of the other."""
        for _each in range(length):
            if kind == ARRAY:
                of = self.add(0, info(ARRAY), 0, of, self.int, 2**32 - 1)
            else:
                of = self.add(self.fields["key"], info(kind), of)
        return of

    def wide(self, members: int) -> int:
        words = [word for _each in range(members) for word in (self.fields["key"], self.int, 0)]
        return self.add(self.fields["key"], info(STRUCT, members), 4, *words)


def with_long_rows(size: int) -> bytes:
    blob = Maps()
    end = blob.row(TYPEDEF, size, blob.int)
    for _each in range(size):
        blob.variable(blob.define(end, end))
    return blob.finish()


def with_large_arrays(size: int) -> bytes:
    blob = Maps()
    end = blob.row(ARRAY, size, blob.int)
    for _each in range(size):
        blob.variable(blob.define(end, end))
    return blob.finish()


def with_rows_of_structs(size: int) -> bytes:
    """Each holds the one before twice: there are many ways down."""
    blob, held = Maps(), 0
    for _each in range(size):
        held = blob.add(
            *(blob.fields["key"], info(STRUCT, 2), 4),
            *(blob.fields["key"], held or blob.int, 0) * 2,
        )
    for _each in range(size):
        blob.variable(blob.define(blob.int, blob.row(TYPEDEF, 1, held)))
    return blob.finish()


def with_one_definition_of_many_fields(size: int) -> bytes:
    blob = Maps()
    unknown = blob.name("unknown")
    definition = blob.define(blob.int, blob.int, *[(unknown, blob.hash)] * size)
    for _each in range(size):
        blob.variable(definition)
    return blob.finish()


def with_long_names_of_fields(size: int) -> bytes:
    blob = Maps()
    unknown = blob.name("x" * 40 * size)
    for _each in range(size):
        blob.variable(blob.define(blob.int, blob.int, (unknown, blob.hash)))
    return blob.finish()


def with_one_long_name_of_all(size: int) -> bytes:
    blob = Maps()
    definition, name = blob.define(blob.int, blob.int), blob.name("x" * 40 * size)
    for _each in range(size):
        blob.variable(definition, name)
    return blob.finish()


def with_keys_that_are_not_there(size: int) -> bytes:
    blob = Maps()
    hidden = blob.add(blob.name("x" * 40 * size), info(FWD), 0)
    for _each in range(size):
        blob.variable(blob.define(hidden, hidden))
    return blob.finish()


def with_one_wide_value(size: int) -> bytes:
    blob = Maps()
    value = blob.wide(4 * size)
    for _each in range(size):
        blob.variable(blob.define(blob.row(TYPEDEF, 1, blob.int), value))
    return blob.finish()


def chosen(blob: bytes) -> None:
    """What the lookup does with the BTF of an object."""
    types = Btf.parse(blob)
    definitions = read_definitions(types, ())
    found = [Found("a.o", name, each, types, frozenset()) for name, each in definitions.items()]
    choose(found, Choice(True, [], [], {}))


OBJECTS = {
    # what it is made of, how large at first
    "rows of typedefs": (with_long_rows, 60),
    "arrays of arrays of more than there is memory": (with_large_arrays, 60),
    "structs in structs": (with_rows_of_structs, 120),
    "a definition of many fields": (with_one_definition_of_many_fields, 60),
    "long names of fields": (with_long_names_of_fields, 60),
    "a long name": (with_one_long_name_of_all, 60),
    "keys that are not there": (with_keys_that_are_not_there, 60),
    "a value that many maps share": (with_one_wide_value, 120),
}


@pytest.mark.parametrize("about", OBJECTS)
def test_twice_the_types_take_twice_the_steps(about: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_elf_maps, "_ALWAYS", 0)  # what a small object may cost all the same
    make, size = OBJECTS[about]
    few, many = make(size), make(2 * size)
    (first, text), (second, more) = lines_of(lambda: chosen(few)), lines_of(lambda: chosen(many))
    assert second / first < TWICE * len(many) / len(few) / 2
    assert len(text) < A_CHARACTER * len(few)
    assert len(more) < A_CHARACTER * len(many)


def circle(length: int) -> Btf:
    """Pointers that lead to each other."""
    blob = Blob()
    for each in range(length):
        blob.add(0, info(PTR), each + 2 if each + 1 < length else 1)
    return Btf.parse(blob.bytes)


def ladder(length: int) -> Btf:
    blob, held = Blob(), 0
    held = blob.add(blob.name("int"), info(INT), 4, 32)
    for _each in range(length):
        held = blob.add(0, info(STRUCT, 2), 4, 0, held, 0, 0, held, 0)
    return Btf.parse(blob.bytes)


@pytest.mark.parametrize("size", [101, 400])
def test_circles_of_pointers_are_compared_in_as_many_steps_as_there_are_types(size: int) -> None:
    """Of 101 and 100 there are 10100 pairs."""
    one, two = circle(size), circle(size - 1)
    steps, _text = lines_of(lambda: one.same_type(1, two, 1))
    assert one.same_type(1, two, 1)
    assert steps < 200 * size


@pytest.mark.parametrize("size", [50, 400])
def test_each_type_is_compared_once_however_many_ways_lead_to_it(size: int) -> None:
    one, two = ladder(size), ladder(size)
    steps, _text = lines_of(lambda: one.same_type(size + 1, two, size + 1))
    assert one.same_type(size + 1, two, size + 1)
    assert steps < 300 * size
    steps, _text = lines_of(lambda: one.uncopyable_part(size + 1))
    assert steps < 100 * size


@pytest.mark.parametrize("kind", [ENUM, ENUM64])
def test_an_enum_takes_no_memory_for_the_size_that_it_claims(kind: int) -> None:
    blob = Blob()
    blob.add(
        blob.name("huge"), info(kind, 1), 2**32 - 1, blob.name("A"), 1, *[0] * (kind == ENUM64)
    )
    one, two = Btf.parse(blob.bytes), Btf.parse(blob.bytes)
    tracemalloc.start()
    try:
        assert one.same_type(1, two, 1)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**20


@pytest.mark.parametrize("make", [with_long_rows, with_large_arrays, with_rows_of_structs])
@pytest.mark.parametrize("size", [300, 600])
def test_what_is_told_of_a_type_does_not_depend_on_how_many_there_are(
    make: Callable[[int], bytes], size: int
) -> None:
    types = Btf.parse(make(size))
    for ask in (types.describe, types.size_of):
        steps, _text = lines_of(lambda ask=ask: ask(size))  # type: ignore[misc]
        assert steps < 20_000


def elf(names: bytes, sections: int, symbols: int) -> bytes:
    """An object whose sections and symbols are called by the tails of one name."""
    table = b"".join(
        struct.pack("<IBBHQQ", 1 + each % (len(names) - 2), 0, 0, 0, 0, 0)
        for each in range(symbols)
    )
    start = 64 + len(names) + len(table)
    headers = [
        struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, 64, len(names), 0, 0, 1, 0),
        struct.pack(
            "<IIQQQQIIQQ", len(names) - 8, 2, 0, 0, 64 + len(names), len(table), 1, 0, 8, 24
        ),
    ]
    headers += [
        struct.pack("<IIQQQQIIQQ", 1 + each % (len(names) - 2), 1, 0, 0, 64, 0, 0, 0, 1, 0)
        for each in range(sections)
    ]
    head = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01", 1, 247, 1, 0, 0, start, 0, 64, 0, 0, 64, len(headers), 1),
    )
    return head + names + table + b"".join(headers)


@pytest.mark.parametrize("of", ["sections", "symbols"])
def test_names_that_overlap_are_refused_before_they_are_read(of: str) -> None:
    sizes = []
    for size in (400, 800):
        counts = {"sections": 0, "symbols": 0, of: size}
        content = elf(b"\0" + b".symtab" * 10 * size + b"\0", **counts)
        steps, text = lines_of(lambda content=content: Elf(content).symbols())
        assert "overlap" in text
        sizes.append(steps)
    assert sizes[1] < TWICE * sizes[0]
    assert sizes[1] < 200_000
