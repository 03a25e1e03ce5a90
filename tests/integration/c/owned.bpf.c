// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maps whose values hold what only programs can put there, and one with a lock, which is no matter.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct;

struct with_timer {
	__u64 count;
	struct bpf_timer timer;
};

struct around_timer {
	__u64 count;
	struct with_timer timed;
};

struct with_kptr {
	__u64 count;
	struct task_struct __kptr *task;
};

struct with_lock {
	__u64 count;
	struct bpf_spin_lock lock;
	__u32 rest;
};

#define OWNED(name, entry)                                                                           \
	struct {                                                                                     \
		__uint(type, BPF_MAP_TYPE_HASH);                                                     \
		__uint(max_entries, 16);                                                             \
		__type(key, __u32);                                                                  \
		__type(value, entry);                                                                \
		__uint(pinning, LIBBPF_PIN_BY_NAME);                                                 \
	} name SEC(".maps")

OWNED(timers, struct with_timer);
OWNED(deep_timers, struct around_timer);
OWNED(pointers, struct with_kptr);
OWNED(locks, struct with_lock);

// clang 14 forgets the tag of the pointer unless a function takes the struct.
static __attribute__((noinline)) int count_of(struct with_kptr *entry)
{
	return entry->count;
}

SEC("socket")
int count(struct __sk_buff *packet)
{
	__u32 key = packet->len;
	struct with_kptr *entry = bpf_map_lookup_elem(&pointers, &key);

	return entry ? count_of(entry) : 0;
}

char _license[] SEC("license") = "GPL";
