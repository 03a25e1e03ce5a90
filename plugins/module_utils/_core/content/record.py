# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A format without BTF: fields with a name and a format each, in their order."""

from __future__ import annotations

from typing import List, Mapping, Sequence, Set

from .composite import Member, Struct
from .format import BadFormat, Context, Format
from .formats import named, sizes_of
from .numbers import number_of


def format_of_record(given: Sequence[object], size: int, context: Context, what: str) -> Format:
    """The format of fields such as {"name": "port", "format": "be16"}, of `size` bytes in all.

    There is no padding but {"format": "pad", "size": 2}. "size" of a field is for formats that take
    several. BadFormat, about what is called `what`.
    """
    members: List[Member] = []
    names: Set[str] = set()
    offset = 0
    for index, field in enumerate(given):
        where = f"field {index + 1} of {what}"
        if not isinstance(field, dict) or not {"format"} <= field.keys() <= _KEYS:
            raise BadFormat(f"{where} must be a dictionary of name, format and size")
        name = field.get("name")
        if field["format"] == _PAD:
            offset += _size(field, 0, where)
            continue
        if not isinstance(name, str) or not name:
            raise BadFormat(f"{where} needs a name")
        if name in names:
            raise BadFormat(f"{where} has the name of another: {name}")
        names.add(name)
        sizes = sizes_of(field["format"], where)
        usual = sizes[0] if sizes else 0
        made = named(field["format"], _size(field, usual, where), context, where)
        members.append(Member(name, offset, made))
        offset += made.size
    if offset != size:
        raise BadFormat(f"{what} has {size} bytes, but its fields and their padding have {offset}")
    return Struct(size, context.byte_order, members)


def _size(field: Mapping[str, object], usual: int, where: str) -> int:
    given = field.get("size")
    if given is None and usual:
        return usual
    size = number_of(given)
    if size is None or not 1 <= size <= _LARGEST:
        raise BadFormat(f"{where} needs a size in bytes")
    return size


_PAD = "pad"
_KEYS = {"name", "format", "size"}
_LARGEST = 2**32 - 1  # bytes, as of any key or value
