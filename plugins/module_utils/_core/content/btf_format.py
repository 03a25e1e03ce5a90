# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The format of a type of BTF, perhaps with named formats for some of its fields.

Sizes and offsets are checked against each other, since a blob may be crafted; what is refused is
called by the name of its field.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterator, List, Mapping, Set, Tuple, cast

from ..btf import Btf
from ..btf_types import (
    ARRAY,
    COMPOSITE,
    DATASEC,
    DEEPEST,
    ENUM64,
    ENUMS,
    FLOAT,
    INT,
    OWNED_BY_PROGRAMS,
    PTR,
    STRUCT,
    VAR,
    Part,
    Type,
    pointer_tag,
)
from ..errors import PinningError
from .composite import Array, Composite, Member, Section, Struct, Union
from .format import BadFormat, ByteOrder, Context, Format
from .formats import named, sizes_of
from .numbers import Boolean, Named, Number
from .octets import Opaque, Text


def format_of_type(
    btf: Btf, type_id: int, formats: Mapping[str, object], context: Context, what: str
) -> Format:
    """The format of a type, with others for fields by path, such as {"peer.mac": "mac"}.

    Elements of an array have the path of the array. The path "" is the whole. `what` is it that
    has this type, for messages: BadFormat.
    """
    byte_order = cast("ByteOrder", btf.byte_order)
    reader = _Reader(btf, formats, context._replace(byte_order=byte_order), what)
    found = reader.read(type_id, "", 0)
    for path in formats:
        if path not in reader.met:
            fields = ", ".join(list(filter(None, reader.met))[:_MOST_NAMES]) or "none"
            raise BadFormat(f"{what} has no field {path} to give a format: its fields are {fields}")
    return found


