# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The formats that have a name, such as ipv4 and be16, for a whole key or value, or a field."""

from __future__ import annotations

from socket import AF_INET, AF_INET6
from typing import Callable, Dict, Tuple

from .addresses import Address, Mac, Prefix
from .format import BadFormat, Context, Format
from .numbers import Cgroup, Interface, Number, Protocol
from .octets import Bytes, Hex, Text

_Made = Callable[[int, Context], Format]


def named(name: object, size: int, context: Context, where: str) -> Format:
    """The format of this name for so many bytes; BadFormat, about what is at `where`."""
    sizes = sizes_of(name, where)
    if sizes and size not in sizes:
        takes = " or ".join(map(str, sizes))
        raise BadFormat(f"{where} has {size} bytes, but the format {name} takes {takes}")
    return _FORMATS[str(name)][1](size, context)


def sizes_of(name: object, where: str) -> Tuple[int, ...]:
    """The sizes in bytes that a format takes, the usual one first; none if it takes any."""
    if not isinstance(name, str) or name not in _FORMATS:
        raise BadFormat(f"{where} has a format that is none: there are {', '.join(_FORMATS)}")
    return _FORMATS[name][0]


def _integer(signed: bool) -> _Made:
    return lambda size, context: Number(size, context.byte_order, signed=signed)


def _unsigned_of_network(size: int, _context: Context) -> Format:
    return Number(size, "big")


_FORMATS: Dict[str, Tuple[Tuple[int, ...], _Made]] = {
    **{f"u{8 * size}": ((size,), _integer(False)) for size in (1, 2, 4, 8)},
    **{f"s{8 * size}": ((size,), _integer(True)) for size in (1, 2, 4, 8)},
    **{f"be{8 * size}": ((size,), _unsigned_of_network) for size in (2, 4, 8)},
    "ipv4": ((4,), lambda _size, _context: Address(AF_INET)),
    "ipv6": ((16,), lambda _size, _context: Address(AF_INET6)),
    "mac": ((6,), lambda _size, _context: Mac()),
    "cidr4": ((8,), lambda _size, context: Prefix(AF_INET, context)),
    "cidr6": ((20,), lambda _size, context: Prefix(AF_INET6, context)),
    "ifindex": ((4, 8), Interface),
    "cgroup": ((8,), Cgroup),
    "proto": ((1, 2, 4, 8), Protocol),
    "string": ((), lambda size, _context: Text(size)),
    "hex": ((), lambda size, _context: Hex(size)),
    "bytes": ((), lambda size, _context: Bytes(size)),
}
