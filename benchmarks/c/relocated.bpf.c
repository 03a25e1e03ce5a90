// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program that looks into tasks, wherever the kernel has their fields (CO-RE).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct seen {
	int pid, tgid, parent;
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, int);
	__type(value, struct seen);
} seen SEC(".maps");

SEC("raw_tp/sched_process_exec")
int relocated(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *task = (void *)context->args[0];
	struct seen found = {};

	found.pid = BPF_CORE_READ(task, pid);
	found.tgid = BPF_CORE_READ(task, tgid);
	found.parent = BPF_CORE_READ(task, real_parent, tgid);
	bpf_core_read_str(&found.name, sizeof(found.name), &task->comm);
	bpf_map_update_elem(&seen, &found.pid, &found, BPF_ANY);
	return 0;
}

char _license[] SEC("license") = "GPL";
