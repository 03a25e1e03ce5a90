# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""An object file for BPF, as ELF has it: sections, symbols, relocations, in either byte order.

What a header claims is compared with what the file holds before anything is made of it. Sources:
man 5 elf, and what libbpf takes (bpf_object__elf_init, bpf_object__elf_collect).
"""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple

from ..errors import PinningError
from ..values import NamedTuple


class ElfError(PinningError):
    """A file is no object file for BPF, or is damaged; the text says what to do."""


class Section(NamedTuple):
    """A section, and where in the file it is."""

    number: int  # its place in the table
    name: str
    type: int
    flags: int
    offset: int  # bytes
    size: int  # bytes; of NOBITS those in memory, as the header claims
    link: int  # of symbols and relocations: the table that they refer to
    info: int  # of relocations: the section that they change
    entry_size: int  # bytes; of tables

    @property
    def is_executable(self) -> bool:
        """Return whether it holds code."""
        return self.type == PROGBITS and bool(self.flags & _EXECUTABLE)


class Symbol(NamedTuple):
    """A name in a section."""

    name: str
    value: int  # where in the section, in bytes
    size: int  # bytes
    section: int  # its index
    type: int
    binding: int
    visibility: int


class Relocation(NamedTuple):
    """A place that the loader fills in."""

    offset: int  # bytes from the start of the section that is changed
    symbol: int  # its place in the table
    raw: bytes  # as the file has it


class Elf:
    """The sections of one file by name; of those with the same name the first."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.byte_order = _byte_order(data)
        self._order = "<" if self.byte_order == "little" else ">"
        self._headers_at = 0
        self.sections = self._read_sections()
        self.by_name: Dict[str, Section] = {}
        for each in self.sections:
            self.by_name.setdefault(each.name, each)

    def content(self, section: Section) -> bytes:
        """What the file holds of a section; nothing of one that is only in memory."""
        if section.type == NOBITS:
            return b""
        end = section.offset + section.size
        if end > len(self.data) or section.flags & _COMPRESSED or section.type == _NULL:
            raise ElfError(
                f"it does not hold its section {short(section.name)} whole: compile it again"
            )
        return self.data[section.offset : end]

    def named(self, name: str) -> Optional[bytes]:
        """What is in the section of this name; None if there is none."""
        section = self.by_name.get(name)
        return None if section is None else self.content(section)

    def symbols(self) -> Optional[Tuple[Symbol, ...]]:
        """Every symbol by its index; None if the file was stripped of them."""
        table = next((each for each in self.sections if each.type == _SYMTAB), None)
        if table is None:
            return None
        if table.link >= len(self.sections):
            raise _damaged("its symbols have no names")
        if table.entry_size != struct.calcsize(f"={_SYMBOL}"):
            raise _damaged("its symbols have another size")
        entries = self._entries(table, _SYMBOL)
        names = _Names(self.content(self.sections[table.link]), len(self.data))
        return tuple(
            Symbol(names.at(name), value, size, section, info & 0xF, info >> 4, other & 3)
            for name, info, other, section, value, size in entries
        )

    def relocations(self, section: Section) -> List[Relocation]:
        """The relocations in a section of type REL."""
        content = self.content(section)
        layout = struct.Struct(self._order + _RELOCATION)
        found = []
        for at in range(0, len(content) - layout.size + 1, layout.size):
            offset, info = layout.unpack_from(content, at)
            found.append(Relocation(offset, info >> 32, content[at : at + layout.size]))
        return found

    def with_content(self, section: Section, content: bytes) -> bytes:
        """The whole file, with no more than this at the beginning of a section."""
        changed = bytearray(self.data)
        changed[section.offset : section.offset + len(content)] = content
        at = self._headers_at + section.number * _SECTION_SIZE + _SIZE_AT
        struct.pack_into(f"{self._order}Q", changed, at, len(content))
        return bytes(changed)

    def _entries(self, table: Section, layout: str) -> List[Tuple[int, ...]]:
        content = self.content(table)
        each = struct.Struct(self._order + layout)
        whole = len(content) // each.size * each.size
        return list(each.iter_unpack(content[:whole]))

    def _read_sections(self) -> Tuple[Section, ...]:
        header = struct.unpack_from(self._order + _HEADER, self.data, len(_IDENT))
        kind, machine, _version, _entry, _segments, headers_at = header[:6]
        each_size, count, names_at = header[10:13]
        if kind != _RELOCATABLE or machine not in _MACHINES:
            raise ElfError("it is not a BPF object file: compile with `clang -g -target bpf -c`")
        end = headers_at + count * _SECTION_SIZE
        if not count or each_size != _SECTION_SIZE or end > len(self.data) or names_at >= count:
            raise _damaged("its table of sections does not fit in")
        self._headers_at = headers_at
        rows = [
            struct.unpack_from(self._order + _SECTION, self.data, headers_at + at * _SECTION_SIZE)
            for at in range(count)
        ]
        nameless = [
            Section(at, "", kind, flags, offset, size, link, info, entry_size)
            for at, row in enumerate(rows)
            for _name, kind, flags, _at, offset, size, link, info, _align, entry_size in (row,)
        ]
        names = _Names(self.content(nameless[names_at]), len(self.data))
        return tuple(each._replace(name=names.at(row[0])) for each, row in zip(nameless, rows))


