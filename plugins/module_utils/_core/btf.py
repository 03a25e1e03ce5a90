# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Reads, compares and makes BTF, the type format of BPF (Documentation/bpf/btf.rst)."""

from __future__ import annotations

import struct
from typing import Dict, List, NamedTuple, Set, Tuple

MAGIC = 0xEB9F
POINTER_SIZE = 8  # bytes; of the BPF machine, whatever the host's

VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)

# What a dump of a map does not show and a layout does not depend on.
_TRANSPARENT = frozenset({TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG})
_SIZED = frozenset({INT, STRUCT, UNION, ENUM, FLOAT, ENUM64})
_COMPOSITE = frozenset({STRUCT, UNION})

# The words of 4 bytes that follow a type: so many, and so many for each of its vlen parts.
_EXTRA_WORDS: Dict[int, Tuple[int, int]] = {
    INT: (1, 0),
    ARRAY: (3, 0),
    STRUCT: (0, 3),
    UNION: (0, 3),
    ENUM: (0, 2),
    FUNC_PROTO: (0, 2),
    VAR: (1, 0),
    DATASEC: (0, 3),
    DECL_TAG: (1, 0),
    ENUM64: (0, 3),
}


class BtfError(ValueError):
    """A blob is no BTF, or a type in it has no size; the text says what is wrong."""


class Type(NamedTuple):
    """struct btf_type. `ref` is its size in bytes or the type that it refers to."""

    kind: int
    name: str
    flag: bool  # kind_flag: struct with bitfields, signed enum, union behind a FWD
    ref: int
    words: Tuple[int, ...]  # what follows it
    parts: Tuple[Part, ...]


class Part(NamedTuple):
    """A member, an enumerator or a parameter: the numbers that go with a name."""

    name: str
    type_id: int  # 0 for an enumerator
    numbers: Tuple[int, ...]


class Btf:
    """The types of one blob. Type 0 is void; it also stands for "none"."""

    def __init__(self, blob: bytes, types: List[Type]) -> None:
        self.blob = blob
        self._types = types

    @classmethod
    def parse(cls, blob: bytes) -> Btf:
        """Decode a blob in either byte order; BtfError when it does not hold together."""
        try:
            order = {MAGIC: "<", _swapped(MAGIC): ">"}[struct.unpack_from("<H", blob)[0]]
        except (KeyError, struct.error):
            raise BtfError("it does not begin with the magic number of BTF, 0xeb9f") from None
        if len(blob) < _HEADER_SIZE:
            raise BtfError(f"its header has {_HEADER_SIZE} bytes, but it ends after {len(blob)}")
        _magic, version, _flags, header, type_at, type_size, string_at, string_size = (
            struct.unpack_from(order + "HBBIIIII", blob)
        )
        if version != 1:
            raise BtfError(f"its version is {version}, and only 1 is known")
        types = blob[header + type_at :][:type_size]
        strings = blob[header + string_at :][:string_size]
        if len(types) != type_size or len(strings) != string_size or type_size % 4:
            raise BtfError("its header names sections that reach beyond its end")
        if strings[:1] != b"\0" or strings[-1:] != b"\0":
            raise BtfError("its strings do not begin and end with a NUL")
        words = struct.unpack(f"{order}{type_size // 4}I", types)
        return cls(blob, _decode(words, strings))

    def size_of(self, type_id: int) -> int:
        """Size of a type in bytes; BtfError when it has none."""
        count = 1
        for _step in self._types:
            kind, name, _flag, ref, words, _parts = self._resolved(type_id)
            if kind in _SIZED:
                return count * ref
            if kind == PTR:
                return count * POINTER_SIZE
            if kind != ARRAY:
                raise BtfError(f"type {type_id} ({name or 'without name'}) has no size")
            type_id = words[0]
            count *= words[2]
        raise BtfError(f"type {type_id} is an array of itself")

    def same_type(self, type_id: int, other: Btf, other_id: int) -> bool:
        """Whether two types have the same layout, and names that a dump shows.

        Looks through typedefs and qualifiers. Names of structs count: to the kernel, struct
        bpf_spin_lock and its like mean something.
        """
        waiting = [(type_id, other_id)]
        assumed: Set[Tuple[int, int]] = set()
        while waiting:
            pair = waiting.pop()
            if pair in assumed:
                continue
            assumed.add(pair)
            one, two = self._resolved(pair[0]), other._resolved(pair[1])
            if _outline(one) != _outline(two):
                return False
            waiting.extend(zip(_references(one), _references(two)))
        return True

    def describe(self, type_id: int) -> str:
        """A type as C would write it, in one line; long ones are cut."""
        text = self._spell(type_id, depth=3)
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

    def _spell(self, type_id: int, depth: int) -> str:
        if not type_id:
            return "void"
        kind, name, _flag, _ref, words, parts = self._resolved(type_id)
        if kind == ARRAY and depth:
            return f"{self._spell(words[0], depth - 1)}[{words[2]}]"
        if kind == PTR:
            return "void *"
        word = {STRUCT: "struct", UNION: "union", ENUM: "enum", ENUM64: "enum"}.get(kind, "")
        title = " ".join(filter(None, (word, name)))
        if kind not in _COMPOSITE or not depth:
            return title or f"type {type_id}"
        members = [f"{self._spell(part.type_id, depth - 1)} {part.name};" for part in parts[:_MOST]]
        if len(parts) > _MOST:
            members.append("...")
        return f"{title} {{ {' '.join(members)} }}"

    def _resolved(self, type_id: int) -> Type:
        for _step in self._types:
            if not 0 <= type_id < len(self._types):
                raise BtfError(f"type {type_id} is not among its {len(self._types) - 1} types")
            found = self._types[type_id]
            if found.kind not in _TRANSPARENT:
                return found
            type_id = found.ref
        raise BtfError(f"type {type_id} is a typedef of itself")


