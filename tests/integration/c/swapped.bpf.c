// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// For each packet, a look at all entries of the map that is in a slot of a map of maps. The test puts
// one number into all of them. `seen` counts packets: 0 that saw a whole table, 1 that saw two
// numbers, 2 that missed an entry, 3 that found no table, 4 whole tables of another number than the
// last packet's; 5 is that number.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define KEYS 64

struct table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
};

struct {
#ifdef HASH
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
#else
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
#endif
	__uint(max_entries, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__array(values, struct table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 6);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static void count(__u32 slot)
{
	__u64 *counter = bpf_map_lookup_elem(&seen, &slot);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

SEC("xdp")
int look(struct xdp_md *packet)
{
	__u32 slot = 1, key, first = 0, mixed = 0, missing = 0, last = 5;
	void *table = bpf_map_lookup_elem(&tables, &slot);
	__u64 *number;

	if (!table) {
		count(3);
		return XDP_PASS;
	}
#pragma unroll
	for (int i = 0; i < KEYS; i++) {
		__u32 *value;

		key = i;
		value = bpf_map_lookup_elem(table, &key);
		if (!value)
			missing = 1;
		else if (!first)
			first = *value;
		else if (*value != first)
			mixed = 1;
	}
	count(mixed ? 1 : missing ? 2 : 0);
	number = bpf_map_lookup_elem(&seen, &last);
	if (number && !mixed && *number != first) {
		*number = first;
		count(4);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