class _Reader:
    """Reads a type and all that it is made of, up to a number of parts and a depth."""

    def __init__(
        self, btf: Btf, formats: Mapping[str, object], context: Context, what: str
    ) -> None:
        self._btf = btf
        self._formats = formats
        self._context = context
        self._what = what
        self._left = _MOST_PARTS
        self.met: Dict[str, None] = {}  # the paths, in their order

    def read(self, type_id: int, path: str, depth: int) -> Format:
        """The format of a type at this path; in so many others."""
        self._meet(path, 1, depth)
        found = self._btf.bare(type_id)
        self._refuse_what_programs_own(found, path)
        if path in self._formats:
            return self._given(type_id, path, depth)
        if found.kind == INT:
            return self._integer(found, path)
        if found.kind in ENUMS:
            return self._enumeration(found, path)
        if found.kind == ARRAY:
            return self._array(found, path, depth)
        if found.kind in COMPOSITE:
            return self._composite(found, path, depth)
        if found.kind == DATASEC and not depth:
            return Section(found.size, self._context.byte_order, self._variables(found))
        if found.kind == FLOAT:
            raise BadFormat(
                f"{self._where(path)} is a floating-point number, which cannot be declared: "
                "give a format, such as u32 or hex"
            )
        if found.kind == PTR:
            raise BadFormat(f"{self._where(path)} is a pointer, which cannot be declared")
        raise self._unsound(path)

    def _meet(self, path: str, parts: int, depth: int = 0) -> None:
        """Take note of a path, and of how many parts there are."""
        self._left -= parts
        if depth > DEEPEST or self._left < 0:
            raise BadFormat(
                f"{self._where(path)} is made of more than {_MOST_PARTS} parts, "
                f"or of more than {DEEPEST} in one another: declare it as hex"
            )
        self.met[path] = None

    def _refuse_what_programs_own(self, found: Type, path: str) -> None:
        tag = pointer_tag(self._btf.types, found) if found.kind == PTR else ""
        owned = f"pointer of the kind {tag}" if tag else ""
        if found.kind == STRUCT and found.name in OWNED_BY_PROGRAMS | _LOCKS:
            owned = f"struct {found.name}"
        if owned:
            raise BadFormat(f"{self._where(path)} is a {owned}, which only programs can set")

    def _given(self, type_id: int, path: str, depth: int) -> Format:
        """The given format, or an array of it where that fits the elements."""
        name, where = self._formats[path], self._where(path)
        if self._btf.uncopyable_part(type_id):
            raise BadFormat(f"{where} holds what only programs can set, so it takes no format")
        whole, sizes, counts = self._btf.size_of(type_id), sizes_of(name, where), []
        if not whole:
            raise self._without_size(path)
        size = whole
        for count, element_id, element_size in self._arrays(type_id):
            is_inner = self._btf.bare(element_id).kind == ARRAY
            if element_size not in sizes and (size in sizes if sizes else not is_inner):
                break
            counts.append(count)
            size = element_size
        made = named(name, size if size in sizes or not sizes else whole, self._context, where)
        for count in reversed(counts):
            made = Array(made, count)
        return made

    def _arrays(self, type_id: int) -> Iterator[Tuple[int, int, int]]:
        """Count, type and size of elements, from the outermost array to the innermost."""
        for _depth in range(DEEPEST):
            found = self._btf.bare(type_id)
            if found.kind != ARRAY:
                return
            type_id = found.target
            yield found.numbers[0], type_id, self._btf.size_of(type_id)

    def _integer(self, found: Type, path: str) -> Format:
        if found.size not in _INTEGERS or _bits_of(found) != (0, 8 * found.size):
            raise self._unsound(path)
        return _whole_number(found, 0, self._context.byte_order)

    def _enumeration(self, found: Type, path: str) -> Format:
        self._meet(path, len(found.parts))
        if found.size not in _INTEGERS:
            raise self._unsound(path)
        return _named_number(found, 0, self._context.byte_order)

    def _array(self, found: Type, path: str, depth: int) -> Format:
        count = found.numbers[0]
        element = self._btf.bare(found.target)
        if not count or not self._btf.size_of(found.target):
            raise self._without_size(path)
        if element.kind == INT and element.size == 1 and _is_char(element):
            return Text(count)
        return Array(self.read(found.target, path, depth + 1), count)

    def _composite(self, found: Type, path: str, depth: int) -> Format:
        members: List[Member] = []
        for part in found.parts:
            inner = self._btf.bare(part.type_id)
            if inner.kind == STRUCT and inner.name in _LOCKS:
                continue
            if not part.name and inner.kind not in COMPOSITE:
                continue  # bits that are padding
            members.append(self._member(found, part, inner, path, depth))
        self._refuse_doubles(members, path)
        made = Struct if found.kind == STRUCT else Union
        return made(found.size, self._context.byte_order, members)

    def _member(self, whole: Type, part: Part, inner: Type, path: str, depth: int) -> Member:
        here = ".".join(filter(None, (path, part.name)))
        offset, bits = part.numbers
        if not bits and inner.kind == INT:  # of compilers that know no other bitfields
            shift, own = _bits_of(inner)
            if own != 8 * inner.size:
                offset, bits = offset + shift, own
        if bits:
            return self._bitfield(whole, Member(part.name, offset, Format(), bits), inner, here)
        made = self.read(part.type_id, here, depth + 1)
        if offset % 8 or offset // 8 + made.size > whole.size:
            raise self._unsound(here)
        return Member(part.name, offset // 8, made)

    def _bitfield(self, whole: Type, member: Member, inner: Type, path: str) -> Member:
        self._meet(path, 1 + len(inner.parts))
        if path in self._formats:
            raise BadFormat(f"{self._where(path)} is a bitfield, which takes no format")
        is_number = inner.kind == INT or inner.kind in ENUMS
        if not is_number or not member.bits <= 8 * inner.size <= 8 * _INTEGERS[-1]:
            raise self._unsound(path)
        if member.offset + member.bits > 8 * whole.size:
            raise self._unsound(path)
        make = _whole_number if inner.kind == INT else _named_number
        return member._replace(format=make(inner, member.bits, self._context.byte_order))

    def _variables(self, section: Type) -> List[Member]:
        """Variables that cannot be declared stand in nobody's way, as long as they are not set."""
        types = self._btf.types
        count = Counter(types[part.type_id].name for part in section.parts)
        members: Dict[str, Member] = {}
        for part in section.parts:
            variable, (offset, size) = types[part.type_id], part.numbers
            is_variable = variable.kind == VAR and variable.name
            if not is_variable or self._btf.bare(variable.target).name in _LOCKS:
                continue
            made: Format
            try:
                if count[variable.name] > 1:
                    raise BadFormat(
                        f"{self._what} has several variables of the name {variable.name}"
                    )
                made = self.read(variable.target, variable.name, 1)
                if made.size != size or offset + size > section.size:
                    raise self._unsound(variable.name)
            except PinningError as error:
                if self._left < 0:
                    raise
                made = Opaque(size, f"cannot be set: {error}")
            members[variable.name] = Member(variable.name, offset, made)
        return list(members.values())

    def _refuse_doubles(self, members: List[Member], path: str) -> None:
        names: Set[str] = set()
        for member in members:
            own = {member.name} if member.name else {*_fields(member)}
            if names & own:
                raise BadFormat(f"{self._where(path)} has two fields of one name")
            names |= own

    def _without_size(self, path: str) -> BadFormat:
        return BadFormat(
            f"{self._where(path)} is an array without a size, which cannot be declared"
        )

    def _unsound(self, path: str) -> BadFormat:
        return BadFormat(f"{self._where(path)} has a type that cannot be declared")

    def _where(self, path: str) -> str:
        return f"the field {path} of {self._what}" if path else self._what


def _fields(member: Member) -> Set[str]:
    return {*member.format.names} if isinstance(member.format, Composite) else set()


def _is_char(found: Type) -> bool:
    return found.name == "char" or bool(found.numbers[0] >> 24 & _CHAR)


def _bits_of(integer: Type) -> Tuple[int, int]:
    """In its bytes: the first bit that counts, and how many do."""
    return integer.numbers[0] >> 16 & 0xFF, integer.numbers[0] & 0xFF


def _whole_number(found: Type, bits: int, byte_order: ByteOrder) -> Number:
    encoding = found.numbers[0] >> 24
    if encoding & _BOOL:
        return Boolean(found.size, byte_order, bits=bits)
    return Number(found.size, byte_order, signed=bool(encoding & _SIGNED), bits=bits)


def _named_number(found: Type, bits: int, byte_order: ByteOrder) -> Number:
    wide = 64 if found.kind == ENUM64 else 32
    own = bits or 8 * found.size
    names: Dict[str, int] = {}
    for part in found.parts:
        number = part.numbers[0]
        negative = number - (1 << wide) if number >> wide - 1 else 0
        if negative and found.flag:
            number = negative
        elif number >> own and -1 << own - 1 <= negative < 0:
            number = negative + (1 << own)  # of clang before 15, which calls no enum signed
        names.setdefault(part.name, number)
    return Named(names, found.size, byte_order, signed=found.flag, bits=bits)


_SIGNED, _CHAR, _BOOL = 1, 2, 4  # BTF_INT_*
_INTEGERS = (1, 2, 4, 8, 16)  # bytes
# User space reads zeros in their place, and what it writes there is dropped.
_LOCKS = frozenset({"bpf_spin_lock", "bpf_res_spin_lock"})
_MOST_PARTS = 1 << 16
_MOST_NAMES = 20  # in a message
