// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that lets everything out of a cgroup.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("cgroup_skb/egress")
int let_out(struct __sk_buff *packet)
{
	return 1;
}

char _license[] SEC("license") = "GPL";
