// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two maps, the values of one with letters. The tests write the type char as bpf-gcc 12 writes it,
// which no kernel takes.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct person {
	char name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct person);
} people SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct person written;
