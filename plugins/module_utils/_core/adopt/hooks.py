# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a link is attached to, in the options of bpf_link_pinned. Changes nothing."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import lru_cache
from glob import glob
from typing import Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ..attach_types import ATTACH_TYPES, HOOKS, PROTOCOLS, AttachType, Target
from ..attaching import on_hook
from ..cgroups import all_cgroups
from ..errors import TROUBLE
from ..kinds.links.interfaces import interface
from ..kinds.links.targets import TRACING
from ..kinds.pins.observed import PinnedLink
from ..networks import OWN, network_at
from ..uapi import BPF_F_NETFILTER_IP_DEFRAG
from .observed import Item

Told = Union[Item, str]  # the option `attach`, or why there is none

NETWORKS = "/run/netns"  # where `ip netns` gives names to network namespaces


class Hooks:
    """Finds the names of interfaces, cgroups and network namespaces. One for each task."""

    def __init__(self, maps: Mapping[int, str]) -> None:
        self._maps = maps  # the path of a pin, by the id of its map

    def attach_of(self, link: PinnedLink, prog_type: str) -> Told:
        """Return what declares the hook of a link whose program is of that type."""
        if link.type == "iter" and len(link.target) > 1:
            return _OF_ONE
        row = _row_of(link, prog_type)
        if row is None:
            return (
                f"of a link of type {link.type} the kernel does not say in so many words what it "
                "is attached to: write the attach of bpf_link_pinned, if its loader is to be "
                "done without"
            )
        found = self._of_target(row, link)
        return found if isinstance(found, str) else {"type": row.name, **found}

    def _of_target(self, row: AttachType, link: PinnedLink) -> Told:
        target = link.target
        if row.target is Target.INTERFACE:
            return _interface(row, link)
        if row.target is Target.CGROUP:
            path = _cgroups().get(_number(target, "cgroup_id"))
            return {"cgroup": path} if path else _NO_CGROUP
        if row.target is Target.NETWORK:
            return _network(_number(target, "netns_ino"))
        if row.target is Target.NETFILTER:
            return _netfilter(target)
        if row.target is Target.MAP:
            path = self._maps.get(_number(target, "map_id"))
            return {"map": path} if path else _NO_MAP
        if row.target is Target.TRACEPOINT:
            return _tracepoint(str(target["name"]))
        if row.target is Target.FUNCTION:
            item: Item = {"function": str(target["name"])}
            return {**item, "offset": target["offset"]} if target["offset"] else item
        if row.target is Target.BINARY:
            return {"binary": str(target["name"]), "offset": target["offset"]}
        if row.target is Target.RAW_TRACEPOINT:
            return {"tracepoint": str(target.get("tp_name", ""))}
        return {}


def _row_of(link: PinnedLink, prog_type: str) -> Optional[AttachType]:
    kernel_name = link.target.get("attach_type")
    if link.type == "raw_tracepoint":
        return ATTACH_TYPES["tp_btf" if prog_type == "tracing" else "raw_tracepoint"]
    if link.type == "perf_event":
        return ATTACH_TYPES.get(str(link.target.get("event")))
    if kernel_name is None:
        return ATTACH_TYPES.get(link.type) if link.type in _ONE_TYPE else None
    rows = (row for row in ATTACH_TYPES.values() if row.link_type == link.type)
    return next((row for row in rows if row.kernel_name == kernel_name), None)


def _interface(row: AttachType, link: PinnedLink) -> Told:
    """An index is of one network namespace, and the kernel does not say of which."""
    number = _number(link.target, "ifindex")

    def look() -> Optional[Tuple[str, str]]:
        if row.name != "xdp":
            for asked, name in _asked_at(row, number):
                with suppress(*TROUBLE):
                    if link.id in on_hook(asked, row.number, with_links=True).link_ids:
                        return name, ""
            return None
        name = socket.if_indextoname(number)
        there = interface(name)
        programs = there.xdp if there else {}
        modes = [mode for mode, prog_id in programs.items() if prog_id == link.prog_id]
        return (name, modes[0]) if modes else None

    for path in ("", *_networks()):
        with suppress(*TROUBLE), network_at(path) as network:
            found = network.run(look)
            if found:
                name, mode = found
                item: Item = {"interface": name}
                if path:
                    item["namespace"] = os.path.basename(path)
                if mode not in ("", "native"):
                    item["mode"] = mode
                return item
    return (
        f"its interface has the number {number} in a network namespace that has no name: give it "
        "one with `ip netns attach`, then adopt again"
    )


def _asked_at(row: AttachType, number: int) -> Iterator[Tuple[int, str]]:
    """Yield the interfaces at which links that are told of with this number are asked for."""
    if row.name != "netkit_peer":
        yield number, socket.if_indextoname(number)
        return
    # Told of as at the peer, asked for at the primary, which may be in another namespace.
    for index, name in socket.if_nameindex():
        there = interface(name)
        if there and there.other == number:
            yield index, name


def _network(inode: int) -> Told:
    for path in ("", *_networks()):
        with suppress(OSError):
            if os.stat(path or OWN).st_ino == inode:
                return {"namespace": os.path.basename(path)} if path else {}
    return (
        f"its network namespace ({inode}) has no name: give it one with `ip netns attach`, then "
        "adopt again"
    )


def _netfilter(target: Mapping[str, object]) -> Told:
    item: Item = {}
    for option, field, names in (("pf", "pf", PROTOCOLS), ("hook", "hooknum", HOOKS)):
        number = _number(target, field)
        item[option] = next((name for name, each in names.items() if each == number), "")
    item["priority"] = _number(target, "priority")
    if _number(target, "flags") & BPF_F_NETFILTER_IP_DEFRAG:
        item["defragment"] = True
    return item


def _tracepoint(name: str) -> Told:
    """The kernel tells no category, and some have tracepoints of one name."""
    found = {path.split("/")[-2] for each in TRACING for path in glob(f"{each}/events/*/{name}")}
    if len(found) != 1:
        return (
            f"its tracepoint {name} is in no category of /sys/kernel/tracing/events, or in "
            "several: see `ls` there, and if it is empty `mount -t tracefs tracefs "
            "/sys/kernel/tracing`, then adopt again"
        )
    return {"tracepoint": f"{found.pop()}/{name}"}


def _networks() -> List[str]:
    with suppress(OSError):
        return [f"{NETWORKS}/{name}" for name in sorted(os.listdir(NETWORKS))]
    return []


@lru_cache(maxsize=1)
def _cgroups() -> Dict[int, str]:
    """Return the path of each cgroup of version 2, by its id."""
    return dict(all_cgroups())


def _number(target: Mapping[str, object], field: str) -> int:
    value = target.get(field, 0)
    return value if isinstance(value, int) else 0


_ONE_TYPE = frozenset({"xdp", "netfilter", "iter", "struct_ops"})  # of links with one attach type
_OF_ONE = (
    "it iterates over one map, or over some cgroups or tasks, which bpf_link_pinned has no option "
    "for: leave it to its loader"
)
_NO_CGROUP = "its cgroup is in no cgroup2 that is mounted here: see `findmnt -t cgroup2`"
_NO_MAP = "its map of sockets is pinned nowhere here: pin it, then adopt again"
