// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two programs that share maps and variables. STEP, COUNTS and REFUSED make other versions of it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef STEP
#define STEP 1
#endif
#ifndef COUNTS
#define COUNTS 4
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} sources SEC(".maps");

struct limits {
	__u32 most;
	__u16 ports[2];
};

const volatile __u32 step = STEP;
const volatile struct limits limits = {};
__u64 passed = 7;
__u64 seen;

static __always_inline void count(__u32 slot)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &slot);

	if (value)
		*value += step;
	seen++;
}

SEC("xdp")
int count_all(struct xdp_md *packet)
{
	__u32 length = packet->data_end - packet->data;

	count(0);
	bpf_map_lookup_elem(&sources, &length);
#ifdef REFUSED
	return *(int *)(long)packet->data;
#endif
	return XDP_PASS;
}

SEC("xdp")
int drop_all(struct xdp_md *packet)
{
	count(1);
	if (limits.most)
		passed++;
	return XDP_DROP;
}

SEC("?socket")
int only_if_named(struct __sk_buff *packet)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
