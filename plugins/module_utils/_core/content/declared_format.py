# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which format a key or value has: by what is declared, and else by its BTF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..values import NamedTuple
from .format import BadFormat, Context, Format
from .formats import named
from .octets import Untyped

if TYPE_CHECKING:
    from ..btf import Btf  # a start compiles all that it loads, and that is much


class Typed(NamedTuple):
    """A key or a value of a map."""

    what: str  # such as "the key", for messages
    size: int  # bytes
    btf: Optional[Btf] = None
    type_id: int = 0  # 0: none


def format_of(typed: Typed, given: object, context: Context) -> Format:
    """The format of a key or value; BadFormat, or BtfError where its type makes no sense.

    `given` is the name of a format for the whole, a list of fields (see `record`), a dictionary of
    formats by fields of the BTF (see `btf_format`), or None. Nothing is guessed of a key that has
    neither: it takes bytes only.
    """
    what, size, btf = typed.what, typed.size, typed.btf
    if isinstance(given, (list, tuple)):
        from .record import format_of_record

        if btf is not None and btf.uncopyable_part(typed.type_id):
            raise BadFormat(f"{what} holds what only programs can set, so it takes no format")
        return format_of_record(given, size, context, what)
    if btf is None or not typed.type_id:
        if isinstance(given, dict):
            raise BadFormat(
                f"{what} has no BTF, so its fields have no names: "
                "declare btf, or give a list of fields with name and format"
            )
        return Untyped(size) if given is None else named(given, size, context, what)
    own = btf.size_of(typed.type_id)
    if own != size:
        raise BadFormat(f"{what} has {size} bytes, but its type in the BTF has {own}")
    from .btf_format import format_of_type

    formats = given if isinstance(given, dict) else {} if given is None else {"": given}
    return format_of_type(btf, typed.type_id, formats, context, what)
