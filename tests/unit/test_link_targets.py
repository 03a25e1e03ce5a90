# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a link is attached to, for types that cannot be made on every machine."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core.adopt.hooks import Hooks
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.pins.observed import (
    PinnedLink,
)
from ansible_collections.ebpf.pinning.plugins.module_utils._core.link_targets import target_of
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import Entry, Identity
from ansible_collections.ebpf.pinning.plugins.module_utils._core.syscall import Fd
from ansible_collections.ebpf.pinning.plugins.module_utils._core.uapi import LinkInfo

# The number of a type and, by struct bpf_link_info, what the kernel writes behind its first 16
# bytes: written out, not packed by the core's own table.
TARGETS = [
    (
        "tracing",
        2,
        struct.pack("=III", 24, 1, 98765),
        {"attach_type": "trace_fentry", "target_obj_id": 1, "target_btf_id": 98765},
    ),
    (
        "tracing, of a security hook",
        2,
        struct.pack("=III", 27, 1, 5),
        {"attach_type": "lsm_mac", "target_obj_id": 1, "target_btf_id": 5},
    ),
    (
        "cgroup",
        3,
        struct.pack("=QI", 2**40 + 7, 6),
        {"cgroup_id": 2**40 + 7, "attach_type": "cgroup_device"},
    ),
    (
        "netns",
        5,
        struct.pack("=II", 4026531840, 17),
        {"netns_ino": 4026531840, "attach_type": "flow_dissector"},
    ),
    ("xdp", 6, struct.pack("=I", 3), {"ifindex": 3}),
    ("a detached xdp", 6, struct.pack("=I", 0), {"ifindex": 0}),
    ("perf_event, before Linux 6.6", 7, struct.pack("=I", 0), {}),
    ("kprobe_multi, before Linux 6.6", 8, b"", {}),
    ("kprobe_multi", 8, struct.pack("=QIIQ", 0, 3, 1, 7), {"count": 3, "flags": 1}),
    ("tracing_multi, before Linux 7.3", 15, b"", {}),
    (
        "tracing_multi",
        15,
        struct.pack("=III", 59, 3, 1),
        {"attach_type": "trace_fentry_multi", "count": 3, "btf_obj_id": 1},
    ),
    ("struct_ops", 9, struct.pack("=I", 42), {"map_id": 42}),
    (
        "netfilter",
        10,
        struct.pack("=IIiI", 10, 4, -300, 1),
        {"pf": 10, "hooknum": 4, "priority": -300, "flags": 1},
    ),
    ("tcx", 11, struct.pack("=II", 3, 47), {"ifindex": 3, "attach_type": "tcx_egress"}),
    ("netkit", 13, struct.pack("=II", 3, 55), {"ifindex": 3, "attach_type": "netkit_peer"}),
    ("sockmap", 14, struct.pack("=II", 42, 7), {"map_id": 42, "attach_type": "sk_msg_verdict"}),
    ("one to come", 99, struct.pack("=I", 1), {}),
    (
        "an attach type to come",
        11,
        struct.pack("=II", 3, 999),
        {"ifindex": 3, "attach_type": "999"},
    ),
]


@pytest.mark.parametrize(("number", "written", "target"), [row[1:] for row in TARGETS])
def test_the_fields_have_their_names_in_the_kernel(
    number: int, written: bytes, target: dict[str, object]
) -> None:
    info = LinkInfo(number, 1, 7, written.ljust(32, b"\0"))
    assert target_of(Fd(-1), info) == target


@pytest.mark.parametrize(
    ("target", "declared"),
    [
        ({"target_name": "bpf_map"}, {"type": "iter"}),
        ({"target_name": "bpf_map_elem", "map_id": 5}, None),
        ({"target_name": "cgroup", "cgroup_id": 7, "order": "self_only"}, None),
        ({"target_name": "task", "pid": 9}, None),
        ({"target_name": "task"}, {"type": "iter"}),
    ],
)
def test_an_iterator_over_some_only_is_not_adopted_as_one_over_all(
    target: dict[str, object], declared: dict[str, object] | None
) -> None:
    link = PinnedLink(Entry(Identity(1, 1), 0, 0, 0o600), 8, "iter", 7, target)
    told = Hooks({}).attach_of(link, "tracing")
    assert told == declared if declared else "leave it to its loader" in told
