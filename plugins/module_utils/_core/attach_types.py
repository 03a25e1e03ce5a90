# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The table: one row per attach type, what its links hang on, and what the kernel does with them.

Sources: link_create, link_update and bpf_raw_tracepoint_open in kernel/bpf/syscall.c.
"""

from __future__ import annotations

import enum
from typing import Dict, Tuple

from .values import NamedTuple


class Target(enum.Enum):
    """What a program is attached to. The values are words for people."""

    INTERFACE = "a network interface"
    CGROUP = "a cgroup of version 2"
    NETWORK = "a network namespace"
    NETFILTER = "a hook of netfilter"
    MAP = "a map of sockets"
    TRACEPOINT = "a tracepoint"
    RAW_TRACEPOINT = "a raw tracepoint"
    FUNCTION = "a function of the kernel"
    BINARY = "an instruction of a program or library"
    PROGRAM = "what the program itself names"


class Order(enum.Enum):
    """Whether programs on one hook have an order that can be declared."""

    NONE = "none"
    MULTI = "multi"  # bpf_mprog: one program is there once, and all are listed with their links
    CGROUP = "cgroup"  # since Linux 6.17


class Room(enum.Enum):
    """How many programs one place takes."""

    MANY = "many"
    EACH_ONCE = "once"
    ONE = "one"


class AttachType(NamedTuple):
    """A row. `since` is the first Linux that has links for it."""

    name: str  # in a declaration
    number: int  # enum bpf_attach_type
    kernel_name: str  # as uapi.ATTACH_TYPES has it
    link_type: str  # as uapi.LINK_TYPES has it
    target: Target
    prog_types: Tuple[str, ...]  # of the pin that is declared; none: it is a map
    since: str
    is_updatable: bool  # by LINK_UPDATE
    order: Order = Order.NONE
    room: Room = Room.MANY

    @property
    def takes_map(self) -> bool:
        """Return whether a map is attached (struct_ops), and no program."""
        return not self.prog_types


# By target: the options that it needs, and those that it may have.
OPTIONS: Dict[Target, Tuple[Tuple[str, ...], Tuple[str, ...]]] = {
    Target.INTERFACE: (("interface",), ("namespace",)),
    Target.CGROUP: (("cgroup",), ()),
    Target.NETWORK: ((), ("namespace",)),
    Target.NETFILTER: (("pf", "hook", "priority"), ("defragment", "namespace")),
    Target.MAP: (("map",), ()),
    Target.TRACEPOINT: (("tracepoint",), ()),
    Target.RAW_TRACEPOINT: (("tracepoint",), ()),
    Target.FUNCTION: (("function",), ("offset",)),
    Target.BINARY: (("binary", "offset"), ()),
    Target.PROGRAM: ((), ()),
}
ALL_OPTIONS = tuple(
    dict.fromkeys(
        [option for both in OPTIONS.values() for each in both for option in each]
        + ["mode", "before", "after"]
    )
)
XDP_MODES = {"native": 1 << 2, "generic": 1 << 1, "offload": 1 << 3}  # XDP_FLAGS_*_MODE
PROTOCOLS = {"ipv4": 2, "ipv6": 10}  # NFPROTO_*
HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}  # NF_INET_*


def options_of(row: AttachType) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Return the options that a type needs, and those that it may have."""
    needed, possible = OPTIONS[row.target]
    if row.name == "xdp":
        possible += ("mode",)
    if row.order is not Order.NONE:
        possible += ("before", "after")
    return needed, possible


def _of_cgroup(number: int, what: str, prog_type: str, since: str = "5.7") -> AttachType:
    name = f"cgroup_{what}"
    return AttachType(
        name,
        number,
        name,
        "cgroup",
        Target.CGROUP,
        (prog_type,),
        since,
        is_updatable=True,
        order=Order.CGROUP,
    )


def _of_interface(number: int, name: str, link: str, since: str, order: Order) -> AttachType:
    prog_type = "xdp" if name == "xdp" else "sched_cls"
    return AttachType(
        name,
        number,
        name,
        link,
        Target.INTERFACE,
        (prog_type,),
        since,
        is_updatable=True,
        order=order,
        room=Room.EACH_ONCE if order is Order.MULTI else Room.ONE,
    )


def _of_sockets(number: int, name: str, prog_type: str) -> AttachType:
    return AttachType(
        name,
        number,
        name,
        "sockmap",
        Target.MAP,
        (prog_type,),
        "6.10",
        is_updatable=True,
        room=Room.ONE,
    )


def _of_network(number: int, name: str, since: str, room: Room) -> AttachType:
    return AttachType(
        name, number, name, "netns", Target.NETWORK, (name,), since, is_updatable=True, room=room
    )


def _by_program(number: int, name: str, kernel_name: str, link: str, since: str) -> AttachType:
    prog_type = "lsm" if name == "lsm" else "tracing"
    return AttachType(
        name,
        number,
        kernel_name,
        link,
        Target.PROGRAM,
        (prog_type,),
        since,
        is_updatable=name == "iter",
    )


def _of_event(name: str, target: Target, prog_type: str) -> AttachType:
    return AttachType(
        name,
        41,
        "perf_event",
        "perf_event",
        target,
        (prog_type,),
        "5.15",
        is_updatable=False,
        # Each probe is an event of its own, a tracepoint is one for all (bpf_prog_array_copy).
        room=Room.EACH_ONCE if target is Target.TRACEPOINT else Room.MANY,
    )


