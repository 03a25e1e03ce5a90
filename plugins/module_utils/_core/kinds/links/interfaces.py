# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Network interfaces of the namespace that the calling thread is in, by rtnetlink(7)."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Dict, Iterator, Mapping, Optional, Tuple

from ...errors import PinningError
from ...syscall import KernelError
from ...uapi import BYTE_ORDER
from ...values import NamedTuple


class Interface(NamedTuple):
    """One interface, and the programs of XDP on it, by their mode."""

    number: int  # its ifindex
    xdp: Mapping[str, int]
    other: int = 0  # ifindex of what it is a pair with, in the namespace that has that


def interface(name: str) -> Optional[Interface]:
    """Ask for an interface by its name, or another name that it has; None if there is none."""
    attribute = _IFNAME if len(name.encode()) < _IFNAMSIZ else _ALT_IFNAME
    value = name.encode() + b"\0"
    head = struct.pack("=HH", 4 + len(value), attribute)
    body = _INFO.pack(0, 0, 0, 0, 0) + head + value + bytes(-len(value) % 4)
    request = _HEADER.pack(_HEADER.size + len(body), _GETLINK, _REQUEST, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
            asking.send(request)
            answer = asking.recv(_ROOM)
    except OSError as error:
        raise KernelError.of("netlink", error) from None
    _length, kind, _flags, _sequence, _port = _HEADER.unpack_from(answer)
    if kind == _ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number in (errno.ENODEV, errno.EINVAL):  # an alternative name on old kernels
            return None
        raise KernelError("netlink", number)
    if kind != _NEWLINK:
        raise PinningError(f"rtnetlink answered with {kind} where an interface was asked for")
    index = _INFO.unpack_from(answer, _HEADER.size)[2]
    found = dict(_attributes(answer[_HEADER.size + _INFO.size :]))
    other = int.from_bytes(found.get(_LINK, b""), BYTE_ORDER)
    return Interface(index, _programs(found.get(_XDP, b"")), other)


def _programs(nested: bytes) -> Dict[str, int]:
    fields = dict(_attributes(nested))
    modes = {
        mode: int.from_bytes(fields[number], BYTE_ORDER)
        for mode, number in _PROGRAMS.items()
        if number in fields
    }
    if not modes and _PROG_ID in fields:  # before Linux 4.20
        attached = fields.get(_ATTACHED, b"\0")[0]
        modes = {_MODES.get(attached, "native"): int.from_bytes(fields[_PROG_ID], BYTE_ORDER)}
    return {mode: program for mode, program in modes.items() if program}


def _attributes(raw: bytes) -> Iterator[Tuple[int, bytes]]:
    start = 0
    while start + 4 <= len(raw):
        length, kind = struct.unpack_from("=HH", raw, start)
        if length < 4:
            return
        yield kind & _TYPE, raw[start + 4 : start + length]
        start += (length + 3) & ~3


# include/uapi/linux/netlink.h, rtnetlink.h, if_link.h
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_INFO = struct.Struct("=BxHiII")  # family, type, index, flags, change
_GETLINK, _NEWLINK, _ERROR, _REQUEST = 18, 16, 2, 1
_IFNAME, _LINK, _XDP, _ALT_IFNAME, _IFNAMSIZ = 3, 5, 43, 53, 16
_ATTACHED, _PROG_ID = 2, 4
_PROGRAMS = {"native": 5, "generic": 6, "offload": 7}
_MODES = {1: "native", 2: "generic", 3: "offload"}
_TYPE = 0x3FFF
_ROOM = 1 << 16
