// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an upgrade replaces: three programs, which count what they see. VERSION, 0 or 1, says in which slot
// of each pair; ROOM is that of a map that is another with each version.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#ifndef VERSION
#define VERSION 0
#endif
#ifndef ROOM
#define ROOM 16
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 6);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ROOM);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} known SEC(".maps");

static __always_inline void count(__u32 pair)
{
	__u32 slot = 2 * pair + VERSION;
	__u64 *number = bpf_map_lookup_elem(&seen, &slot);

	if (number)
		__sync_fetch_and_add(number, 1);
	bpf_map_lookup_elem(&known, &slot);
}

SEC("xdp")
int filter(struct xdp_md *context)
{
	struct ethhdr *header = (void *)(long)context->data;

	if ((void *)(header + 1) <= (void *)(long)context->data_end)
		if (header->h_proto == bpf_htons(0x88b5)) // ETH_P_802_EX1
			count(0);
#ifdef REFUSED
	return *(int *)(long)context->data;
#endif
	return XDP_PASS;
}

SEC("tc")
int classify(struct __sk_buff *packet)
{
	if (packet->protocol == bpf_htons(0x88b5))
		count(1);
	return -1; // TCX_NEXT
}

SEC("cgroup/connect4")
int allow(struct bpf_sock_addr *context)
{
	count(2);
	return 1;
}

char _license[] SEC("license") = "GPL";
