// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that call each other by a prog_array, which the file itself fills.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#ifndef VERDICT
#define VERDICT XDP_PASS
#endif

int second(struct xdp_md *packet);
int third(struct xdp_md *packet);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, int (struct xdp_md *));
} stages SEC(".maps") = {
	.values = {
		[1] = &second,
		[3] = &third,
	},
};

SEC("xdp")
int first(struct xdp_md *packet)
{
#ifdef REFUSED
	return *(int *)(long)packet->data;
#endif
	bpf_tail_call(packet, &stages, 1);
	return XDP_ABORTED;
}

SEC("xdp")
int second(struct xdp_md *packet)
{
	bpf_tail_call(packet, &stages, 3);
	return XDP_ABORTED;
}

SEC("xdp")
int third(struct xdp_md *packet)
{
	return VERDICT;
}

char _license[] SEC("license") = "GPL";
