// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// An application's object file: maps that it wants pinned by name, and a program that uses some.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u32 source;
	__u32 target;
};

struct count {
	__u64 packets;
	__u64 bytes;
};

struct address {
	__u32 prefix_length;
	__u32 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct flow);
	__type(value, struct count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} flows_of_all_tenants SEC(".maps"); // longer than the 15 characters that the kernel keeps

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct address);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000); // libbpf rounds it up
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); // libbpf makes it one entry per possible CPU
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct count);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} per_socket SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 32);
		__type(key, __u32);
		__type(value, __u64);
	});
} per_tenant SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(value_size, 8);
	__uint(map_extra, 3); // hash functions
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} seen SEC(".maps");

SEC("socket")
int count_packets(struct __sk_buff *packet)
{
	struct flow flow = {};
	__u32 slot = 0;
	struct count *count = bpf_map_lookup_elem(&counters, &slot);

	if (count)
		count->packets++;
	count = bpf_map_lookup_elem(&flows_of_all_tenants, &flow);
	if (count)
		count->bytes += packet->len;
	return 0;
}

char _license[] SEC("license") = "GPL";
