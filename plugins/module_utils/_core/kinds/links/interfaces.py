# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Network interfaces of the namespace that the calling thread is in, by rtnetlink(7)."""

from __future__ import annotations

import errno
import socket
import struct
from typing import Mapping, Optional

from ...errors import PinningError
from ...rtnetlink import (
    ERROR,
    GETLINK,
    HEADER,
    IFNAME,
    INTERFACE,
    NEWLINK,
    REQUEST,
    ROOM,
    XDP,
    attributes,
    xdp_programs,
)
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
    attribute = IFNAME if len(name.encode()) < _IFNAMSIZ else _ALT_IFNAME
    value = name.encode() + b"\0"
    head = struct.pack("=HH", 4 + len(value), attribute)
    body = INTERFACE.pack(0, 0, 0, 0, 0) + head + value + bytes(-len(value) % 4)
    request = HEADER.pack(HEADER.size + len(body), GETLINK, REQUEST, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
            asking.send(request)
            answer = asking.recv(ROOM)
    except OSError as error:
        raise KernelError.of("netlink", error) from None
    _length, kind, _flags, _sequence, _port = HEADER.unpack_from(answer)
    if kind == ERROR:
        number = -struct.unpack_from("=i", answer, HEADER.size)[0]
        if number in (errno.ENODEV, errno.EINVAL):  # an alternative name on old kernels
            return None
        raise KernelError("netlink", number)
    if kind != NEWLINK:
        raise PinningError(f"rtnetlink answered with {kind} where an interface was asked for")
    index = INTERFACE.unpack_from(answer, HEADER.size)[2]
    found = dict(attributes(answer[HEADER.size + INTERFACE.size :]))
    other = int.from_bytes(found.get(_LINK, b""), BYTE_ORDER)
    return Interface(index, xdp_programs(found.get(XDP, b"")), other)


# include/uapi/linux/if_link.h
_LINK, _ALT_IFNAME, _IFNAMSIZ = 5, 53, 16
