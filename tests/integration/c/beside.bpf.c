// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two programs with a map, for several loaders. RETURNED makes another version of them, and REFUSED
// one that the verifier does not take.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef RETURNED
#define RETURNED XDP_PASS
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("xdp")
int beside_first(struct xdp_md *context)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&counts, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	return RETURNED;
}

SEC("xdp")
int beside_other(struct xdp_md *context)
{
#ifdef REFUSED
	return *(char *)(long)context->data;
#else
	return RETURNED;
#endif
}

char _license[] SEC("license") = "GPL";
