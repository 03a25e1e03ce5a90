# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Names and numbers of the BPF user interface (include/uapi/linux/bpf.h), and nothing else."""

from __future__ import annotations

import enum
import struct
import sys
from typing import List, Tuple

from .values import NamedTuple

BPF_FS_MAGIC = 0xCAFE4A11
BYTE_ORDER = sys.byteorder
OBJ_NAME_LEN = 15  # bytes; the kernel's field has 16 and wants a NUL
NAME_MAX = 255  # bytes in one component of a path


class Command(enum.IntEnum):
    """Commands of bpf(2) that this collection uses."""

    MAP_CREATE = 0
    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    MAP_GET_NEXT_KEY = 4
    OBJ_PIN = 6
    OBJ_GET = 7
    PROG_GET_NEXT_ID = 11
    MAP_GET_NEXT_ID = 12
    PROG_GET_FD_BY_ID = 13
    MAP_GET_FD_BY_ID = 14
    OBJ_GET_INFO_BY_FD = 15
    PROG_QUERY = 16
    RAW_TRACEPOINT_OPEN = 17
    BTF_LOAD = 18
    BTF_GET_FD_BY_ID = 19
    TASK_FD_QUERY = 20
    MAP_FREEZE = 22
    MAP_LOOKUP_BATCH = 24
    MAP_UPDATE_BATCH = 26
    MAP_DELETE_BATCH = 27
    LINK_CREATE = 28
    LINK_UPDATE = 29
    LINK_GET_FD_BY_ID = 30
    LINK_GET_NEXT_ID = 31
    LINK_DETACH = 34


BPF_COMMON_ATTRS = 1 << 16  # with a command: there is a struct bpf_common_attr, too; Linux 7.2


class MapFlag(enum.IntFlag):
    """BPF_F_* of MAP_CREATE that a map keeps."""

    NO_PREALLOC = 1 << 0
    NO_COMMON_LRU = 1 << 1
    NUMA_NODE = 1 << 2
    RDONLY = 1 << 3
    WRONLY = 1 << 4
    STACK_BUILD_ID = 1 << 5
    ZERO_SEED = 1 << 6
    RDONLY_PROG = 1 << 7
    WRONLY_PROG = 1 << 8
    CLONE = 1 << 9
    MMAPABLE = 1 << 10
    PRESERVE_ELEMS = 1 << 11
    INNER_MAP = 1 << 12
    LINK = 1 << 13
    PATH_FD = 1 << 14
    VTYPE_BTF_OBJ_FD = 1 << 15
    TOKEN_FD = 1 << 16
    SEGV_ON_FAULT = 1 << 17
    NO_USER_CONV = 1 << 18
    RB_OVERWRITE = 1 << 19


MAP_FLAGS = {flag.name.lower(): flag.value for flag in MapFlag if flag.name}

BPF_ANY = 0  # update or add
BPF_NOEXIST = 1  # add only what is not there
BPF_F_LOCK = 4  # write and read a value under the lock that is in it
BPF_EXIST = 2  # update only what is there
BPF_F_RDONLY = MapFlag.RDONLY.value  # the same bit opens a pin read-only in OBJ_GET

BPF_F_ALLOW_MULTI = 2  # of programs in a cgroup: others may be beside it
BPF_F_REPLACE = 1 << 2  # LINK_UPDATE only if the link has the old program
BPF_F_BEFORE = 1 << 3
BPF_F_AFTER = 1 << 4
BPF_F_LINK = MapFlag.LINK.value  # what it is to be before or after is a link
BPF_F_NETFILTER_IP_DEFRAG = 1

PROG_TYPES = (
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
)

LINK_TYPES = (
    "unspec",
    "raw_tracepoint",
    "tracing",
    "cgroup",
    "iter",
    "netns",
    "xdp",
    "perf_event",
    "kprobe_multi",
    "struct_ops",
    "netfilter",
    "tcx",
    "uprobe_multi",
    "netkit",
    "sockmap",
    "tracing_multi",
)

CGROUP_ORDERS = (  # in which iterators visit cgroups
    "order_unspec",
    "self_only",
    "descendants_pre",
    "descendants_post",
    "ancestors_up",
    "children",
)