def minimal(value_size: int) -> Tuple[bytes, int, int]:
    """The smallest BTF for a map with an int as key and bytes as value: blob, key id, value id.

    Local storage maps cannot be made without one (local_storage in kernel/bpf).
    """
    strings = b"\0int\0unsigned char\0"
    words = (
        *(1, INT << 24, 4, 1 << 24 | 32),  # 1: int, signed, 32 bits
        *(5, INT << 24, 1, 8),  # 2: unsigned char
        *(0, ARRAY << 24, 0, 2, 1, value_size),  # 3: unsigned char[value_size]
    )
    types = struct.pack(f"={len(words)}I", *words)
    header = struct.pack(
        "=HBBIIIII", MAGIC, 1, 0, _HEADER_SIZE, 0, len(types), len(types), len(strings)
    )
    return header + types + strings, 1, 3


def _decode(words: Tuple[int, ...], strings: bytes) -> List[Type]:
    types = [Type(VOID, "", False, 0, (), ())]
    at = 0
    while at < len(words):
        if at + 3 > len(words):
            raise BtfError(f"type {len(types)} is cut short")
        name, info, ref = words[at : at + 3]
        kind, vlen, flag = info >> 24 & 0x1F, info & 0xFFFF, bool(info >> 31)
        if not INT <= kind <= ENUM64:
            raise BtfError(f"type {len(types)} is of kind {kind}, which is not known")
        fixed, each = _EXTRA_WORDS.get(kind, (0, 0))
        start, end = at + 3 + fixed, at + 3 + fixed + vlen * each
        if end > len(words):
            raise BtfError(f"type {len(types)} ({_string(strings, name)}) is cut short")
        parts = tuple(
            _part(kind, words[index : index + each], strings)
            for index in (range(start, end, each) if each else ())
        )
        types.append(Type(kind, _string(strings, name), flag, ref, words[at + 3 : start], parts))
        at = end
    return types


def _part(kind: int, words: Tuple[int, ...], strings: bytes) -> Part:
    if kind == DATASEC:  # variable, offset, size: its parts have no names
        return Part("", words[0], words[1:])
    if kind in (ENUM, ENUM64):
        return Part(_string(strings, words[0]), 0, words[1:])
    return Part(_string(strings, words[0]), words[1], words[2:])


def _string(strings: bytes, at: int) -> str:
    if at >= len(strings):
        raise BtfError(f"a name lies beyond its {len(strings)} bytes of strings")
    return strings[at : strings.index(b"\0", at)].decode("utf-8", "replace")


def _outline(found: Type) -> Tuple[object, ...]:
    """What two types must have in common, apart from the types they refer to."""
    parts = tuple((part.name, part.numbers) for part in found.parts)
    if found.kind == INT:  # compilers do not agree on the names
        return (INT, found.ref, found.words)
    if found.kind == ARRAY:
        return (ARRAY, found.words[2])
    if found.kind == PTR:
        return (PTR,)
    size = found.ref if found.kind in _SIZED else 0
    return (found.kind, found.name, found.flag, size, parts)


def _references(found: Type) -> List[int]:
    ids = [part.type_id for part in found.parts]
    if found.kind == ARRAY:
        ids.append(found.words[0])
    elif found.kind in (PTR, FUNC_PROTO, FUNC, VAR):
        ids.append(found.ref)
    return ids


def _swapped(magic: int) -> int:
    return magic >> 8 | (magic & 0xFF) << 8


_HEADER_SIZE = 24  # bytes
_LONGEST = 200  # characters of a description
_MOST = 8  # members in a description
