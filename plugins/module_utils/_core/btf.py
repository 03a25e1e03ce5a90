# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reads, compares and makes BTF, the type format of BPF (Documentation/bpf/btf.rst)."""

from __future__ import annotations

import struct
from itertools import islice
from typing import Dict, Iterator, List, Sequence, Tuple

from .btf_fields import kernel_fields, locks
from .btf_likeness import same_type
from .btf_types import (
    ARRAY,
    COMPOSITE,
    DATASEC,
    DECL_TAG,
    DEEPEST,
    ENUM,
    ENUM64,
    ENUMS,
    FUNC,
    FUNC_PROTO,
    FWD,
    INT,
    MODIFIERS,
    OWNED_BY_PROGRAMS,
    PTR,
    SIZED,
    STRUCT,
    TYPE_TAG,
    UNION,
    VAR,
    VOID,
    BtfError,
    Part,
    Type,
    bare,
    made_of,
    plain,
    pointer_tag,
    type_at,
)
from .uapi import BYTE_ORDER

__all__ = ["STRUCT_ORDERS", "Btf", "BtfError", "encoded", "minimal"]

# The words of 4 bytes that follow a type, and those for each of its parts.
_WORDS = {INT: 1, ARRAY: 3, VAR: 1, DECL_TAG: 1}
_PART_WORDS = {STRUCT: 3, UNION: 3, ENUM: 2, FUNC_PROTO: 2, DATASEC: 3, ENUM64: 3}