PERF_EVENT_TYPES = (  # as attach_types calls what is on them
    "unspec",
    "uprobe",
    "uretprobe",
    "kprobe",
    "kretprobe",
    "tracepoint",
    "event",
)

ATTACH_TYPES = (
    "cgroup_inet_ingress",
    "cgroup_inet_egress",
    "cgroup_inet_sock_create",
    "cgroup_sock_ops",
    "sk_skb_stream_parser",
    "sk_skb_stream_verdict",
    "cgroup_device",
    "sk_msg_verdict",
    "cgroup_inet4_bind",
    "cgroup_inet6_bind",
    "cgroup_inet4_connect",
    "cgroup_inet6_connect",
    "cgroup_inet4_post_bind",
    "cgroup_inet6_post_bind",
    "cgroup_udp4_sendmsg",
    "cgroup_udp6_sendmsg",
    "lirc_mode2",
    "flow_dissector",
    "cgroup_sysctl",
    "cgroup_udp4_recvmsg",
    "cgroup_udp6_recvmsg",
    "cgroup_getsockopt",
    "cgroup_setsockopt",
    "trace_raw_tp",
    "trace_fentry",
    "trace_fexit",
    "modify_return",
    "lsm_mac",
    "trace_iter",
    "cgroup_inet4_getpeername",
    "cgroup_inet6_getpeername",
    "cgroup_inet4_getsockname",
    "cgroup_inet6_getsockname",
    "xdp_devmap",
    "cgroup_inet_sock_release",
    "xdp_cpumap",
    "sk_lookup",
    "xdp",
    "sk_skb_verdict",
    "sk_reuseport_select",
    "sk_reuseport_select_or_migrate",
    "perf_event",
    "trace_kprobe_multi",
    "lsm_cgroup",
    "struct_ops",
    "netfilter",
    "tcx_ingress",
    "tcx_egress",
    "trace_uprobe_multi",
    "cgroup_unix_connect",
    "cgroup_unix_sendmsg",
    "cgroup_unix_recvmsg",
    "cgroup_unix_getpeername",
    "cgroup_unix_getsockname",
    "netkit_primary",
    "netkit_peer",
    "trace_kprobe_session",
    "trace_uprobe_session",
    "trace_fsession",
    "trace_fentry_multi",
    "trace_fexit_multi",
    "trace_fsession_multi",
)

# Requests: union bpf_attr by command, the leading part that we need. Pointers are addresses.


class MapCreate(NamedTuple):
    """MAP_CREATE. Sizes in bytes."""

    map_type: int
    key_size: int
    value_size: int
    max_entries: int
    map_flags: int = 0
    inner_map_fd: int = 0
    numa_node: int = 0
    map_name: bytes = b""
    map_ifindex: int = 0
    btf_fd: int = 0
    btf_key_type_id: int = 0
    btf_value_type_id: int = 0
    btf_vmlinux_value_type_id: int = 0
    map_extra: int = 0


class CommonAttr(NamedTuple):
    """struct bpf_common_attr: where the kernel may log why it refuses a command."""

    log_buf: int  # address
    log_size: int  # bytes
    log_level: int
    log_true_size: int = 0  # the kernel says how long the log is


class Elem(NamedTuple):
    """MAP_*_ELEM and MAP_GET_NEXT_KEY."""

    map_fd: int
    key: int
    value: int = 0  # or next_key
    flags: int = 0


class ElemBatch(NamedTuple):
    """MAP_*_BATCH."""

    in_batch: int
    out_batch: int
    keys: int
    values: int
    entries: int  # the kernel says how many they were (count)
    map_fd: int
    elem_flags: int = 0
    flags: int = 0


class Obj(NamedTuple):
    """OBJ_PIN and OBJ_GET."""

    pathname: int
    bpf_fd: int = 0
    file_flags: int = 0
    path_fd: int = 0


class Id(NamedTuple):
    """*_GET_FD_BY_ID and *_GET_NEXT_ID."""

    id: int  # or start_id
    next_id: int = 0
    open_flags: int = 0


