// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that fits any kernel: where a field is, the loader finds out from the kernel's BTF.
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

__u64 place;

SEC("raw_tp/sys_enter")
int at_pid(void *context)
{
	place = bpf_core_field_offset(struct task_struct, tgid);
	return 0;
}

char _license[] SEC("license") = "GPL";
