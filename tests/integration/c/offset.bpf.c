// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that returns where a field is in the kernel. With PADDING it is that kernel.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#ifdef PADDING
struct task_struct {
	char padding[PADDING];
	int pid;
};
struct task_struct of_the_kernel;
#else
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

SEC("xdp")
int offset_of_pid(struct xdp_md *context)
{
	struct task_struct *task = 0;

	return __builtin_preserve_field_info(task->pid, 0); // its offset
}
#endif
char _license[] SEC("license") = "GPL";
