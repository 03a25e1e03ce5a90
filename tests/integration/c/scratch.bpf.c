// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The usual pair: a table of entries with a lock, and a place per CPU to make an entry ready in. The
// kernel takes no lock in values of a percpu_array, so that map is made without BTF.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct account {
	struct bpf_spin_lock lock;
	__u32 balance;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct account);
} draft SEC(".maps");

SEC("tc")
int deposit(struct __sk_buff *packet)
{
	__u32 zero = 0, owner = packet->len;
	struct account *draft_of_this_cpu = bpf_map_lookup_elem(&draft, &zero), *account;

	if (!draft_of_this_cpu)
		return -1;
	draft_of_this_cpu->balance = 1;
	bpf_map_update_elem(&accounts, &owner, draft_of_this_cpu, BPF_NOEXIST);
	account = bpf_map_lookup_elem(&accounts, &owner);
	if (!account)
		return -1;
	bpf_spin_lock(&account->lock);
	account->balance++;
	bpf_spin_unlock(&account->lock);
	return -1;
}

char LICENSE[] SEC("license") = "GPL";
