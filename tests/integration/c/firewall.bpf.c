// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The firewall of docs/programs.md: drops what comes from the blocklist.
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct address {
	__u32 prefix_length;
	__u32 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} blocklist SEC(".maps");

const volatile bool dry_run = true;
const volatile struct {
	__u32 per_second;
	__u32 burst;
} limits = { 100, 10 };

SEC("xdp")
int drop(struct xdp_md *packet)
{
	void *end = (void *)(long)packet->data_end;
	struct ethhdr *frame = (void *)(long)packet->data;
	struct iphdr *header = (void *)(frame + 1);
	struct address source = { .prefix_length = 32 };

	if ((void *)(header + 1) > end || frame->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	source.bytes = header->saddr;
	if (!bpf_map_lookup_elem(&blocklist, &source))
		return XDP_PASS;
	return dry_run || limits.burst == 0 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
