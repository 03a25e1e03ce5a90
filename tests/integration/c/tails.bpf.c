// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that calls others by a prog_array, and one to be called. VERDICT makes other versions of it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} jumps SEC(".maps");

SEC("socket")
int jump(struct __sk_buff *packet)
{
	bpf_tail_call(packet, &jumps, 3);
	return 0;
}

SEC("socket")
int callee(struct __sk_buff *packet)
{
#ifdef VERDICT
	return VERDICT;
#else
	return 7;
#endif
}

char _license[] SEC("license") = "GPL";
