# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the type of a map adds to the formats of its keys and values."""

from __future__ import annotations

from typing import List, Optional, Sequence

from .. import prefix
from .addresses import HAS_HOST_BITS
from .format import Context, Format, Unfit
from .numbers import Number, number_of


class OfEachCpu(Format):
    """The value of an entry of a per-CPU map: one for all possible CPUs, or a list of one for each.

    A list that is one value itself is taken as that unless its elements are values, too.
    """

    def __init__(self, value: Format, cpus: int, stride: int) -> None:
        self.size = cpus * stride
        self._value = value
        self._cpus = cpus
        self._stride = stride  # bytes from one value to the next

    def encode(self, value: object) -> bytes:
        if not isinstance(value, (list, tuple)):
            return self._padded(self._value.encode(value)) * self._cpus
        unfit = Unfit(
            f"must be one value for all CPUs, or a list of {self._cpus}, one for each possible CPU"
        )
        parts: List[bytes] = []
        if len(value) == self._cpus:
            try:
                for each in value:
                    parts.append(self._padded(self._value.encode(each)))
            except Unfit as error:
                unfit = error.within(f"[{len(parts)}]")
            else:
                return b"".join(parts)
        whole = self._if_one(value)
        if whole is not None:
            return whole
        raise unfit

    def _if_one(self, value: object) -> Optional[bytes]:
        try:
            return self._padded(self._value.encode(value)) * self._cpus
        except Unfit:
            return None

    def decode(self, raw: bytes) -> object:
        size = self._value.size
        starts = range(0, self.size, self._stride)
        return [self._value.decode(raw[start : start + size]) for start in starts]

    def encode_texts(self, texts: Sequence[str]) -> List[bytes]:
        return [self._padded(each) * self._cpus for each in self._value.encode_texts(texts)]

    def _padded(self, value: bytes) -> bytes:
        return value.ljust(self._stride, b"\0")


class TrieKey(Format):
    """A key of an lpm_trie: what lies beyond the length of its prefix means nothing to the kernel.

    That is struct bpf_lpm_trie_key of linux/bpf.h, whatever format its fields are written in.
    """

    def __init__(self, key: Format, context: Context) -> None:
        self.size = key.size
        self._key = key
        self._masks = context.masks_host_bits
        self._byte_order = context.byte_order
        self._bits = 8 * (key.size - prefix.LENGTH)

    def encode(self, value: object) -> bytes:
        raw = self._key.encode(value)
        if int.from_bytes(raw[: prefix.LENGTH], self._byte_order) > self._bits:
            raise Unfit(f"must have a prefix length from 0 to {self._bits}, in its first 4 bytes")
        bits = prefix.host_bits(raw, self._byte_order)
        if bits and not self._masks:
            raise Unfit(HAS_HOST_BITS)
        return prefix.without(raw, bits) if bits else raw

    def decode(self, raw: bytes) -> object:
        return self._key.decode(raw)


class Slot(Format):
    """The key of an array that has no type: its number; or bytes beyond doubt, as of any key."""

    def __init__(self, key: Format, context: Context) -> None:
        self.size = key.size
        self._key = key
        self._number = Number(key.size, context.byte_order)

    def encode(self, value: object) -> bytes:
        if number_of(value) is None and self._is_bytes(value):
            return self._key.encode(value)
        return self._number.encode(value)

    def decode(self, raw: bytes) -> object:
        return self._number.decode(raw)

    def _is_bytes(self, value: object) -> bool:
        try:
            self._key.encode(value)
        except Unfit:
            return False
        return True