class InfoByFd(NamedTuple):
    """OBJ_GET_INFO_BY_FD."""

    bpf_fd: int
    info_len: int  # bytes; the kernel says how many it knows
    info: int


class BtfLoad(NamedTuple):
    """BTF_LOAD."""

    btf: int
    btf_log_buf: int
    btf_size: int  # bytes
    btf_log_size: int = 0
    btf_log_level: int = 0


class MapFd(NamedTuple):
    """MAP_FREEZE."""

    map_fd: int


class LinkCreate(NamedTuple):
    """LINK_CREATE, of targets that take no more."""

    prog_fd: int  # or map_fd
    target: int  # a descriptor, or the number of an interface
    attach_type: int
    flags: int = 0


class OrderedLinkCreate(NamedTuple):
    """LINK_CREATE at a place among others: tcx, netkit, cgroup."""

    prog_fd: int
    target: int
    attach_type: int
    flags: int
    relative_fd: int
    expected_revision: int = 0


class NetfilterLinkCreate(NamedTuple):
    """LINK_CREATE of a program of netfilter."""

    prog_fd: int
    target: int
    attach_type: int
    flags: int
    pf: int
    hooknum: int
    priority: int
    netfilter_flags: int


class LinkUpdate(NamedTuple):
    """LINK_UPDATE."""

    link_fd: int
    new_prog_fd: int  # or new_map_fd
    flags: int = 0
    old_prog_fd: int = 0  # or old_map_fd


class LinkFd(NamedTuple):
    """LINK_DETACH."""

    link_fd: int


class RawTracepointOpen(NamedTuple):
    """RAW_TRACEPOINT_OPEN; without a name for what is written in the program itself."""

    name: int  # address
    prog_fd: int


class ProgQuery(NamedTuple):
    """PROG_QUERY. The last three are since Linux 6.6, of hooks that order programs."""

    target: int
    attach_type: int
    query_flags: int
    attach_flags: int  # the kernel says which
    prog_ids: int  # address
    prog_cnt: int  # how many there is room for; the kernel says how many there are
    prog_attach_flags: int = 0
    link_ids: int = 0  # address
    link_attach_flags: int = 0
    revision: int = 0


class TaskFdQuery(NamedTuple):
    """TASK_FD_QUERY."""

    pid: int
    fd: int
    flags: int = 0
    buf_len: int = 0  # bytes
    buf: int = 0  # address, for the name of what is traced
    prog_id: int = 0  # the kernel says which
    fd_type: int = 0
    probe_offset: int = 0
    probe_addr: int = 0


MAP_CREATE = struct.Struct("=7I16s5IQ")
COMMON_ATTR = struct.Struct("=QIIIxxxx")
ELEM = struct.Struct("=IxxxxQQQ")
ELEM_BATCH = struct.Struct("=QQQQIIQQ")
OBJ = struct.Struct("=QIIi")
ID = struct.Struct("=III")
INFO_BY_FD = struct.Struct("=IIQ")
BTF_LOAD = struct.Struct("=QQIII")
MAP_FD = struct.Struct("=I")
LINK_CREATE = struct.Struct("=4I")
ORDERED_LINK_CREATE = struct.Struct("=5IxxxxQ")
NETFILTER_LINK_CREATE = struct.Struct("=6IiI")
LINK_UPDATE = struct.Struct("=4I")
LINK_FD = struct.Struct("=I")
RAW_TRACEPOINT_OPEN = struct.Struct("=QIxxxx")
PROG_QUERY = struct.Struct("=4IQIxxxx4Q")
TASK_FD_QUERY = struct.Struct("=4IQIIQQ")

# Answers: struct bpf_{map,prog,link,btf}_info, the leading part that we need.

MAP_INFO = struct.Struct("=6I16sIIQQIIIIQ")


class MapInfo(NamedTuple):
    """struct bpf_map_info, as far as MAP_INFO unpacks it; zero where the kernel is older."""

    type: int
    id: int
    key_size: int
    value_size: int
    max_entries: int
    map_flags: int
    name: bytes
    ifindex: int
    btf_vmlinux_value_type_id: int
    netns_dev: int
    netns_ino: int
    btf_id: int
    btf_key_type_id: int
    btf_value_type_id: int
    btf_vmlinux_id: int
    map_extra: int


