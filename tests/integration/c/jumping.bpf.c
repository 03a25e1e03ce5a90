// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A prog_array whose declaration says what is in it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int jumping_target(struct xdp_md *context);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, int(struct xdp_md *));
} jumping_jumps SEC(".maps") = {
	.values = {[3] = &jumping_target},
};

SEC("xdp")
int jumping_target(struct xdp_md *context)
{
	return XDP_PASS;
}

SEC("xdp")
int jumping_first(struct xdp_md *context)
{
	bpf_tail_call(context, &jumping_jumps, 3);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
