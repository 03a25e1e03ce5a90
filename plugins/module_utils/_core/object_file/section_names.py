# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the name of a section says of the programs in it: the table of libbpf (section_defs)."""

from __future__ import annotations

from typing import Dict, Tuple

from ..uapi import ATTACH_TYPES, PROG_TYPES
from ..values import NamedTuple


class SectionName(NamedTuple):
    """What is known of a program by where it is; a number that is 0 is not known."""

    type: int
    expected_attach_type: int
    target: str  # what it attaches to, such as a function of the kernel; "" if not said
    autoload: bool


def read_section_name(name: str) -> SectionName:
    """Return what libbpf 1.0 and newer make of a section's name."""
    autoload = not name.startswith("?")
    name = name if autoload else name[1:]
    row = EXACT.get(name)
    if row is not None:
        return SectionName(*row, "", autoload)
    first, _slash, target = name.partition("/")
    return SectionName(*WITH_TARGET.get(first, (0, 0)), target, autoload)


def _rows(*rows: Tuple[str, str, str]) -> Dict[str, Tuple[int, int]]:
    return {
        name: (
            PROG_TYPES.index(program),
            ATTACH_TYPES.index(attach) if attach else 0,
        )
        for names, program, attach in rows
        for name in names.split(",")
    }


# Those that stand for themselves.
EXACT = _rows(
    ("socket", "socket_filter", ""),
    ("sk_reuseport/migrate", "sk_reuseport", "sk_reuseport_select_or_migrate"),
    ("sk_reuseport", "sk_reuseport", "sk_reuseport_select"),
    ("tc/ingress,tcx/ingress", "sched_cls", "tcx_ingress"),
    ("tc/egress,tcx/egress", "sched_cls", "tcx_egress"),
    ("tc,classifier", "sched_cls", ""),
    ("action", "sched_act", ""),
    ("netkit/primary", "sched_cls", "netkit_primary"),
    ("netkit/peer", "sched_cls", "netkit_peer"),
    ("syscall", "syscall", ""),
    ("xdp.frags/devmap,xdp/devmap", "xdp", "xdp_devmap"),
    ("xdp.frags/cpumap,xdp/cpumap", "xdp", "xdp_cpumap"),
    ("xdp.frags,xdp", "xdp", "xdp"),
    ("perf_event", "perf_event", ""),
    ("lwt_in", "lwt_in", ""),
    ("lwt_out", "lwt_out", ""),
    ("lwt_xmit", "lwt_xmit", ""),
    ("lwt_seg6local", "lwt_seg6local", ""),
    ("sockops", "sock_ops", "cgroup_sock_ops"),
    ("sk_skb/stream_parser", "sk_skb", "sk_skb_stream_parser"),
    ("sk_skb/stream_verdict", "sk_skb", "sk_skb_stream_verdict"),
    ("sk_skb/verdict", "sk_skb", "sk_skb_verdict"),
    ("sk_skb", "sk_skb", ""),
    ("sk_msg", "sk_msg", "sk_msg_verdict"),
    ("lirc_mode2", "lirc_mode2", "lirc_mode2"),
    ("flow_dissector", "flow_dissector", "flow_dissector"),
    ("cgroup_skb/ingress", "cgroup_skb", "cgroup_inet_ingress"),
    ("cgroup_skb/egress", "cgroup_skb", "cgroup_inet_egress"),
    ("cgroup/skb", "cgroup_skb", ""),
    ("cgroup/sock_create,cgroup/sock", "cgroup_sock", "cgroup_inet_sock_create"),
    ("cgroup/sock_release", "cgroup_sock", "cgroup_inet_sock_release"),
    ("cgroup/post_bind4", "cgroup_sock", "cgroup_inet4_post_bind"),
    ("cgroup/post_bind6", "cgroup_sock", "cgroup_inet6_post_bind"),
    ("cgroup/bind4", "cgroup_sock_addr", "cgroup_inet4_bind"),
    ("cgroup/bind6", "cgroup_sock_addr", "cgroup_inet6_bind"),
    ("cgroup/connect4", "cgroup_sock_addr", "cgroup_inet4_connect"),
    ("cgroup/connect6", "cgroup_sock_addr", "cgroup_inet6_connect"),
    ("cgroup/connect_unix", "cgroup_sock_addr", "cgroup_unix_connect"),
    ("cgroup/sendmsg4", "cgroup_sock_addr", "cgroup_udp4_sendmsg"),
    ("cgroup/sendmsg6", "cgroup_sock_addr", "cgroup_udp6_sendmsg"),
    ("cgroup/sendmsg_unix", "cgroup_sock_addr", "cgroup_unix_sendmsg"),
    ("cgroup/recvmsg4", "cgroup_sock_addr", "cgroup_udp4_recvmsg"),
    ("cgroup/recvmsg6", "cgroup_sock_addr", "cgroup_udp6_recvmsg"),
    ("cgroup/recvmsg_unix", "cgroup_sock_addr", "cgroup_unix_recvmsg"),
    ("cgroup/getpeername4", "cgroup_sock_addr", "cgroup_inet4_getpeername"),
    ("cgroup/getpeername6", "cgroup_sock_addr", "cgroup_inet6_getpeername"),
    ("cgroup/getpeername_unix", "cgroup_sock_addr", "cgroup_unix_getpeername"),
    ("cgroup/getsockname4", "cgroup_sock_addr", "cgroup_inet4_getsockname"),
    ("cgroup/getsockname6", "cgroup_sock_addr", "cgroup_inet6_getsockname"),
    ("cgroup/getsockname_unix", "cgroup_sock_addr", "cgroup_unix_getsockname"),
    ("cgroup/sysctl", "cgroup_sysctl", "cgroup_sysctl"),
    ("cgroup/getsockopt", "cgroup_sockopt", "cgroup_getsockopt"),
    ("cgroup/setsockopt", "cgroup_sockopt", "cgroup_setsockopt"),
    ("cgroup/dev", "cgroup_device", "cgroup_device"),
    ("sk_lookup", "sk_lookup", "sk_lookup"),
    ("netfilter", "netfilter", "netfilter"),
)
# Those that may say behind a slash what the program attaches to.
WITH_TARGET = _rows(
    ("kprobe,kretprobe,uprobe,uretprobe,uprobe.s,uretprobe.s", "kprobe", ""),
    ("ksyscall,kretsyscall,usdt,usdt.s", "kprobe", ""),
    ("kprobe.multi,kretprobe.multi", "kprobe", "trace_kprobe_multi"),
    ("kprobe.session", "kprobe", "trace_kprobe_session"),
    ("uprobe.multi,uretprobe.multi", "kprobe", "trace_uprobe_multi"),
    ("uprobe.multi.s,uretprobe.multi.s", "kprobe", "trace_uprobe_multi"),
    ("uprobe.session,uprobe.session.s", "kprobe", "trace_uprobe_session"),
    ("tracepoint,tp", "tracepoint", ""),
    ("raw_tracepoint,raw_tp", "raw_tracepoint", ""),
    ("raw_tracepoint.w,raw_tp.w", "raw_tracepoint_writable", ""),
    ("tp_btf", "tracing", "trace_raw_tp"),
    ("fentry,fentry.s", "tracing", "trace_fentry"),
    ("fmod_ret,fmod_ret.s", "tracing", "modify_return"),
    ("fexit,fexit.s", "tracing", "trace_fexit"),
    ("fsession,fsession.s", "tracing", "trace_fsession"),
    ("fentry.multi,fentry.multi.s", "tracing", "trace_fentry_multi"),
    ("fexit.multi,fexit.multi.s", "tracing", "trace_fexit_multi"),
    ("fsession.multi,fsession.multi.s", "tracing", "trace_fsession_multi"),
    ("freplace", "ext", ""),
    ("lsm,lsm.s", "lsm", "lsm_mac"),
    ("lsm_cgroup", "lsm", "lsm_cgroup"),
    ("iter,iter.s", "tracing", "trace_iter"),
    ("struct_ops,struct_ops.s", "struct_ops", ""),
)
