# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Formats of whole numbers: integers, true or false, and what has names for some numbers."""

from __future__ import annotations

import re
import struct
from typing import Dict, List, Mapping, Optional

from .format import ByteOrder, Context, Format, Unfit


def number_of(value: object) -> Optional[int]:
    """The number that a value is, as a number or in digits; None if it is none."""
    if isinstance(value, str) and _DIGITS.match(value):
        return int(value, 0)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


class Number(Format):
    """A whole number of `bits` bits (all, unless it is a bitfield) in some byte order."""

    def __init__(
        self, size: int, byte_order: ByteOrder, *, signed: bool = False, bits: int = 0
    ) -> None:
        self.size = size
        self.byte_order = byte_order
        self.signed = signed
        self.bits = bits or 8 * size
        self.least = -(1 << self.bits - 1) if signed else 0
        self.most = (1 << self.bits - signed) - 1

    def number(self, value: object) -> int:
        """The number that a value stands for, in range; Unfit."""
        number = number_of(value)
        if number is None or not self.least <= number <= self.most:
            raise Unfit(self.right())
        return number

    def value(self, number: int) -> object:
        """The canonical value for a number."""
        return number

    def right(self) -> str:
        """What would be right, to go on after the name of the field."""
        return f"must be a whole number from {self.least} to {self.most}"

    def encode(self, value: object) -> bytes:
        return self._bytes(self.number(value))

    def decode(self, raw: bytes) -> object:
        return self.value(self._number_in(raw))

    def in_bits(self, value: object) -> int:
        """The bits of a value, as an unsigned number."""
        return self.number(value) & ((1 << self.bits) - 1)

    def of_bits(self, bits: int) -> object:
        """The value of bits, which are given as an unsigned number."""
        is_negative = self.signed and bits >> self.bits - 1
        return self.value(bits - (1 << self.bits) if is_negative else bits)

    def _bytes(self, number: int) -> bytes:
        return number.to_bytes(self.size, self.byte_order, signed=self.signed)

    def _number_in(self, raw: bytes) -> int:
        return int.from_bytes(raw, self.byte_order, signed=self.signed)

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        if max(map(len, texts)) > _LONGEST:
            raise ValueError
        numbers = list(map(int, texts))
        if list(map(str, numbers)) != texts:  # "007", "1_000" and digits of other scripts
            raise ValueError
        letter = _LETTERS.get(self.size)
        if letter is None:
            return list(map(self._bytes, numbers))
        order = "<" if self.byte_order == "little" else ">"
        pack = struct.Struct(order + (letter if self.signed else letter.upper())).pack
        try:
            return list(map(pack, numbers))
        except struct.error:
            raise ValueError from None


class Boolean(Number):
    """True or false. A program may have put another number there; it stays one."""

    def number(self, value: object) -> int:
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, str) and value.lower() in _TRUTHS:
            return _TRUTHS[value.lower()]
        return super().number(value)

    def value(self, number: int) -> object:
        return bool(number) if number in (0, 1) else number

    def right(self) -> str:
        return "must be true or false"

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        known = {text: self._bytes(number) for text, number in _TRUTHS.items()}
        return list(map(known.__getitem__, texts))


class Named(Number):
    """Numbers of which some have names; of several names for one the first is canonical."""

    def __init__(
        self,
        names: Mapping[str, int],
        size: int,
        byte_order: ByteOrder,
        *,
        signed: bool = False,
        bits: int = 0,
    ) -> None:
        super().__init__(size, byte_order, signed=signed, bits=bits)
        self._numbers = {
            name: number for name, number in names.items() if self.least <= number <= self.most
        }
        self._names: Dict[int, str] = {}
        for name, number in self._numbers.items():
            self._names.setdefault(number, name)

    def number(self, value: object) -> int:
        known = self._numbers.get(value) if isinstance(value, str) else None
        return super().number(value) if known is None else known

    def value(self, number: int) -> object:
        return self._names.get(number, number)

    def right(self) -> str:
        shown = list(self._numbers)[:_MOST_NAMES]
        shown += ["..."] if len(self._numbers) > _MOST_NAMES else []
        return f"must be one of {', '.join(shown)}, or a number from {self.least} to {self.most}"

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        known = {name: self._bytes(number) for name, number in self._numbers.items()}
        return list(map(known.__getitem__, texts))


class Protocol(Named):
    """A protocol above IP, by its name in whatever case."""

    def __init__(self, size: int, context: Context) -> None:
        super().__init__(PROTOCOLS, size, context.byte_order)

    def number(self, value: object) -> int:
        return super().number(value.lower() if isinstance(value, str) else value)

    def right(self) -> str:
        return f"must be a protocol of IP, such as tcp, or a number from 0 to {self.most}"


class Interface(Number):
    """A network interface by name, resolved on the host; or its index."""

    def __init__(self, size: int, context: Context) -> None:
        super().__init__(size, context.byte_order)
        self._host = context.names

    def number(self, value: object) -> int:
        if not isinstance(value, str):
            return super().number(value)
        try:
            found = self._host.ifindex(value)  # a name may be all digits
        except Unfit:
            if number_of(value) is None:
                raise
            return super().number(value)
        return super().number(found)

    def value(self, number: int) -> object:
        name = self._host.ifname(number)
        return number if name is None else name

    def right(self) -> str:
        return f"must be the name of an interface, or its index, from 0 to {self.most}"

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        raise ValueError  # a name may be all digits


class Cgroup(Number):
    """A cgroup by its path, resolved on the host; or its id."""

    def __init__(self, size: int, context: Context) -> None:
        super().__init__(size, context.byte_order)
        self._host = context.names

    def number(self, value: object) -> int:
        if isinstance(value, str) and number_of(value) is None:
            return super().number(self._host.cgroup_id(value))
        return super().number(value)

    def right(self) -> str:
        return f"must be the path of a cgroup, or its id, from 0 to {self.most}"


# Base 0 of int() takes more, such as 0b1 and 1_000. Leading zeros would be octal to some.
_DIGITS = re.compile(r"(?:-?(?:0|[1-9][0-9]{0,38})|0[xX][0-9a-fA-F]{1,32})\Z")
_LONGEST = 40  # digits; int() of very many takes very long
_LETTERS = {1: "b", 2: "h", 4: "i", 8: "q"}  # as `struct` has them
_MOST_NAMES = 12  # in a message
_TRUTHS = {"true": 1, "false": 0, "yes": 1, "no": 0, "on": 1, "off": 0, "1": 1, "0": 0}

# By IANA, as /etc/protocols calls them; hosts differ in what they have there.
PROTOCOLS = {
    "ip": 0,
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "tcp": 6,
    "egp": 8,
    "igp": 9,
    "udp": 17,
    "dccp": 33,
    "ipv6": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "rsvp": 46,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    "eigrp": 88,
    "ospf": 89,
    "etherip": 97,
    "pim": 103,
    "ipcomp": 108,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "udplite": 136,
    "mpls-in-ip": 137,
}
