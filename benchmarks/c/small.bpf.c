// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two programs that count, with maps and variables of their own: about as little as there is.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 port = 443;
__u64 total;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("xdp")
int small_first(struct xdp_md *context)
{
	__u32 key = port;
	__u64 *value = bpf_map_lookup_elem(&counts, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	return XDP_PASS;
}

SEC("xdp")
int small_second(struct xdp_md *context)
{
	total++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
