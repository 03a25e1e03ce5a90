# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Formats of addresses: IPv4 and IPv6, with and without a prefix length, and MAC."""

from __future__ import annotations

import re
from itertools import repeat
from operator import add, and_, sub
from socket import AF_INET, AF_INET6, AddressFamily, inet_ntop, inet_pton
from typing import List, Optional

from ..prefix import LENGTH
from .format import Context, Format, Unfit


class Address(Format):
    """An address of IPv4 or IPv6 as inet_pton(3) takes it: no short forms, no scopes."""

    def __init__(self, family: AddressFamily) -> None:
        self._family = family
        self.size = _SIZES[family]

    def encode(self, value: object) -> bytes:
        raw = _packed(self._family, value)
        if raw is None:
            raise Unfit(_RIGHT_ADDRESS[self._family])
        return raw

    def decode(self, raw: bytes) -> object:
        return inet_ntop(self._family, raw)

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        return list(map(inet_pton, repeat(self._family), texts))


class Prefix(Format):
    """A key of an lpm_trie: the length of a prefix in host order, then an address.

    That is struct bpf_lpm_trie_key of linux/bpf.h. An address alone is a prefix of all its bits.
    """

    def __init__(self, family: AddressFamily, context: Context) -> None:
        self._family = family
        self._address = _SIZES[family]
        self._masks = context.masks_host_bits
        self._byte_order = context.byte_order
        self._bits = 8 * self._address
        self.size = LENGTH + self._address
        lengths = range(self._bits + 1)
        self._lengths = {str(length): length for length in lengths}
        self._heads = [length.to_bytes(LENGTH, context.byte_order) for length in lengths]
        self._host_bits = [(1 << self._bits - length) - 1 for length in lengths]

    def encode(self, value: object) -> bytes:
        address, slash, bits = value.partition("/") if isinstance(value, str) else ("", "", "")
        raw = _packed(self._family, address)
        length = self._lengths.get(bits) if slash else self._bits
        if raw is None or length is None:
            raise Unfit(_RIGHT_PREFIX[self._family])
        number = int.from_bytes(raw, "big")
        host_bits = number & self._host_bits[length]
        if host_bits and not self._masks:
            raise Unfit(HAS_HOST_BITS)
        return self._heads[length] + (number - host_bits).to_bytes(self._address, "big")

    def decode(self, raw: bytes) -> object:
        length = int.from_bytes(raw[:LENGTH], self._byte_order)
        return f"{inet_ntop(self._family, raw[LENGTH:])}/{length}"

    def _encode_plain(self, texts: List[str]) -> List[bytes]:
        if any(map(str.endswith, texts, repeat("/"))):
            raise ValueError
        parts = [text.partition("/") for text in texts]
        known = {**self._lengths, "": self._bits}
        lengths = [known[bits] for _address, _slash, bits in parts]
        raw = [inet_pton(self._family, address) for address, _slash, _bits in parts]
        numbers = [int.from_bytes(each, "big") for each in raw]
        host_bits = list(map(and_, numbers, map(self._host_bits.__getitem__, lengths)))
        if any(host_bits):
            if not self._masks:
                raise ValueError
            numbers = list(map(sub, numbers, host_bits))
            raw = [number.to_bytes(self._address, "big") for number in numbers]
        return list(map(add, map(self._heads.__getitem__, lengths), raw))


class Mac(Format):
    """The address of a network card: six bytes in hexadecimal digits, with ":" or "-" between."""

    size = 6

    def encode(self, value: object) -> bytes:
        if not isinstance(value, str) or not re.match(_MAC, value):
            raise Unfit(
                'must be six pairs of hexadecimal digits with ":" or "-" between them, in quotes'
            )
        return bytes.fromhex(value.replace(value[2], ""))

    def decode(self, raw: bytes) -> object:
        return ":".join(map("{:02x}".format, raw))


def _packed(family: AddressFamily, value: object) -> Optional[bytes]:
    try:
        return inet_pton(family, value) if isinstance(value, str) else None
    except (OSError, ValueError):  # the latter for a NUL, and for what is no Unicode
        return None


HAS_HOST_BITS = (
    "has bits set beyond the length of its prefix: "
    "give the first address of the network, or host_bits: mask"
)
_SIZES = {AF_INET: 4, AF_INET6: 16}
_RIGHT_ADDRESS = {
    AF_INET: "must be an address of IPv4, such as 10.0.0.1",
    AF_INET6: "must be an address of IPv6, such as 2001:db8::1",
}
_RIGHT_PREFIX = {
    AF_INET: "must be a prefix or an address of IPv4, such as 10.0.0.0/8",
    AF_INET6: "must be a prefix or an address of IPv6, such as 2001:db8::/32",
}
# A pattern is compiled when it is needed: few starts need one.
_MAC = r"[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}\Z"