class Btf:
    """The types of one blob by id. Type 0 is void; as the type of a key or value it is "none"."""

    def __init__(self, blob: bytes, byte_order: str, types: List[Type]) -> None:
        self.blob = blob
        self.byte_order = byte_order  # as sys.byteorder: "little" or "big"
        self.types = types

    @classmethod
    def parse(cls, blob: bytes) -> Btf:
        """Decode a blob in either byte order; BtfError when it does not hold together."""
        byte_order = _BYTE_ORDERS.get(blob[:2])
        if byte_order is None:
            raise BtfError("it does not begin with the magic number of BTF, 0xeb9f")
        if len(blob) < _HEADER_SIZE:
            raise BtfError(f"its header has {_HEADER_SIZE} bytes, but it ends after {len(blob)}")
        order = STRUCT_ORDERS[byte_order]
        _magic, version, _flags, header_size, *sections = struct.unpack_from(order + _HEADER, blob)
        if version != 1 or header_size < _HEADER_SIZE:
            raise BtfError(f"version {version} with a header of {header_size} bytes is not known")
        types_at, types_size, strings_at, strings_size = sections
        types = blob[header_size + types_at :][:types_size]
        strings = blob[header_size + strings_at :][:strings_size]
        if len(types) != types_size or len(strings) != strings_size or types_size % 4:
            raise BtfError("its sections reach beyond its end, or its types are not whole words")
        if strings[:1] != b"\0" or strings[-1:] != b"\0":
            raise BtfError("its strings do not begin and end with a NUL")
        words = struct.unpack(f"{order}{types_size // 4}I", types)
        return cls(blob, byte_order, _decode(words, _Strings(strings)))

    def size_of(self, type_id: int) -> int:
        """Size of a type in bytes, as btf__resolve_size has it; BtfError when it has none."""
        current, count = type_id, 1
        for _step in range(DEEPEST):
            found = type_at(self.types, current)
            if found.kind in SIZED or found.kind == PTR:
                size = count * (_POINTER_SIZE if found.kind == PTR else found.size)
                if size > _LARGEST:
                    raise BtfError(f"type {type_id} ({self.describe(type_id)}) is too large")
                return size
            if found.kind == ARRAY:
                count *= found.numbers[0]
            elif found.kind not in MODIFIERS and found.kind != VAR:
                raise BtfError(f"type {type_id} ({self.describe(type_id)}) has no size")
            current = found.target
        raise BtfError(f"type {type_id} is made of itself, or of more than {DEEPEST} in a row")

    def same_type(self, type_id: int, other: Btf, other_id: int) -> bool:
        """Return whether two types have the same layout, look the same in a dump, and serve alike.

        What compilers write in different ways does not count (btf_likeness). Names of structs do,
        and tags that the kernel knows (kptr). Of a struct behind a pointer only the name counts:
        clang writes what it is made of only into objects whose code looks at it.
        """
        return same_type(self.types, type_id, other.types, other_id)

    def kernel_fields(self, type_id: int) -> Tuple[str, ...]:
        """The locks, timers and the like in a value of this type."""
        return tuple(kernel_fields(self.types, type_id))

    def locks(self, type_id: int) -> Tuple[int, ...]:
        """The bytes at which locks begin in a value of this type."""
        return tuple(locks(self.types, type_id))

    def uncopyable_part(self, type_id: int) -> str:
        """Return what in a value of this type only programs can put there, by name; "" for nothing.

        User space reads zeros in its place (btf_parse_fields in kernel/bpf/btf.c). Locks are no
        matter: a copy has one that is free.
        """
        waiting, met = [type_id], set()
        while waiting:
            current = waiting.pop()
            if current in met:
                continue
            met.add(current)
            found = plain(self.types, current)
            if found.name in OWNED_BY_PROGRAMS:
                return f"struct {found.name}"
            if found.kind == PTR:
                tag = pointer_tag(self.types, found)
                if tag:
                    return f"a pointer of the kind {tag}"
                continue
            waiting.extend(made_of(found))
        return ""

    def describe(self, type_id: int) -> str:
        """Return what counts of a type, as C would write it, in one line; long ones are cut."""
        text = self._declare(type_id, "", depth=2)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

    def _declare(self, type_id: int, declared: str, depth: int) -> str:
        for _step in range(_LONGEST):
            found = plain(self.types, type_id)
            if found.kind == PTR:
                declared, depth = f"*{declared}", 0
            elif found.kind == TYPE_TAG:
                declared = f"{found.name} {declared}"
            elif found.kind in (ARRAY, FUNC_PROTO):
                declared = f"({declared})" if declared.startswith("*") else declared
                declared += f"[{found.numbers[0]}]" if found.kind == ARRAY else "()"
            else:
                return f"{self._spell(found, depth)} {declared}".rstrip()
            type_id = found.target
        return "..."

    def _spell(self, found: Type, depth: int) -> str:
        title = " ".join(filter(None, (_keyword(found), found.name)))
        if found.kind not in COMPOSITE | ENUMS or (found.name and not depth):
            return title or "void"
        shown = found.parts[: _MOST if depth else 0]
        parts = [self._spell_part(found, part, depth - 1) for part in shown]
        if len(shown) < len(found.parts):
            parts.append("...")
        return " ".join((title, "{", *parts, "}"))

    def _spell_part(self, whole: Type, part: Part, depth: int) -> str:
        if whole.kind in ENUMS:
            return f"{part.name} = {_signed(whole, part.numbers[0])},"
        _offset, bits = part.numbers
        declared = f"{part.name} : {bits}" if bits else part.name
        return f"{self._declare(part.type_id, declared, depth)};"

    def bare(self, type_id: int) -> Type:
        """The type without its typedefs, qualifiers and tags (skip_mods_and_typedefs)."""
        return bare(self.types, type_id)


def encoded(byte_order: str, words: Sequence[int], strings: bytes) -> bytes:
    """A blob of types, given as the words they are made of, and of their names."""
    order, size = STRUCT_ORDERS[byte_order], 4 * len(words)
    header = (_MAGIC, 1, 0, _HEADER_SIZE, 0, size, size, len(strings))
    return struct.pack(f"{order}{_HEADER}{len(words)}I", *header, *words) + strings


def minimal(value_size: int) -> Tuple[bytes, int, int]:
    """The smallest BTF for a map with an int as key and bytes as value: blob, key id, value id.

    Local storage maps cannot be made without one (kernel/bpf/bpf_local_storage.c).
    """
    strings = b"\0int\0unsigned char\0"
    words = (
        *(1, INT << 24, 4, 1 << 24 | 32),  # 1: int, signed, 32 bits
        *(5, INT << 24, 1, 8),  # 2: unsigned char
        *(0, ARRAY << 24, 0, 2, 1, value_size),  # 3: unsigned char[value_size], indexed by int
    )
    return encoded(BYTE_ORDER, words, strings), 1, 3


