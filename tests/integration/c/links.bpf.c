// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program for each type of link; attach.c attaches them. Those on a device count the frames of one
// type, which nobody else sends, and let all pass.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static void count(__u16 protocol)
{
	__u32 slot = 0;
	__u64 *frame = bpf_map_lookup_elem(&frames, &slot);

	if (frame && protocol == bpf_htons(0x88b5)) // ETH_P_802_EX1
		__sync_fetch_and_add(frame, 1);
}

SEC("xdp")
int on_xdp(struct xdp_md *context)
{
	struct ethhdr *header = (void *)(long)context->data;

	if ((void *)(header + 1) <= (void *)(long)context->data_end)
		count(header->h_proto);
	return XDP_PASS;
}

SEC("xdp")
int on_xdp_anew(struct xdp_md *context) // another program, for the same place
{
	return XDP_PASS;
}

SEC("tc")
int on_tcx(struct __sk_buff *packet)
{
	count(packet->protocol);
	return -1; // the next program decides
}

SEC("tp/sched/sched_process_exec")
int on_perf_event(void *context)
{
	return 0;
}

SEC("raw_tp/task_rename")
int on_raw_tp(void *context)
{
	return 0;
}

SEC("fentry/bpf_fentry_test1")
int on_tracing(void *context)
{
	return 0;
}

SEC("iter/bpf_map")
int on_iter(void *context)
{
	return 0;
}

SEC("iter/bpf_map_elem")
int on_iter_map(void *context)
{
	return 0;
}

SEC("iter/cgroup")
int on_iter_cgroup(void *context)
{
	return 0;
}

SEC("iter/task")
int on_iter_task(void *context)
{
	return 0;
}

SEC("perf_event")
int on_event(void *context)
{
	return 0;
}

SEC("kprobe")
int on_kprobe(void *context)
{
	return 0;
}

SEC("kprobe")
int on_uretprobe(void *context)
{
	return 0;
}

SEC("kprobe.multi/bpf_fentry_test*")
int on_kprobe_multi(void *context)
{
	return 0;
}

SEC("kprobe")
int on_uprobe_multi(void *context)
{
	return 0;
}

SEC("cgroup_skb/egress")
int on_cgroup(struct __sk_buff *packet)
{
	return 1;
}

SEC("sk_lookup")
int on_netns(struct bpf_sk_lookup *context)
{
	return SK_PASS;
}

SEC("sk_msg")
int on_sockmap(struct sk_msg_md *message)
{
	return SK_PASS;
}

SEC("netfilter") // libbpf before 1.3 does not know it
int on_netfilter(void *context)
{
	return 1; // NF_ACCEPT
}

char _license[] SEC("license") = "GPL";
