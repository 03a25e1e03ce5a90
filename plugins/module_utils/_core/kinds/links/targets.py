# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Opens what programs are attached to, and the pins that a declaration names."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import Callable, Dict, Iterator, Mapping, Optional, Tuple

from ... import kernel
from ...attach_types import HOOKS, PROTOCOLS, AttachType, Target
from ...attaching import PERF_TYPE_TRACEPOINT, is_loaded_for
from ...bpffs import DIRECTORY, ENTRY, walk
from ...errors import NotThere, PinningError, at
from ...networks import Network, network_at
from ...syscall import Fd
from ...uapi import BPF_F_NETFILTER_IP_DEFRAG, BPF_F_RDONLY
from ...users import user_name
from ...values import NamedTuple
from ..pins.access import strangers_of
from ..pins.objects import identify, look
from ..pins.observed import NotAPin, Nothing, Pin, PinnedMap, PinnedProg
from .declaration import Attach
from .interfaces import Interface, interface

TRACING = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")  # where tracefs is


class OpenTarget(NamedTuple):
    """A target, as long as it is open."""

    label: str
    expected: Mapping[str, object]  # what the kernel says of a link that is attached to it
    number: int = 0  # a descriptor, or the number of an interface
    network: Optional[Network] = None  # in which it is to be attached
    interface: Optional[Interface] = None
    event: Tuple[int, int, bytes, int] = (0, 0, b"", 0)  # type, config, name, offset


@contextmanager
def opened(attach: Attach) -> Iterator[OpenTarget]:
    """Open what a program is to be attached to; NotThere where a task before may make it."""
    with ExitStack() as stack:
        yield _OPEN[attach.type.target](attach, stack)


@contextmanager
def pinned(path: str, option: str, owner: Optional[int] = None) -> Iterator[Tuple[Fd, Pin]]:
    """Open what is pinned at a path that a declaration names, by `owner` if it names one."""
    parent, _slash, name = path.rpartition("/")
    with at(path), walk(parent or "/") as place:
        found = Nothing() if place.missing else look(place.fd, name)
        if isinstance(found, Nothing):
            raise NotThere(f"{option} {path} does not exist: pin it first")
        if isinstance(found, NotAPin):
            raise PinningError(f"{option} {path} is {found.what}, not a pin: name a pin")
        for uid in strangers_of(place, found, owner, os.geteuid()):
            raise PinningError(
                f"{option} {path}, or a directory above it, belongs to {user_name(uid)}, who "
                "decides what it leads to: have it pinned by root, run the task as that user, or "
                "declare the link for that owner, too"
            )
        with Fd(os.open(name, ENTRY, dir_fd=place.fd)) as pin:
            fd = kernel.get(pin.proc_path, 0 if found.kind == "link" else BPF_F_RDONLY)
    with fd:
        now = identify(fd, found.kind)
        if isinstance(now, (Nothing, NotAPin)) or (now.kind, now.id) != (found.kind, found.id):
            raise PinningError(f"{option} {path} changed while this task ran: run again")
        yield fd, found


@contextmanager
def program_at(path: str, row: AttachType, owner: Optional[int] = None) -> Iterator[Tuple[Fd, Pin]]:
    """Open the program, or the map, that a link is to hold."""
    with pinned(path, "program", owner) as (fd, found):
        if row.takes_map:
            if not isinstance(found, PinnedMap):
                raise PinningError(
                    f"program {path} is the pin of {found.label}, and attach type {row.name} takes "
                    "a map of type struct_ops: name the pin of that"
                )
        elif not isinstance(found, PinnedProg):
            raise PinningError(f"program {path} is the pin of {found.label}: name a program's")
        elif found.type not in row.prog_types:
            raise PinningError(
                f"program {path} is of type {found.type}, and attach type {row.name} takes one of "
                f"type {' or '.join(row.prog_types)}: name another program, or another attach type"
            )
        elif row.target in _TOLD_BY_KERNEL and is_loaded_for(fd, row.number) is False:
            raise PinningError(
                f"program {path} was loaded for another attach type than {row.name}: load it by "
                f"the SEC for this one; or this kernel has no such type, since Linux {row.since}"
            )
        yield fd, found


def beside(attach: Attach) -> Tuple[str, str]:
    """Return the order that is declared, before or after, and the pin that it is about."""
    for order in ("before", "after"):
        if attach.text(order):
            return order, attach.text(order)
    return "", ""


def _network(attach: Attach, stack: ExitStack) -> Network:
    return stack.enter_context(network_at(attach.text("namespace")))


def _interface(attach: Attach, stack: ExitStack) -> OpenTarget:
    network, name = _network(attach, stack), attach.text("interface")
    found = network.run(lambda: interface(name))
    where = f" in {network.path}" if network.path else ""
    if found is None:
        raise NotThere(f"interface {name} does not exist{where}: make it first, or see `ip link`")
    label = f"interface {name} (ifindex {found.number}){where}"
    # A link to the peer of a netkit is told of as that, but made and asked for at the primary.
    shown = found.other if attach.type.name == "netkit_peer" else found.number
    expected: Dict[str, object] = {"ifindex": shown}
    if attach.type.name != "xdp":
        expected["attach_type"] = attach.type.kernel_name
    return OpenTarget(label, expected, found.number, network, found)


