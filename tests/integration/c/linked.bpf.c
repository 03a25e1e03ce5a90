// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that can be attached, for pins that hold a program or a link and no map.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/task_rename")
int on_rename(void *context)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
