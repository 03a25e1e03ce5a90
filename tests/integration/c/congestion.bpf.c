// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A congestion control that nobody chooses: its link holds a map of type struct_ops, and no program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;

struct tcp_congestion_ops {
	char name[16];
	__u32 (*ssthresh)(struct sock *socket);
	void (*cong_avoid)(struct sock *socket, __u32 acknowledged, __u32 more);
	__u32 (*undo_cwnd)(struct sock *socket);
} __attribute__((preserve_access_index));

SEC("struct_ops/ssthresh")
__u32 ssthresh(unsigned long long *context)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(unsigned long long *context)
{
}

SEC("struct_ops/undo_cwnd")
__u32 undo_cwnd(unsigned long long *context)
{
	return 2;
}

SEC(".struct_ops")
struct tcp_congestion_ops on_struct_ops = {
	.name = "pinning_test___", // attach.c writes another one there: it is known to all of the machine
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
};

char _license[] SEC("license") = "GPL";
