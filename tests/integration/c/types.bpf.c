// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Types only. The section .BTF of the object file can be loaded into the kernel as it is.
struct flow {
	unsigned int source;
	unsigned int target;
};

struct count {
	unsigned long long packets;
	unsigned long long bytes;
};

struct other_count {
	unsigned long long packets;
	unsigned long long drops;
};

int use(struct flow *flow, struct count *count, struct other_count *other)
{
	return flow->source + count->packets + other->drops;
}
