// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maps with types, for others to fill: a slot with options, and limits by protocol and port.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum verdict {
	PASS,
	DROP = 7,
};

struct options {
	enum verdict verdict;
	_Bool log;
	__u16 burst;
	char label[8];
};

struct service {
	__u8 proto;
	__u16 port; // in the order of the network
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct options);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} options SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, struct service);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} limits SEC(".maps");

SEC("xdp")
int rule(struct xdp_md *frame)
{
	struct service service = {.proto = 17};
	__u32 first = 0;
	struct options *found = bpf_map_lookup_elem(&options, &first);

	if (bpf_map_lookup_elem(&limits, &service))
		return XDP_PASS;
	return found && found->verdict == DROP ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