_ADDRESS = "cgroup_sock_addr"
_ROWS = (
    _of_interface(37, "xdp", "xdp", "5.9", Order.NONE),
    _of_interface(46, "tcx_ingress", "tcx", "6.6", Order.MULTI),
    _of_interface(47, "tcx_egress", "tcx", "6.6", Order.MULTI),
    _of_interface(54, "netkit_primary", "netkit", "6.7", Order.MULTI),
    _of_interface(55, "netkit_peer", "netkit", "6.7", Order.MULTI),
    _of_cgroup(0, "inet_ingress", "cgroup_skb"),
    _of_cgroup(1, "inet_egress", "cgroup_skb"),
    _of_cgroup(2, "inet_sock_create", "cgroup_sock"),
    _of_cgroup(34, "inet_sock_release", "cgroup_sock", "5.9"),
    _of_cgroup(12, "inet4_post_bind", "cgroup_sock"),
    _of_cgroup(13, "inet6_post_bind", "cgroup_sock"),
    _of_cgroup(3, "sock_ops", "sock_ops"),
    _of_cgroup(6, "device", "cgroup_device"),
    _of_cgroup(18, "sysctl", "cgroup_sysctl"),
    _of_cgroup(21, "getsockopt", "cgroup_sockopt"),
    _of_cgroup(22, "setsockopt", "cgroup_sockopt"),
    _of_cgroup(8, "inet4_bind", _ADDRESS),
    _of_cgroup(9, "inet6_bind", _ADDRESS),
    _of_cgroup(10, "inet4_connect", _ADDRESS),
    _of_cgroup(11, "inet6_connect", _ADDRESS),
    _of_cgroup(14, "udp4_sendmsg", _ADDRESS),
    _of_cgroup(15, "udp6_sendmsg", _ADDRESS),
    _of_cgroup(19, "udp4_recvmsg", _ADDRESS),
    _of_cgroup(20, "udp6_recvmsg", _ADDRESS),
    _of_cgroup(29, "inet4_getpeername", _ADDRESS, "5.8"),
    _of_cgroup(30, "inet6_getpeername", _ADDRESS, "5.8"),
    _of_cgroup(31, "inet4_getsockname", _ADDRESS, "5.8"),
    _of_cgroup(32, "inet6_getsockname", _ADDRESS, "5.8"),
    _of_cgroup(49, "unix_connect", _ADDRESS, "6.7"),
    _of_cgroup(50, "unix_sendmsg", _ADDRESS, "6.7"),
    _of_cgroup(51, "unix_recvmsg", _ADDRESS, "6.7"),
    _of_cgroup(52, "unix_getpeername", _ADDRESS, "6.7"),
    _of_cgroup(53, "unix_getsockname", _ADDRESS, "6.7"),
    _of_cgroup(43, "lsm", "lsm", "6.0")._replace(name="lsm_cgroup", kernel_name="lsm_cgroup"),
    _of_network(36, "sk_lookup", "5.9", Room.MANY),
    _of_network(17, "flow_dissector", "5.8", Room.ONE),
    AttachType(
        "netfilter",
        45,
        "netfilter",
        "netfilter",
        Target.NETFILTER,
        ("netfilter",),
        "6.4",
        is_updatable=False,
        room=Room.ONE,
    ),
    _of_sockets(7, "sk_msg_verdict", "sk_msg"),
    _of_sockets(4, "sk_skb_stream_parser", "sk_skb"),
    _of_sockets(5, "sk_skb_stream_verdict", "sk_skb"),
    _of_sockets(38, "sk_skb_verdict", "sk_skb"),
    _of_event("tracepoint", Target.TRACEPOINT, "tracepoint"),
    AttachType(
        "raw_tracepoint",
        0,  # RAW_TRACEPOINT_OPEN takes none
        "",
        "raw_tracepoint",
        Target.RAW_TRACEPOINT,
        ("raw_tracepoint", "raw_tracepoint_writable"),
        "4.17",
        is_updatable=False,
    ),
    _of_event("kprobe", Target.FUNCTION, "kprobe"),
    _of_event("kretprobe", Target.FUNCTION, "kprobe"),
    _of_event("uprobe", Target.BINARY, "kprobe"),
    _of_event("uretprobe", Target.BINARY, "kprobe"),
    _by_program(23, "tp_btf", "trace_raw_tp", "raw_tracepoint", "5.5"),
    _by_program(24, "fentry", "trace_fentry", "tracing", "5.5"),
    _by_program(25, "fexit", "trace_fexit", "tracing", "5.5"),
    _by_program(26, "fmod_ret", "modify_return", "tracing", "5.7"),
    _by_program(27, "lsm", "lsm_mac", "tracing", "5.7"),
    _by_program(28, "iter", "trace_iter", "iter", "5.8"),
    AttachType(
        "struct_ops",
        44,
        "struct_ops",
        "struct_ops",
        Target.PROGRAM,
        (),
        "6.4",
        is_updatable=True,
    ),
)
ATTACH_TYPES: Dict[str, AttachType] = {row.name: row for row in _ROWS}
