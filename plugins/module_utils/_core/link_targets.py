# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a link attaches its program to: one row per type of link, as struct bpf_link_info has it."""

from __future__ import annotations

import os
import struct
from typing import Dict, Mapping, Optional, Tuple

from . import kernel, uapi
from .syscall import Fd, KernelError
from .uapi import LinkInfo

# The leading fields of the union; names end where the rest says nothing to a person.
_FIELDS: Dict[str, Tuple[str, Tuple[str, ...]]] = {
    "tracing": ("=III", ("attach_type", "target_obj_id", "target_btf_id")),
    "cgroup": ("=QI", ("cgroup_id", "attach_type")),
    "netns": ("=II", ("netns_ino", "attach_type")),
    "xdp": ("=I", ("ifindex",)),
    "struct_ops": ("=I", ("map_id",)),
    "netfilter": ("=IIiI", ("pf", "hooknum", "priority", "flags")),
    "tcx": ("=II", ("ifindex", "attach_type")),
    "netkit": ("=II", ("ifindex", "attach_type")),
    "sockmap": ("=II", ("map_id", "attach_type")),
}
# What the kernel sets to 0 when a link is severed: what it was attached to is gone, or somebody
# detached it (LINK_DETACH). Other types cannot be, or do not show it (netfilter).
_HELD_BY = {
    "cgroup": "cgroup_id",
    "netns": "netns_ino",
    "xdp": "ifindex",
    "struct_ops": "map_id",
    "tcx": "ifindex",
    "netkit": "ifindex",
    "sockmap": "map_id",
}
_NAMED = {"raw_tracepoint": "tp_name", "iter": "target_name"}


def target_of(fd: Fd, link: LinkInfo) -> Dict[str, object]:
    """The fields by their names in the kernel; empty for a type that says nothing here."""
    kind = uapi.type_name(uapi.LINK_TYPES, link.type)
    if kind in _NAMED:
        return {_NAMED[kind]: kernel.link_target_name(fd).decode("ascii", "replace")}
    if kind == "perf_event":
        return _event(fd) if any(link.target) else {}
    if kind not in _FIELDS:
        return {}
    layout, names = _FIELDS[kind]
    target: Dict[str, object] = dict(zip(names, struct.unpack_from(layout, link.target)))
    number = target.get("attach_type")
    if isinstance(number, int):
        target["attach_type"] = uapi.type_name(uapi.ATTACH_TYPES, number)
    return target


def _event(fd: Fd) -> Dict[str, object]:
    try:
        number, name, offset = kernel.link_event(fd)
    except KernelError:  # it tells some of it to CAP_PERFMON only, and no path that is too long
        return {}
    if not number:
        return {}
    event = uapi.type_name(uapi.PERF_EVENT_TYPES, number)
    target: Dict[str, object] = {"event": event, "name": os.fsdecode(name)}
    return {**target, "offset": offset} if event.endswith("probe") else target


def is_attached(kind: str, target: Mapping[str, object]) -> Optional[bool]:
    """Return whether a link of this type is still attached to its target; None if unknown."""
    held_by = _HELD_BY.get(kind)
    return None if held_by is None else bool(target.get(held_by))