def _cgroup(attach: Attach, stack: ExitStack) -> OpenTarget:
    path = attach.text("cgroup")
    with at(path), walk(path) as place:
        if place.missing:
            raise NotThere(f"cgroup {path} does not exist: make it first, or see `systemd-cgls`")
        try:
            os.stat("cgroup.controllers", dir_fd=place.fd)
        except FileNotFoundError:
            raise PinningError(
                f"cgroup {path} is not a cgroup of version 2: see `findmnt -t cgroup2`"
            ) from None
        fd = stack.enter_context(Fd(os.open(".", DIRECTORY & ~os.O_PATH, dir_fd=place.fd)))
        inode = place.identity.inode
    expected = {"cgroup_id": inode, "attach_type": attach.type.kernel_name}
    return OpenTarget(f"cgroup {path} (id {inode})", expected, fd)


def _namespace(attach: Attach, stack: ExitStack) -> OpenTarget:
    network = _network(attach, stack)
    name = network.path or "of the task"
    expected = {"netns_ino": network.inode, "attach_type": attach.type.kernel_name}
    return OpenTarget(f"network namespace {name} ({network.inode})", expected, network.fd)


def _netfilter(attach: Attach, stack: ExitStack) -> OpenTarget:
    network = _network(attach, stack)
    pf, hook, priority = attach.text("pf"), attach.text("hook"), attach.number("priority")
    expected = {
        "pf": PROTOCOLS[pf],
        "hooknum": HOOKS[hook],
        "priority": priority,
        "flags": BPF_F_NETFILTER_IP_DEFRAG if attach.given.get("defragment") else 0,
    }
    where = f" in {network.path}" if network.path else ""
    return OpenTarget(f"{pf} {hook}, priority {priority}{where}", expected, 0, network)


def _map(attach: Attach, stack: ExitStack) -> OpenTarget:
    path = attach.text("map")
    fd, found = stack.enter_context(pinned(path, "map", attach.owner))
    if not isinstance(found, PinnedMap) or found.shape.number not in _OF_SOCKETS:
        raise PinningError(
            f"map {path} is the pin of {found.label}: name one of a sockmap or sockhash"
        )
    expected = {"map_id": found.id, "attach_type": attach.type.kernel_name}
    return OpenTarget(f"map {path} (id {found.id})", expected, fd)


def _tracepoint(attach: Attach, _stack: ExitStack) -> OpenTarget:
    name = attach.text("tracepoint")
    for place in TRACING:
        try:
            number = int(_read(f"{place}/events/{name}/id"))
        except FileNotFoundError:
            continue
        expected = {"event": attach.type.name, "name": name.rpartition("/")[2]}
        event = (PERF_TYPE_TRACEPOINT, number, b"", 0)
        return OpenTarget(f"tracepoint {name}", expected, event=event)
    raise PinningError(
        f"tracepoint {name} is not in /sys/kernel/tracing/events: see `ls` there, and if it is "
        "empty `mount -t tracefs tracefs /sys/kernel/tracing`"
    )


def _raw_tracepoint(attach: Attach, _stack: ExitStack) -> OpenTarget:
    name = attach.text("tracepoint")
    return OpenTarget(f"raw tracepoint {name}", {"tp_name": name})


def _function(attach: Attach, _stack: ExitStack) -> OpenTarget:
    name, offset = attach.text("function"), attach.number("offset")
    kind, config = _probe("kprobe", is_return=attach.type.name == "kretprobe")
    shown = f"{name}+{offset}" if offset else name
    expected = {"event": attach.type.name, "name": name, "offset": offset}
    return OpenTarget(f"function {shown}", expected, event=(kind, config, name.encode(), offset))


def _binary(attach: Attach, _stack: ExitStack) -> OpenTarget:
    path, offset = attach.text("binary"), attach.number("offset")
    if not os.path.isfile(path):
        raise NotThere(f"binary {path} does not exist: install it first")
    kind, config = _probe("uprobe", is_return=attach.type.name == "uretprobe")
    event = (kind, config, os.fsencode(path), offset)
    expected = {"event": attach.type.name, "name": path, "offset": offset}
    return OpenTarget(f"{path} at byte {offset}", expected, event=event)


def _by_program(attach: Attach, _stack: ExitStack) -> OpenTarget:
    expected: Dict[str, object] = {}
    if attach.type.link_type == "tracing":
        expected["attach_type"] = attach.type.kernel_name
    return OpenTarget("what the program names", expected)


def _probe(kind: str, *, is_return: bool) -> Tuple[int, int]:
    """Return the type of a perf event, and its configuration."""
    place = f"/sys/bus/event_source/devices/{kind}"
    try:
        number = int(_read(f"{place}/type"))
        bit = int(_read(f"{place}/format/retprobe").partition(":")[2]) if is_return else -1
    except FileNotFoundError:
        raise PinningError(
            f"this kernel has no {kind}s (CONFIG_{kind.upper()}_EVENTS): take another attach type"
        ) from None
    return number, 0 if bit < 0 else 1 << bit


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()


_TOLD_BY_KERNEL = (Target.CGROUP, Target.NETWORK)
_OF_SOCKETS = (15, 18)  # sockmap, sockhash
_OPEN: Dict[Target, Callable[[Attach, ExitStack], OpenTarget]] = {
    Target.INTERFACE: _interface,
    Target.CGROUP: _cgroup,
    Target.NETWORK: _namespace,
    Target.NETFILTER: _netfilter,
    Target.MAP: _map,
    Target.TRACEPOINT: _tracepoint,
    Target.RAW_TRACEPOINT: _raw_tracepoint,
    Target.FUNCTION: _function,
    Target.BINARY: _binary,
    Target.PROGRAM: _by_program,
}
