// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// entries MAP put FIRST COUNT TAG       writes the entries with these numbers
// entries MAP delete FIRST COUNT STEP   removes every STEPth of them; each must be there
// entries MAP has FIRST COUNT TAG       prints how many of them are there, written with this TAG
// entries MAP differs OTHER             prints how many entries are in one of them only, or have another
//                                       value in the other; both have keys and values of the same size
// entries MAP dump                      prints all: the key, then the value, of each CPU if there
//                                       are many, all in hexadecimal, an entry a line
// MAP and OTHER are the path of a pin, or the id of a map. Key and value follow from the number of an entry, the
// value from TAG too; with TAG 0 it is all zeros, else what pads the value of a CPU to a multiple of 8
// is filled with 0xff. In a trie, the entries 0 to 2^N - 2 are all prefixes of less than N bits.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static struct bpf_map_info info;
static int map, per_cpu, cpus = 1;
static __u32 stride; // from the value of one CPU to that of the next
static unsigned char *key, *value, *found;

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int is_per_cpu(__u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static void open_map(const char *which)
{
	__u32 size = sizeof(info);

	map = which[0] == '/' ? bpf_obj_get(which) : bpf_map_get_fd_by_id(strtoul(which, NULL, 10));
	if (map < 0 || bpf_obj_get_info_by_fd(map, &info, &size))
		failed(which);
	per_cpu = is_per_cpu(info.type);
	cpus = per_cpu ? libbpf_num_possible_cpus() : 1;
	stride = per_cpu ? (info.value_size + 7) / 8 * 8 : info.value_size;
	key = calloc(1, info.key_size);
	value = calloc(cpus, stride);
	found = calloc(cpus, stride);
}

static void make_prefix(__u64 number)
{
	unsigned int length = 63 - __builtin_clzll(number + 1);

	memset(key, 0, info.key_size);
	memcpy(key, &length, 4);
	for (unsigned int bit = 0; bit < length; bit++)
		if ((number + 1) >> (length - 1 - bit) & 1)
			key[4 + bit / 8] |= 0x80 >> bit % 8;
}

static void make_key(__u64 number)
{
	if (info.type == BPF_MAP_TYPE_LPM_TRIE) {
		make_prefix(number);
		return;
	}
	for (__u32 at = 0; at < info.key_size; at++)
		key[at] = at < 8 ? number >> 8 * at : number + at;
}

static void make_value(__u64 number, __u64 tag)
{
	memset(value, tag ? 0xff : 0, cpus * stride);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (__u32 at = 0; at < info.value_size; at++) {
			__u64 mixed = (number + 1) * 0x9e3779b97f4a7c15 + tag * 0x2545f4914f6cdd1d +
				      cpu * 0x5851f42d4c957f2d + at * 0x632be59bd9b4e019;

			value[cpu * stride + at] = tag ? mixed >> 56 | 1 : 0;
		}
}

static int is_as_made(void)
{
	for (int cpu = 0; cpu < cpus; cpu++)
		if (memcmp(found + cpu * stride, value + cpu * stride, info.value_size))
			return 0;
	return 1;
}

static void print_hex(const unsigned char *bytes, __u32 count)
{
	static const char digits[] = "0123456789abcdef";

	for (__u32 at = 0; at < count; at++) {
		putchar(digits[bytes[at] >> 4]);
		putchar(digits[bytes[at] & 15]);
	}
}

static unsigned long long missing_in(int first, int second)
{
	unsigned char *before = NULL;
	unsigned long long count = 0;

	while (!bpf_map_get_next_key(first, before, key)) {
		if (!before)
			before = malloc(info.key_size);
		memcpy(before, key, info.key_size);
		if (bpf_map_lookup_elem(first, key, value))
			continue;
		count += bpf_map_lookup_elem(second, key, found) || !is_as_made();
	}
	free(before);
	return count;
}

static unsigned long long differing(const char *other)
{
	int first = map;

	open_map(other);
	return missing_in(first, map) + missing_in(map, first);
}

static void dump(void)
{
	unsigned char *before = NULL;

	while (!bpf_map_get_next_key(map, before, key)) {
		if (!before)
			before = malloc(info.key_size);
		memcpy(before, key, info.key_size);
		if (bpf_map_lookup_elem(map, key, found))
			continue; // a slot without a map or program
		print_hex(key, info.key_size);
		for (int cpu = 0; cpu < cpus; cpu++) {
			putchar(' ');
			print_hex(found + cpu * stride, info.value_size);
		}
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	__u64 first, end, last, had = 0;
	const char *what;

	if (argc < 3)
		return 2;
	open_map(argv[1]);
	what = argv[2];
	if (argc == 3 && !strcmp(what, "dump")) {
		dump();
		return 0;
	}
	if (argc == 4 && !strcmp(what, "differs")) {
		printf("%llu\n", differing(argv[3]));
		return 0;
	}
	if (argc != 6)
		return 2;
	first = strtoull(argv[3], NULL, 0);
	end = first + strtoull(argv[4], NULL, 0);
	last = strtoull(argv[5], NULL, 0);
	for (__u64 number = first; number < end; number += strcmp(what, "delete") ? 1 : last) {
		make_key(number);
		make_value(number, last);
		if (!strcmp(what, "put") && bpf_map_update_elem(map, key, value, BPF_ANY))
			failed(what);
		else if (!strcmp(what, "delete") && bpf_map_delete_elem(map, key))
			failed(what);
		else if (!strcmp(what, "has"))
			had += !bpf_map_lookup_elem(map, key, found) && is_as_made();
	}
	if (!strcmp(what, "has"))
		printf("%llu\n", had);
	return 0;
}
