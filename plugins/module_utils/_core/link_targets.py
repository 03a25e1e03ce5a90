# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a link attaches its program to: one row per type of link, as struct bpf_link_info has it."""

from __future__ import annotations

import os
import struct
from typing import Callable, Dict, Mapping, Optional, Tuple

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
    "kprobe_multi": ("=QII", ("", "count", "flags")),
    "tracing_multi": ("=III", ("attach_type", "count", "btf_obj_id")),
}
# Of these older kernels say nothing, which is no target.
_LATELY_TOLD = frozenset({"perf_event", "kprobe_multi", "tracing_multi"})
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
_TASKS = frozenset({"task", "task_file", "task_vma"})
_NO_NAME = uapi.PERF_EVENT_TYPES.index("event")


def target_of(fd: Fd, link: LinkInfo) -> Dict[str, object]:
    """The fields by their names in the kernel; empty for a type that says nothing here."""
    kind = uapi.type_name(uapi.LINK_TYPES, link.type)
    if kind in _LATELY_TOLD and not any(link.target):
        return {}
    if kind in _ASKED:
        return _ASKED[kind](fd)
    if kind not in _FIELDS:
        return {}
    layout, names = _FIELDS[kind]
    target: Dict[str, object] = dict(zip(names, struct.unpack_from(layout, link.target)))
    target.pop("", None)  # addresses that were not asked for
    number = target.get("attach_type")
    if isinstance(number, int):
        target["attach_type"] = uapi.type_name(uapi.ATTACH_TYPES, number)
    return target


def _raw_tracepoint(fd: Fd) -> Dict[str, object]:
    return {"tp_name": kernel.named_link(fd)[0].decode("ascii", "replace")}


def _iter(fd: Fd) -> Dict[str, object]:
    """What of the rest means something depends on the name (fill_link_info of bpf_iter_reg)."""
    raw, told = kernel.named_link(fd)
    name = raw.decode("ascii", "replace")
    target: Dict[str, object] = {"target_name": name}
    if told.map_id:
        target["map_id"] = told.map_id
    if name == "cgroup":
        target["cgroup_id"] = told.cgroup_id
        target["order"] = uapi.type_name(uapi.CGROUP_ORDERS, told.order)
    elif name in _TASKS:
        target.update({"tid": told.tid} if told.tid else {})
        target.update({"pid": told.pid} if told.pid else {})
    return target


def _event(fd: Fd) -> Dict[str, object]:
    try:
        name, told = kernel.link_event(fd)
    except KernelError:  # it tells some of it to CAP_PERFMON only, and no path that is too long
        return {}
    event = uapi.type_name(uapi.PERF_EVENT_TYPES, told.event)
    if told.event == _NO_NAME:
        return {"event": event, "type": told.name_len, "config": told.name}
    if not name:
        return {}
    target: Dict[str, object] = {"event": event, "name": os.fsdecode(name)}
    return {**target, "offset": told.offset} if event.endswith("probe") else target


def _uprobes(fd: Fd) -> Dict[str, object]:
    try:
        path, told = kernel.link_uprobes(fd)
    except KernelError:  # before Linux 6.8, or the path is too long
        return {}
    if not told.probes:
        return {}
    target: Dict[str, object] = {"path": os.fsdecode(path), "count": told.probes}
    return {**target, "flags": told.flags, "pid": told.pid}


# The kernel writes names to buffers that it is handed.
_ASKED: Dict[str, Callable[[Fd], Dict[str, object]]] = {
    "raw_tracepoint": _raw_tracepoint,
    "iter": _iter,
    "perf_event": _event,
    "uprobe_multi": _uprobes,
}


def is_attached(kind: str, target: Mapping[str, object]) -> Optional[bool]:
    """Return whether a link of this type is still attached to its target; None if unknown."""
    held_by = _HELD_BY.get(kind)
    return None if held_by is None else bool(target.get(held_by))
