// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A program with an arena, which libbpf maps as soon as there is one: 2 GiB of addresses.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, 33); // BPF_MAP_TYPE_ARENA
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << 19); // pages
} arena_pages SEC(".maps");

SEC("xdp")
int arena_user(struct xdp_md *context)
{
	void *map = &arena_pages;

	asm volatile("" : "+r"(map));
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
