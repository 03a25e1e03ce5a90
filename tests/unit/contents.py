# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the contents of maps have in common: a host with few names, BTF type by type."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Tuple

# After `strategies`, which says where the collection is.
from ansible_collections.ebpf.pinning.plugins.module_utils._core.btf import Btf
from ansible_collections.ebpf.pinning.plugins.module_utils._core.content.format import (
    ByteOrder,
    Unfit,
)
from strategies import (
    ARRAY,
    CONST,
    DATASEC,
    ENUM,
    ENUM64,
    FLOAT,
    FWD,
    INT,
    PTR,
    STRUCT,
    TYPE_TAG,
    TYPEDEF,
    UNION,
    VAR,
    VOLATILE,
)

INTERFACES = {"lo": 1, "eth0": 2, "9": 3}


class FewNames:
    """A host with three interfaces and a cgroup."""

    def ifindex(self, name: str) -> int:
        if name not in INTERFACES:
            raise Unfit("must be an interface of the host")
        return INTERFACES[name]

    def ifname(self, index: int) -> str | None:
        return {number: name for name, number in INTERFACES.items()}.get(index)

    def cgroup_id(self, path: str) -> int:
        if path != "/sys/fs/cgroup/a":
            raise Unfit("must be a cgroup of the host")
        return 42


NAMES = FewNames()

SIGNED, CHAR, BOOL = 1, 2, 4
# Of a member: its name, its type, where it begins in bits, and how many bits a bitfield has.
Member = Tuple[str, int, int, int]


class Types:
    """BTF in the making. Each method adds a type and returns its id."""

    def __init__(self) -> None:
        self._strings = bytearray(1)
        self._words: list[int] = []
        self._count = 0
        self._names = 0
        self.composites: set[int] = set()  # structs and unions

    def btf(self, byte_order: ByteOrder) -> Btf:
        """All types as a blob in this byte order, read."""
        order = {"little": "<", "big": ">"}[byte_order]
        size, words = 4 * len(self._words), [word & 0xFFFFFFFF for word in self._words]
        header = struct.pack(
            f"{order}HBBIIIII", 0xEB9F, 1, 0, 24, 0, size, size, len(self._strings)
        )
        types = struct.pack(f"{order}{len(words)}I", *words)
        return Btf.parse(header + types + bytes(self._strings))

    def name(self) -> str:
        """A name that no field has yet."""
        self._names += 1
        return f"x{self._names}"

    def integer(
        self, size: int, encoding: int = 0, name: str = "int", bits: int = 0, offset: int = 0
    ) -> int:
        return self._add(name, INT, size, encoding << 24 | offset << 16 | (bits or 8 * size))

    def array(self, element: int, count: int) -> int:
        return self._add("", ARRAY, 0, element, element, count)

    def struct(self, size: int, members: Sequence[Member], name: str = "s") -> int:
        return self._composite(STRUCT, size, members, name)

    def union(self, size: int, members: Sequence[Member], name: str = "u") -> int:
        return self._composite(UNION, size, members, name)

    def enum(self, size: int, names: dict[str, int], signed: bool = False) -> int:
        words = [word for name, value in names.items() for word in (self._at(name), value)]
        return self._add("e", ENUM, size, *words, parts=len(names), flag=signed)

    def enum64(self, size: int, names: dict[str, int], signed: bool = False) -> int:
        words = [
            word
            for name, value in names.items()
            for word in (self._at(name), value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF)
        ]
        return self._add("e", ENUM64, size, *words, parts=len(names), flag=signed)

    def renamed(self, target: int) -> int:
        """A typedef of something constant, volatile and tagged."""
        for name, kind in (("tag", TYPE_TAG), ("", CONST), ("", VOLATILE), ("name_t", TYPEDEF)):
            target = self._add(name, kind, target)
        return target

    def pointer(self, target: int = 0, tag: str = "") -> int:
        return self._add("", PTR, self._add(tag, TYPE_TAG, target) if tag else target)

    def float(self, size: int) -> int:
        return self._add("double", FLOAT, size)

    def forward(self) -> int:
        return self._add("later", FWD, 0)

    def section(self, size: int, variables: Sequence[tuple[str, int, int, int]]) -> int:
        """A section of variables: name, type, offset, size."""
        words = [
            word
            for name, type_id, offset, own in variables
            for word in (self._add(name, VAR, type_id, 1), offset, own)
        ]
        return self._add(".data", DATASEC, size, *words, parts=len(variables))

    def _composite(self, kind: int, size: int, members: Sequence[Member], name: str) -> int:
        flag = any(bits for _name, _type, _offset, bits in members)
        words = [
            word
            for own, type_id, offset, bits in members
            for word in (self._at(own), type_id, bits << 24 | offset)
        ]
        made = self._add(name, kind, size, *words, parts=len(members), flag=flag)
        self.composites.add(made)
        return made

    def _add(
        self, name: str, kind: int, size: int, *more: int, parts: int = 0, flag: bool = False
    ) -> int:
        self._words += [self._at(name), flag << 31 | kind << 24 | parts, size, *more]
        self._count += 1
        return self._count

    def _at(self, name: str) -> int:
        if not name:
            return 0
        self._strings += name.encode() + b"\0"
        return len(self._strings) - len(name.encode()) - 1
