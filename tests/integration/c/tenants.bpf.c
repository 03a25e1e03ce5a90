// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maps of maps, one hash per tenant. -DLOCK is the next version of the program, whose entries have a
// lock in the place of a number; -DSIZE=... one with room for more tenants.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifndef SIZE
#define SIZE 4
#endif

struct entry {
#ifdef LOCK
	struct bpf_spin_lock lock;
#else
	__u32 spare;
#endif
	__u32 count;
};

// Pinned so that there is something to put into the others.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct entry);
} first SEC(".maps");

// Old compilers write what a struct is made of where it is not only behind a pointer.
struct entry written;

struct of_one {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct entry);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, SIZE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__array(values, struct of_one);
} tenants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SIZE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__array(values, struct of_one);
} slots SEC(".maps");

static __always_inline int count_in(void *outer)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(outer, &zero);
	struct entry *entry = inner ? bpf_map_lookup_elem(inner, &zero) : 0;

	if (!entry)
		return -1;
#ifdef LOCK
	bpf_spin_lock(&entry->lock);
	entry->count++;
	bpf_spin_unlock(&entry->lock);
#else
	entry->count++;
#endif
	return -1;
}

SEC("tc")
int in_tenants(struct __sk_buff *packet)
{
	return count_in(&tenants);
}

SEC("tc")
int in_slots(struct __sk_buff *packet)
{
	return count_in(&slots);
}

char LICENSE[] SEC("license") = "GPL";
