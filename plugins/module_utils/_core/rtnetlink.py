# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Questions to rtnetlink(7) about the network namespace that the calling thread is in.

Sources: include/uapi/linux/netlink.h, rtnetlink.h, if_link.h, pkt_sched.h, pkt_cls.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Dict, Iterator, List, Set, Tuple

from .syscall import KernelError
from .uapi import BYTE_ORDER
from .values import NamedTuple

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
INTERFACE = struct.Struct("=BxHiII")  # family, type, index, flags, change
TRAFFIC = struct.Struct("=BxxxiIII")  # family, index, handle, parent, info
NEWLINK, GETLINK, GETQDISC, GETCLASS, GETFILTER = 16, 18, 38, 42, 46
ERROR, DONE = 2, 3
REQUEST, DUMP = 1, 0x300
IFNAME, KIND, OPTIONS, XDP = 3, 1, 2, 43  # KIND and OPTIONS are of qdiscs, classes and filters
ROOM = 1 << 16
_ATTACHED, _PROG_ID = 2, 4
_PROGRAMS = {"native": 5, "generic": 6, "offload": 7}
_MODES = {1: "native", 2: "generic", 3: "offload"}
_TYPE = 0x3FFF
_FILTER_PROG_ID = 11  # TCA_BPF_ID
_IS_CLASSIFIER = ("clsact", "ingress")
# Classes of these are queues and flows, often many, and take no filters.
_OF_QUEUES = ("fq_codel", "mq", "mqprio", "sfq", "taprio")
_HOOKS = {0xFFFFFFF2: "ingress", 0xFFFFFFF3: "egress"}  # parents of filters
_ROOT = 0xFFFFFFFF


class OnInterface(NamedTuple):
    """A program of an interface. Of XDP also one that a link attaches."""

    prog_id: int
    interface: str
    hook: str  # how it is attached


def attributes(raw: bytes) -> Iterator[Tuple[int, bytes]]:
    """Yield the attributes that follow each other, with their types."""
    start = 0
    while start + 4 <= len(raw):
        length, kind = struct.unpack_from("=HH", raw, start)
        if length < 4:
            return
        yield kind & _TYPE, raw[start + 4 : start + length]
        start += (length + 3) & ~3


def xdp_programs(nested: bytes) -> Dict[str, int]:
    """Return the programs that the attribute XDP of an interface tells of, by their mode."""
    fields = dict(attributes(nested))
    modes = {
        mode: int.from_bytes(fields[number], BYTE_ORDER)
        for mode, number in _PROGRAMS.items()
        if number in fields
    }
    if not modes and _PROG_ID in fields:  # before Linux 4.20
        attached = fields.get(_ATTACHED, b"\0")[0]
        modes = {_MODES.get(attached, "native"): int.from_bytes(fields[_PROG_ID], BYTE_ORDER)}
    return {mode: program for mode, program in modes.items() if program}


def on_interfaces() -> Iterator[OnInterface]:
    """Yield what XDP and tc run on all interfaces. KernelError where the kernel does not tell."""
    names: Dict[int, str] = {}
    for raw in _all(GETLINK, INTERFACE.pack(0, 0, 0, 0, 0)):
        index = INTERFACE.unpack_from(raw)[2]
        fields = dict(attributes(raw[INTERFACE.size :]))
        names[index] = fields.get(IFNAME, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")
        for mode, program in xdp_programs(fields.get(XDP, b"")).items():
            yield OnInterface(program, names[index], f"xdp ({mode})")
    parents: Dict[Tuple[int, int], str] = {}
    with_classes: Set[int] = set()
    for raw in _all(GETQDISC, TRAFFIC.pack(0, 0, 0, 0, 0)):
        _family, index, handle, _parent, _info = TRAFFIC.unpack_from(raw)
        kind = _kind_of(raw)
        if kind in _IS_CLASSIFIER:
            parents.update(((index, parent), hook) for parent, hook in _HOOKS.items())
        else:
            parents[index, handle or _ROOT] = f"in {kind}"
            with_classes.update(() if kind in _OF_QUEUES else (index,))
    for index in with_classes:
        for raw in _all(GETCLASS, TRAFFIC.pack(0, index, 0, 0, 0)):
            parents.setdefault((index, TRAFFIC.unpack_from(raw)[2]), f"in {_kind_of(raw)}")
    for (index, parent), hook in parents.items():
        try:
            for raw in _all(GETFILTER, TRAFFIC.pack(0, index, 0, parent, 0)):
                program = _program_of(raw)
                if program:
                    yield OnInterface(program, names.get(index, str(index)), f"tc {hook}")
        except KernelError as error:
            if error.errno not in _NO_FILTERS:
                raise


def _kind_of(raw: bytes) -> str:
    fields = dict(attributes(raw[TRAFFIC.size :]))
    return fields.get(KIND, b"").rstrip(b"\0").decode("ascii", "replace")


def _program_of(raw: bytes) -> int:
    fields = dict(attributes(raw[TRAFFIC.size :]))
    options = dict(attributes(fields.get(OPTIONS, b"")))
    return int.from_bytes(options.get(_FILTER_PROG_ID, b""), BYTE_ORDER)


def _all(question: int, body: bytes) -> Iterator[bytes]:
    """Yield what a dump has, message by message, without the headers."""
    for _attempt in range(_ATTEMPTS):
        answers, is_whole = _dump(question, body)
        if is_whole:
            break
    yield from answers


def _dump(question: int, body: bytes) -> Tuple[List[bytes], bool]:
    """Return the messages, and whether nothing changed while they were made."""
    request = HEADER.pack(HEADER.size + len(body), question, REQUEST | DUMP, 1, 0) + body
    answers: List[bytes] = []
    is_whole = True
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asking:
            asking.send(request)
            while True:
                answer = asking.recv(ROOM)
                start = 0
                while start + HEADER.size <= len(answer):
                    length, kind, flags, *_more = HEADER.unpack_from(answer, start)
                    if length < HEADER.size:
                        raise KernelError("netlink", errno.EBADMSG)
                    is_whole = is_whole and not flags & _INTERRUPTED
                    if kind in (ERROR, DONE) and length >= HEADER.size + 4:
                        number = -struct.unpack_from("=i", answer, start + HEADER.size)[0]
                        if number > 0:  # what is there so far is not all
                            raise KernelError("netlink", number)
                    if kind in (ERROR, DONE):
                        return answers, is_whole
                    answers.append(answer[start + HEADER.size : start + length])
                    start += (length + 3) & ~3
    except OSError as error:
        raise KernelError.of("netlink", error) from None


_ATTEMPTS = 5
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR
_NO_FILTERS = (errno.EINVAL, errno.ENODEV, errno.ENOENT, errno.EOPNOTSUPP)
