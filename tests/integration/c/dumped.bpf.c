// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maps whose types bpftool formats in all of its ways when it dumps them.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

enum verdict {
	PASS = 1,
	DROP = 2,
};

struct address {
	__u32 host;
	__u16 ports[2];
};

struct rule {
	enum verdict verdict;
	char name[8];
	bool counts;
	__s16 offset;
	struct {
		__u32 limit;
	} rate;
};

// Two fields without a name, which a formatted dump calls by the same.
struct nameless {
	union {
		__u32 first;
	};
	union {
		__u32 second;
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct address);
	__type(value, struct rule);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct nameless);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} unnamed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} counters SEC(".maps");