MAP_HASH_INFO = struct.Struct("=88xQI4x")


class MapHashInfo(NamedTuple):
    """The end of struct bpf_map_info, which takes a buffer for a hash. Since Linux 6.18."""

    hash: int  # address
    hash_size: int  # bytes: those of SHA-256, or it is refused (EINVAL)


# type, id, tag, lengths and addresses of code, load time, user, maps, name, ifindex, GPL
PROG_INFO = struct.Struct("=II8sIIQQQIIQ16sII")


class ProgInfo(NamedTuple):
    """struct bpf_prog_info, as far as PROG_INFO unpacks it."""

    type: int
    id: int
    tag: bytes
    jited_prog_len: int
    xlated_prog_len: int
    jited_prog_insns: int
    xlated_prog_insns: int
    load_time: int  # ns since the machine was started
    created_by_uid: int
    nr_map_ids: int
    map_ids: int
    name: bytes
    ifindex: int
    gpl_compatible: int  # the lowest bit


LINK_INFO = struct.Struct("=IIIxxxx32s")


class LinkInfo(NamedTuple):
    """struct bpf_link_info; what `target` means depends on the type."""

    type: int
    id: int
    prog_id: int
    target: bytes


NAMED_LINK_INFO = struct.Struct("=IIIxxxxQIIIII")


class NamedLinkInfo(NamedTuple):
    """struct bpf_link_info of types raw_tracepoint and iter, which take a buffer for a name.

    The rest is of iter: what two numbers mean depends on the name.
    """

    type: int
    id: int
    prog_id: int
    name: int  # address
    name_len: int  # bytes
    map_id: int = 0
    tid: int = 0  # or the first half of cgroup_id
    pid: int = 0  # or the second one
    order: int = 0  # enum bpf_cgroup_iter_order

    @property
    def cgroup_id(self) -> int:
        """Return the id of the cgroup that an iterator begins at."""
        both: Tuple[int] = struct.unpack("=Q", struct.pack("=II", self.tid, self.pid))
        return both[0]


EVENT_LINK_INFO = struct.Struct("=IIIxxxxIxxxxQII")


class EventLinkInfo(NamedTuple):
    """struct bpf_link_info of type perf_event, which takes a buffer for a name. Since Linux 6.6."""

    type: int
    id: int
    prog_id: int
    event: int  # enum bpf_perf_event_type
    name: int  # address; of an event without a name its config
    name_len: int  # bytes; of an event without a name its type (enum perf_type_id)
    offset: int  # bytes, of probes


UPROBES_LINK_INFO = struct.Struct("=IIIxxxx4Q4I")


class UprobesLinkInfo(NamedTuple):
    """struct bpf_link_info of type uprobe_multi, which takes a buffer for a path. Since 6.8."""

    type: int
    id: int
    prog_id: int
    path: int  # address
    offsets: int  # address
    ref_ctr_offsets: int  # address
    cookies: int  # address
    path_size: int  # bytes
    probes: int = 0  # how many there are (count)
    flags: int = 0
    pid: int = 0  # of the only process; 0: of all of them, or it has ended


BTF_INFO = struct.Struct("=QII")


class BtfInfo(NamedTuple):
    """struct bpf_btf_info."""

    btf: int  # address
    btf_size: int  # bytes
    id: int = 0


def flag_names(flags: int) -> List[str]:
    """Spell `flags` as users do, lowest bit first; a bit without a name is written in hex."""
    names = []
    for bit in range(flags.bit_length()):
        if flags & 1 << bit:
            names.append(_FLAG_NAMES.get(1 << bit, hex(1 << bit)))
    return names


def type_name(names: tuple[str, ...], number: int) -> str:
    """Name `number` by the table `names`; a number newer than the table stays a number."""
    return names[number] if number < len(names) else str(number)


_FLAG_NAMES = {bit: name for name, bit in MAP_FLAGS.items()}