class _Names:
    """A table of strings. One may be the tail of another, and in a crafted file of very many."""

    def __init__(self, text: bytes, size_of_file: int) -> None:
        self._text = text
        self._known: Dict[int, str] = {}
        self._left = _MOST_OF_NAMES * size_of_file

    def at(self, start: int) -> str:
        """The string that begins there."""
        known = self._known.get(start)
        if known is not None:
            return known
        end = self._text.find(b"\0", start)
        if end < 0:
            raise _damaged("a name reaches beyond its table")
        self._left -= end - start
        if self._left < 0:
            raise ElfError("its names overlap so often that they would fill the memory")
        name = self._text[start:end].decode("utf-8", "replace")
        return self._known.setdefault(start, name)


def _damaged(why: str) -> ElfError:
    return ElfError(f"it is not an ELF file, or is damaged: compile it again ({why})")


def short(name: str) -> str:
    """For messages: a crafted file may have very long names."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _byte_order(data: bytes) -> str:
    if data[:4] != _IDENT[:4]:
        raise _damaged("it begins otherwise")
    if len(data) < _HEADER_SIZE:
        raise _damaged(f"it ends after {len(data)} bytes")
    byte_order = _BYTE_ORDERS.get(data[5])
    if data[4] != _64_BITS or byte_order is None:
        raise ElfError("it is not a BPF object file: compile with `clang -g -target bpf -c`")
    return byte_order


_IDENT = b"\x7fELF" + bytes(12)
_64_BITS = 2
_BYTE_ORDERS = {1: "little", 2: "big"}
_RELOCATABLE = 1
_MACHINES = (247, 0)  # EM_BPF; clang before version 5 wrote none
# Type, machine, version, entry, segments, sections, flags, sizes and numbers of headers, names.
_HEADER = "HHIQQQIHHHHHH"
_HEADER_SIZE = 64  # bytes
_SECTION = "IIQQQQIIQQ"  # name, type, flags, address, offset, size, link, info, alignment, entry
_SECTION_SIZE = 64  # bytes
_SIZE_AT = 32  # bytes into the header of a section
_SYMBOL = "IBBHQQ"  # name, info, other, section, value, size
_RELOCATION = "QQ"  # offset, info
_NULL, PROGBITS, _SYMTAB, NOBITS, REL = 0, 1, 2, 8, 9
_EXECUTABLE, _COMPRESSED = 0x4, 0x800  # flags
NO_TYPE, OBJECT, FUNCTION = 0, 1, 2  # types of symbols
LOCAL = 0  # binding
HIDDEN = frozenset({1, 2})  # visibility: internal, hidden
_MOST_OF_NAMES = 64  # times the file
_LONGEST_NAME = 128  # characters
