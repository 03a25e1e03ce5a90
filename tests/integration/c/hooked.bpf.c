// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two programs for each attach type, *_old and *_new; onto.c loads them one at a time. Those that see
// packets or connections count each in the map that it was loaded with, in slot 0 or 1.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline int count(__u32 slot, int verdict)
{
	__u64 *number = bpf_map_lookup_elem(&seen, &slot);

	if (number)
		__sync_fetch_and_add(number, 1);
	return verdict;
}

static __always_inline int count_frame(__u32 slot, __u16 protocol, int verdict)
{
	return protocol == bpf_htons(0x88b5) ? count(slot, verdict) : verdict; // ETH_P_802_EX1
}

static __always_inline int count_xdp(__u32 slot, struct xdp_md *context)
{
	struct ethhdr *header = (void *)(long)context->data;

	if ((void *)(header + 1) > (void *)(long)context->data_end)
		return XDP_PASS;
	return count_frame(slot, header->h_proto, XDP_PASS);
}

#define BOTH(section, name, context_type, old, new)                                                \
	SEC(section) int name##_old(context_type *context) { return old; }                         \
	SEC(section) int name##_new(context_type *context) { return new; }

#define ALLOWING(section, name, context_type)                                                      \
	BOTH(section, name, context_type, count(0, 1), count(1, 1))

BOTH("xdp", xdp, struct xdp_md, count_xdp(0, context), count_xdp(1, context))

SEC("xdp")
int xdp_dispatcher(struct xdp_md *context) // as libxdp calls its own
{
	return XDP_PASS;
}

BOTH("tc", tc, struct __sk_buff, count_frame(0, context->protocol, -1),
     count_frame(1, context->protocol, -1))

ALLOWING("cgroup_skb/ingress", inet_ingress, struct __sk_buff)
ALLOWING("cgroup_skb/egress", inet_egress, struct __sk_buff)
ALLOWING("cgroup/sock_create", inet_sock_create, struct bpf_sock)
ALLOWING("cgroup/sock_release", inet_sock_release, struct bpf_sock)
ALLOWING("cgroup/post_bind4", inet4_post_bind, struct bpf_sock)
ALLOWING("cgroup/post_bind6", inet6_post_bind, struct bpf_sock)
ALLOWING("sockops", sock_ops, struct bpf_sock_ops)
ALLOWING("cgroup/dev", device, struct bpf_cgroup_dev_ctx)
ALLOWING("cgroup/sysctl", sysctl, struct bpf_sysctl)
ALLOWING("cgroup/getsockopt", getsockopt, struct bpf_sockopt)
ALLOWING("cgroup/setsockopt", setsockopt, struct bpf_sockopt)
ALLOWING("cgroup/bind4", inet4_bind, struct bpf_sock_addr)
ALLOWING("cgroup/bind6", inet6_bind, struct bpf_sock_addr)
ALLOWING("cgroup/connect4", inet4_connect, struct bpf_sock_addr)
ALLOWING("cgroup/connect6", inet6_connect, struct bpf_sock_addr)
ALLOWING("cgroup/sendmsg4", udp4_sendmsg, struct bpf_sock_addr)
ALLOWING("cgroup/sendmsg6", udp6_sendmsg, struct bpf_sock_addr)
ALLOWING("cgroup/recvmsg4", udp4_recvmsg, struct bpf_sock_addr)
ALLOWING("cgroup/recvmsg6", udp6_recvmsg, struct bpf_sock_addr)
ALLOWING("cgroup/getpeername4", inet4_getpeername, struct bpf_sock_addr)
ALLOWING("cgroup/getpeername6", inet6_getpeername, struct bpf_sock_addr)
ALLOWING("cgroup/getsockname4", inet4_getsockname, struct bpf_sock_addr)
ALLOWING("cgroup/getsockname6", inet6_getsockname, struct bpf_sock_addr)
ALLOWING("lsm_cgroup/socket_bind", lsm_cgroup, void)

BOTH("sk_lookup", sk_lookup, struct bpf_sk_lookup, count(0, SK_PASS), count(1, SK_PASS))
BOTH("flow_dissector", flow_dissector, struct __sk_buff, BPF_OK, count(1, BPF_OK))
BOTH("netfilter", netfilter, void, count(0, 1), count(1, 1)) // libbpf before 1.3 does not know it

BOTH("sk_msg", sk_msg, struct sk_msg_md, count(0, SK_PASS), count(1, SK_PASS))
BOTH("sk_skb/stream_parser", parser, struct __sk_buff, context->len, context->len + count(1, 0))
BOTH("sk_skb/stream_verdict", verdict, struct __sk_buff, count(0, SK_PASS), count(1, SK_PASS))
BOTH("sk_skb", skb_verdict, struct __sk_buff, count(0, SK_PASS), count(1, SK_PASS))

BOTH("tp/sched/sched_process_exec", tracepoint, void, count(0, 0), count(1, 0))
BOTH("raw_tp", raw_tracepoint, void, count(0, 0), count(1, 0))
BOTH("uprobe", uprobe, void, count(0, 0), count(1, 0))
BOTH("tp_btf/task_rename", tp_btf, void, count(0, 0), count(1, 0))
BOTH("fentry/bpf_fentry_test1", fentry, void, count(0, 0), count(1, 0))
BOTH("fexit/bpf_fentry_test1", fexit, void, count(0, 0), count(1, 0))
BOTH("fmod_ret/bpf_modify_return_test", fmod_ret, void, count(0, 0), count(1, 0))
BOTH("lsm/file_open", lsm, void, count(0, 0), count(1, 0))
BOTH("iter/bpf_map", iter, void, 0, count(1, 0))

char _license[] SEC("license") = "GPL";