def _decode(words: Tuple[int, ...], strings: _Strings) -> List[Type]:
    types = [Type(VOID, "", False, 0, 0, (), ())]
    rest = iter(words)
    for name_at in rest:
        info, size_or_type = _take(rest, 2)
        kind, part_count, flag = info >> 24 & 0x1F, info & 0xFFFF, bool(info >> 31)
        if not INT <= kind <= ENUM64:
            raise BtfError(f"type {len(types)} is of kind {kind}, which is not known")
        numbers, each = _take(rest, _WORDS.get(kind, 0)), _PART_WORDS.get(kind, 0)
        size, target = (size_or_type, 0) if kind in SIZED else (0, size_or_type)
        indexed_by = 0
        if kind == ARRAY:
            target, indexed_by, count = numbers
            numbers = (count,)
        elif kind == FUNC:
            numbers = (part_count,)  # its linkage, in the place of a number of parts
        parts = tuple(
            _part(kind, flag, _take(rest, each), strings)
            for _each in range(part_count if each else 0)
        )
        name = strings[name_at]
        types.append(Type(kind, name, flag, size, target, numbers, parts, indexed_by))
    for type_id, found in enumerate(types):
        last = max(made_of(found))
        if last >= len(types):
            raise BtfError(f"type {type_id} is made of type {last} of {len(types) - 1}")
    return types


def _take(words: Iterator[int], count: int) -> Tuple[int, ...]:
    taken = tuple(islice(words, count))
    if len(taken) < count:
        raise BtfError("its last type is cut short")
    return taken


def _part(kind: int, flag: bool, words: Tuple[int, ...], strings: _Strings) -> Part:
    if kind == DATASEC:
        return Part("", words[0], words[1:])
    name = strings[words[0]]
    if kind == ENUM:
        return Part(name, 0, words[1:])
    if kind == ENUM64:
        return Part(name, 0, (words[2] << 32 | words[1],))
    if kind in COMPOSITE:
        offset = words[2]
        return Part(name, words[1], (offset & 0xFFFFFF, offset >> 24) if flag else (offset, 0))
    return Part(name, words[1], ())


class _Strings:
    """The names of a blob. One may be the tail of another, and in a crafted blob of very many."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._known: Dict[int, str] = {}
        self._left = _OVERLAP * len(text)  # bytes

    def __getitem__(self, at: int) -> str:
        name = self._known.get(at)
        if name is not None:
            return name
        if at >= len(self._text):
            raise BtfError(f"a name lies beyond its {len(self._text)} bytes of strings")
        raw = self._text[at : self._text.index(b"\0", at)]
        self._left -= len(raw)
        if self._left < 0:
            raise BtfError("its names overlap so often that they would fill the memory")
        return self._known.setdefault(at, raw.decode("utf-8", "replace"))


def _keyword(found: Type) -> str:
    if found.kind == FWD:
        return "union" if found.flag else "struct"
    return {STRUCT: "struct", UNION: "union", ENUM: "enum", ENUM64: "enum"}.get(found.kind, "")


def _signed(enum: Type, value: int) -> int:
    bits = 64 if enum.kind == ENUM64 else 32
    return value - (value >> bits - 1 << bits) if enum.flag else value


_OVERLAP = 8  # times the strings, at most, are the names in all
_MAGIC = 0xEB9F
_HEADER = "HBBIIIII"  # magic, version, flags, size; offset and size of types, of strings
_HEADER_SIZE = 24  # bytes
_BYTE_ORDERS = {b"\x9f\xeb": "little", b"\xeb\x9f": "big"}
STRUCT_ORDERS = {"little": "<", "big": ">"}  # as `struct` has them
_LARGEST = 2**32 - 1  # bytes of a type, as for btf__resolve_size
_POINTER_SIZE = 8  # bytes; of the BPF machine, whatever the host's
_LONGEST = 200  # characters of a description
_MOST = 8  # parts in a description
