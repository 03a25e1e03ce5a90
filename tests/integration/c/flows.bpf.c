// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An agent that counts packets by their first 16 bytes.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u64 parts[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

SEC("xdp")
int count(struct xdp_md *frame)
{
	struct flow *flow = (void *)(long)frame->data;
	__u64 one = 1, *packets;

	if ((void *)(flow + 1) > (void *)(long)frame->data_end)
		return XDP_PASS;
	struct flow key = *flow; // the verifier wants keys on the stack

	packets = bpf_map_lookup_elem(&flows, &key);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		bpf_map_update_elem(&flows, &key, &one, BPF_ANY);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
