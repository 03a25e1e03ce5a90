// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plain maps beside something that C takes and the kernel does not, for its name: -DBESIDE=... libbpf
// loads the BTF of the whole object, so it makes the maps without.
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#ifndef BESIDE
#define BESIDE int ordinary;
#endif
BESIDE

struct flow {
	__u32 packets;
	__u32 bytes;
};

struct {
	__uint(type, 1); // hash
	__uint(max_entries, 8);
	__uint(pinning, 1);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, 13); // hash_of_maps
	__uint(max_entries, 8);
	__uint(pinning, 1);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, 2); // array
		__uint(max_entries, 8);
		__type(key, __u32);
		__type(value, struct flow);
	});
} tenants SEC(".maps");

SEC("tc")
int first(void *context)
{
	return 0;
}
