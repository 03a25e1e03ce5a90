// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs to be loaded, with maps that are given, data, and one that the verifier refuses.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 port = 443;
volatile __u64 seen = 5;
__u64 total;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} loaded_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} loaded_own SEC(".maps");

SEC("xdp")
int loaded_first(struct xdp_md *context)
{
	__u32 key = port;
	__u64 *value = bpf_map_lookup_elem(&loaded_counts, &key);

	if (value)
		__sync_fetch_and_add(value, seen);
	total++;
	return XDP_PASS;
}

SEC("?xdp")
int loaded_second(struct xdp_md *context)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&loaded_own, &key) ? XDP_PASS : XDP_DROP;
}

// Newer than the libbpf of some hosts.
SEC("tcx/ingress")
int loaded_ingress(struct __sk_buff *packet)
{
	return -1; // TCX_NEXT
}

SEC("?xdp")
int loaded_refused(struct xdp_md *context)
{
	return *(char *)(long)context->data;
}

char _license[] SEC("license") = "GPL";
