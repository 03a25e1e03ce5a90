// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Drops packets from blocked networks, and counts them; with `dry_run` it only counts. The maps are
// pinned by their names, so each version of the program goes on with what the one before has counted.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct network {
	__u32 prefixlen;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct network);
	__type(value, __u32);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} dropped SEC(".maps");

const volatile _Bool dry_run = 0;

SEC("xdp")
int firewall(struct xdp_md *frame)
{
	void *data = (void *)(long)frame->data, *end = (void *)(long)frame->data_end;
	struct iphdr *packet = data + ETH_HLEN;
	struct network source = {.prefixlen = 32};
	__u32 first = 0;
	__u64 *count;

#ifndef UNCHECKED
	if ((void *)(packet + 1) > end)
		return XDP_PASS;
#endif
	if (((struct ethhdr *)data)->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	__builtin_memcpy(source.address, &packet->saddr, sizeof(source.address));
	if (!bpf_map_lookup_elem(&blocked, &source))
		return XDP_PASS;
	count = bpf_map_lookup_elem(&dropped, &first);
	if (count)
		__sync_fetch_and_add(count, 1);
	return dry_run ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
