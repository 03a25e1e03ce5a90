// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every way to define a map, and every type that a loader can make without a program.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

// In no header of the oldest system that this is compiled on.
#define CGRP_STORAGE 32
#define ARENA 33

// Types of keys and values

typedef __u32 address_t;
typedef const volatile struct {
	address_t source, target;
	__u16 ports[2];
} pair_t;

enum verdict { PASS = -1, DROP = 7 };
enum slot { FIRST, SECOND };

struct mac {
	__u8 bytes[6];
};

struct undefined;
struct looked_at {
	int number;
};

struct everything {
	address_t address;
	enum verdict verdict;
	const volatile __u64 big;
	struct mac macs[2];
	__u32 low : 3, middle : 7, : 6, high : 16;
	union {
		__u64 number;
		struct {
			__u16 one, two;
		};
		void *pointer;
	};
	struct undefined *undefined;
	struct looked_at *looked_at;
	struct everything *next;
	int (*call)(struct undefined *, int);
	_Bool flag;
	char name[2][8];
	signed char sign;
	enum { OFF, ON } state;
	double ratio; // where bpftool 7.1 ends a dump
};

struct prefix {
	__u32 length;
	__u8 bytes[4];
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 number;
};

// Maps with their types

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100000);
	__type(key, pair_t);
	__type(value, struct everything);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} rich SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, 12); // both, and equal
	__type(key, pair_t);
	__type(value, __u64[3]);
	__uint(value_size, 24);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sizes_and_types SEC(".maps");

typedef struct counters {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counters_t;
counters_t first_of_a_kind SEC(".maps");
counters_t second_of_a_kind SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, enum verdict);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, struct locked);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} locked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, const char[5]);
	__type(value, void *);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} on_a_node SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, __u64);
	__type(value, char);
	__uint(numa_node, 1); // without the flag, the kernel does not look at it
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} on_any_node SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 7);
	__type(key, struct mac);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} recent_of_each_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 7);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, address_t);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} of_a_task SEC(".maps");

struct {
	__uint(type, CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} of_a_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} of_an_attachment SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 50);
	__type(value, struct mac);
	__uint(map_extra, 3);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} seen SEC(".maps");

// Maps that the kernel takes no BTF for, wholly or as they are

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, enum slot); // not an integer
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} by_slot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__uint(key_size, 3); // no type
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} keys_without_type SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, __u64);
	__uint(value_size, 3); // no type
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} values_without_type SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 7);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64); // not a struct
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} plain_routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 7);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fifo SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 7);
	__type(key, int);
	__type(value, struct bpf_devmap_val); // libbpf before 1.7 does not recognise its own pin
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 7);
	__uint(key_size, sizeof(int));
	__uint(value_size, 16 * sizeof(__u64));
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, int);
	__type(value, int);
	__uint(max_entries, 0); // one for each possible CPU
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} samples SEC(".maps");

struct {
	__uint(type, ARENA);
	__uint(max_entries, 10);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} memory SEC(".maps");

// Maps of maps and of programs

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 9);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mac);
	__type(value, struct locked);
};

struct inner of_one_tenant SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct inner);
} of_each_tenant SEC(".maps") = {
	.values = { [1] = &of_one_tenant },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 3);
	__uint(key_size, 20);
	__uint(value_size, 4);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(key_size, 4);
		__uint(value_size, 100);
		__uint(max_entries, 5);
		__uint(map_flags, BPF_F_INNER_MAP);
	});
} by_name SEC(".maps");

int count_packets(struct __sk_buff *packet);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__array(values, int(void *));
} next_programs SEC(".maps") = {
	.values = { [1] = (void *)&count_packets },
};

// A map that is not pinned

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 11);
	__type(key, address_t);
	__type(value, struct mac);
	__uint(pinning, LIBBPF_PIN_NONE);
} private SEC(".maps");

__u64 in_section_bss;
struct looked_at in_section_data = { 1 };

SEC("socket")
int count_packets(struct __sk_buff *packet)
{
	__u32 slot = 0;
	struct mac *mac = bpf_map_lookup_elem(&first_of_a_kind, &slot);

	if (mac)
		mac->bytes[0] = packet->len;
	in_section_bss += in_section_data.number;
	return 0;
}

char _license[] SEC("license") = "GPL";
