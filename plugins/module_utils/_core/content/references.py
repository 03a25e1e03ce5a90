# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Formats of values that mean what the kernel holds: programs, devices, CPUs, cgroups.

As bytes they are what the kernel shows of them: ids, and the index of a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping

from .format import Context, Format, Unfit
from .numbers import Interface, Number

if TYPE_CHECKING:
    from typing import Protocol

    class References(Protocol):
        """What of it the host has. Each raises Unfit where there is no such thing."""

        def program_id(self, path: str, kind: str) -> int:
            """The id of the program that is pinned at a path; `kind` is its type if that counts."""

        def program_path(self, program_id: int) -> object:
            """The path by which it was declared; else the id."""

        def cgroup_v2_id(self, path: str) -> int:
            """The id of the cgroup at a path, of version 2."""

        def cgroup_path(self, cgroup_id: int) -> object:
            """The path by which it was declared; else the id."""


class Program(Format):
    """A program by the path of its pin."""

    size = 4

    def __init__(self, context: Context, references: References, kind: str = "") -> None:
        self._order = context.byte_order
        self._references = references
        self._kind = kind

    def encode(self, value: object) -> bytes:
        if not isinstance(value, str):
            raise Unfit("must be the path of a pinned program")
        return self._references.program_id(value, self._kind).to_bytes(self.size, self._order)

    def decode(self, raw: bytes) -> object:
        return self._references.program_path(int.from_bytes(raw, self._order))


class CgroupByPath(Format):
    """A cgroup by its path. Nobody reads it back, so its id is as long as ids are."""

    size = 8

    def __init__(self, context: Context, references: References) -> None:
        self._order = context.byte_order
        self._references = references

    def encode(self, value: object) -> bytes:
        if not isinstance(value, str):
            raise Unfit("must be the path of a cgroup")
        return self._references.cgroup_v2_id(value).to_bytes(self.size, self._order)

    def decode(self, raw: bytes) -> object:
        return self._references.cgroup_path(int.from_bytes(raw, self._order))


class Device(Interface):
    """A network interface that is there: the kernel takes no other."""

    def __init__(self, context: Context) -> None:
        super().__init__(4, context)
        self.least = 1

    def number(self, value: object) -> int:
        number = super().number(value)
        if self._host.ifname(number) is None:
            raise Unfit("there is no interface with this index here (see `ip link`)")
        return number

    def right(self) -> str:
        return "must be the name of an interface, or its index"


class QueueSize(Number):
    """How many packets wait for a CPU at most."""

    def __init__(self, context: Context) -> None:
        super().__init__(4, context.byte_order)
        self.least, self.most = 1, _LONGEST_QUEUE

    def right(self) -> str:
        return f"must be how many packets may wait, from 1 to {self.most}"


class WithProgram(Format):
    """A value, and a program if it has room for one: the value alone, or a dictionary of both.

    That is struct bpf_devmap_val and struct bpf_cpumap_val of linux/bpf.h.
    """

    def __init__(self, name: str, value: Format, size: int, program: Program) -> None:
        self.size = size
        self._name = name
        self._value = value
        self._program = program

    def encode(self, value: object) -> bytes:
        given = self._given(value)
        raw = self._part(self._name, self._value, given)
        if _PROGRAM in given:
            if self.size == len(raw):
                text = f"has no room in value_size {self.size}: {self.size + Program.size} has"
                raise Unfit(text, _PROGRAM)
            raw += self._part(_PROGRAM, self._program, given)
        return raw.ljust(self.size, b"\0")

    def decode(self, raw: bytes) -> object:
        value, program = raw[: self._value.size], raw[self._value.size :]
        plain = self._value.decode(value)
        if not any(program):
            return plain
        return {self._name: plain, _PROGRAM: self._program.decode(program)}

    def _given(self, value: object) -> Mapping[str, object]:
        if not isinstance(value, dict):
            return {self._name: value}
        if not {self._name} <= value.keys() <= {self._name, _PROGRAM}:
            raise Unfit(f"must have {self._name}, perhaps {_PROGRAM}, and nothing else")
        return value

    @staticmethod
    def _part(name: str, format: Format, given: Mapping[str, object]) -> bytes:
        try:
            raw = format.encode(given[name])
        except Unfit as error:
            unfit = error if len(given) == 1 else error.within(name)
        else:
            return raw
        raise unfit


_PROGRAM = "program"
_LONGEST_QUEUE = 16384  # cpu_map_update_elem
