// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maps whose values hold a field that the kernel itself works with. It takes such a field in maps of
// some types only, with some flags, and refuses the BTF of all others. -DFIELD=... says which field.
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

// Whatever the age of the headers.
struct bpf_spin_lock {
	__u32 val;
};

struct bpf_res_spin_lock {
	__u32 val;
};

struct bpf_refcount {
	__u32 opaque[1];
} __attribute__((aligned(4)));

struct bpf_timer {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_wq {
	__u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_task_work {
	__u64 opaque;
} __attribute__((aligned(8)));

// Compilers write what it is made of only for a variable; else a kptr is a plain pointer.
struct task_struct {
	int pid;
} written;

#define TAG(name) __attribute__((btf_type_tag(#name)))

#ifndef FIELD
#define FIELD struct bpf_spin_lock field
#endif

struct value {
	FIELD;
	__u64 hits;
};

enum {
	HASH = 1,
	ARRAY,
	PERCPU_HASH = 5,
	PERCPU_ARRAY,
	LRU_HASH = 9,
	LRU_PERCPU_HASH,
	LPM_TRIE,
	CGROUP_STORAGE = 19,
	PERCPU_CGROUP_STORAGE = 21,
	QUEUE,
	STACK,
	SK_STORAGE,
	INODE_STORAGE = 28,
	TASK_STORAGE,
	BLOOM_FILTER,
	CGRP_STORAGE = 32,
};

enum {
	NO_PREALLOC = 1,
	RDONLY = 0x80,
	WRONLY = 0x100,
	MMAPABLE = 0x400,
};

struct prefix {
	__u32 length;
	__u32 address;
};

#define MAP(name, kind, type_of_key, entries, flags) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, entries); \
		__uint(map_flags, flags); \
		__uint(pinning, 1); \
		__type(key, type_of_key); \
		__type(value, struct value); \
	} name SEC(".maps")

#define KEYLESS(name, kind, flags) \
	struct { \
		__uint(type, kind); \
		__uint(max_entries, 8); \
		__uint(map_flags, flags); \
		__uint(pinning, 1); \
		__type(value, struct value); \
	} name SEC(".maps")

#define EACH(name, kind, type_of_key, entries, flags) \
	MAP(name, kind, type_of_key, entries, flags); \
	MAP(name##_rdonly, kind, type_of_key, entries, flags | RDONLY); \
	MAP(name##_wronly, kind, type_of_key, entries, flags | WRONLY)

EACH(hash, HASH, __u32, 8, 0);
EACH(hash_lazy, HASH, __u32, 8, NO_PREALLOC);
EACH(array, ARRAY, __u32, 8, 0);
EACH(array_mmapable, ARRAY, __u32, 8, MMAPABLE);
EACH(percpu_hash, PERCPU_HASH, __u32, 8, 0);
EACH(percpu_array, PERCPU_ARRAY, __u32, 8, 0);
EACH(lru_hash, LRU_HASH, __u32, 8, 0);
EACH(lru_percpu_hash, LRU_PERCPU_HASH, __u32, 8, 0);
EACH(trie, LPM_TRIE, struct prefix, 8, NO_PREALLOC);
EACH(cgroup_storage, CGROUP_STORAGE, __u64, 0, 0);
EACH(percpu_cgroup_storage, PERCPU_CGROUP_STORAGE, __u64, 0, 0);
#ifdef STORAGE // no map of these without BTF: where the kernel refuses it, nobody makes one
MAP(sk_storage, SK_STORAGE, int, 0, NO_PREALLOC);
MAP(inode_storage, INODE_STORAGE, int, 0, NO_PREALLOC);
MAP(task_storage, TASK_STORAGE, int, 0, NO_PREALLOC);
MAP(cgrp_storage, CGRP_STORAGE, int, 0, NO_PREALLOC);
#endif
KEYLESS(queue, QUEUE, 0);
KEYLESS(stack, STACK, RDONLY);
KEYLESS(bloom, BLOOM_FILTER, 0);
KEYLESS(bloom_rdonly, BLOOM_FILTER, RDONLY);
